//! A disk that fails on request, one operation at a time.
//!
//! ```text
//! healthy ──set(faults)──► failing: each operation may fail, and the next may work again ──set(none)──► healthy
//! ```
//!
//! A failure is transient on purpose: a program that ignores one goes on with a disk that holds less than it believes.
//! What a failed write or sync leaves behind is uncertain, as on hardware: a failed write may have stored the first part
//! of its bytes, a failed sync may have reached the disk.

use commonware_runtime::{
    Blob, BlobVersion, Error, Handle, IoBufs, IoBufsMut, ReadOptions, Storage as _, WriteOptions,
    deterministic,
};
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{ops::RangeInclusive, sync::Arc};

/// How often each operation fails, in failures per 10,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskFaults {
    /// Reads.
    pub read: u32,
    /// Writes and resizes.
    pub write: u32,
    /// Syncs.
    pub sync: u32,
}

#[derive(Clone, Copy)]
enum Operation {
    Read,
    Write,
    Sync,
}

/// One machine's disk.
#[derive(Debug)]
pub struct Disk(Mutex<State>);

#[derive(Debug)]
struct State {
    faults: DiskFaults,
    failures: u64,
    rng: StdRng,
}

impl Disk {
    /// A healthy disk whose later faults are drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            faults: DiskFaults::default(),
            failures: 0,
            rng: StdRng::seed_from_u64(seed),
        }))
    }

    /// Operations fail like this from now on.
    pub fn set(&self, faults: DiskFaults) {
        self.0.lock().faults = faults;
    }

    /// Operations that failed so far.
    pub fn failures(&self) -> u64 {
        self.0.lock().failures
    }

    /// Decides whether an operation fails.
    fn attempt(&self, operation: Operation) -> Result<(), Error> {
        let mut state = self.0.lock();
        let rate = match operation {
            Operation::Read => state.faults.read,
            Operation::Write => state.faults.write,
            Operation::Sync => state.faults.sync,
        };
        if rate == 0 || state.rng.random_range(0..10_000) >= rate {
            return Ok(());
        }
        state.failures += 1;
        Err(std::io::Error::other("simulated disk failure").into())
    }

    /// Whether a failed operation nevertheless had its effect.
    fn had_effect(&self) -> bool {
        self.0.lock().rng.random()
    }

    pub(crate) async fn open(
        self: &Arc<Self>,
        inner: &deterministic::Context,
        partition: &str,
        name: &[u8],
        versions: RangeInclusive<BlobVersion>,
    ) -> Result<(DiskBlob, u64, BlobVersion), Error> {
        self.attempt(Operation::Read)?;
        let (blob, size, version) = inner.open_versioned(partition, name, versions).await?;
        let disk = self.clone();
        Ok((DiskBlob { inner: blob, disk }, size, version))
    }

    pub(crate) async fn remove(
        &self,
        inner: &deterministic::Context,
        partition: &str,
        name: Option<&[u8]>,
    ) -> Result<(), Error> {
        self.attempt(Operation::Write)?;
        inner.remove(partition, name).await
    }
}

/// A blob on a [`Disk`].
pub struct DiskBlob {
    inner: deterministic::Blob,
    disk: Arc<Disk>,
}

impl Blob for DiskBlob {
    async fn read_at_buf(
        &self,
        offset: u64,
        len: usize,
        bufs: impl Into<IoBufsMut> + Send,
        options: ReadOptions,
    ) -> Result<IoBufsMut, Error> {
        self.disk.attempt(Operation::Read)?;
        self.inner.read_at_buf(offset, len, bufs, options).await
    }

    async fn read_at(
        &self,
        offset: u64,
        len: usize,
        options: ReadOptions,
    ) -> Result<IoBufsMut, Error> {
        self.disk.attempt(Operation::Read)?;
        self.inner.read_at(offset, len, options).await
    }

    async fn write_at(
        &self,
        offset: u64,
        bufs: impl Into<IoBufs> + Send,
        options: WriteOptions,
    ) -> Result<(), Error> {
        let Err(failure) = self.disk.attempt(Operation::Write) else {
            return self.inner.write_at(offset, bufs, options).await;
        };
        let whole = bufs.into().coalesce();
        let kept = whole.slice(..whole.len() / 2);
        if self.disk.had_effect() && !kept.is_empty() {
            self.inner.write_at(offset, kept, options).await?;
        }
        Err(failure)
    }

    async fn resize(&self, len: u64) -> Result<(), Error> {
        self.disk.attempt(Operation::Write)?;
        self.inner.resize(len).await
    }

    async fn sync(&self) -> Result<(), Error> {
        let Err(failure) = self.disk.attempt(Operation::Sync) else {
            return self.inner.sync().await;
        };
        if self.disk.had_effect() {
            self.inner.sync().await?;
        }
        Err(failure)
    }

    async fn start_sync(&self) -> Handle<()> {
        let Err(failure) = self.disk.attempt(Operation::Sync) else {
            return self.inner.start_sync().await;
        };
        if self.disk.had_effect() {
            let _ = self.inner.start_sync().await.await;
        }
        Handle::ready(Err(failure))
    }
}
