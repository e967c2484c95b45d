use super::*;
use crate::{
    Timing,
    testing::{GENESIS_MS, Light, leader, run, sign, transfer},
};
use commonware_runtime::{Spawner as _, Supervisor as _, deterministic::Context as Runtime};
use futures::FutureExt as _;
use trellis_state::Bridge;

const BLOCK: Duration = Duration::from_millis(100);
const HEARTBEAT: Duration = Duration::from_secs(60);

fn module(light: &Light) -> Module {
    let timing = Timing {
        block_time: BLOCK,
        heartbeat: HEARTBEAT,
        build_limit: Duration::from_secs(1),
    };
    Module::new(light.chain.clone(), Bridge::Poll, timing, &leader())
}

/// How long after the genesis it is.
fn elapsed(context: &Runtime) -> Duration {
    Duration::from_millis(unix_ms(context.current()) - GENESIS_MS)
}

/// The runtime's clock is exact to its cycle.
fn assert_about(context: &Runtime, expected: Duration) {
    let late = elapsed(context).checked_sub(expected).expect("not early");
    assert!(
        late <= Duration::from_millis(20),
        "{late:?} after {expected:?}"
    );
}

#[test]
fn a_block_is_wanted_when_its_time_has_come_and_something_waits() {
    run(|context| async move {
        let light = Light::new();
        light.submit(&transfer(0, 0));
        module(&light).wanted(&context, light.chain.genesis()).await;
        assert_about(&context, BLOCK);
    });
}

#[test]
fn an_idle_module_waits_for_the_heartbeat() {
    run(|context| async move {
        let light = Light::new();
        module(&light).wanted(&context, light.chain.genesis()).await;
        assert_about(&context, HEARTBEAT);
    });
}

#[test]
fn a_new_transaction_ends_the_wait() {
    run(|context| async move {
        let light = Light::new();
        let chain = light.chain.clone();
        let later = Duration::from_secs(7);
        let client = context.child("client").spawn(move |context| async move {
            // What is no reason for a block wakes the leader in vain.
            context.sleep(Duration::from_secs(3)).await;
            chain.submit(crate::testing::raw(&transfer(0, 1))).unwrap();
            context.sleep(later - Duration::from_secs(3)).await;
            chain.submit(crate::testing::raw(&transfer(0, 0))).unwrap();
        });
        module(&light).wanted(&context, light.chain.genesis()).await;
        assert_about(&context, later);
        client.await.unwrap();
    });
}

#[test]
fn a_transaction_that_waits_for_a_lower_fee_wants_blocks() {
    run(|context| async move {
        let light = Light::new();
        light.submit(&sign(0, 0, |tx| {
            tx.max_fee_per_gas = 500_000_000;
            tx.max_priority_fee_per_gas = 0;
        }));
        module(&light).wanted(&context, light.chain.genesis()).await;
        assert_about(&context, BLOCK);
    });
}

/// A block that was certified and then timed out becomes final only with a descendant. Its transactions are in flight,
/// so they want no block; waiting for the heartbeat would leave them without an answer for that long.
#[test]
fn an_unfinalized_parent_wants_a_descendant() {
    run(|context| async move {
        let light = Light::new();
        light.submit(&transfer(0, 0));
        let parent = light.build(light.chain.genesis(), &[transfer(0, 0)]);
        let empty = light.build(&parent.recorded.block, &[]);
        let mut expected = Duration::ZERO;
        for (parent, patience) in [(&parent, CLOSING), (&empty, FINALITY_PATIENCE)] {
            let block = &parent.recorded.block;
            assert_eq!(light.chain.demand(block), Demand::None);
            module(&light).wanted(&context, block).await;
            // A parent's time is a second after its own parent's.
            expected = Duration::from_secs(block.number()) + patience;
            assert_about(&context, expected);
        }
        assert!(expected < HEARTBEAT);
    });
}

/// Clients that keep an answer for a moment after a block need one more block; then the module is idle.
#[test]
fn one_empty_block_closes_a_series() {
    run(|context| async move {
        let light = Light::new();
        let last = light.build(light.chain.genesis(), &[transfer(0, 0)]);
        light.publish(&last);
        let module = module(&light);
        module.wanted(&context, &last.recorded.block).await;
        assert_about(&context, Duration::from_secs(1) + CLOSING);
        let closing = light.build(&last.recorded.block, &[]);
        light.publish(&closing);
        module.wanted(&context, &closing.recorded.block).await;
        assert_about(&context, Duration::from_secs(2) + HEARTBEAT);
    });
}

#[test]
fn changes_are_told_and_silence_ends() {
    run(|context| async move {
        let light = Light::new();
        let module = module(&light);
        module.changed(&context).await;
        assert_about(&context, Duration::from_secs(1));

        let mut waiting = Box::pin(module.changed(&context));
        assert!(waiting.as_mut().now_or_never().is_none());
        light.submit(&transfer(0, 0));
        waiting.await;
        assert_about(&context, Duration::from_secs(1));
    });
}

/// EXE-2: a clock delays a vote and never decides it.
#[test]
fn votes_wait_for_blocks_from_the_future() {
    run(|context| async move {
        let light = Light::new();
        let module = module(&light);
        let at = |ms: u64| {
            let mut draft = crate::testing::Draft::of(light.chain.genesis());
            draft.extension.timestamp_ms = ms;
            draft.block()
        };
        for ms in [0, GENESIS_MS, GENESIS_MS + 500] {
            module.timely(&context, &at(ms)).await;
            assert_about(&context, Duration::ZERO);
        }
        module.timely(&context, &at(GENESIS_MS + 3_500)).await;
        assert_about(&context, Duration::from_secs(3));
        // NET-1: a time beyond any clock waits, and overflows nothing.
        let forever = at(u64::MAX);
        assert!(module.timely(&context, &forever).now_or_never().is_none());
        assert!(module.wanted(&context, &forever).now_or_never().is_none());
    });
}

#[test]
fn unix_time_has_no_past() {
    assert_eq!(unix_ms(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), 0);
    assert_eq!(
        unix_ms(SystemTime::UNIX_EPOCH + Duration::from_millis(1_234)),
        1_234
    );
}
