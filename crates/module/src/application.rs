//! The module as consensus drives it: propose, process, finalize.
//!
//! Execution blocks on state reads, so it runs on a thread that may block ([`Bridge::Block`]), or, in the
//! deterministic runtime, is run again after missing values were fetched ([`Bridge::Poll`]).
//!
//! Verdicts (EXE-2): a block that breaks a rule is answered with `None`, for ever. A state that cannot be read is never
//! a verdict: this process stops, because it can no longer tell.

use crate::{
    Chain, build,
    chain::{Candidate, Demand},
    genesis, rules,
};
use alloy_primitives::{Address, keccak256};
use commonware_consensus::{
    marshal::ancestry::Ancestry, simplex::scheme::bls12381_threshold::standard,
};
use commonware_cryptography::{
    bls12381::primitives::variant::MinSig,
    ed25519::{self, PublicKey},
};
use commonware_glue::stateful::{Application, Finality, Input, Proposed, db::DatabaseSet};
use commonware_runtime::{Clock, Metrics, Spawner, Supervisor};
use commonware_storage::Context as StorageContext;
use futures::StreamExt as _;
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tracing::{debug, error, warn};
use trellis_executor::{BlockEnv, Executed, ExecutionError, Transaction, execute_block};
use trellis_primitives::{
    Block, BlockError, Context, Extension, StateDiff, StateError, header_template,
    transactions_root,
};
use trellis_state::{
    BatchState, Bridge, RecordedBlock, SyncState, Undo,
    tree::{self, Databases, Sealed},
};

/// Certificates of every module: BLS12-381 threshold signatures by ed25519-identified validators.
pub type Scheme = standard::Scheme<PublicKey, MinSig>;

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

/// A block's post-state and what led there.
struct Outcome<E: Runtime> {
    sealed: Sealed<E>,
    executed: Executed,
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

    /// Environment of a block on `parent`, proposed by this validator now.
    fn next_env(&self, parent: &Block, timestamp_ms: u64) -> BlockEnv {
        BlockEnv {
            chain_id: self.chain.spec().chain_id(),
            number: parent.number() + 1,
            timestamp: timestamp_ms / 1000,
            beneficiary: self.beneficiary,
            gas_limit: self.chain.spec().gas_limit,
            base_fee: rules::base_fee_after(parent),
            prev_randao: rules::randao_after(parent),
            parent_hash: parent.hash(),
            parent_beacon_root: rules::beacon_root_after(parent),
        }
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
        let task = context
            .shared(bridge == Bridge::Block)
            .spawn(move |_| async move {
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

    /// Remembers an executed block, so that it can be published the moment it is final.
    fn remember(&self, block: &Block, transactions: Vec<Transaction>, executed: Executed) {
        let recorded = RecordedBlock {
            block: block.clone(),
            transactions,
            receipts: executed.receipts,
            undo: Arc::new(Undo::new(block.number(), &executed.diff)),
        };
        self.chain
            .remember(Candidate::new(Arc::new(recorded), executed.diff));
    }

    async fn build<E: Runtime>(
        &self,
        runtime: E,
        context: Context,
        parent: &Block,
        batches: tree::Batches<E>,
    ) -> Option<(Block, Sealed<E>)> {
        let now = runtime.current();
        let timestamp_ms = unix_ms(now).max(parent.extension().timestamp_ms + 1);
        let in_flight = self.chain.in_flight(parent.hash(), parent.number());
        let candidates = build::select(&self.chain, &in_flight);
        let env = self.next_env(parent, timestamp_ms);
        let clock = runtime.child("clock");
        let deadline = now + self.timing.build_limit;
        let (sealed, content) = self
            .run(
                runtime.child("build"),
                batches,
                move |state| {
                    let expired = || clock.current() >= deadline;
                    build::fill(env, state, &candidates, expired)
                },
                |content| &content.executed.diff,
            )
            .await
            .map_err(|error| fatal_unless_stale("build", &error))
            .ok()?;
        let idle = content.transactions.is_empty()
            && now < self.due(parent)
            && self.chain.demand(parent) != Demand::LowerFee;
        if idle {
            return None;
        }
        let extension = Extension {
            module: self.chain.spec().id,
            context,
            timestamp_ms,
            state: tree::commitment::<E>(&sealed),
        };
        let block = match assemble(&env, extension, &content) {
            Ok(block) => block,
            Err(error) => {
                error!(%error, "built a block that breaks a rule; proposing nothing");
                return None;
            }
        };
        let transactions = content.transactions.iter();
        let transactions = transactions.map(|t| t.transaction.clone()).collect();
        self.remember(&block, transactions, content.executed);
        Some((block, sealed))
    }

    /// Checks a block against its parent and executes it. `Err` is the rule it breaks.
    async fn check<E: Runtime>(
        &self,
        runtime: E,
        parent: &Block,
        block: &Block,
        batches: tree::Batches<E>,
    ) -> Result<Sealed<E>, String> {
        rules::check_header(self.chain.spec(), parent, block).map_err(|e| e.to_string())?;
        let transactions = build::recover(&self.chain, block)
            .map_err(|(index, rule)| format!("transaction {index}: {rule}"))?;
        let env = rules::env_of(self.chain.spec(), block);
        let work = transactions.clone();
        let (sealed, executed) = self
            .run(
                runtime,
                batches,
                move |state| execute_block(env, state, &work),
                |executed| &executed.diff,
            )
            .await
            .map_err(|error| fatal_unless_stale("check", &error))?;
        let outcome = Outcome::<E> { sealed, executed };
        compare(block, &outcome)?;
        self.remember(block, transactions, outcome.executed);
        Ok(outcome.sealed)
    }
}

/// The block of executed content.
fn assemble(
    env: &BlockEnv,
    extension: Extension,
    content: &build::Content,
) -> Result<Block, BlockError> {
    let transactions = content.transactions.iter();
    let encoded: Vec<_> = transactions.map(|t| t.encoded.clone()).collect();
    let mut header = header_template();
    header.parent_hash = env.parent_hash;
    header.beneficiary = env.beneficiary;
    header.state_root = extension.state.root();
    header.transactions_root = transactions_root(&encoded);
    header.receipts_root = content.executed.receipts_root;
    header.logs_bloom = content.executed.logs_bloom;
    header.number = env.number;
    header.gas_limit = env.gas_limit;
    header.gas_used = content.executed.gas_used;
    header.timestamp = env.timestamp;
    header.extra_data = extension.hash().into();
    header.mix_hash = env.prev_randao;
    header.base_fee_per_gas = Some(env.base_fee);
    header.parent_beacon_block_root = Some(env.parent_beacon_root);
    Block::new(header, extension, encoded)
}

/// The outcome must be the one the header commits to (EXE-1).
fn compare<E: Runtime>(block: &Block, outcome: &Outcome<E>) -> Result<(), String> {
    let (header, executed) = (block.header(), &outcome.executed);
    if header.gas_used != executed.gas_used {
        return Err(format!(
            "gasUsed is {}, executed {}",
            header.gas_used, executed.gas_used
        ));
    }
    if header.receipts_root != executed.receipts_root {
        return Err("receiptsRoot does not match execution".into());
    }
    if header.logs_bloom != executed.logs_bloom {
        return Err("logsBloom does not match execution".into());
    }
    if block.extension().state != tree::commitment::<E>(&outcome.sealed) {
        return Err("state commitment does not match execution".into());
    }
    Ok(())
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
