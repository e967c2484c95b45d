//! Models of the scheduler itself, with two workers. See `crate::loom_tests`.

use super::*;
use loom::{model::Builder, thread};
use std::convert::Infallible;

const LEN: usize = 3;
const PREEMPTIONS: usize = 3;

/// Explores a model with at most so many switches away from a thread that could go on. Most errors need one or two.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Numbers, each the double of the one before plus its index: every outcome ahead of its turn fails. Or, if they are
/// independent, none does.
#[derive(Clone, Copy)]
struct Numbers {
    len: usize,
    depend: bool,
    trivial: Option<usize>,
}

/// What `Numbers` makes, shared with the test without the model's knowledge: only the holder of the line is at it.
type Line = std::sync::Arc<std::sync::Mutex<Vec<u64>>>;

impl Numbers {
    const fn chain(len: usize) -> Self {
        Self {
            len,
            depend: true,
            trivial: None,
        }
    }

    fn next(&self, before: u64, index: usize) -> u64 {
        let before = if self.depend { 2 * before } else { 0 };
        before + index as u64 + 1
    }
}

impl Workload for Numbers {
    /// The last number, and the version.
    type Replica = (u64, usize);
    /// The number before, as it was read, and the number.
    type Outcome = (u64, u64);
    type Effect = u64;
    type Line = Line;
    type Error = Infallible;

    fn len(&self) -> usize {
        self.len
    }

    fn is_worth_speculating(&self, index: usize) -> bool {
        self.trivial != Some(index)
    }

    fn replica(&self, _worker: usize) -> (u64, usize) {
        (0, 0)
    }

    fn execute(&self, replica: &mut (u64, usize), index: usize) -> (u64, u64) {
        (replica.0, self.next(replica.0, index))
    }

    fn holds(&self, (read, _): &(u64, u64), since: &[Arc<u64>]) -> bool {
        !self.depend || since.last().is_none_or(|now| **now == *read)
    }

    fn commit(
        &self,
        replica: &mut (u64, usize),
        line: &mut Line,
        index: usize,
        (_, number): (u64, u64),
        _exact: bool,
    ) -> Result<Option<u64>, Infallible> {
        let mut line = line.try_lock().expect("one commit at a time");
        assert_eq!(line.len(), index, "in order, each once");
        line.push(number);
        self.apply(replica, index, &number);
        Ok(Some(number))
    }

    fn apply(&self, replica: &mut (u64, usize), index: usize, effect: &u64) {
        assert_eq!(replica.1, index, "in order, each once");
        *replica = (*effect, index + 1);
    }
}

/// A run for two workers. Threads of a model live as long as the program, as far as the compiler knows: what the run
/// borrows is leaked, a few bytes each time.
fn run_of(numbers: Numbers, line: &Line) -> Arc<Scheduler<'static, Numbers>> {
    let numbers = Box::leak(Box::new(numbers));
    let line = Box::leak(Box::new(line.clone()));
    Arc::new(Scheduler::new(numbers, line, 2, Schedule { window: 1 }))
}

/// Two workers take part in a run. That the model ends says that no order of steps leaves both waiting: loom gives up with
/// an error on one that goes on forever.
fn two_workers(preemptions: usize, numbers: Numbers) {
    explore(preemptions, move || {
        let line = Line::default();
        let run = run_of(numbers, &line);
        let other = {
            let run = Arc::clone(&run);
            thread::spawn(move || run.work(1))
        };
        run.work(0);
        other.join().unwrap();
        let Ok(run) = Arc::try_unwrap(run) else {
            panic!("the other worker has ended");
        };
        let Ok(report) = run.finish();
        assert_eq!(report.held + report.failed + report.in_line, numbers.len);
        let mut last = 0;
        let expected = (0..numbers.len).map(|index| {
            last = numbers.next(last, index);
            last
        });
        assert!(line.lock().unwrap().iter().copied().eq(expected), "EXE-1");
    });
}

#[test]
fn two_workers_on_a_chain_make_the_sequential_line() {
    two_workers(PREEMPTIONS, Numbers::chain(LEN));
}

#[test]
fn two_workers_on_independent_transactions_make_the_sequential_line() {
    let numbers = Numbers::chain(LEN);
    two_workers(
        PREEMPTIONS,
        Numbers {
            depend: false,
            ..numbers
        },
    );
}

#[test]
fn two_workers_and_a_transaction_not_worth_it_make_the_sequential_line() {
    let numbers = Numbers::chain(LEN);
    two_workers(
        PREEMPTIONS,
        Numbers {
            trivial: Some(1),
            ..numbers
        },
    );
}

/// Between the last look at the head of the line and letting go of it, the head may become ready. Then the one who let go
/// sees that, or the one who made it ready gets the line: it is not left until somebody happens to look again.
#[test]
fn what_becomes_ready_while_the_line_is_let_go_is_not_missed() {
    loom::model(|| {
        let run = run_of(Numbers::chain(1), &Line::default());
        let worker = |number| Worker::<Numbers> {
            number,
            replica: (0, 0),
            version: 0,
            behind: Vec::new(),
        };
        let other = {
            let run = Arc::clone(&run);
            thread::spawn(move || {
                let mut worker = worker(1);
                if let Claim::Run(index) = run.claim() {
                    run.execute_ahead(&mut worker, index);
                }
                run.advance(&mut worker);
            })
        };
        run.advance(&mut worker(0));
        other.join().unwrap();
        assert_eq!(run.log.len(), 1);
    });
}
