//! One transaction's place between its speculative execution and its commit.
//!
//! ```text
//! empty ── a worker executed it ──► ready ──► taken by the worker that holds the line
//!   └───── not worth it ──────────► left  ──► executed by the worker that holds the line
//! ```
//! Whoever claimed the transaction (see `Scheduler::claim`) makes the one step out of *empty*.

use crate::sync::{AtomicU8, Mutex, Ordering, fence};

const EMPTY: u8 = 0;
const READY: u8 = 1;
const LEFT: u8 = 2;

/// A speculative outcome and the version it was executed on. No outcome says that the execution panicked.
#[derive(Debug)]
pub(crate) struct Ready<O> {
    pub(crate) version: usize,
    pub(crate) outcome: Option<O>,
}

/// What the worker that holds the line finds.
#[derive(Debug)]
pub(crate) enum Found<O> {
    Nothing,
    Ready(Ready<O>),
    Left,
}

#[derive(Debug)]
pub(crate) struct Slot<O> {
    state: AtomicU8,
    ready: Mutex<Option<Ready<O>>>,
}

impl<O> Slot<O> {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            ready: Mutex::new(None),
        }
    }

    pub(crate) fn fill(&self, ready: Ready<O>) {
        *self.ready.lock() = Some(ready);
        self.state.store(READY, Ordering::Release);
        // Whoever fills a slot then tries to get the line; whoever lets go of the line then looks at the slot. Only with a
        // fence on both sides does one of them see the other (`Scheduler::advance`).
        fence(Ordering::SeqCst);
    }

    pub(crate) fn leave(&self) {
        self.state.store(LEFT, Ordering::Release);
    }

    /// Whether [`Self::take`] would find something.
    pub(crate) fn is_filled(&self) -> bool {
        self.state.load(Ordering::Acquire) != EMPTY
    }

    pub(crate) fn take(&self) -> Found<O> {
        match self.state.load(Ordering::Acquire) {
            READY => self.ready.lock().take().map_or(Found::Left, Found::Ready),
            LEFT => Found::Left,
            _ => Found::Nothing,
        }
    }
}
