//! State as of any of the last finalized blocks, from the current database and the undo records of those blocks.
//!
//! The database holds one state: the newest. A reader that wants the state *as of block n* reads a key in the database
//! first and then asks the window for the value before the earliest block above n that changed the key. If there is
//! one, that is the answer; if there is none, what the database said is.
//!
//! # Why this is a consistent snapshot, without a lock from one read to the next
//!
//! The writer handles block h in this order: (1) [`Window::push`] its undo record, (2) apply it to the database.
//! The reader handles a key in this order: (1) read the database, (2) look in the window. Let n be a finalized block
//! that was applied before the reader started.
//!
//! - *The window finds a block e > n.* e is the earliest above n that changed the key, so nothing in n+1 ..= e-1 did,
//!   and the value before e is the value after n. What the database said does not matter; it may be older or newer.
//! - *The window finds none.* Suppose the database had answered with a change of some block h > n. Then h was applied
//!   before the reader's first step, so pushed before it, so in the window at the second step, and the window would
//!   have found a block. So the database answered with the last change at or below n: the value as of n.
//!
//! Every key is right on its own, whatever is pushed and applied between two reads, so all reads together are the
//! state after n. Three things are needed: a database read of one key is atomic; the window still covers n when it is
//! asked, which [`Window::covers`] tells *under the same lock as the lookup*; and nobody rewinds below n meanwhile
//! (rewinding happens only while a node starts, before it has readers). A window answers in the time of two map
//! lookups, so one reader-writer lock around it, taken per lookup, is enough.
//!
//! ```text
//! new: base 0, nothing held --push(h)--> base = h-1, holds h --push(h+1)..--> base ..= tip
//!                                           full: the oldest record leaves, base rises
//!                                           push(h <= tip): records from h on are replaced (blocks executed again)
//! restart: the records are loaded from the history, oldest first
//! ```

use crate::history::Undo;
use alloy_primitives::{Address, U256};
use std::{
    collections::{HashMap, VecDeque, hash_map},
    hash::Hash,
    sync::Arc,
};
use trellis_primitives::{Account, Class};

/// A record does not follow the newest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("state window expects the undo record of block {expected} or below, got {number}")]
pub struct WindowError {
    /// The block after the newest held.
    pub expected: u64,
    /// The block offered.
    pub number: u64,
}

impl WindowError {
    /// Always [`Class::Fatal`]: a skipped block would make reads of older states wrong.
    pub const fn class(&self) -> Class {
        Class::Fatal
    }
}

/// The undo records of the last finalized blocks, indexed by key.
#[derive(Clone, Debug)]
pub struct Window {
    capacity: usize,
    bytes_max: usize,
    bytes: usize,
    /// The block whose state is before all records; `records[i]` is of block `base + 1 + i`.
    base: u64,
    records: VecDeque<Arc<Undo>>,
    accounts: Index<Address>,
    storage: Index<(Address, U256)>,
}

impl Window {
    /// Default of [`Self::with_bytes_max`]: 128 MiB.
    pub const BYTES_MAX: usize = 128 << 20;

    /// Memory per entry of the index, in bytes.
    const INDEX_ENTRY: usize = 96;

    /// An empty window for at most `capacity` blocks, on the state of block 0.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            bytes_max: Self::BYTES_MAX,
            bytes: 0,
            base: 0,
            records: VecDeque::new(),
            accounts: Index::default(),
            storage: Index::default(),
        }
    }

    /// Bounds the memory too: above `bytes` (approximately) the oldest records leave early, except the newest one.
    #[must_use]
    pub const fn with_bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// Pushes records in ascending order: what [`crate::History`] kept, on restart.
    ///
    /// # Errors
    /// [`WindowError`] at the first gap.
    pub fn load(
        &mut self,
        records: impl IntoIterator<Item = Arc<Undo>>,
    ) -> Result<(), WindowError> {
        records.into_iter().try_for_each(|undo| self.push(undo))
    }

    /// Adds the record of the block after the tip, **before** the block is applied to the database.
    ///
    /// An empty window takes any block. A block at or below the tip replaces its record and drops those above it. The
    /// record of block 0 only empties the window, since there is no state before it.
    ///
    /// # Errors
    /// [`WindowError`] if a block is skipped; then nothing changes.
    pub fn push(&mut self, undo: Arc<Undo>) -> Result<(), WindowError> {
        let number = undo.number;
        let expected = self.tip().saturating_add(1);
        if number > expected && !self.records.is_empty() {
            return Err(WindowError { expected, number });
        }
        while number <= self.tip() && self.drop_newest() {}
        let Some(base) = number.checked_sub(1) else {
            self.base = 0;
            return Ok(());
        };
        if self.records.is_empty() {
            self.base = base;
        }
        self.bytes += Self::weight(&undo);
        self.accounts.insert(undo.accounts.keys(), number);
        self.storage.insert(undo.storage.keys(), number);
        self.records.push_back(undo);
        while self.records.len() > self.capacity.max(1)
            || (self.bytes > self.bytes_max && self.records.len() > 1)
        {
            self.drop_oldest();
        }
        Ok(())
    }

    /// The newest block held; without records, the block whose state the database has.
    pub fn tip(&self) -> u64 {
        self.base + self.records.len() as u64
    }

    /// The oldest block whose state can be served.
    pub const fn oldest(&self) -> u64 {
        self.base
    }

    /// Whether lookups as of block `number` are right. Ask under the same lock as the lookup: records leave.
    pub const fn covers(&self, number: u64) -> bool {
        number >= self.base
    }

    /// Blocks held.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether no block is held.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Approximate memory held, in bytes.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The account after block `number`, if a later block changed it; `None` means that the value read from the
    /// database before this call is right. Meaningful only while the window [covers](Self::covers) `number`.
    pub fn account_at(&self, number: u64, address: Address) -> Option<Option<Account>> {
        let undo = self.record(self.accounts.next(&address, number)?)?;
        undo.accounts.get(&address).copied()
    }

    /// The storage slot after block `number`, if a later block changed it; otherwise as [`Self::account_at`].
    pub fn storage_at(&self, number: u64, address: Address, slot: U256) -> Option<U256> {
        let undo = self.record(self.storage.next(&(address, slot), number)?)?;
        undo.storage.get(&(address, slot)).copied()
    }

    fn record(&self, number: u64) -> Option<&Undo> {
        let position = usize::try_from(number.checked_sub(self.base + 1)?).ok()?;
        self.records.get(position).map(Arc::as_ref)
    }

    fn drop_oldest(&mut self) {
        if let Some(undo) = self.records.pop_front() {
            self.base += 1;
            self.forget(&undo);
        }
    }

    fn drop_newest(&mut self) -> bool {
        let undo = self.records.pop_back();
        if let Some(undo) = &undo {
            self.forget(undo);
        }
        undo.is_some()
    }

    fn forget(&mut self, undo: &Undo) {
        self.bytes -= Self::weight(undo);
        self.accounts.remove(undo.accounts.keys(), undo.number);
        self.storage.remove(undo.storage.keys(), undo.number);
    }

    fn weight(undo: &Undo) -> usize {
        undo.footprint() + (undo.accounts.len() + undo.storage.len()) * Self::INDEX_ENTRY
    }
}

/// Which blocks changed a key, ascending. Keys are chosen by whoever sends transactions, so the map is one that cannot
/// be flooded; nothing depends on its order.
#[derive(Clone, Debug)]
struct Index<K>(HashMap<K, VecDeque<u64>>);

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash> Index<K> {
    /// The earliest block above `number` that changed `key`.
    fn next(&self, key: &K, number: u64) -> Option<u64> {
        let blocks = self.0.get(key)?;
        blocks
            .get(blocks.partition_point(|block| *block <= number))
            .copied()
    }

    fn insert<'a>(&mut self, keys: impl Iterator<Item = &'a K>, number: u64)
    where
        K: 'a,
    {
        for key in keys {
            self.0.entry(*key).or_default().push_back(number);
        }
    }

    /// Removes a block at either end of each key's list: the oldest or the newest record held.
    fn remove<'a>(&mut self, keys: impl Iterator<Item = &'a K>, number: u64)
    where
        K: 'a,
    {
        for key in keys {
            let hash_map::Entry::Occupied(mut entry) = self.0.entry(*key) else {
                continue;
            };
            let blocks = entry.get_mut();
            if blocks.front() == Some(&number) {
                blocks.pop_front();
            } else if blocks.back() == Some(&number) {
                blocks.pop_back();
            }
            if blocks.is_empty() {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
