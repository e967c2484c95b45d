//! Attacks on EXE-1 with a workload whose sequential meaning is plain: small programs over eight numbers.

mod ends;
mod orders;
mod panics;
mod programs;

use crate::{Access, Reads, Report, Schedule, Workers, Workload, Writes, hold};
use programs::{KEYS, Memory, Program, View, in_order};
use std::{
    collections::BTreeSet,
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{panicking, yield_now},
    time::Duration,
};

/// A list of programs, and what goes wrong with them.
#[derive(Debug, Default)]
struct List {
    programs: Vec<Program>,
    /// Not worth executing ahead.
    trivial: BTreeSet<usize>,
    /// Outcomes that are refused unless they are exact.
    refused: BTreeSet<usize>,
    /// Executions on a state that is not the real one panic.
    panics_ahead: BTreeSet<usize>,
    /// Executions on the real state panic.
    panics: Option<usize>,
    /// The commit that panics, halfway.
    commit_panics: Option<usize>,
    /// The commit that fails.
    fails: Option<usize>,
    /// Passed over by the line.
    passed: BTreeSet<usize>,
    /// How many commits are enough.
    enough: Option<usize>,
    /// The execution of the first ends only after that of the second has begun.
    waits: Option<(usize, usize)>,
    /// Seed of the delays.
    delays: Option<u64>,
    trace: Trace,
}

/// What the scheduler asked for.
#[derive(Debug, Default)]
struct Trace {
    executions: Vec<AtomicUsize>,
    commits: Vec<AtomicUsize>,
    committing: AtomicBool,
}

/// Everything decided in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    results: Vec<u64>,
    state: [u64; KEYS],
}

/// The eight numbers as of `version` commits.
struct Replica {
    values: [u64; KEYS],
    version: usize,
}

/// Giving up a large state takes time, in which the other workers do what they are not kept from.
impl Drop for Replica {
    fn drop(&mut self) {
        if panicking() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

struct Outcome {
    reads: Reads<u8, u64>,
    writes: Writes<u8, u64>,
    result: u64,
    /// The version it was executed on.
    on: usize,
}

/// The commit of this index did not work.
#[derive(Debug, PartialEq, Eq)]
struct Failed(usize);

/// Panics without a message on the terminal.
fn panic_quietly(index: usize) -> ! {
    resume_unwind(Box::new(Failed(index)))
}

/// Holds an execution up for a moment. Which one follows from the number; what the machine makes of it does not.
fn delay(mut number: u64) {
    // SplitMix64, so that neighbours differ.
    number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^= number >> 31;
    let length = number >> 8;
    match number % 8 {
        0..4 => {}
        4 | 5 => (0..length % 8).for_each(|_| yield_now()),
        6 => (0..length % 1024).for_each(|_| std::hint::spin_loop()),
        _ => std::thread::sleep(Duration::from_micros(length % 64)),
    }
}

impl List {
    fn new(programs: Vec<Program>) -> Self {
        let counters = || programs.iter().map(|_| AtomicUsize::new(0)).collect();
        Self {
            trace: Trace {
                executions: counters(),
                commits: counters(),
                committing: AtomicBool::new(false),
            },
            programs,
            ..Self::default()
        }
    }

    fn executions(&self, index: usize) -> usize {
        self.trace.executions[index].load(Ordering::Relaxed)
    }

    fn commits(&self) -> Vec<usize> {
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        self.trace.commits.iter().map(count).collect()
    }

    /// Runs to the end, and checks everything that is promised for every run.
    fn check(&self, workers: &Workers, schedule: Schedule) -> Report {
        let mut line = Line::default();
        let report = workers.run(self, &mut line, schedule);
        let report = report.expect("no commit fails");
        assert_eq!(line, in_order(&self.programs), "EXE-1");
        assert_eq!(self.commits(), vec![1; self.len()], "each exactly once");
        let executions: Vec<_> = (0..self.len())
            .map(|index| self.executions(index))
            .collect();
        let once_or_twice = |count: &usize| (1..=2).contains(count);
        assert!(executions.iter().all(once_or_twice), "{executions:?}");
        let Report {
            held,
            failed,
            in_line,
            passed_over: 0,
        } = report
        else {
            panic!("passed over: {report:?}");
        };
        assert_eq!(held + failed + in_line, self.len());
        assert_eq!(executions.iter().sum::<usize>(), self.len() + failed);
        assert!(self.trivial.iter().all(|index| executions[*index] == 1));
        report
    }
}

impl Workload for List {
    type Replica = Replica;
    type Outcome = Outcome;
    type Effect = Writes<u8, u64>;
    type Line = Line;
    type Error = Failed;

    fn len(&self) -> usize {
        self.programs.len()
    }

    fn is_worth_speculating(&self, index: usize) -> bool {
        !self.trivial.contains(&index)
    }

    fn replica(&self, _worker: usize) -> Replica {
        Replica {
            values: [0; KEYS],
            version: 0,
        }
    }

    fn execute(&self, replica: &mut Replica, index: usize) -> Outcome {
        let attempt = self.trace.executions[index].fetch_add(1, Ordering::Relaxed);
        if let Some(seed) = self.delays {
            delay(seed ^ (index as u64) << 8 ^ attempt as u64);
        }
        if let Some((first, second)) = self.waits {
            while index == first && self.executions(second) == 0 {
                yield_now();
            }
        }
        let on = replica.version;
        assert!(on <= index, "executed on a state after it");
        if on == index && self.panics == Some(index)
            || on < index && self.panics_ahead.contains(&index)
        {
            panic_quietly(index);
        }
        let mut view = View::new(&replica.values);
        let result = self.programs[index].run(&mut view);
        let (reads, writes) = view.close();
        Outcome {
            reads,
            writes,
            result,
            on,
        }
    }

    fn holds(&self, outcome: &Outcome, since: &[Arc<Writes<u8, u64>>]) -> bool {
        let since = since.iter().map(|writes| &**writes);
        hold(&outcome.reads, since, |seen, value| seen == value)
    }

    fn commit(
        &self,
        replica: &mut Replica,
        line: &mut Line,
        index: usize,
        outcome: Outcome,
        exact: bool,
    ) -> Result<Option<Writes<u8, u64>>, Failed> {
        assert!(
            !self.trace.committing.swap(true, Ordering::Relaxed),
            "two commits at a time"
        );
        assert_eq!(replica.version, index, "committed on another state");
        assert_eq!(
            replica.values, line.state,
            "the replica is not at the state"
        );
        assert_eq!(line.results.len(), index, "committed out of order");
        assert!(
            !exact || outcome.on == index,
            "called exact, executed before"
        );
        let result = if !exact && self.refused.contains(&index) {
            Ok(None)
        } else {
            self.trace.commits[index].fetch_add(1, Ordering::Relaxed);
            self.commit_writes(replica, line, index, outcome).map(Some)
        };
        self.trace.committing.store(false, Ordering::Relaxed);
        result
    }

    fn apply(&self, replica: &mut Replica, index: usize, effect: &Writes<u8, u64>) {
        assert_eq!(replica.version, index, "applied out of order");
        for (_, key, value) in &effect.items {
            replica.values.write(*key, *value);
        }
        replica.version += 1;
    }

    fn pass_over(&self, line: &mut Line, index: usize) -> Option<Writes<u8, u64>> {
        self.passed.contains(&index).then(|| {
            line.results.push(0);
            Writes::default()
        })
    }

    fn is_over(&self, line: &Line) -> bool {
        self.enough == Some(line.results.len())
    }
}

impl List {
    fn commit_writes(
        &self,
        replica: &mut Replica,
        line: &mut Line,
        index: usize,
        outcome: Outcome,
    ) -> Result<Writes<u8, u64>, Failed> {
        if self.fails == Some(index) {
            return Err(Failed(index));
        }
        if self.commit_panics == Some(index) {
            self.trace.committing.store(false, Ordering::Relaxed);
            panic_quietly(index);
        }
        self.apply(replica, index, &outcome.writes);
        line.state = replica.values;
        line.results.push(outcome.result);
        Ok(outcome.writes)
    }
}
