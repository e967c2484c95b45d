#![doc = include_str!("../README.md")]

mod log;
mod memory;
mod meter;
mod scheduler;
mod slot;
mod sync;
#[cfg(not(loom))]
mod workers;

pub use memory::{Access, Reads, Writes, hold};
pub use scheduler::{Report, Schedule};
#[cfg(not(loom))]
pub use workers::{Awake, Workers};

use sync::Arc;

/// An ordered list of transactions and how to execute them. See the crate's example.
///
/// # What an implementation promises
///
/// - [`execute`](Self::execute) is a function of the transaction and the replica's state: executed twice on equal states
///   it gives equal outcomes. It may be called more than once for a transaction, and on states that never become real.
/// - [`holds`](Self::holds) is true only if the outcome is the one execution on the state after `since` would give.
/// - A replica to which effects were [applied](Self::apply) in order equals one that committed the same outcomes itself.
///
/// The scheduler promises in turn that commits happen in order, each exactly once, and never two at a time.
pub trait Workload: Sync {
    /// A worker's own copy of the state as of some committed prefix. Lives on one thread.
    type Replica;
    /// What one execution read, and what it wants to change.
    type Outcome: Send;
    /// What a committed transaction changed.
    type Effect: Send + Sync;
    /// Everything that is decided in order: results, counters, limits.
    type Line: Send;
    /// Why the list as a whole has no result.
    type Error: Send;

    /// Number of transactions.
    fn len(&self) -> usize;

    /// Whether there is nothing to execute.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether executing this transaction ahead of its turn can save time. One that takes less time than handing it from
    /// one thread to another cannot.
    fn is_worth_speculating(&self, index: usize) -> bool {
        let _ = index;
        true
    }

    /// Whether a transaction seems to depend on one that comes before it and is not among the first `committed`. Executing it
    /// ahead is then taken to be in vain, and left to the worker in line.
    fn seems_to_depend(&self, index: usize, committed: usize) -> bool {
        let _ = (index, committed);
        false
    }

    /// Tells how an execution ahead ended: whether it could be committed.
    fn note(&self, index: usize, held: bool) {
        let _ = (index, held);
    }

    /// A replica of the state before the first transaction.
    fn replica(&self, worker: usize) -> Self::Replica;

    /// Decides in order, before anything is executed for it, that a transaction is passed over, and returns an effect that
    /// changes nothing.
    fn pass_over(&self, line: &mut Self::Line, index: usize) -> Option<Self::Effect> {
        let _ = (line, index);
        None
    }

    /// Executes a transaction on a replica, without changing what later executions on it see.
    fn execute(&self, replica: &mut Self::Replica, index: usize) -> Self::Outcome;

    /// Whether an outcome is still right after the effects `since` its execution, oldest first.
    fn holds(&self, outcome: &Self::Outcome, since: &[Arc<Self::Effect>]) -> bool;

    /// Commits an outcome on a replica that holds the state of exactly the transactions before it, and changes that replica.
    ///
    /// `Ok(None)` says that the outcome cannot be used although it holds; the transaction is then executed on the exact
    /// state and committed with `exact`, where `None` is not allowed.
    ///
    /// # Errors
    /// Ends the run; nothing later is committed.
    fn commit(
        &self,
        replica: &mut Self::Replica,
        line: &mut Self::Line,
        index: usize,
        outcome: Self::Outcome,
        exact: bool,
    ) -> Result<Option<Self::Effect>, Self::Error>;

    /// Changes a replica as the commit of `index` changed another.
    fn apply(&self, replica: &mut Self::Replica, index: usize, effect: &Self::Effect);

    /// Whether to end the run before the end of the list, asked before each commit.
    fn is_over(&self, line: &Self::Line) -> bool {
        let _ = line;
        false
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
#[cfg(all(test, not(loom)))]
mod tests;
