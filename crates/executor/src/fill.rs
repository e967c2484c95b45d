//! Choosing what goes into a block: candidates in order, as long as there is room and time.
//!
//! A candidate that does not fit, or that breaks a rule here, costs its sender the rest of this block, because its later
//! nonces would only fail after it, and nobody else anything.

use crate::{
    BlockExecutor, ExecutionError, InvalidTransaction, Setting, Transaction, TransactionError,
    engine::Engine, results::Outcomes,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, map::HashSet};
use core::fmt;
use trellis_primitives::StateReader;

/// Candidates between two looks at the clock.
const LOOK_EVERY: usize = 16;

/// More than one transaction can add to an access list, in bytes: 16.7M gas (EIP-7825) pay for 8,400 slots of 33 bytes
/// that are read, for 3,400 of 110 that are written, or for 84 KB of code.
const LISTED_BYTES_MAX: usize = 512 * 1024;

/// More than the access list has of the system calls and the beneficiary, in bytes.
const BEFORE_TRANSACTIONS: usize = 1024;

/// A transaction a block may take.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The transaction.
    pub transaction: &'a Transaction,
    /// Length of its encoding.
    pub bytes: usize,
}

/// What a block has room for, beside its gas limit.
#[derive(Clone, Copy)]
pub struct Room<'a> {
    /// Sum of encoded transactions, in bytes.
    pub body_bytes: usize,
    /// Number of transactions.
    pub transactions: usize,
    /// Encoded access list, in bytes. It stays below by what one transaction could add to it.
    pub access_list_bytes: usize,
    /// Whether the time to execute is over. What was taken by then is the block.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
}

impl fmt::Debug for Room<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room")
            .field("body_bytes", &self.body_bytes)
            .field("transactions", &self.transactions)
            .field("access_list_bytes", &self.access_list_bytes)
            .finish_non_exhaustive()
    }
}

/// A block that was filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Positions of the candidates it took, ascending.
    pub taken: Vec<usize>,
    /// What they came to.
    pub outcomes: Outcomes,
}

/// Decides in order which candidates are taken.
pub(crate) struct Admission<'a> {
    room: Room<'a>,
    /// Senders that are out for this block.
    skipped: HashSet<Address>,
    taken: Vec<usize>,
    bytes: usize,
    /// At most what the access list has so far.
    listed: usize,
    looked_at: usize,
}

impl<'a> Admission<'a> {
    pub(crate) fn new(room: Room<'a>) -> Self {
        Self {
            room,
            skipped: HashSet::default(),
            taken: Vec::new(),
            bytes: 0,
            listed: BEFORE_TRANSACTIONS,
            looked_at: 0,
        }
    }

    /// Whether no further candidate can be taken.
    pub(crate) fn is_over(&self) -> bool {
        self.taken.len() >= self.room.transactions
            || self.listed.saturating_add(LISTED_BYTES_MAX) > self.room.access_list_bytes
            || self.looked_at % LOOK_EVERY == LOOK_EVERY - 1 && (self.room.is_over)()
    }

    /// Whether to execute a candidate, with `left` gas in the block.
    pub(crate) fn admits(&mut self, candidate: &Candidate<'_>, left: u64) -> bool {
        self.looked_at += 1;
        let sender = candidate.transaction.signer();
        if self.skipped.contains(&sender) {
            return false;
        }
        let fits = self.bytes + candidate.bytes <= self.room.body_bytes
            && candidate.transaction.gas_limit() <= left;
        if !fits {
            self.skipped.insert(sender);
        }
        fits
    }

    /// Notes that a candidate breaks a rule here.
    pub(crate) fn refuse(&mut self, candidate: &Candidate<'_>, rule: &InvalidTransaction) {
        // A nonce that was used is already in a block this one builds on; the next one may be right.
        if !matches!(rule, InvalidTransaction::NonceTooLow { .. }) {
            self.skipped.insert(candidate.transaction.signer());
        }
    }

    /// Notes that a candidate is in the block, and adds at most `listed` bytes to the access list.
    pub(crate) fn take(&mut self, index: usize, candidate: &Candidate<'_>, listed: usize) {
        self.taken.push(index);
        self.bytes += candidate.bytes;
        self.listed += listed;
    }

    pub(crate) fn into_taken(self) -> Vec<usize> {
        self.taken
    }
}

impl Engine {
    /// Fills a block, one candidate after the other.
    pub(crate) fn fill_in_order<R: StateReader>(
        &self,
        setting: &Setting,
        state: &R,
        candidates: &[Candidate<'_>],
        room: Room<'_>,
    ) -> Result<Filled, ExecutionError> {
        let mut admission = Admission::new(room);
        let mut executor = BlockExecutor::open(setting.clone(), state, &self.kept)?;
        for (index, candidate) in candidates.iter().enumerate() {
            if admission.is_over() {
                break;
            }
            if !admission.admits(candidate, executor.gas_left()) {
                continue;
            }
            let before = executor.listed_bytes_max();
            match executor.execute(candidate.transaction) {
                Ok(()) => {
                    let listed = executor.listed_bytes_max() - before;
                    admission.take(index, candidate, listed);
                }
                Err(TransactionError::Invalid(rule)) => admission.refuse(candidate, &rule),
                Err(error) => return Err(ExecutionError::at(index, error)),
            }
        }
        Ok(Filled {
            taken: admission.into_taken(),
            outcomes: executor.close_with(&self.workers),
        })
    }
}
