//! Who executes which transaction when.
//!
//! # States of a transaction
//!
//! ```text
//! unclaimed ── claim ──► running ──► ready ──┬─ holds ───────────────► committed
//!     │          └── not worth it ──► left ──┤                             ▲
//!     │                                      └─ does not hold ── executed ─┤
//!     └── the worker that holds the line claims it itself ──── executed ───┘
//! ```
//!
//! The line may also pass a transaction over, whatever became of it: its commit then changes nothing.
//!
//! One worker at a time holds the *line*: the right to commit, and everything that is decided in order. It commits what is
//! ready, executes what is not, and lets go when the next transaction is still running at another worker; then it
//! executes ahead like the others. Every worker that finishes an execution looks whether the line is free.
//!
//! # Why the outcome is that of sequential execution (EXE-1)
//!
//! By induction over the commits, which only the holder of the line makes, one after the other. Before commit *i* the
//! log holds the effects of transactions `0..i`, and the holder's replica, brought up to version *i*, their state. The
//! outcome it commits was either executed on that replica, or executed on an earlier version and found to *hold* after the
//! effects in between, which by the promise of [`Workload::holds`] is the same outcome.
//!
//! # Why it ends, and how often a transaction runs
//!
//! A transaction is claimed once, executed ahead at most once, and once more by the holder of the line: at most twice.
//! The head of the line is always unclaimed, running, ready or left. Running ends because execution does. In the other
//! states whoever takes the line next gets ahead, and somebody does: a worker takes it after each execution and
//! whenever it finds nothing to claim, and after letting go it looks again at what became ready meanwhile.
//!
//! # Panics
//!
//! A panic in an execution ahead is no verdict: that state may never have been real. The transaction is executed again on
//! the exact state, on a new replica. A panic there is real, ends the run on all workers, and goes on in the caller.

use crate::{
    Workload,
    log::Log,
    meter::Meter,
    slot::{Found, Ready, Slot},
    sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, fence, yield_now},
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How far to execute ahead.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Transactions a worker may be ahead of the line, times the number of workers.
    pub window: usize,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { window: 4 }
    }
}

/// What a run did, for measurements. It depends on timing; nothing that nodes agree on may follow from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Outcomes executed ahead that held.
    pub held: usize,
    /// Outcomes executed ahead that did not.
    pub failed: usize,
    /// Transactions executed by the worker that held the line, without an attempt ahead.
    pub in_line: usize,
    /// Transactions that were passed over.
    pub passed_over: usize,
}

/// What only the holder of the line touches.
struct Front<'a, W: Workload> {
    line: &'a mut W::Line,
    meter: Meter,
    report: Report,
    error: Option<W::Error>,
}

/// A run that several workers take part in.
pub(crate) struct Scheduler<'a, W: Workload> {
    workload: &'a W,
    len: usize,
    window: usize,
    log: Log<W::Effect>,
    slots: Box<[Slot<W::Outcome>]>,
    /// The first unclaimed transaction.
    next: AtomicUsize,
    /// Below this nobody executes ahead.
    quiet_until: AtomicUsize,
    front: Mutex<Front<'a, W>>,
    ended: AtomicBool,
}

/// One worker's side of a run.
struct Worker<W: Workload> {
    number: usize,
    replica: W::Replica,
    version: usize,
    behind: Vec<Arc<W::Effect>>,
}

enum Claim {
    Run(usize),
    Wait,
}

/// Ends the run if the worker panics, so that the others do not wait for it.
struct EndOnPanic<'a>(&'a AtomicBool);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Release);
        }
    }
}

impl<'a, W: Workload> Scheduler<'a, W> {
    pub(crate) fn new(
        workload: &'a W,
        line: &'a mut W::Line,
        workers: usize,
        schedule: Schedule,
    ) -> Self {
        let len = workload.len();
        // A lone worker executes nothing ahead.
        let slots = if workers > 1 { len } else { 0 };
        Self {
            workload,
            len,
            window: schedule.window.max(1).saturating_mul(workers),
            log: Log::new(len),
            slots: (0..slots).map(|_| Slot::new()).collect(),
            next: AtomicUsize::new(0),
            quiet_until: AtomicUsize::new(if workers > 1 { 0 } else { len }),
            front: Mutex::new(Front {
                line,
                meter: Meter::default(),
                report: Report::default(),
                error: None,
            }),
            ended: AtomicBool::new(false),
        }
    }

    /// What the run did, or why it has no result.
    pub(crate) fn finish(self) -> Result<Report, W::Error> {
        let front = self.front.into_inner();
        match front.error {
            Some(error) => Err(error),
            None => Ok(front.report),
        }
    }

    /// Takes part as worker `number` until the run is over.
    pub(crate) fn work(&self, number: usize) {
        let _guard = EndOnPanic(&self.ended);
        if self.is_over() {
            return;
        }
        let mut worker = Worker {
            number,
            replica: self.workload.replica(number),
            version: 0,
            behind: Vec::new(),
        };
        let mut idle = 0_u32;
        while !self.is_over() {
            let ahead = self.advance(&mut worker);
            match self.claim() {
                Claim::Run(index) => {
                    self.execute_ahead(&mut worker, index);
                    idle = 0;
                }
                Claim::Wait if ahead => idle = 0,
                Claim::Wait => {
                    idle += 1;
                    pause(idle);
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.ended.load(Ordering::Acquire) || self.log.len() == self.len
    }

    /// Claims the next transaction worth executing ahead.
    fn claim(&self) -> Claim {
        loop {
            let index = self.next.load(Ordering::Relaxed);
            let limit = self.len.min(self.log.len().saturating_add(self.window));
            if index >= limit || index < self.quiet_until.load(Ordering::Relaxed) {
                return Claim::Wait;
            }
            if !self.claimed(index) {
                continue;
            }
            let committed = self.log.len();
            let in_vain = || self.workload.seems_to_depend(index, committed);
            if self.workload.is_worth_speculating(index) && !in_vain() {
                return Claim::Run(index);
            }
            self.slots[index].leave();
        }
    }

    /// Whether this worker is the one that claimed `index`.
    fn claimed(&self, index: usize) -> bool {
        self.next
            .compare_exchange(index, index + 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    fn execute_ahead(&self, worker: &mut Worker<W>, index: usize) {
        let head = self.log.len();
        self.catch_up(worker, head);
        let run = AssertUnwindSafe(|| self.workload.execute(&mut worker.replica, index));
        let outcome = catch_unwind(run).ok();
        if outcome.is_none() {
            worker.replica = self.workload.replica(worker.number);
            worker.version = 0;
        }
        self.slots[index].fill(Ready {
            version: head,
            outcome,
        });
    }

    /// Brings the worker's replica to `version`.
    fn catch_up(&self, worker: &mut Worker<W>, version: usize) {
        let Worker {
            replica, behind, ..
        } = worker;
        self.log.read(worker.version, version, behind);
        for (index, effect) in (worker.version..).zip(behind.drain(..)) {
            self.workload.apply(replica, index, &effect);
        }
        worker.version = version;
    }

    /// Gets the line ahead as far as possible, if nobody else is at it. Whether anything was committed.
    fn advance(&self, worker: &mut Worker<W>) -> bool {
        let mut ahead = false;
        loop {
            let Some(mut front) = self.front.try_lock() else {
                return ahead;
            };
            // Dropped before `front`: after a panic in line nobody else takes the line.
            let _guard = EndOnPanic(&self.ended);
            while !self.is_over() && self.step(&mut front, worker) {
                ahead = true;
            }
            drop(front);
            fence(Ordering::SeqCst);
            // What became ready between the last look and letting go was left by the one who made it ready.
            if self.is_over() || !self.head_is_ready() {
                return ahead;
            }
        }
    }

    fn head_is_ready(&self) -> bool {
        self.slots.get(self.log.len()).is_some_and(Slot::is_filled)
    }

    /// Commits the next transaction. `false` if it is running at another worker, or if the run is over.
    fn step(&self, front: &mut Front<'a, W>, worker: &mut Worker<W>) -> bool {
        if self.workload.is_over(front.line) {
            self.ended.store(true, Ordering::Release);
            return false;
        }
        let head = self.log.len();
        let found = match self.slots.get(head).map(Slot::take) {
            Some(Found::Ready(ready)) => Some(ready),
            Some(Found::Left) => None,
            Some(Found::Nothing) | None => {
                if !self.claimed(head) {
                    return false;
                }
                None
            }
        };
        self.catch_up(worker, head);
        if let Some(effect) = self.workload.pass_over(front.line, head) {
            front.report.passed_over += 1;
            self.workload.apply(&mut worker.replica, head, &effect);
            return self.push(front, worker, Ok(effect));
        }
        let Some(ready) = found else {
            front.report.in_line += 1;
            return self.commit_exact(front, worker, head);
        };
        let committed = self.commit_ahead(front, worker, head, ready);
        self.workload.note(head, committed.is_some());
        if let Some(quiet) = front.meter.note(committed.is_some()) {
            self.quiet_until.store(head + quiet, Ordering::Relaxed);
        }
        if let Some(result) = committed {
            front.report.held += 1;
            return self.push(front, worker, result);
        }
        front.report.failed += 1;
        self.commit_exact(front, worker, head)
    }

    /// Commits an outcome that was executed ahead, if it holds.
    fn commit_ahead(
        &self,
        front: &mut Front<'a, W>,
        worker: &mut Worker<W>,
        head: usize,
        ready: Ready<W::Outcome>,
    ) -> Option<Result<W::Effect, W::Error>> {
        let outcome = ready.outcome?;
        let mut since = std::mem::take(&mut worker.behind);
        self.log.read(ready.version, head, &mut since);
        let holds = self.workload.holds(&outcome, &since);
        since.clear();
        worker.behind = since;
        if !holds {
            return None;
        }
        self.workload
            .commit(&mut worker.replica, front.line, head, outcome, false)
            .transpose()
    }

    /// Executes the next transaction on the exact state, and commits it.
    fn commit_exact(&self, front: &mut Front<'a, W>, worker: &mut Worker<W>, head: usize) -> bool {
        let Worker { replica, .. } = worker;
        let outcome = self.workload.execute(replica, head);
        let result = self
            .workload
            .commit(replica, front.line, head, outcome, true)
            .transpose()
            .expect("an exact outcome can be committed");
        self.push(front, worker, result)
    }

    fn push(
        &self,
        front: &mut Front<'a, W>,
        worker: &mut Worker<W>,
        result: Result<W::Effect, W::Error>,
    ) -> bool {
        match result {
            Ok(effect) => {
                worker.version += 1;
                self.log.push(effect);
                true
            }
            Err(error) => {
                front.error = Some(error);
                self.ended.store(true, Ordering::Release);
                false
            }
        }
    }
}

/// Waits a moment that grows with the number of times nothing was to do. Where everything depends on everything there is
/// nothing to do for long, and the worker in line may need the core.
fn pause(idle: u32) {
    #[cfg(not(loom))]
    match idle {
        0..64 => return std::hint::spin_loop(),
        64..96 => {}
        _ => return std::thread::sleep(std::time::Duration::from_micros(50)),
    }
    let _ = idle;
    yield_now();
}

#[cfg(all(test, loom))]
mod loom_tests;
