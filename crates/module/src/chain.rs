//! One module's chain as the rest of the process sees it: head, pool, history, state at recent blocks.
//!
//! # States of a block
//!
//! ```text
//! built or checked ──► candidate (memory) ──► finalized: undo recorded ──► applied to QMDB ──► published
//!                          │                                                      │
//!                          └─ competing block finalized: dropped                  └─► history (durable) ──► acknowledged
//! ```
//!
//! *Published* is one moment: head and pool change under one lock, so a pending nonce and the block that explains it
//! become visible together. History is written behind; consensus learns that a block is done only after the history
//! is durable, so whatever a crash cut short is executed again on restart, and writing it twice changes nothing (STA-1).
//!
//! # Restart
//!
//! The head is the history's newest block. The databases may open a few blocks below it; consensus then delivers
//! those again and they are executed without being published a second time. Until the databases have caught up,
//! [`Chain::is_current`] is false and the node does not call itself ready. The pool starts empty.

use crate::{ChainSpec, rules};
use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use parking_lot::{Mutex, RwLock};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{broadcast, mpsc, watch};
use trellis_executor::BlockEnv;
use trellis_primitives::{Account, Block, Class, StateDiff, StateError, StateReader};
use trellis_state::{History, HistoryError, RecordedBlock, Undo, Window, WindowError};
use trellis_txpool::{Limits, Pool, PooledTransaction, Stats, Status};

/// Blocks a slow subscriber may fall behind before it is told that it lagged.
const BLOCK_BACKLOG: usize = 512;
/// Pending transactions a slow subscriber may fall behind.
const PENDING_BACKLOG: usize = 65_536;

/// Why a chain has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The history failed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The records of recent changes do not fit together.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// The state failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The state of that block is no longer, or not yet, kept.
    #[error(
        "state of block {requested} is not available: the oldest block with state is {oldest}, the newest {newest} (a node keeps `--history` recent blocks)"
    )]
    StateWindow {
        /// Block asked for.
        requested: u64,
        /// Oldest block whose state is served.
        oldest: u64,
        /// Newest block.
        newest: u64,
    },
    /// The node is starting.
    #[error("the node is still starting; try again when /ready answers 200")]
    Starting,
}

impl ChainError {
    /// What the failure says about the request.
    pub fn class(&self) -> Class {
        match self {
            Self::History(error) => error.class(),
            Self::Window(_) | Self::State(StateError::Storage(_)) => Class::Fatal,
            Self::State(_) | Self::StateWindow { .. } | Self::Starting => Class::Unavailable,
        }
    }
}

/// A block that was executed but is not known to be final.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) recorded: Arc<RecordedBlock>,
    pub(crate) diff: StateDiff,
    hashes: HashSet<B256>,
}

impl Candidate {
    pub(crate) fn new(recorded: Arc<RecordedBlock>, diff: StateDiff) -> Self {
        let hashes = recorded.transactions.iter().map(|t| *t.tx_hash()).collect();
        Self {
            recorded,
            diff,
            hashes,
        }
    }
}

/// What changes at the moment a block is published.
pub(crate) struct Tip {
    pub(crate) head: Arc<RecordedBlock>,
    pub(crate) pool: Pool,
}

/// Why a leader should build a block now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing waits.
    None,
    /// Executable transactions wait that no pending block holds.
    Transactions,
    /// Transactions wait for a lower base fee, which only further blocks bring.
    LowerFee,
}

/// One module's chain. Share it as `Arc<Chain>`.
pub struct Chain {
    spec: ChainSpec,
    genesis: Block,
    history: History,
    pub(crate) tip: Mutex<Tip>,
    pub(crate) window: Arc<RwLock<Window>>,
    candidates: Mutex<BTreeMap<(u64, B256), Arc<Candidate>>>,
    state: OnceLock<Arc<dyn StateReader + Send + Sync>>,
    applied: AtomicU64,
    /// Counts changes of the pool and the head.
    changed: watch::Sender<u64>,
    blocks: broadcast::Sender<Arc<RecordedBlock>>,
    pub(crate) pending: broadcast::Sender<Arc<PooledTransaction>>,
    pub(crate) gossip: mpsc::Sender<bytes::Bytes>,
    gossip_out: Mutex<Option<mpsc::Receiver<bytes::Bytes>>>,
    to_history: mpsc::UnboundedSender<Arc<RecordedBlock>>,
    history_in: Mutex<Option<mpsc::UnboundedReceiver<Arc<RecordedBlock>>>>,
    durable: watch::Sender<u64>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl Chain {
    /// Opens the chain over its history, which receives the genesis block if it is empty.
    ///
    /// # Errors
    /// [`ChainError::History`] if the history cannot be read or written.
    pub fn open(
        spec: ChainSpec,
        genesis: Block,
        history: History,
        window: u64,
        pool: Limits,
    ) -> Result<Arc<Self>, ChainError> {
        if history.tip().is_none() {
            history.append(&[Arc::new(RecordedBlock {
                block: genesis.clone(),
                transactions: Vec::new(),
                receipts: Vec::new(),
                undo: Arc::new(Undo::new(0, &StateDiff::default())),
            })])?;
        }
        let height = history.tip().unwrap_or_default();
        let head = history.block(height)?.ok_or(ChainError::Starting)?;
        let mut recent = Window::new(usize::try_from(window).unwrap_or(usize::MAX).max(1));
        if let Some(range) = history.undo_range() {
            let undos: Result<Vec<_>, _> = range.map(|number| history.undo(number)).collect();
            recent.load(undos?.into_iter().flatten())?;
        }
        let mut pool = Pool::new(pool);
        pool.set_head(rules::base_fee_after(&head.block), []);
        let (gossip, gossip_out) = mpsc::channel(PENDING_BACKLOG);
        let (to_history, history_in) = mpsc::unbounded_channel();
        Ok(Arc::new(Self {
            spec,
            genesis,
            history,
            tip: Mutex::new(Tip { head, pool }),
            window: Arc::new(RwLock::new(recent)),
            candidates: Mutex::default(),
            state: OnceLock::new(),
            applied: AtomicU64::new(0),
            changed: watch::channel(0).0,
            blocks: broadcast::channel(BLOCK_BACKLOG).0,
            pending: broadcast::channel(PENDING_BACKLOG).0,
            gossip,
            gossip_out: Mutex::new(Some(gossip_out)),
            to_history,
            history_in: Mutex::new(Some(history_in)),
            durable: watch::channel(height).0,
        }))
    }

    /// Connects the applied state, once consensus has opened the databases at block `applied`.
    pub fn attach_state(&self, state: Arc<dyn StateReader + Send + Sync>, applied: u64) {
        self.applied.fetch_max(applied, Ordering::SeqCst);
        // A second attachment would come from a second engine over the same chain; the first stays.
        let _ = self.state.set(state);
    }

    /// Whether the databases hold the state of the head.
    pub fn is_current(&self) -> bool {
        // The head first: a block is counted as applied before it becomes the head.
        let head = self.head().number();
        self.state.get().is_some() && self.applied.load(Ordering::SeqCst) >= head
    }

    /// What fixes this chain.
    pub fn spec(&self) -> &ChainSpec {
        &self.spec
    }

    /// The genesis block.
    pub fn genesis(&self) -> &Block {
        &self.genesis
    }

    /// Hash of the genesis block.
    pub fn genesis_hash(&self) -> B256 {
        self.genesis.hash()
    }

    /// The newest finalized block: `latest`, `safe` and `finalized` at once.
    pub fn head(&self) -> Arc<RecordedBlock> {
        self.tip.lock().head.clone()
    }

    /// The finalized block at `number`.
    ///
    /// # Errors
    /// [`ChainError::History`].
    pub fn block(&self, number: u64) -> Result<Option<Arc<RecordedBlock>>, ChainError> {
        let head = self.head();
        if number >= head.number() {
            return Ok((number == head.number()).then_some(head));
        }
        // Blocks between the history's tip and the head are finalized and in memory.
        if let Some(found) = self.candidate_at(number) {
            return Ok(Some(found));
        }
        Ok(self.history.block(number)?)
    }

    fn candidate_at(&self, number: u64) -> Option<Arc<RecordedBlock>> {
        if *self.durable.borrow() >= number {
            return None;
        }
        let candidates = self.candidates.lock();
        let mut at = candidates.range((number, B256::ZERO)..=(number, B256::repeat_byte(0xff)));
        at.next().map(|(_, candidate)| candidate.recorded.clone())
    }

    /// The finalized block with this hash.
    ///
    /// # Errors
    /// [`ChainError::History`].
    pub fn block_by_hash(&self, hash: B256) -> Result<Option<Arc<RecordedBlock>>, ChainError> {
        if let Some(found) = self.recent_block(|block| block.hash() == hash) {
            return Ok(Some(found));
        }
        match self.history.number_of(hash)? {
            Some(number) => self.block(number),
            None => Ok(None),
        }
    }

    /// Finalized blocks that the history may not hold yet.
    fn recent_block(&self, wanted: impl Fn(&RecordedBlock) -> bool) -> Option<Arc<RecordedBlock>> {
        let head = self.head();
        if wanted(&head) {
            return Some(head);
        }
        let candidates = self.candidates.lock();
        let finalized = candidates.range(..(head.number(), B256::ZERO));
        finalized
            .map(|(_, c)| &c.recorded)
            .find(|block| wanted(block))
            .cloned()
    }

    /// The finalized block and position that hold a transaction.
    ///
    /// # Errors
    /// [`ChainError::History`].
    pub fn locate(&self, hash: B256) -> Result<Option<(Arc<RecordedBlock>, usize)>, ChainError> {
        let position = |block: &RecordedBlock| {
            block
                .transactions
                .iter()
                .position(|transaction| *transaction.tx_hash() == hash)
        };
        if let Some(block) = self.recent_block(|block| position(block).is_some()) {
            let index = position(&block).unwrap_or_default();
            return Ok(Some((block, index)));
        }
        match self.history.locate(hash)? {
            Some((number, index)) => Ok(self.block(number)?.map(|block| (block, index))),
            None => Ok(None),
        }
    }

    /// The log bloom of the finalized block at `number`, without reading the block.
    ///
    /// # Errors
    /// [`ChainError::History`].
    pub fn bloom(&self, number: u64) -> Result<Option<Bloom>, ChainError> {
        if *self.durable.borrow() < number {
            return Ok(self
                .block(number)?
                .map(|block| block.block.header().logs_bloom));
        }
        Ok(self.history.bloom(number)?)
    }

    /// The oldest block whose state is served.
    pub fn oldest_state(&self) -> u64 {
        self.window.read().oldest()
    }

    /// Reads the state as of a finalized block. The reads block; call them on a thread that may.
    ///
    /// # Errors
    /// [`ChainError::StateWindow`] outside the window, [`ChainError::Starting`] until the databases hold the head:
    /// while they are behind it, what they answer is the state of no block that was asked for.
    pub fn state_at(&self, number: u64) -> Result<StateView, ChainError> {
        let state = self.state.get().ok_or(ChainError::Starting)?.clone();
        if !self.is_current() {
            return Err(ChainError::Starting);
        }
        let (oldest, newest) = (self.oldest_state(), self.head().number());
        if number < oldest || number > newest {
            return Err(ChainError::StateWindow {
                requested: number,
                oldest,
                newest,
            });
        }
        Ok(StateView {
            number,
            state,
            window: self.window.clone(),
        })
    }

    /// The environment `block` was executed in.
    pub fn env_at(&self, block: &Block) -> BlockEnv {
        rules::env_of(&self.spec, block)
    }

    /// The environment of a block after the head, as a call on `pending` sees it.
    pub fn next_env(&self) -> BlockEnv {
        let head = self.head();
        let mut env = rules::env_of(&self.spec, &head.block);
        env.number += 1;
        env.base_fee = rules::base_fee_after(&head.block);
        env.prev_randao = rules::randao_after(&head.block);
        env.parent_hash = head.hash();
        env.parent_beacon_root = rules::beacon_root_after(&head.block);
        env
    }

    /// A transaction that waits in the pool.
    pub fn pooled(&self, hash: B256) -> Option<Arc<PooledTransaction>> {
        self.tip.lock().pool.get(&hash).cloned()
    }

    /// How many transactions wait, and why.
    pub fn pool_stats(&self) -> Stats {
        self.tip.lock().pool.stats()
    }

    /// Runs `read` on the pool and the head it is based on, under the lock that publishes both.
    pub fn with_pool<T>(&self, read: impl FnOnce(&Pool, &RecordedBlock) -> T) -> T {
        let tip = self.tip.lock();
        read(&tip.pool, &tip.head)
    }

    /// Every block from now on, as it is published, in order and without gaps.
    pub fn subscribe_blocks(&self) -> broadcast::Receiver<Arc<RecordedBlock>> {
        self.blocks.subscribe()
    }

    /// Every transaction the pool takes from now on.
    pub fn subscribe_pending(&self) -> broadcast::Receiver<Arc<PooledTransaction>> {
        self.pending.subscribe()
    }

    /// Encoded transactions this node took from its own clients and peers do not know. Taken once.
    pub fn take_gossip(&self) -> Option<mpsc::Receiver<bytes::Bytes>> {
        self.gossip_out.lock().take()
    }

    /// Resolves once the history holds block `height` durably (STA-1).
    pub async fn durable(&self, height: u64) {
        let mut durable = self.durable.subscribe();
        // The sender lives as long as the chain, so waiting cannot fail.
        let _ = durable.wait_for(|tip| *tip >= height).await;
    }

    /// Writes published blocks to the history until the chain is dropped. Run it once, on a thread that may block.
    ///
    /// # Errors
    /// [`HistoryError`]: the node must stop, because blocks can no longer be recorded.
    pub async fn write_history(self: Arc<Self>) -> Result<(), HistoryError> {
        let Some(mut incoming) = self.history_in.lock().take() else {
            return Ok(());
        };
        let mut batch = Vec::new();
        while incoming.recv_many(&mut batch, 64).await > 0 {
            self.history.append(&batch)?;
            if let Some(last) = batch.last() {
                let height = last.number();
                self.durable.send_if_modified(|tip| {
                    let advanced = height > *tip;
                    *tip = height.max(*tip);
                    advanced
                });
                self.prune_candidates(height);
            }
            batch.clear();
        }
        Ok(())
    }

    pub(crate) fn remember(&self, candidate: Candidate) {
        let key = (candidate.recorded.number(), candidate.recorded.hash());
        self.candidates.lock().insert(key, Arc::new(candidate));
    }

    pub(crate) fn candidate(&self, number: u64, hash: B256) -> Option<Arc<Candidate>> {
        self.candidates.lock().get(&(number, hash)).cloned()
    }

    /// Forgets candidates at or below a height the history holds.
    fn prune_candidates(&self, height: u64) {
        // Under one lock: a block executed meanwhile must not be forgotten.
        let mut candidates = self.candidates.lock();
        *candidates = candidates.split_off(&(height + 1, B256::ZERO));
    }

    /// Records what `candidate` overwrites, before it is applied (see [`Window`]).
    pub(crate) fn record_undo(&self, candidate: &Candidate) {
        let mut window = self.window.write();
        if candidate.recorded.number() > window.tip() {
            window
                .push(candidate.recorded.undo.clone())
                .expect("consensus finalizes heights one after the other");
        }
    }

    /// Makes an applied block the head. Blocks the history already held at start are applied again silently.
    pub(crate) fn publish(&self, candidate: &Candidate) {
        let block = &candidate.recorded;
        self.applied.fetch_max(block.number(), Ordering::SeqCst);
        let left;
        {
            let mut tip = self.tip.lock();
            if block.number() <= tip.head.number() {
                return;
            }
            let changed = candidate.diff.accounts.iter();
            left = tip.pool.set_head(
                rules::base_fee_after(&block.block),
                changed.map(|(address, change)| (*address, change.after.unwrap_or_default())),
            );
            tip.head = block.clone();
            // Sent under the lock, so that subscribers see blocks in order.
            let _ = self.blocks.send(block.clone());
        }
        drop(left);
        {
            // Competitors of a finalized block can no longer become final.
            let (number, hash) = (block.number(), block.hash());
            self.candidates
                .lock()
                .retain(|(n, h), _| *n != number || *h == hash);
        }
        // The receiver lives in this chain until it is taken by `write_history`, which ends with the process.
        let _ = self.to_history.send(block.clone());
        self.note_change();
    }

    /// Hashes of the transactions in blocks after the head, up to and including `parent`.
    pub(crate) fn in_flight(&self, mut parent: B256, mut number: u64) -> HashSet<B256> {
        let head = self.head().number();
        let candidates = self.candidates.lock();
        let mut hashes = HashSet::new();
        while number > head {
            let Some(candidate) = candidates.get(&(number, parent)) else {
                break;
            };
            hashes.extend(candidate.hashes.iter().copied());
            parent = candidate.recorded.block.header().parent_hash;
            number -= 1;
        }
        hashes
    }

    /// Whether a block on `parent` would have something to do.
    pub fn demand(&self, parent: &Block) -> Demand {
        let in_flight = self.in_flight(parent.hash(), parent.number());
        let tip = self.tip.lock();
        let executable = |hash: &&B256| tip.pool.status(hash) == Some(Status::Executable);
        let waiting = tip.pool.executable_len();
        if waiting > 0 && waiting > in_flight.iter().filter(executable).count() {
            return Demand::Transactions;
        }
        if tip.pool.has_fee_waiting() {
            Demand::LowerFee
        } else {
            Demand::None
        }
    }

    /// A receiver that is told when the pool or the head changes. Changes may coalesce.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn note_change(&self) {
        self.changed
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// The state as of one finalized block. Reads are consistent whatever is finalized meanwhile.
#[derive(Clone)]
pub struct StateView {
    number: u64,
    state: Arc<dyn StateReader + Send + Sync>,
    window: Arc<RwLock<Window>>,
}

impl std::fmt::Debug for StateView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateView")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl StateView {
    /// The block whose state this is.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Fails if the window moved past this view between two reads, when an answer could be newer than the view.
    fn still_kept(&self) -> Result<(), StateError> {
        if self.window.read().oldest() > self.number {
            Err(StateError::Stale)
        } else {
            Ok(())
        }
    }
}

impl StateReader for StateView {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        // Database first, window second: see `Window`.
        let current = self.state.account(address)?;
        let past = self.window.read().account_at(self.number, address);
        self.still_kept()?;
        Ok(past.unwrap_or(current))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let current = self.state.storage(address, slot)?;
        let past = self.window.read().storage_at(self.number, address, slot);
        self.still_kept()?;
        Ok(past.unwrap_or(current))
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        self.state.code(hash)
    }
}

#[cfg(test)]
mod tests;
