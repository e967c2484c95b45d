//! A module's connections, over the real databases in the deterministic runtime.

use super::*;
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use commonware_consensus::{
    CertifiableBlock as _,
    marshal::ancestry,
    types::{Epoch, Round, View},
};
use commonware_cryptography::{Digested, Digestible as _, Signer as _, ed25519};
use commonware_glue::stateful::{Application as _, Input, db::DatabaseSet as _};
use commonware_runtime::{
    Runner as _, Supervisor as _,
    buffer::paged::CacheRef,
    deterministic::{self, Context as Runtime},
};
use commonware_utils::{NZU16, NZUsize, acknowledgement::Exact};
use futures::FutureExt as _;
use std::time::Duration;
use trellis_executor::{Engine as Executor, Workers};
use trellis_module::{Allocation, ChainSpec, Timing, genesis};
use trellis_primitives::{Context, ModuleId};
use trellis_state::{
    AppliedState, Bridge, History, HistoryConfig, SyncState,
    tree::{self, Databases, Sealed},
};
use trellis_txpool::Limits;

fn signer() -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(1)).unwrap()
}

fn leader() -> ed25519::PublicKey {
    ed25519::PrivateKey::from_seed(0).public_key()
}

fn spec() -> ChainSpec {
    ChainSpec {
        network: "test".to_owned(),
        network_id: 123_456,
        id: ModuleId::HUB,
        name: "hub".parse().unwrap(),
        modules: 3,
        gas_limit: 30_000_000,
        alloc: vec![Allocation {
            address: signer().address(),
            balance: U256::from(10).pow(U256::from(20)),
        }],
        validators: B256::ZERO,
        timestamp_ms: 1,
        payments: None,
    }
}

fn transfer(nonce: u64) -> alloy_primitives::Bytes {
    let transaction = TxEip1559 {
        chain_id: spec().chain_id(),
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 20_000_000_000,
        to: Address::repeat_byte(7).into(),
        ..TxEip1559::default()
    };
    let signature = signer()
        .sign_hash_sync(&transaction.signature_hash())
        .unwrap();
    let envelope: TxEnvelope = transaction.into_signed(signature).into();
    envelope.encoded_2718().into()
}

struct Node {
    context: Runtime,
    module: Module,
    chain: Arc<Chain>,
    databases: Databases<Runtime>,
}

impl Node {
    async fn start(context: Runtime) -> Self {
        let cache = CacheRef::new(NZU16!(1024), NZUsize!(64));
        let config = || tree::config::<Runtime>("a", &cache);
        let seeded = tree::seed(context.child("seed"), config(), &genesis::state(&spec())).await;
        let genesis = genesis::block(&spec(), seeded.unwrap(), leader()).unwrap();
        let databases = Databases::<Runtime>::init(context.child("db"), config(), None).await;
        let history = History::in_memory(HistoryConfig::new(spec().identity(), 8));
        let chain = Chain::open(
            spec(),
            genesis,
            history,
            8,
            Limits::default(),
            Executor::new(Workers::new(1)),
            trellis_module::Exchange::insecure(1),
        )
        .unwrap();
        let state = SyncState::new(AppliedState(databases.clone()), Bridge::Block);
        chain.attach_state(Arc::new(state), 0);
        let module = Module::new(chain.clone(), Bridge::Poll, Timing::default(), &leader());
        Self {
            context,
            module,
            chain,
            databases,
        }
    }

    async fn propose(&self) -> (Block, Sealed<Runtime>) {
        let parent = self.chain.head().block.clone();
        let context = Context {
            round: Round::new(Epoch::zero(), View::new(parent.number() + 1)),
            leader: leader(),
            parent: (View::new(parent.number()), parent.digest()),
        };
        let input = Input {
            upstream: (),
            provider: (),
        };
        let digest = parent.digest();
        let ancestry = ancestry::from_iter([Digested::precomputed(parent, digest)]);
        let batches = self.databases.new_batches().await;
        let context = (self.context.child("propose"), context);
        let mut module = self.module.clone();
        let proposed = module
            .propose(context, ancestry, batches, input)
            .await
            .unwrap();
        (proposed.block, proposed.merkleized)
    }

    async fn finalize(&self, block: &Block, sealed: Sealed<Runtime>) {
        let context = || (self.context.child("finalize"), block.context());
        let readers = || self.databases.readers();
        let mut module = self.module.clone();
        module.capture(context(), block, &sealed, readers()).await;
        self.databases.apply(sealed).await;
        assert!(self.databases.finalize().await.durable().await);
        module.finalized(context(), block, (), readers()).await;
    }
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Runtime) -> F) {
    deterministic::Runner::default().start(test);
}

/// STA-1: consensus forgets a block when it is acknowledged, so that must wait until the history holds it, however long
/// the databases have been done.
#[test]
fn a_block_is_acknowledged_once_the_history_holds_it() {
    run(|context| async move {
        let node = Node::start(context.child("node")).await;
        let mut reporter = HistoryReporter::new(context.child("reporter"), node.chain.clone());
        node.chain.submit(transfer(0)).unwrap();
        let (block, sealed) = node.propose().await;
        let (acknowledgement, mut acknowledged) = Exact::handle();
        let digested = Digested::precomputed(block.clone(), block.digest());
        let update = Update::Block(digested, acknowledgement);
        assert_eq!(reporter.clone().report(update), Feedback::Ok);
        context.sleep(Duration::from_secs(1)).await;
        assert!(
            (&mut acknowledged).now_or_never().is_none(),
            "it is not final"
        );

        node.finalize(&block, sealed).await;
        context.sleep(Duration::from_secs(1)).await;
        assert_eq!(node.chain.head().number(), 1);
        assert!(
            (&mut acknowledged).now_or_never().is_none(),
            "it is not written"
        );

        let writer = node.chain.clone();
        context
            .child("writer")
            .spawn(move |_| async move { writer.write_history().await.unwrap() });
        acknowledged.await.expect("acknowledged, not cancelled");

        // What is delivered again after a restart is acknowledged at once.
        let (acknowledgement, again) = Exact::handle();
        let digested = Digested::precomputed(block.clone(), block.digest());
        reporter.report(Update::Block(digested, acknowledgement));
        again.await.unwrap();
    });
}

/// A tip is news about consensus, and says nothing about what is stored.
#[test]
fn tips_need_no_acknowledgement() {
    run(|context| async move {
        let node = Node::start(context.child("node")).await;
        let mut reporter = HistoryReporter::new(context.child("reporter"), node.chain.clone());
        let genesis = node.chain.genesis();
        let round = genesis.context().round;
        let height = commonware_consensus::Heightable::height(genesis);
        let tip = Update::Tip(round, height, genesis.digest());
        assert_eq!(reporter.report(tip), Feedback::Ok);
    });
}

#[test]
fn the_relay_carries_transactions_out_and_in() {
    run(|context| async move {
        let node = Node::start(context.child("node")).await;
        let mut relay = PoolRelay::new(node.chain.clone()).unwrap();
        assert!(
            PoolRelay::new(node.chain.clone()).is_none(),
            "there is one relay"
        );
        assert_eq!(relay.try_next(), None);
        assert!(relay.next().now_or_never().is_none());

        node.chain.submit(transfer(0)).unwrap();
        node.chain.submit(transfer(1)).unwrap();
        assert_eq!(relay.next().await, Some(transfer(0).0));
        assert_eq!(relay.try_next(), Some(transfer(1).0));
        assert_eq!(relay.try_next(), None);
        assert_eq!(relay.rebroadcast(1), [transfer(0).0]);
        assert_eq!(relay.rebroadcast(10).len(), 2);

        // What a peer sends enters the pool, junk beside it does no harm, and none of it is sent on.
        relay.receive(vec![transfer(2).0, Bytes::from_static(b"junk")]);
        assert_eq!(node.chain.pool_stats().executable, 3);
        assert_eq!(relay.try_next(), None);
        assert_eq!(relay.rebroadcast(10).len(), 2);
    });
}
