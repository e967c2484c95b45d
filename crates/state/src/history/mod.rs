//! The history: every finalized block with its receipts and senders, and the undo records of the last few.
//!
//! It is written from finalized blocks only, so it never holds anything that can be taken back by consensus. It is a
//! cache in the sense that every record can be rebuilt by executing the finalized blocks again, and a promise in the
//! sense that what [`History::append`] acknowledged is there after any crash (STA-1).
//!
//! ```text
//! empty --append(any height)--> first..=tip --append(tip + 1 ..)--> first..=tip'
//!   ^                              |    ^ append(recorded height, same hash): nothing happens
//!   '-------rewind_to(< first)-----'    '-rewind_to(h)-> first..=h
//! ```
//!
//! On restart the history opens at its tip. When the state database restarts below that, the node rewinds the history
//! to the state's height and executes the blocks again, or delivers them again: `append` accepts both.
//!
//! Readers never see half a batch: the store may show parts of one while it is being committed, but the bounds move
//! only afterwards, nothing above them is answered, and nothing below them changes. Rewinding is the exception, so it
//! waits for the reads under way and keeps new ones out; appending does not. Reads are blocking I/O.

mod codec;
mod disk;
mod error;
mod journal;
mod reading;
mod recent;
mod record;
mod store;
#[cfg(test)]
mod tests;
mod writing;

pub use error::HistoryError;
pub use record::{RecordedBlock, Undo};

use alloy_primitives::{B256, Bloom};
use parking_lot::{Mutex, RwLock};
use recent::Recent;
use std::{ops::RangeInclusive, path::Path, sync::Arc};
use store::{Memory, Store, Table};

/// Entries after which a rewind writes a batch and starts the next.
const REWIND_BATCH: usize = 50_000;

/// How a history is kept. Sizes are per history, so per module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// Which chain this is: the genesis hash. A directory of another chain is refused.
    pub identity: B256,
    /// Number of newest blocks whose undo records are kept.
    pub state_window: u64,
    /// Memory for pages read from disk, in bytes.
    pub cache_bytes: u64,
    /// Memory for written data that is not in its table yet, in bytes; it is in the journal already. Fixed when the
    /// directory is created.
    pub write_buffer_bytes: u64,
    /// Most decoded blocks kept in memory.
    pub recent_blocks: usize,
    /// Memory for decoded blocks, in bytes.
    pub recent_bytes: usize,
}

impl HistoryConfig {
    /// The defaults: 16 MiB of cache, 12 MiB of write buffers, 64 decoded blocks in at most 8 MiB.
    pub const fn new(identity: B256, state_window: u64) -> Self {
        Self {
            identity,
            state_window,
            cache_bytes: 16 << 20,
            write_buffer_bytes: 12 << 20,
            recent_blocks: 64,
            recent_bytes: 8 << 20,
        }
    }
}

/// The recorded blocks of one module. Cloning is cheap; clones share everything.
#[derive(Clone)]
pub struct History(Arc<Inner>);

struct Inner {
    store: Box<dyn Store>,
    state_window: u64,
    /// Held while writing; readers do not take it.
    writer: Mutex<()>,
    bounds: RwLock<Bounds>,
    /// Held shared by a read, exclusively while blocks are removed.
    removing: RwLock<()>,
    recent: Mutex<Recent>,
}

/// What is recorded, as of the last acknowledged batch.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    blocks: Option<Tip>,
    /// Oldest undo record in the store; it may be below the window, waiting to be deleted.
    undo: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Tip {
    first: u64,
    number: u64,
    hash: B256,
}

impl Bounds {
    fn contains(&self, number: u64) -> bool {
        self.blocks
            .is_some_and(|tip| (tip.first..=tip.number).contains(&number))
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History")
            .field("bounds", &self.bounds())
            .finish_non_exhaustive()
    }
}

impl History {
    /// Opens the history in the directory `path`, creating it if needed. Blocking I/O.
    ///
    /// # Errors
    /// [`HistoryError::WrongIdentity`] and [`HistoryError::UnknownFormat`] if the directory is not this chain's;
    /// [`HistoryError::Locked`] if another process has it open; storage errors.
    pub fn open(path: impl AsRef<Path>, config: HistoryConfig) -> Result<Self, HistoryError> {
        Self::with_store(Box::new(disk::Disk::open(path.as_ref(), &config)?), config)
    }

    /// A history in memory, lost with its last clone: for tests and the deterministic simulator.
    pub fn in_memory(config: HistoryConfig) -> Self {
        Self::with_store(Box::new(Memory::default()), config)
            .expect("an empty store in memory has nothing to fail")
    }

    fn with_store(store: Box<dyn Store>, config: HistoryConfig) -> Result<Self, HistoryError> {
        let history = Self(Arc::new(Inner {
            store,
            state_window: config.state_window,
            writer: Mutex::default(),
            bounds: RwLock::default(),
            removing: RwLock::default(),
            recent: Mutex::new(Recent::new(config.recent_blocks, config.recent_bytes)),
        }));
        let blocks = history.number_bounds(Table::Blocks)?;
        let undo = history.number_bounds(Table::Undo)?.map(|(first, _)| first);
        let blocks = blocks
            .map(|(first, tip)| history.tip_at(first, tip))
            .transpose()?;
        *history.0.bounds.write() = Bounds { blocks, undo };
        Ok(history)
    }

    /// Height of the newest recorded block; `None` if there is none.
    pub fn tip(&self) -> Option<u64> {
        self.bounds().blocks.map(|tip| tip.number)
    }

    /// Height of the oldest recorded block: 0, or where a node that copied its state began.
    pub fn first(&self) -> Option<u64> {
        self.bounds().blocks.map(|tip| tip.first)
    }

    /// Records consecutive blocks in one durable batch: after `Ok` they survive kill -9 and power loss (STA-1).
    ///
    /// An empty history takes its first block at any height. Blocks that are recorded already are skipped.
    ///
    /// # Errors
    /// [`HistoryError::Conflict`], [`HistoryError::Gap`], [`HistoryError::Parent`], [`HistoryError::Inconsistent`]
    /// if the blocks do not continue the recorded chain; then nothing is written. After a storage error the history
    /// takes no more blocks until it is opened again; reading goes on.
    pub fn append(&self, blocks: &[Arc<RecordedBlock>]) -> Result<(), HistoryError> {
        let _writer = self.0.writer.lock();
        let bounds = self.bounds();
        let fresh = self.check_chain(blocks, bounds.blocks)?;
        let (Some(first), Some(last)) = (fresh.first(), fresh.last()) else {
            return Ok(());
        };
        let (first, last) = (first.number(), last.number());
        let mut batch = Vec::new();
        for block in fresh {
            writing::encode_block(block, &mut batch);
        }
        let undo = writing::encode_undo(
            fresh,
            (first, last),
            bounds.undo,
            self.0.state_window,
            &mut batch,
        );
        self.0.store.commit(batch)?;

        let hash = fresh[fresh.len() - 1].hash();
        let first = bounds.blocks.map_or(first, |tip| tip.first);
        let blocks = Some(Tip {
            first,
            number: last,
            hash,
        });
        *self.0.bounds.write() = Bounds { blocks, undo };
        let mut recent = self.0.recent.lock();
        fresh.iter().for_each(|block| recent.insert(block));
        Ok(())
    }

    /// Removes every block above `height`, durably. Used when the state database restarts below the tip.
    ///
    /// A crash in the middle leaves a shorter chain above `height`; call again. Undo records that left the window
    /// before are not brought back, so the window is shorter afterwards.
    ///
    /// # Errors
    /// Storage errors, and [`HistoryError::Corrupt`] if a block to remove cannot be read.
    pub fn rewind_to(&self, height: u64) -> Result<(), HistoryError> {
        let _writer = self.0.writer.lock();
        loop {
            let bounds = self.bounds();
            let Some(tip) = bounds.blocks.filter(|tip| tip.number > height) else {
                return Ok(());
            };
            let mut batch = Vec::new();
            let mut number = tip.number;
            while number > height && number >= tip.first && batch.len() < REWIND_BATCH {
                self.remove_block(number, &mut batch)?;
                number -= 1;
            }
            let left = (number >= tip.first)
                .then(|| self.tip_at(tip.first, number))
                .transpose()?;
            let _removing = self.0.removing.write();
            self.0.store.commit(batch)?;
            let undo = bounds
                .undo
                .filter(|oldest| left.is_some_and(|tip| *oldest <= tip.number));
            *self.0.bounds.write() = Bounds { blocks: left, undo };
            self.0.recent.lock().rewind(left.map(|tip| tip.number));
        }
    }

    /// The block at a height; `None` if it is not recorded.
    ///
    /// # Errors
    /// Storage errors, and [`HistoryError::Corrupt`] if a record is damaged.
    pub fn block(&self, number: u64) -> Result<Option<Arc<RecordedBlock>>, HistoryError> {
        let _reading = self.0.removing.read();
        if !self.bounds().contains(number) {
            return Ok(None);
        }
        if let Some(block) = self.0.recent.lock().get(number) {
            return Ok(Some(block));
        }
        let block = Arc::new(self.read_block(number)?);
        self.0.recent.lock().insert(&block);
        Ok(Some(block))
    }

    /// Height of the block with this hash.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub fn number_of(&self, hash: B256) -> Result<Option<u64>, HistoryError> {
        let _reading = self.0.removing.read();
        let number = self.read(Table::Hashes, hash.as_slice(), codec::number)?;
        Ok(number.filter(|number| self.bounds().contains(*number)))
    }

    /// Height and position of the transaction with this hash.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub fn locate(&self, transaction: B256) -> Result<Option<(u64, usize)>, HistoryError> {
        let _reading = self.0.removing.read();
        let location = self.read(Table::Transactions, transaction.as_slice(), codec::location)?;
        Ok(location.filter(|(number, _)| self.bounds().contains(*number)))
    }

    /// The logs bloom of a block, without reading the block: for scanning ranges.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub fn bloom(&self, number: u64) -> Result<Option<Bloom>, HistoryError> {
        let _reading = self.0.removing.read();
        if !self.bounds().contains(number) {
            return Ok(None);
        }
        let bloom = self.read(Table::Blooms, &number.to_be_bytes(), codec::bloom)?;
        let missing = || HistoryError::corrupt(Table::Blooms.name(), number, "missing");
        bloom.map(Some).ok_or_else(missing)
    }

    /// State values before a block; `None` if it is not one of the last `state_window` blocks, or was recorded under
    /// a smaller window.
    ///
    /// # Errors
    /// As [`Self::block`].
    pub fn undo(&self, number: u64) -> Result<Option<Arc<Undo>>, HistoryError> {
        let _reading = self.0.removing.read();
        let range = self.undo_range();
        if !range.is_some_and(|range| range.contains(&number)) {
            return Ok(None);
        }
        let undo = self.read(Table::Undo, &number.to_be_bytes(), |bytes| {
            codec::undo(bytes).ok()
        })?;
        Ok(undo.map(Arc::new))
    }

    /// The blocks [`Self::undo`] answers for: consecutive, up to the tip. `None` if there are none.
    pub fn undo_range(&self) -> Option<RangeInclusive<u64>> {
        let bounds = self.bounds();
        let tip = bounds.blocks?.number;
        let kept = tip.saturating_add(1).saturating_sub(self.0.state_window);
        let range = bounds.undo?.max(kept)..=tip;
        (!range.is_empty()).then_some(range)
    }

    fn bounds(&self) -> Bounds {
        *self.0.bounds.read()
    }
}
