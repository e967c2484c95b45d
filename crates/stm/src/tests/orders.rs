//! Whatever the order in which workers get somewhere, the line is the sequential one (EXE-1).

use super::*;
use programs::{any_programs, increment, set};
use proptest::{collection::btree_set, prelude::*};

const COUNTS: [usize; 4] = [1, 2, 4, 8];
const WINDOWS: [usize; 3] = [1, 4, 64];

/// A fresh list for each number of workers and each window.
fn check_all(list: impl Fn() -> List) {
    for count in COUNTS {
        let workers = Workers::exactly(count);
        for window in WINDOWS {
            list().check(&workers, Schedule { window });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// EXE-1: no number of workers, window or delay changes the line, and none of what keeps outcomes from being used:
    /// not worth it, refused, panicked.
    #[test]
    fn the_line_is_the_sequential_one(
        programs in any_programs(),
        trivial in prop::option::of(btree_set(0..60_usize, 0..30)),
        refused in btree_set(0..60_usize, 0..4),
        panics_ahead in btree_set(0..60_usize, 0..4),
        seed in any::<u64>(),
    ) {
        let len = programs.len();
        let within = |set: &BTreeSet<usize>| set.range(..len).copied().collect();
        check_all(|| List {
            trivial: trivial.as_ref().map(within).unwrap_or_default(),
            refused: refused.clone(),
            panics_ahead: panics_ahead.clone(),
            delays: Some(seed),
            ..List::new(programs.clone())
        });
    }
}

/// EXE-1, where everything executed ahead fails: each number read is the one the transaction before wrote. Long enough for
/// the pauses of speculation.
#[test]
fn a_chain_in_which_each_depends_on_the_one_before() {
    check_all(|| List {
        delays: Some(7),
        ..List::new(vec![increment(3); 400])
    });
}

/// EXE-1, where nothing depends on anything.
#[test]
fn independent_transactions() {
    let programs: Vec<_> = (0..400_u64)
        .map(|number| set((number % 8) as u8, number))
        .collect();
    check_all(|| {
        let list = List::new(programs.clone());
        List {
            delays: Some(11),
            ..list
        }
    });
}

#[test]
fn transactions_that_read_nothing_never_fail() {
    for count in COUNTS {
        let list = List {
            delays: Some(13),
            ..List::new(vec![set(1, 1); 200])
        };
        let report = list.check(&Workers::exactly(count), Schedule::default());
        assert_eq!(report.failed, 0);
    }
}

#[test]
fn an_empty_list() {
    check_all(|| List::new(Vec::new()));
}

#[test]
fn more_workers_than_transactions() {
    for len in 1..5 {
        check_all(|| List {
            delays: Some(17),
            ..List::new(vec![increment(0); len])
        });
    }
}

#[test]
fn nothing_worth_executing_ahead_is_executed_in_line() {
    for count in COUNTS {
        let list = List {
            trivial: (0..50).collect(),
            ..List::new(vec![increment(0); 50])
        };
        let report = list.check(&Workers::exactly(count), Schedule::default());
        assert_eq!(report.in_line, 50);
    }
}

#[test]
fn a_lone_worker_executes_nothing_ahead() {
    let list = List::new(vec![increment(0); 50]);
    let report = list.check(&Workers::exactly(1), Schedule::default());
    assert_eq!(report.in_line, 50);
}

/// The largest window says that there is no limit; no multiple of it may overflow.
#[test]
fn a_window_without_a_limit() {
    for count in COUNTS {
        let list = List::new(vec![increment(0); 50]);
        let window = usize::MAX;
        list.check(&Workers::exactly(count), Schedule { window });
    }
}

/// Runs two programs so that the second is executed ahead, on the state before the first. Returns how often the second
/// was executed.
fn second_ahead_of_first(first: Program, second: Program) -> (Report, usize) {
    let list = List {
        waits: Some((0, 1)),
        ..List::new(vec![first, second])
    };
    let report = list.check(&Workers::exactly(2), Schedule::default());
    (report, list.executions(1))
}

#[test]
fn what_read_a_value_since_changed_is_executed_again() {
    let (report, executions) = second_ahead_of_first(increment(0), increment(0));
    assert_eq!((report.failed, executions), (1, 2));
}

#[test]
fn what_read_a_value_since_written_equal_is_not_executed_again() {
    let (report, executions) = second_ahead_of_first(set(0, 0), increment(0));
    assert_eq!((report.failed, executions), (0, 1));
}

#[test]
fn what_read_other_values_is_not_executed_again() {
    let (report, executions) = second_ahead_of_first(increment(0), increment(1));
    assert_eq!((report.failed, executions), (0, 1));
}

/// Threads that ran one list run the next, whatever it is.
#[test]
fn workers_are_used_for_many_runs() {
    let workers = Workers::exactly(4);
    for len in (0..200).map(|run| run % 7) {
        List::new(vec![increment(0); len]).check(&workers, Schedule::default());
    }
}

/// Two callers may share workers. Whoever gets no thread does all of it alone.
#[test]
fn workers_are_shared_by_callers() {
    let workers = Workers::exactly(3);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let workers = &workers;
            scope.spawn(move || {
                let list = List {
                    delays: Some(seed),
                    ..List::new(vec![increment(0); 100])
                };
                list.check(workers, Schedule::default());
            });
        }
    });
}

#[test]
fn there_are_no_more_workers_than_the_machine_runs_at_once() {
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(Workers::new(1000).count() <= cores);
    assert_eq!(Workers::new(0).count(), 1);
    assert_eq!(Workers::exactly(0).count(), 1);
    assert_eq!(Workers::exactly(cores + 1).count(), cores + 1);
}

#[test]
fn each_worker_is_called_once() {
    for count in COUNTS {
        let calls: Vec<_> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        Workers::exactly(count).each(|worker| {
            calls[worker].fetch_add(1, Ordering::Relaxed);
        });
        assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1));
    }
}

/// Waking workers changes nothing but when they are there.
#[test]
fn workers_that_were_woken_run_as_others() {
    for count in [1, 2, 4] {
        let workers = Workers::exactly(count);
        drop(workers.wake());
        let awake = workers.wake();
        let list = List::new((0..40).map(|index| increment(index % 8)).collect());
        if count % 2 == 0 {
            drop(awake);
        }
        list.check(&workers, Schedule::default());
    }
}
