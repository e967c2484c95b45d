//! The machine a validator runs on: its clock, its disk, its processes.
//!
//! ```text
//! running ──a task panics──► failed ─┐
//!    │                               ├─► the whole process is gone; a restart is a new machine on the old disk
//!    └────────stop (crash)───► down ─┘
//! ```
//!
//! On the real runtime a panic in any task ends the process. Here other validators share the thread, so a panic stops
//! the tasks of its own machine only: from that moment none of them is polled again.

use crate::disk::{Disk, DiskBlob};
use commonware_runtime::{
    BlobVersion, Clock, Error, Handle, Metrics, Name, Spawner, Storage, Supervisor, deterministic,
    signal::Signal,
    telemetry::metrics::{Metric, Registered},
};
use governor::clock::{Clock as GovernorClock, ReasonablyRealtime};
use parking_lot::Mutex;
use rand_core::{TryCryptoRng, TryRng};
use std::{
    convert::Infallible,
    fmt::Display,
    future::Future,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    task::Poll,
    time::{Duration, SystemTime},
};

/// How far a machine's clock is from the true time, in milliseconds. It may be changed while the machine runs.
#[derive(Debug, Default)]
pub struct Skew(AtomicI64);

impl Skew {
    /// Sets the clock this far ahead, or behind if negative.
    pub fn set(&self, ahead_ms: i64) {
        self.0.store(ahead_ms, Ordering::SeqCst);
    }

    /// How far the clock is ahead, in milliseconds.
    pub fn ahead_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn local(&self, time: SystemTime) -> SystemTime {
        shift(time, self.ahead_ms())
    }

    fn global(&self, time: SystemTime) -> SystemTime {
        shift(time, -self.ahead_ms())
    }
}

/// Times beyond what the type holds stay where they are: they mean "never".
fn shift(time: SystemTime, by_ms: i64) -> SystemTime {
    let by = Duration::from_millis(by_ms.unsigned_abs());
    let shifted = if by_ms < 0 {
        time.checked_sub(by)
    } else {
        time.checked_add(by)
    };
    shifted.unwrap_or(time)
}

/// One run of one machine.
#[derive(Debug)]
pub struct Machine {
    skew: Arc<Skew>,
    disk: Arc<Disk>,
    down: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Machine {
    /// A machine that runs.
    pub fn new(skew: Arc<Skew>, disk: Arc<Disk>) -> Arc<Self> {
        Arc::new(Self {
            skew,
            disk,
            down: AtomicBool::new(false),
            failure: Mutex::new(None),
        })
    }

    /// Ends every task: nothing is polled any more.
    pub fn stop(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    /// Ends every task because the process failed. The first reason stays.
    pub fn fail(&self, reason: String) {
        self.failure.lock().get_or_insert(reason);
        self.stop();
    }

    /// Why the process failed, if it did.
    pub fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// Polls `future` while the machine runs; a panic inside fails the machine.
    fn supervise<F: Future + Send>(
        self: Arc<Self>,
        place: tracing::Span,
        future: F,
    ) -> impl Future<Output = F::Output> + Send {
        let mut future = Box::pin(future);
        std::future::poll_fn(move |task| {
            if self.down.load(Ordering::SeqCst) {
                return Poll::Pending;
            }
            let _place = place.enter();
            let polled = crate::panics::quietly(|| {
                catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task)))
            });
            polled.unwrap_or_else(|payload| {
                self.fail(crate::panics::text(&*payload));
                Poll::Pending
            })
        })
    }
}

/// Says in the log which validator and module speaks.
fn place(name: &Name) -> tracing::Span {
    let find = |key| {
        name.attributes
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value)
    };
    tracing::debug_span!("at", validator = find("index"), module = find("module"))
}

/// The runtime as a validator on a [`Machine`] sees it.
pub struct Local {
    inner: deterministic::Context,
    machine: Arc<Machine>,
}

impl Local {
    /// Runs `inner` on `machine`.
    pub const fn new(inner: deterministic::Context, machine: Arc<Machine>) -> Self {
        Self { inner, machine }
    }

    /// The machine.
    pub const fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }
}

impl Supervisor for Local {
    fn name(&self) -> Name {
        self.inner.name()
    }

    fn child(&self, label: &'static str) -> Self {
        Self::new(self.inner.child(label), self.machine.clone())
    }

    fn with_attribute(self, key: &'static str, value: impl Display) -> Self {
        Self::new(self.inner.with_attribute(key, value), self.machine)
    }
}

impl Spawner for Local {
    fn shared(self, blocking: bool) -> Self {
        Self::new(self.inner.shared(blocking), self.machine)
    }

    fn dedicated(self) -> Self {
        Self::new(self.inner.dedicated(), self.machine)
    }

    fn spawn<F, Fut, T>(self, f: F) -> Handle<T>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (machine, place) = (self.machine, place(&self.inner.name()));
        self.inner.spawn(move |inner| {
            let task = f(Self::new(inner, machine.clone()));
            machine.supervise(place, task)
        })
    }

    async fn stop(self, value: i32, timeout: Option<Duration>) -> Result<(), Error> {
        self.inner.stop(value, timeout).await
    }

    fn stopped(&self) -> Signal {
        self.inner.stopped()
    }
}

impl Metrics for Local {
    fn register<N: Into<String>, H: Into<String>, M: Metric>(
        &self,
        name: N,
        help: H,
        metric: M,
    ) -> Registered<M> {
        self.inner.register(name, help, metric)
    }

    fn encode(&self) -> String {
        self.inner.encode()
    }
}

impl GovernorClock for Local {
    type Instant = SystemTime;

    fn now(&self) -> SystemTime {
        self.current()
    }
}

impl ReasonablyRealtime for Local {}

impl Clock for Local {
    fn current(&self) -> SystemTime {
        self.machine.skew.local(self.inner.current())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.sleep(duration)
    }

    fn sleep_until(
        &self,
        deadline: SystemTime,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.sleep_until(self.machine.skew.global(deadline))
    }
}

impl TryRng for Local {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.inner.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.inner.try_next_u64()
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        self.inner.try_fill_bytes(dest)
    }
}

impl TryCryptoRng for Local {}

impl Storage for Local {
    type Blob = DiskBlob;

    async fn open_versioned(
        &self,
        partition: &str,
        name: &[u8],
        versions: RangeInclusive<BlobVersion>,
    ) -> Result<(DiskBlob, u64, BlobVersion), Error> {
        let disk = &self.machine.disk;
        disk.open(&self.inner, partition, name, versions).await
    }

    async fn remove(&self, partition: &str, name: Option<&[u8]>) -> Result<(), Error> {
        self.machine.disk.remove(&self.inner, partition, name).await
    }

    async fn scan(&self, partition: &str) -> Result<Vec<Vec<u8>>, Error> {
        self.inner.scan(partition).await
    }
}
