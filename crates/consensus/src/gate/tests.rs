use super::*;
use crate::network;
use commonware_consensus::marshal::ancestry;
use commonware_cryptography::{Digestible as _, Signer as _, ed25519};
use commonware_runtime::{
    Runner as _,
    deterministic::{Context as Runtime, Runner},
};
use futures::FutureExt as _;
use parking_lot::Mutex;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use trellis_module::{ChainSpec, genesis};
use trellis_primitives::{Block, Context, ModuleId, StateCommitment, TreeCommitment};

const WANTED: Duration = Duration::from_secs(1);
const CHANGED: Duration = Duration::from_secs(20);
const TIMELY: Duration = Duration::from_secs(300);

pub(crate) fn genesis() -> Block {
    let spec = ChainSpec {
        network: "test".to_owned(),
        network_id: 123_456,
        id: ModuleId::HUB,
        name: "hub".parse().unwrap(),
        modules: 3,
        gas_limit: 30_000_000,
        alloc: Vec::new(),
        validators: alloy_primitives::B256::ZERO,
        timestamp_ms: 1,
        payments: None,
    };
    let tree = TreeCommitment {
        root: alloy_primitives::B256::ZERO,
        ops_root: alloy_primitives::B256::ZERO,
        start: 0,
        end: 1,
    };
    let state = StateCommitment {
        accounts: tree,
        storage: tree,
        code: tree,
    };
    let leader = ed25519::PrivateKey::from_seed(0).public_key();
    genesis::block(&spec, state, leader).unwrap()
}

fn digested() -> Digested<Block> {
    let block = genesis();
    let digest = block.digest();
    Digested::precomputed(block, digest)
}

/// What was called, and when.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(&'static str, Duration)>>>);

impl Log {
    fn note(&self, what: &'static str, clock: &impl Clock) {
        let now = clock.current().duration_since(SystemTime::UNIX_EPOCH);
        // The runtime's clock moves in small cycles; whole seconds are what the test is about.
        let seconds = Duration::from_secs(now.unwrap().as_secs());
        self.0.lock().push((what, seconds));
    }

    fn take(&self) -> Vec<(&'static str, u64)> {
        let entries = std::mem::take(&mut *self.0.lock());
        entries
            .into_iter()
            .map(|(what, at)| (what, at.as_secs()))
            .collect()
    }
}

/// An application that comes out empty a number of times.
#[derive(Clone)]
struct Inner {
    log: Log,
    empty: usize,
    verdict: bool,
}

impl commonware_consensus::Application<Runtime> for Inner {
    type SigningScheme = network::Scheme;
    type Context = Context;
    type Block = Block;
    type Input = ();

    async fn prepare(
        &mut self,
        (runtime, _): (Runtime, Context),
        _: impl Ancestry<Block>,
        (): (),
    ) -> Handoff<Digested<Block>> {
        self.log.note("prepare", &runtime);
        Handoff::Stage(digested())
    }

    async fn propose(
        &mut self,
        (runtime, _): (Runtime, Context),
        _: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        self.log.note("build", &runtime);
        match self.empty.checked_sub(1) {
            Some(left) => {
                self.empty = left;
                None
            }
            None => Some(digested()),
        }
    }

    async fn verify(
        &mut self,
        (runtime, _): (Runtime, Context),
        mut ancestry: impl Ancestry<Block>,
    ) -> bool {
        use futures::StreamExt as _;
        self.log.note("verify", &runtime);
        let block = ancestry
            .next()
            .await
            .expect("the block is still in the stream");
        assert_eq!(block.inner().hash(), genesis().hash());
        self.verdict
    }
}

/// A pace in which everything takes its time.
#[derive(Clone)]
struct Slow(Log);

impl Pace<Runtime, Block> for Slow {
    async fn wanted(&self, clock: &Runtime, parent: &Block) {
        assert_eq!(parent.number(), 0);
        self.0.note("wanted", clock);
        clock.sleep(WANTED).await;
    }

    async fn changed(&self, clock: &Runtime) {
        self.0.note("changed", clock);
        clock.sleep(CHANGED).await;
    }

    async fn timely(&self, clock: &Runtime, block: &Block) {
        assert_eq!(block.number(), 0);
        self.0.note("timely", clock);
        clock.sleep(TIMELY).await;
    }
}

struct Test {
    gate: Gate<Inner, Slow>,
    log: Log,
    context: Runtime,
}

impl Test {
    fn input(&self) -> (Runtime, Context) {
        (self.context.child("gate"), genesis().context())
    }
}

/// Runs `test` on a gate whose application comes out empty `empty` times.
fn run<F: Future<Output = ()>>(empty: usize, verdict: bool, test: impl FnOnce(Test) -> F) {
    Runner::default().start(|context| {
        let log = Log::default();
        let inner = Inner {
            log: log.clone(),
            empty,
            verdict,
        };
        let gate = Gate::new(inner, Slow(log.clone()));
        test(Test { gate, log, context })
    });
}

/// A build waits in front of the state machine, never in it.
#[test]
fn a_build_waits_until_a_block_is_wanted() {
    run(0, true, |mut test| async move {
        let input = test.input();
        let built = test
            .gate
            .propose(input, ancestry::from_iter([digested()]), ())
            .await;
        assert_eq!(built.unwrap().inner().hash(), genesis().hash());
        assert_eq!(test.log.take(), [("wanted", 0), ("build", 1)]);
    });
}

#[test]
fn an_empty_build_is_tried_again_after_a_change() {
    run(2, true, |mut test| async move {
        let input = test.input();
        let built = test
            .gate
            .propose(input, ancestry::from_iter([digested()]), ())
            .await;
        assert!(built.is_some());
        let expected = [
            ("wanted", 0),
            ("build", 1),
            ("changed", 1),
            ("wanted", 21),
            ("build", 22),
            ("changed", 22),
            ("wanted", 42),
            ("build", 43),
        ];
        assert_eq!(test.log.take(), expected);
    });
}

/// Consensus leaves the view: whatever is waited for, nothing is built afterwards.
#[test]
fn a_cancelled_proposal_builds_nothing() {
    for wait in [Duration::ZERO, WANTED / 2, WANTED + CHANGED / 2] {
        run(usize::MAX, true, |mut test| async move {
            let input = test.input();
            {
                let ancestry = ancestry::from_iter([digested()]);
                let mut proposal = Box::pin(test.gate.propose(input, ancestry, ()));
                assert!(proposal.as_mut().now_or_never().is_none());
                let sleep = Box::pin(test.context.sleep(wait));
                futures::future::select(proposal, sleep).await;
            }
            let builds = |log: &Log| {
                log.take()
                    .iter()
                    .filter(|(what, _)| *what == "build")
                    .count()
            };
            assert_eq!(builds(&test.log), usize::from(wait > WANTED));
            test.context.sleep(Duration::from_secs(1_000)).await;
            assert_eq!(builds(&test.log), 0);
        });
    }
}

/// EXE-2: the clock delays the question; the verdict is the application's.
#[test]
fn a_vote_waits_for_the_clock_and_then_asks() {
    for verdict in [true, false] {
        run(0, verdict, |mut test| async move {
            let input = test.input();
            let voted = test
                .gate
                .verify(input, ancestry::from_iter([digested()]))
                .await;
            assert_eq!(voted, verdict);
            assert_eq!(test.log.take(), [("timely", 0), ("verify", 300)]);
        });
    }
}

#[test]
fn a_cancelled_vote_asks_nothing() {
    run(0, true, |mut test| async move {
        let input = test.input();
        let ancestry = ancestry::from_iter([digested()]);
        let vote = test.gate.verify(input, ancestry);
        assert!(vote.now_or_never().is_none());
        test.context.sleep(2 * TIMELY).await;
        assert_eq!(test.log.take(), [("timely", 0)]);
    });
}

/// A wrapper that did not pass this on would answer for the application.
#[test]
fn an_early_build_is_the_applications_to_decide() {
    run(0, true, |mut test| async move {
        let input = test.input();
        let handoff = test
            .gate
            .prepare(input, ancestry::from_iter([digested()]), ())
            .await;
        assert!(matches!(handoff, Handoff::Stage(block) if block.inner().number() == 0));
        assert_eq!(test.log.take(), [("prepare", 0)]);
    });
}

#[test]
fn without_a_parent_there_is_nothing_to_build_or_vote_for() {
    run(0, true, |mut test| async move {
        let none = || ancestry::from_iter::<Block>([]);
        let input = test.input();
        assert!(test.gate.propose(input, none(), ()).await.is_none());
        let input = test.input();
        assert!(!test.gate.verify(input, none()).await);
        assert!(test.log.take().is_empty());
    });
}
