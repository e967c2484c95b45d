//! The module as consensus drives it: propose, process, finalize.
//!
//! Execution blocks on state reads, so it runs on a thread that may block ([`Bridge::Block`]), or, in the
//! deterministic runtime, is run again after missing values were fetched ([`Bridge::Poll`]).
//!
//! Verdicts (EXE-2): a block that breaks a rule is answered with `None`, for ever. A state that cannot be read is never
//! a verdict: this process stops, because it can no longer tell.

mod propose;
mod verdict;

use crate::{Chain, chain::Candidate, genesis, payments::Notes};
use alloy_primitives::{Address, keccak256};
use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_cryptography::ed25519;
use commonware_glue::stateful::{Application, Finality, Input, Proposed, db::DatabaseSet};
use commonware_runtime::{Clock, Metrics, Spawner, Supervisor};
use commonware_storage::Context as StorageContext;
use futures::StreamExt as _;
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tracing::{debug, warn};
use trellis_executor::{Executed, ExecutionError, Transaction};
use trellis_light::Scheme;
use trellis_messaging::{Lanes, gateway};
use trellis_primitives::{Block, Context, StateDiff, StateError};
use trellis_state::{
    BatchState, Bridge, RecordedBlock, SyncState, Undo,
    tree::{self, Databases, Sealed},
};

/// What the runtime must offer a module.
pub trait Runtime: StorageContext + Spawner + Clock + Metrics + Supervisor {}
impl<T: StorageContext + Spawner + Clock + Metrics + Supervisor> Runtime for T {}

/// A module's timing. None of it decides validity.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Least time between a block and its parent.
    pub block_time: Duration,
    /// Longest an idle module goes without a block, which lets consensus forget old views.
    pub heartbeat: Duration,
    /// Longest a leader executes transactions for one block.
    pub build_limit: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            block_time: Duration::from_millis(100),
            heartbeat: Duration::from_secs(600),
            build_limit: Duration::from_millis(250),
        }
    }
}

/// One module's application. Clones share the chain.
#[derive(Clone, Debug)]
pub struct Module {
    chain: Arc<Chain>,
    bridge: Bridge,
    timing: Timing,
    beneficiary: Address,
}

impl Module {
    /// The application of `chain`, run by the validator `me`, whose fees go to an address derived from its key.
    pub fn new(chain: Arc<Chain>, bridge: Bridge, timing: Timing, me: &ed25519::PublicKey) -> Self {
        let beneficiary = Address::from_slice(&keccak256(me.as_ref())[12..]);
        Self {
            chain,
            bridge,
            timing,
            beneficiary,
        }
    }

    /// The chain this application extends.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// The module's timing.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Whether execution may wait on the thread it runs on, which then is one for that.
    fn may_block(&self) -> bool {
        self.bridge == Bridge::Block
    }

    /// Runs `work` on the parent state until every value it reads is there, then seals its changes.
    async fn run<E, T>(
        &self,
        context: E,
        batches: tree::Batches<E>,
        work: impl Fn(&SyncState<BatchState<E>>) -> Result<T, ExecutionError> + Send + 'static,
        diff: impl Fn(&T) -> &StateDiff + Send + 'static,
    ) -> Result<(Sealed<E>, T), ExecutionError>
    where
        E: Runtime,
        T: Send + 'static,
    {
        let bridge = self.bridge;
        let task = context.shared(self.may_block()).spawn(move |_| async move {
            let state = SyncState::new(BatchState::<E>(batches), bridge);
            let result = loop {
                match work(&state) {
                    Err(ExecutionError::State(StateError::Pending)) => {
                        state.fetch().await?;
                    }
                    other => break other?,
                }
            };
            let sealed = tree::write_diff::<E>(state.into_inner().0, diff(&result)).await?;
            Ok((sealed, result))
        });
        match task.await {
            Ok(result) => result,
            // The runtime ends and took the task with it, as it will this one: there is nothing left to say.
            Err(commonware_runtime::Error::Closed) => futures::future::pending().await,
            Err(error) => Err(ExecutionError::Internal(format!("execution task: {error}"))),
        }
    }

    /// The lanes after an executed block on `parent`.
    fn lanes(&self, parent: &Block, executed: &Executed) -> Lanes {
        let events = gateway::events(&executed.receipts);
        self.chain.lanes_after(parent).after(&events)
    }

    /// The tree of notes after an executed block on `parent`.
    fn notes(&self, parent: &Block, transactions: &[Transaction], executed: &Executed) -> Notes {
        if self.chain.spec().payments.is_none() {
            return Notes::default();
        }
        let before = self.chain.notes_after(parent.number(), parent.hash());
        before.after(transactions, &executed.receipts)
    }

    /// Remembers an executed block, so that it can be published the moment it is final.
    fn remember(
        &self,
        block: &Block,
        transactions: Vec<Transaction>,
        executed: Executed,
        lanes: Lanes,
        notes: Notes,
    ) {
        let recorded = RecordedBlock {
            block: block.clone(),
            transactions,
            receipts: executed.receipts,
            undo: Arc::new(Undo::new(block.number(), &executed.diff)),
        };
        self.chain.remember(
            Candidate::new(Arc::new(recorded), executed.diff).with(lanes, Arc::new(notes)),
        );
    }
}

/// Text of an invalid block's rule. Stops the process if the state cannot be trusted: a storage failure is not a
/// verdict, and nothing may be signed after it (STA-1, EXE-2).
fn fatal_unless_stale(what: &str, error: &ExecutionError) -> String {
    match error {
        ExecutionError::State(StateError::Storage(_)) | ExecutionError::Internal(_) => {
            panic!("cannot {what} a block: {error}; the node stops so that it signs nothing wrong")
        }
        _ => error.to_string(),
    }
}

/// Unix time in milliseconds; zero before 1970.
pub fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl<E: Runtime> Application<E> for Module {
    type SigningScheme = Scheme;
    type Context = Context;
    type Block = Block;
    type Databases = Databases<E>;
    type Captured = ();
    type Provider = ();
    type Input = ();

    fn sync_targets(block: &Block) -> <Self::Databases as DatabaseSet<E>>::SyncTargets {
        tree::targets::<E>(&block.extension().state)
    }

    async fn genesis(&mut self) -> Block {
        self.chain.genesis().clone()
    }

    async fn propose(
        &mut self,
        (runtime, context): (E, Context),
        ancestry: impl Ancestry<Block>,
        batches: <Self::Databases as DatabaseSet<E>>::Unmerkleized,
        _input: Input<(), ()>,
    ) -> Option<Proposed<Self, E>> {
        let mut ancestry = Box::pin(ancestry);
        let parent = ancestry.next().await?;
        let (block, merkleized) = self
            .build(runtime, context, parent.inner(), batches)
            .await?;
        Some(Proposed { block, merkleized })
    }

    async fn process(
        &mut self,
        (runtime, _context): (E, Context),
        ancestry: impl Ancestry<Block>,
        batches: <Self::Databases as DatabaseSet<E>>::Unmerkleized,
        finality: Finality,
    ) -> Option<<Self::Databases as DatabaseSet<E>>::Merkleized> {
        let mut ancestry = Box::pin(ancestry);
        let block = ancestry.next().await?;
        let parent = ancestry.next().await?;
        let number = block.inner().number();
        let checked = self.check(
            runtime.child("check"),
            parent.inner(),
            block.inner(),
            batches,
            finality,
        );
        match checked.await {
            Ok(sealed) => Some(sealed),
            Err(rule) => {
                warn!(module = %self.chain.spec().name, number, hash = %block.inner().hash(), ?finality, rule, "block is invalid");
                None
            }
        }
    }

    async fn capture(
        &mut self,
        _context: (E, Context),
        block: &Block,
        _batches: &<Self::Databases as DatabaseSet<E>>::Merkleized,
        _readers: <Self::Databases as DatabaseSet<E>>::Readers,
    ) {
        if let Some(candidate) = self.chain.candidate(block.number(), block.hash()) {
            self.chain.record_undo(&candidate);
        }
    }

    async fn finalized(
        &mut self,
        _context: (E, Context),
        block: &Block,
        (): (),
        _readers: <Self::Databases as DatabaseSet<E>>::Readers,
    ) {
        let candidate = self.chain.candidate(block.number(), block.hash()).expect(
            "a finalized block was built or processed by this process, which remembered it",
        );
        self.chain.publish(&candidate);
        debug!(module = %self.chain.spec().name, number = block.number(), transactions = block.transactions().len(), "finalized");
    }
}

/// Digest consensus starts from.
pub fn genesis_digest(chain: &Chain) -> trellis_primitives::Digest {
    genesis::digest(chain.genesis_hash())
}

#[cfg(test)]
mod tests;
