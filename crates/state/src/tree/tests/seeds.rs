//! Seeding: once, again, in parts, and through failing storage.

use super::*;
use commonware_runtime::{
    Spawner as _,
    deterministic::{Config as RunConfig, FaultConfig, PartialWriteMode, Runner, WriteConfig},
};
use commonware_utils::{Probability, probability};

fn genesis() -> StateDiff {
    let edit = Edit::default().code(b"\x60\x00").code(b"\x60\x01");
    let edit = (1..40).fold(edit, |edit, byte| edit.account(byte, Some(account(3))));
    (0..40)
        .fold(edit, |edit, slot| edit.slot(1, slot, slot + 1))
        .0
}

async fn seed_at(context: &Runtime, prefix: &str, diff: &StateDiff) -> StateCommitment {
    let seeded = seed(context.child("seed"), config_of(prefix), diff).await;
    seeded.unwrap()
}

#[test]
fn seeding_again_changes_nothing() {
    run(|context| async move {
        let once = seed_at(&context, "a", &genesis()).await;
        assert_eq!(seed_at(&context, "a", &genesis()).await, once);
        assert_eq!(seed_at(&context, "b", &genesis()).await, once);

        let mut other = genesis();
        let last = other.accounts.last().map(|(address, _)| *address);
        other.accounts.remove(&last.unwrap());
        assert_ne!(seed_at(&context, "c", &other).await.root(), once.root());
    });
}

#[test]
fn a_seeded_node_opens_at_what_the_genesis_commits_to() {
    run(|context| async move {
        let seeded = seed_at(&context, "a", &genesis()).await;
        let expected = Some(targets::<Runtime>(&seeded));
        // Opening at another target would panic.
        let databases =
            Databases::<Runtime>::init(context.child("open"), config_of("a"), expected).await;
        assert_eq!(committed(&databases).await, seeded);
    });
}

/// STA-1: a crash between two databases leaves any of them seeded and the others empty.
#[test]
fn what_a_crash_left_out_is_seeded_by_the_next_start() {
    run(|context| async move {
        let whole = seed_at(&context, "whole", &genesis()).await;
        for parts in 0..8_u8 {
            let mut some = genesis();
            if parts & 1 == 0 {
                some.accounts.clear();
            }
            if parts & 2 == 0 {
                some.storage.clear();
            }
            if parts & 4 == 0 {
                some.code.clear();
            }
            let prefix = format!("part{parts}");
            let partly = seed_at(&context, &prefix, &some).await;
            assert_eq!(partly == whole, parts == 7, "parts {parts:03b}");
            assert_eq!(seed_at(&context, &prefix, &genesis()).await, whole);
        }
    });
}

/// How many of the databases hold anything.
async fn seeded(context: &Runtime) -> usize {
    let held = open(context, "a").await.committed_targets().await;
    let empty = Databases::<Runtime>::initial_sync_targets();
    let parts = [held.0 != empty.0, held.1 != empty.1, held.2 != empty.2];
    parts.iter().filter(|seeded| **seeded).count()
}

/// STA-1: storage that fails at any write or sync, keeping any of the unsynced bytes, then a crash. The next start
/// finishes the seed as if nothing had happened.
#[test]
fn a_seed_survives_failing_storage() {
    let (expected, _) = Runner::default()
        .start_and_recover(|context| async move { seed_at(&context, "a", &genesis()).await });
    let mut left = [0; 4];
    for round in 0..60 {
        // Rare failures reach the later databases, frequent ones stay in the first.
        let rate = |often| Probability::new(1, often + 4 * (round % 8)).unwrap();
        let faults = FaultConfig::default().sync(rate(4)).write(WriteConfig {
            failure_rate: rate(8),
            retention_rate: probability!(1, 2),
            mode: PartialWriteMode::Subset,
        });
        let config = RunConfig::default()
            .with_seed(round)
            .with_catch_panics(true);
        let ((), checkpoint) = Runner::new(config).start_and_recover(|context| async move {
            // The files exist, so that most of what can fail is the seed itself.
            drop(open(&context, "a").await);
            *context.storage_fault_config().write() = faults;
            let task = context.child("task").spawn(|context| async move {
                seed(context.child("seed"), config_of("a"), &genesis()).await
            });
            // It may fail, panic or succeed.
            let _ = task.await;
        });
        let (held, checkpoint) = Runner::from(checkpoint).start_and_recover(|context| async move {
            *context.storage_fault_config().write() = FaultConfig::default();
            seeded(&context).await
        });
        left[held] += 1;
        Runner::from(checkpoint).start(|context| async move {
            *context.storage_fault_config().write() = FaultConfig::default();
            let seeded = seed_at(&context, "a", &genesis()).await;
            assert_eq!(seeded, expected, "round {round}");
        });
    }
    // The rounds reached every stage.
    assert!(left.iter().all(|rounds| *rounds > 0), "{left:?}");
}
