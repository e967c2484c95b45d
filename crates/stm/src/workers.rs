//! The threads that take part in runs. They are started once and sleep between runs.

use crate::{Report, Schedule, Workload, scheduler::Scheduler};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Stack of a worker, in bytes: EVM calls nest 1,024 deep. Untouched pages cost nothing.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Longest that workers stay awake for a run that does not begin.
const AWAKE_MAX: Duration = Duration::from_micros(500);

/// Keeps workers awake until it is dropped, for a short time at most.
#[derive(Debug, Default)]
pub struct Awake(Arc<AtomicBool>);

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A fixed number of workers: the calling thread, and threads that wait for runs.
#[derive(Debug)]
pub struct Workers {
    others: Option<ThreadPool>,
    count: usize,
}

impl Workers {
    /// `count` workers, but no more than the machine runs at once: a worker that waits for a core holds up those that have
    /// one. At least one.
    ///
    /// # Panics
    /// If the system gives no threads.
    pub fn new(count: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::exactly(count.min(cores))
    }

    /// `count` workers, whatever the machine has. For tests of what happens in unusual orders.
    ///
    /// # Panics
    /// If the system gives no threads.
    pub fn exactly(count: usize) -> Self {
        let count = count.max(1);
        let others = (count > 1).then(|| {
            ThreadPoolBuilder::new()
                .num_threads(count - 1)
                .thread_name(|number| format!("stm-{}", number + 1))
                .stack_size(STACK_BYTES)
                .build()
                .expect("the system gives a process its threads")
        });
        Self { others, count }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Executes a workload. The line then holds what sequential execution would have made of it (EXE-1).
    ///
    /// # Errors
    /// The first error of [`Workload::commit`], in the order of the list.
    pub fn run<W: Workload>(
        &self,
        workload: &W,
        line: &mut W::Line,
        schedule: Schedule,
    ) -> Result<Report, W::Error> {
        let scheduler = Scheduler::new(workload, line, self.count, schedule);
        self.each(|worker| scheduler.work(worker));
        scheduler.finish()
    }

    /// Wakes the workers for a run that is about to begin: a thread takes tens of microseconds to wake, sometimes hundreds,
    /// which is better spent beside the preparation of the run. They fall asleep again if nothing comes.
    pub fn wake(&self) -> Awake {
        let awake = Awake::default();
        if let Some(others) = &self.others {
            let begun = awake.0.clone();
            others.spawn_broadcast(move |_| {
                let since = Instant::now();
                while !begun.load(Ordering::Relaxed) && since.elapsed() < AWAKE_MAX {
                    std::thread::yield_now();
                }
            });
        }
        awake
    }

    /// Calls `task` once on every worker, with its number, and returns when all have returned.
    pub fn each(&self, task: impl Fn(usize) + Sync) {
        let Some(others) = &self.others else {
            return task(0);
        };
        others.in_place_scope(|scope| {
            for worker in 1..self.count {
                let task = &task;
                scope.spawn(move |_| task(worker));
            }
            task(0);
        });
    }
}
