//! The memory all workers share: the effects of the committed transactions, in order.
//!
//! A prefix of the log is a version of the state. Each replica is at some version and moves forward by applying what
//! follows; nothing is ever taken back, because only committed effects are here.
//!
//! ```text
//! one writer at a time (it holds the line) ── push ──► entries ──► len ── read by everybody, without the lock
//! ```
//! `len` is stored after the entry is there, so a reader that sees `n` finds `n` entries.

use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

#[derive(Debug)]
pub(crate) struct Log<E> {
    entries: Mutex<Vec<Arc<E>>>,
    len: AtomicUsize,
}

impl<E> Log<E> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: Mutex::new(Vec::with_capacity(capacity)),
            len: AtomicUsize::new(0),
        }
    }

    /// Number of committed transactions.
    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Adds the next effect. Only the worker that holds the line calls this.
    pub(crate) fn push(&self, effect: E) {
        let mut entries = self.entries.lock();
        entries.push(Arc::new(effect));
        self.len.store(entries.len(), Ordering::Release);
    }

    /// Fills `out` with the effects from `version` on, up to `end`.
    pub(crate) fn read(&self, version: usize, end: usize, out: &mut Vec<Arc<E>>) {
        out.clear();
        if version < end {
            let entries = self.entries.lock();
            out.extend_from_slice(&entries[version..end]);
        }
    }
}
