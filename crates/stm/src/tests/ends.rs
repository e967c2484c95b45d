//! How a run ends before the end of the list, and what becomes of outcomes that hold but cannot be used.

use super::*;
use programs::increment;

/// A mix of what depends on each other and what does not.
fn programs(len: usize) -> Vec<Program> {
    (0..len).map(|index| increment((index % 3) as u8)).collect()
}

/// The line of the first `len` programs.
fn line_until(list: &List, len: usize) -> Line {
    in_order(&list.programs[..len])
}

/// An error is one of the list as a whole: what comes after does not happen, and what came before is in the line (EXE-1).
#[test]
fn an_error_ends_the_run_and_nothing_after_it_is_committed() {
    for count in [1, 2, 4, 8] {
        let workers = Workers::exactly(count);
        for fails in [0, 1, 5, 38, 39] {
            let list = List {
                fails: Some(fails),
                delays: Some(fails as u64),
                ..List::new(programs(40))
            };
            let mut line = Line::default();
            let error = workers.run(&list, &mut line, Schedule::default());
            assert_eq!(error, Err(Failed(fails)));
            assert_eq!(line, line_until(&list, fails));
            let tried = |index| usize::from(index <= fails);
            assert!(list.commits().into_iter().eq((0..40).map(tried)));
        }
    }
}

/// Of an outcome executed ahead as of an exact one.
#[test]
fn an_error_of_what_was_executed_ahead_is_returned() {
    let list = List {
        waits: Some((0, 1)),
        fails: Some(1),
        ..List::new(vec![increment(0), increment(1), increment(2)])
    };
    let error = Workers::exactly(2).run(&list, &mut Line::default(), Schedule::default());
    assert_eq!(error, Err(Failed(1)));
    assert_eq!((list.executions(1), list.commits()), (1, vec![1, 1, 0]));
}

/// A full block, for example. The line says when; where the workers are by then does not matter (EXE-1).
#[test]
fn a_line_that_is_over_ends_the_run() {
    for count in [1, 2, 4, 8] {
        let workers = Workers::exactly(count);
        for enough in [0, 1, 7, 39, 40] {
            let list = List {
                enough: Some(enough),
                delays: Some(enough as u64),
                ..List::new(programs(40))
            };
            let mut line = Line::default();
            let report = workers.run(&list, &mut line, Schedule::default()).unwrap();
            assert_eq!(line, line_until(&list, enough));
            assert_eq!(report.held + report.failed + report.in_line, enough);
        }
    }
}

/// Where what an outcome changes depends on more than its reads, the workload refuses it although it holds.
#[test]
fn a_refused_outcome_is_executed_on_the_exact_state() {
    let list = List {
        waits: Some((0, 1)),
        refused: [1].into(),
        ..List::new(vec![increment(0), increment(1)])
    };
    let report = list.check(&Workers::exactly(2), Schedule::default());
    assert_eq!((report.failed, list.executions(1)), (1, 2));
}

#[test]
fn a_list_of_which_every_outcome_is_refused_is_executed_in_order() {
    for count in [1, 2, 4, 8] {
        let list = List {
            refused: (0..100).collect(),
            delays: Some(3),
            ..List::new(programs(100))
        };
        let report = list.check(&Workers::exactly(count), Schedule::default());
        assert_eq!(report.held, 0);
    }
}

/// What the line passes over changes nothing, whether it was executed ahead or not (EXE-1).
#[test]
fn what_is_passed_over_changes_nothing() {
    for count in [1, 2, 4, 8] {
        let list = List {
            passed: (0..100).filter(|index| index % 3 == 0).collect(),
            delays: Some(count as u64),
            ..List::new(programs(100))
        };
        let mut line = Line::default();
        let workers = Workers::exactly(count);
        let report = workers.run(&list, &mut line, Schedule::default()).unwrap();
        let mut kept = programs(100);
        for index in &list.passed {
            // A program without steps changes nothing, and its result is zero.
            kept[*index] = Program(Vec::new());
        }
        assert_eq!(line, in_order(&kept));
        assert_eq!(report.passed_over, 34);
        assert_eq!(report.held + report.failed + report.in_line, 66);
    }
}
