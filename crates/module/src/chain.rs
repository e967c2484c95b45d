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

mod blocks;
mod candidates;
mod error;
mod messages;
mod notes;
mod view;

pub(crate) use self::candidates::Candidate;
pub use self::{error::ChainError, view::StateView};
use crate::{
    ChainSpec, Exchange,
    payments::{Notes, Proofs, Waiting},
    rules,
};
use alloy_primitives::B256;
use parking_lot::{Mutex, RwLock};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{broadcast, mpsc, watch};
use trellis_executor::{BlockEnv, Engine};
use trellis_messaging::outbox;
use trellis_primitives::{Block, StateDiff, StateReader};
use trellis_state::{History, HistoryError, Prover, RecordedBlock, Undo, Window};
use trellis_txpool::{Limits, Pool, PooledTransaction, Stats, Status};

/// Blocks a slow subscriber may fall behind before it is told that it lagged.
const BLOCK_BACKLOG: usize = 512;
/// Pending transactions a slow subscriber may fall behind.
const PENDING_BACKLOG: usize = 65_536;

/// What changes at the moment a block is published.
pub(crate) struct Tip {
    pub(crate) head: Arc<RecordedBlock>,
    pub(crate) pool: Pool,
    /// What the private transfers in the pool spend.
    pub(crate) waiting: Waiting,
    /// The tree of notes after the head.
    pub(crate) notes: Arc<Notes>,
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
    engine: Engine,
    exchange: Arc<Exchange>,
    /// What was sent and received in the finalized blocks.
    outbox: RwLock<outbox::Index>,
    proofs: Proofs,
    history: History,
    pub(crate) tip: Mutex<Tip>,
    pub(crate) window: Arc<RwLock<Window>>,
    candidates: Mutex<BTreeMap<(u64, B256), Arc<Candidate>>>,
    state: OnceLock<Arc<dyn StateReader + Send + Sync>>,
    prover: OnceLock<Arc<dyn Prover>>,
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
    /// Opens the chain over its history, which receives the genesis block if it is empty. Blocks are executed by `engine`;
    /// the chain joins the modules of `exchange`.
    ///
    /// # Errors
    /// [`ChainError::History`] if the history cannot be read or written.
    pub fn open(
        spec: ChainSpec,
        genesis: Block,
        history: History,
        window: u64,
        pool: Limits,
        engine: Engine,
        exchange: Arc<Exchange>,
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
        let outbox = RwLock::new(messages::read_index(&history)?);
        let notes = Arc::new(notes::open(&spec, &history, height)?);
        let waiting = Waiting::default();
        let chain = Arc::new(Self {
            spec,
            genesis,
            engine,
            exchange: exchange.clone(),
            outbox,
            proofs: Proofs::default(),
            history,
            tip: Mutex::new(Tip {
                head,
                pool,
                waiting,
                notes,
            }),
            window: Arc::new(RwLock::new(recent)),
            candidates: Mutex::default(),
            state: OnceLock::new(),
            prover: OnceLock::new(),
            applied: AtomicU64::new(0),
            changed: watch::channel(0).0,
            blocks: broadcast::channel(BLOCK_BACKLOG).0,
            pending: broadcast::channel(PENDING_BACKLOG).0,
            gossip,
            gossip_out: Mutex::new(Some(gossip_out)),
            to_history,
            history_in: Mutex::new(Some(history_in)),
            durable: watch::channel(height).0,
        });
        exchange.join(&chain);
        Ok(chain)
    }

    /// Connects the applied state, once consensus has opened the databases at block `applied`.
    pub fn attach_state(&self, state: Arc<dyn StateReader + Send + Sync>, applied: u64) {
        self.applied.fetch_max(applied, Ordering::SeqCst);
        // A second attachment would come from a second engine over the same chain; the first stays.
        let _ = self.state.set(state);
    }

    /// Connects what proves the applied state.
    pub fn attach_prover(&self, prover: Arc<dyn Prover>) {
        // As with the state, the first stays.
        let _ = self.prover.set(prover);
    }

    /// What proves the applied state; `None` until the databases are open.
    pub fn prover(&self) -> Option<&Arc<dyn Prover>> {
        self.prover.get()
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

    /// What executes this chain's blocks.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The modules of this process.
    pub fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
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
        let mut left;
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
            // Before the head moves: whoever sees a block finds its messages.
            let mut outbox = self.outbox.write();
            outbox.append(block.number(), &candidate.events);
            drop(outbox);
            for gone in &left {
                tip.waiting.remove(&gone.hash);
            }
            left.extend(tip.drop_hopeless(candidate));
            tip.notes = candidate.notes.clone();
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

    /// Whether a block on `parent` would have something to do.
    pub fn demand(&self, parent: &Block) -> Demand {
        if self.has_messages_on(parent) || self.has_record_on(parent) {
            return Demand::Transactions;
        }
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

#[cfg(test)]
mod tests;
