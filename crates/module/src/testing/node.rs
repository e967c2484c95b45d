use super::{GENESIS_MS, context_on, leader, raw, spec};
use crate::{Chain, ChainSpec, Module, Timing, genesis};
use alloy_primitives::B256;
use commonware_consensus::{CertifiableBlock as _, marshal::ancestry};
use commonware_cryptography::{Digested, Digestible as _};
use commonware_glue::stateful::{Application, Finality, Input, db::DatabaseSet as _};
use commonware_runtime::{
    Runner as _, Spawner as _, Supervisor as _,
    buffer::paged::CacheRef,
    deterministic::{self, Context as Runtime},
};
use commonware_utils::{NZU16, NZUsize};
use std::{
    future::Future,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};
use trellis_executor::{Engine, Transaction, Workers};
use trellis_primitives::Block;
use trellis_state::{
    AppliedState, Bridge, History, HistoryConfig, RecordedBlock, SyncState,
    tree::{self, Batches, Databases, Sealed},
};
use trellis_txpool::Limits;

/// Runs `test` in a deterministic runtime that starts at the genesis time.
pub(crate) fn run<F: Future<Output = ()>>(test: impl FnOnce(Runtime) -> F) {
    let start = UNIX_EPOCH + Duration::from_millis(GENESIS_MS);
    let config = deterministic::Config::default().with_start_time(start);
    deterministic::Runner::new(config).start(test);
}

/// One validator's module over real databases, driven as consensus drives it, without consensus.
pub(crate) struct Node {
    pub(crate) context: Runtime,
    pub(crate) module: Module,
    pub(crate) chain: Arc<Chain>,
    pub(crate) databases: Databases<Runtime>,
}

impl Node {
    /// A validator of [`spec`] that keeps its state under `prefix`.
    pub(crate) async fn start(context: &Runtime, prefix: &'static str) -> Self {
        Self::with(context, prefix, spec(), Timing::default()).await
    }

    pub(crate) async fn with(
        context: &Runtime,
        prefix: &'static str,
        spec: ChainSpec,
        timing: Timing,
    ) -> Self {
        let history = History::in_memory(HistoryConfig::new(spec.identity(), 8));
        let cache = CacheRef::new(NZU16!(1024), NZUsize!(256));
        let config = || tree::config::<Runtime>(prefix, &cache);
        let state = genesis::state(&spec);
        let seeded = tree::seed(context.child("seed"), config(), &state).await;
        let genesis = genesis::block(&spec, seeded.unwrap(), leader()).unwrap();
        let targets = tree::targets::<Runtime>(&genesis.extension().state);
        let databases =
            Databases::<Runtime>::init(context.child("databases"), config(), Some(targets)).await;
        let chain = Chain::open(
            spec,
            genesis,
            history,
            8,
            Limits::default(),
            Engine::new(Workers::new(1)),
            crate::Exchange::insecure(1),
        )
        .unwrap();
        let applied = SyncState::new(AppliedState(databases.clone()), Bridge::Block);
        chain.attach_state(Arc::new(applied), 0);
        let writer = chain.clone();
        context
            .child("history")
            .spawn(move |_| async move { writer.write_history().await.unwrap() });
        Self {
            context: context.child("node"),
            module: Module::new(chain.clone(), Bridge::Poll, timing, &leader()),
            chain,
            databases,
        }
    }

    /// The head, as a block.
    pub(crate) fn head(&self) -> Block {
        self.chain.head().block.clone()
    }

    /// Asks the application for a block on `parent`, whose state `batches` are on.
    pub(crate) async fn propose_on(
        &self,
        parent: &Block,
        batches: Batches<Runtime>,
    ) -> Option<(Block, Sealed<Runtime>)> {
        let context = (self.context.child("propose"), context_on(parent));
        let ancestry = ancestry::from_iter([digested(parent)]);
        let input = Input {
            upstream: (),
            provider: (),
        };
        let mut module = self.module.clone();
        let proposed = module.propose(context, ancestry, batches, input).await?;
        Some((proposed.block, proposed.merkleized))
    }

    /// Asks the application for a block on the head.
    pub(crate) async fn propose(&self) -> Option<(Block, Sealed<Runtime>)> {
        let batches = self.databases.new_batches().await;
        self.propose_on(&self.head(), batches).await
    }

    /// Asks the application about a block on the head, as a validator that votes does.
    pub(crate) async fn process(&self, block: &Block) -> Option<Sealed<Runtime>> {
        let parent = self.head();
        let context = (self.context.child("process"), block.context());
        let ancestry = ancestry::from_iter([digested(block), digested(&parent)]);
        let batches = self.databases.new_batches().await;
        let mut module = self.module.clone();
        module
            .process(context, ancestry, batches, Finality::Candidate)
            .await
    }

    /// Makes `block` final, in the order the library does it.
    pub(crate) async fn finalize(&self, block: &Block, sealed: Sealed<Runtime>) {
        let mut module = self.module.clone();
        let context = || (self.context.child("finalize"), block.context());
        let readers = self.databases.readers();
        module.capture(context(), block, &sealed, readers).await;
        self.databases.apply(sealed).await;
        assert!(self.databases.finalize().await.durable().await);
        let readers = self.databases.readers();
        Application::<Runtime>::finalized(&mut module, context(), block, (), readers).await;
    }

    /// Proposes a block on the head and makes it final.
    pub(crate) async fn mine(&self) -> Arc<RecordedBlock> {
        let (block, sealed) = self.propose().await.expect("there is something to build");
        self.finalize(&block, sealed).await;
        self.chain.head()
    }

    /// Submits as a client does.
    pub(crate) fn submit(&self, transaction: &Transaction) -> B256 {
        self.chain.submit(raw(transaction)).unwrap()
    }
}

fn digested(block: &Block) -> Digested<Block> {
    Digested::precomputed(block.clone(), block.digest())
}
