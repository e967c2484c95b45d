//! A panic on a state that never was is no verdict. One on the real state is, and it must not leave anybody waiting.

use super::*;
use programs::{increment, set};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The panic that comes out of a run.
fn panic_of(list: &List, workers: &Workers) -> Failed {
    let run = || drop(workers.run(list, &mut Line::default(), Schedule::default()));
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("the list panics");
    *panic.downcast().expect("the panic is the list's own")
}

/// The second panics on the state before the first, and only there.
#[test]
fn a_panic_ahead_is_no_verdict() {
    let list = List {
        waits: Some((0, 1)),
        panics_ahead: [1].into(),
        ..List::new(vec![increment(0), increment(1)])
    };
    let report = list.check(&Workers::exactly(2), Schedule::default());
    assert_eq!((report.failed, list.executions(1)), (1, 2));
}

/// EXE-1, though each execution ahead panics and each replica is given up. What a new one is brought up to is checked at
/// each commit.
#[test]
fn a_worker_goes_on_after_a_panic_ahead() {
    for count in [1, 2, 4, 8] {
        let list = List {
            panics_ahead: (0..100).step_by(2).collect(),
            delays: Some(5),
            ..List::new((0..100).map(|index| increment(index % 3)).collect())
        };
        list.check(&Workers::exactly(count), Schedule::default());
    }
}

/// Whichever thread it happens on, the caller sees it, and the same workers are as good as before.
#[test]
fn a_panic_on_the_exact_state_reaches_the_caller_and_stops_the_others() {
    for count in [1, 2, 4, 8] {
        let workers = Workers::exactly(count);
        for panics in [0, 1, 20, 39] {
            let list = List {
                panics: Some(panics),
                delays: Some(panics as u64),
                ..List::new(vec![increment(0); 40])
            };
            assert_eq!(panic_of(&list, &workers), Failed(panics));
            let committed = |index| usize::from(index < panics);
            assert!(list.commits().into_iter().eq((0..40).map(committed)));
            List::new(vec![increment(0); 40]).check(&workers, Schedule::default());
        }
    }
}

/// A commit that panics may have changed half of the line. The line must not get to another worker, that would commit the
/// same transaction once more on top of it: commits happen once each.
#[test]
fn after_a_panic_in_a_commit_nothing_is_committed() {
    let ahead = List {
        waits: Some((0, 1)),
        ..List::new(vec![increment(0), set(1, 1), set(2, 1)])
    };
    let not_worth_it = List {
        trivial: [1].into(),
        ..List::new(vec![increment(0), set(1, 1), set(2, 1)])
    };
    for mut list in [ahead, not_worth_it] {
        list.commit_panics = Some(1);
        assert_eq!(panic_of(&list, &Workers::exactly(4)), Failed(1));
        assert_eq!(list.commits(), [1, 1, 0]);
    }
}
