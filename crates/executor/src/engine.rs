//! The ways to execute a block.

use crate::{
    ExecutionError, Setting, Transaction,
    block::BlockExecutor,
    fill::{Admission, Candidate, Filled, Room},
    hints::{Hints, Stopwatch},
    kept::Kept,
    optimistic::{Line, OptimisticBlock},
    outcome::{Effect, Hasher},
    results::Outcomes,
    transfer::Transfer,
};
use std::sync::Arc;
use trellis_primitives::StateReader;
use trellis_stm::{Report, Schedule, Workers};

/// Fewer transactions for the EVM than this are executed before a second thread is of any use.
const PARALLEL_FROM: usize = 8;

/// How far each worker may be ahead of the line: enough to go on beside one that takes a hundred times as long.
const WINDOW: usize = 64;

/// Executes blocks. Cloning shares everything.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) workers: Arc<Workers>,
    pub(crate) kept: Arc<Kept>,
    /// Takes the parallel way even where it does not pay.
    pub(crate) eager: bool,
}

impl Engine {
    /// An engine with these workers.
    pub fn new(workers: Workers) -> Self {
        Self {
            workers: Arc::new(workers),
            kept: Arc::default(),
            eager: false,
        }
    }

    /// Takes the parallel way even where it does not pay. For tests.
    #[doc(hidden)]
    #[must_use]
    pub fn eager(mut self) -> Self {
        self.eager = true;
        self
    }

    /// The same code with other workers.
    #[must_use]
    pub fn with_workers(&self, workers: Workers) -> Self {
        Self {
            workers: Arc::new(workers),
            kept: self.kept.clone(),
            eager: self.eager,
        }
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers.count()
    }
}

impl Default for Engine {
    /// As many workers as the machine has cores.
    fn default() -> Self {
        Self::new(Workers::new(usize::MAX))
    }
}

impl Engine {
    /// Executes the transactions of a block in parallel; the outcome is that of executing them in order (EXE-1).
    ///
    /// # Errors
    /// Those of sequential execution: the first transaction that breaks a rule, or a state that cannot be read.
    pub fn build<R: StateReader + Sync>(
        &self,
        setting: &Setting,
        state: &R,
        transactions: &[Transaction],
    ) -> Result<(Outcomes, Report), ExecutionError> {
        let all = |transaction| Candidate {
            transaction,
            bytes: 0,
        };
        let candidates: Vec<_> = transactions.iter().map(all).collect();
        match self.speculate(setting, state, &candidates, None)? {
            Some((outcomes, _, report)) => Ok((outcomes, report)),
            None => {
                let outcomes = self.sequential(setting, state, transactions)?;
                Ok((outcomes, Report::default()))
            }
        }
    }

    /// Fills a block with candidates, in their order, as far as it has room and time. The outcome is that of executing
    /// what was taken in order (EXE-1).
    ///
    /// # Errors
    /// A state that cannot be read; nothing is lost by filling the block again.
    pub fn fill<R: StateReader + Sync>(
        &self,
        setting: &Setting,
        state: &R,
        candidates: &[Candidate<'_>],
        room: Room<'_>,
    ) -> Result<Filled, ExecutionError> {
        let admission = Some(Admission::new(room));
        match self.speculate(setting, state, candidates, admission)? {
            Some((outcomes, taken, _)) => Ok(Filled { taken, outcomes }),
            None => self.fill_in_order(setting, state, candidates, room),
        }
    }

    /// Executes in parallel, if that pays, as far as can be told before and soon after the start. Returns also which candidates were taken, if that is chosen here.
    fn speculate<'a, R: StateReader + Sync>(
        &'a self,
        setting: &'a Setting,
        state: &'a R,
        candidates: &'a [Candidate<'a>],
        admission: Option<Admission<'a>>,
    ) -> Result<Option<(Outcomes, Vec<usize>, Report)>, ExecutionError> {
        let transfers: Vec<_> = candidates
            .iter()
            .map(|candidate| Transfer::of(setting, candidate.transaction))
            .collect();
        let calls = transfers.iter().filter(|transfer| transfer.is_none());
        let can_pay = self.workers() > 1 && calls.count() >= PARALLEL_FROM;
        if !(can_pay || self.eager) || setting.has_empty_accounts() {
            return Ok(None);
        }
        let all = || candidates.iter().map(|candidate| candidate.transaction);
        let hints = Hints::new(all().zip(&transfers));
        if !(self.eager || hints.pays(all().zip(&transfers))) {
            return Ok(None);
        }
        let awake = self.workers.wake();
        let before = BlockExecutor::open(setting.clone(), state, &self.kept)?;
        let block = OptimisticBlock {
            hints,
            stopwatch: Stopwatch::default(),
            setting,
            state,
            candidates,
            transfers,
            kept: &self.kept,
            eager: self.eager,
            hasher: Hasher::default(),
            start: Effect::of(before.ledger()),
        };
        let mut line = Line::with(admission);
        drop(awake);
        let report = self
            .workers
            .run(&block, &mut line, Schedule { window: WINDOW })?;
        if block.is_cheap() {
            return Ok(None);
        }
        let taken = line.admission.take().map(Admission::into_taken);
        let outcomes = block.close(&self.workers, line)?;
        Ok(Some((outcomes, taken.unwrap_or_default(), report)))
    }

    /// Executes the transactions of a block one after the other.
    ///
    /// # Errors
    /// The first transaction that breaks a rule, or a state that cannot be read.
    pub fn sequential<R: StateReader>(
        &self,
        setting: &Setting,
        state: &R,
        transactions: &[Transaction],
    ) -> Result<Outcomes, ExecutionError> {
        let mut executor = BlockExecutor::open(setting.clone(), state, &self.kept)?;
        for (index, transaction) in transactions.iter().enumerate() {
            executor
                .execute(transaction)
                .map_err(|error| ExecutionError::at(index, error))?;
        }
        Ok(executor.close_with(&self.workers))
    }
}
