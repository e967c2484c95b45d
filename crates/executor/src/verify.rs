//! Executing a block with its access list (EIP-7928), and holding the list against what happens.
//!
//! ```text
//! structure ──► every transaction on its exact inputs, in any order, on every worker ──► gas, in order ──► nothing left over
//! ```
//!
//! # Why a list that passes is the one sequential execution makes (EXE-1)
//!
//! By induction over the transactions: if the list is right below index *i*, transaction *i* runs on exactly the state that
//! sequential execution gives it. Everything it looks at must be listed, what it changes must be what the list says at
//! index *i*, and where the list says nothing, nothing may change; so the list is right at *i* too. That every transaction
//! is checked on inputs the list only claims is no circle: a wrong claim is a mismatch at the index it is made for. What is
//! left is that the list says too much, and that is counted: every account and slot was looked at by some transaction, and
//! the changes made are as many as the changes claimed.

mod error;
mod view;
mod worker;

pub use self::error::{ListError, VerifyError};
use self::worker::Worker;
use crate::{
    ExecutionError, Setting, Transaction,
    closing::{Part, by_range, deployed, join},
    engine::Engine,
    kept::Kept,
    listed::Listed,
    results::{Outcomes, Ran},
    rules::{check_gas_left, check_in_block},
};
use alloy_eip7928::{
    AccountChanges, BlockAccessIndex, ITEM_COST, total_bal_items, validate_block_access_list,
};
use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS};
use alloy_primitives::Bytes;
use core::sync::atomic::{AtomicUsize, Ordering};
use parking_lot::Mutex;
use trellis_primitives::{Change, StateDiff, StateError, StateReader};
use trellis_stm::Workers;

/// Fewer transactions than this are executed faster than a second thread wakes up.
const PARALLEL_FROM: usize = 6;

/// Accounts and slots a block may look at without paying [`ITEM_COST`] for each: those of the system calls, the
/// precompiles, and the slots `BLOCKHASH` reads.
const UNPAID_ITEMS: u64 = 512;

impl Engine {
    /// Executes a block with its access list, in parallel. The outcome is that of executing it in order (EXE-1).
    ///
    /// # Errors
    /// [`VerifyError`] for the first transaction that is invalid or that the list is wrong about.
    pub fn check<R: StateReader + Sync>(
        &self,
        setting: &Setting,
        state: &R,
        transactions: &[Transaction],
        list: AccessList,
    ) -> Result<Outcomes, VerifyError> {
        // What gas could pay for follows from this chain's prices.
        let gas = if setting.own {
            setting.gas_limit()
        } else {
            u64::MAX
        };
        check_structure(&list, transactions.len(), gas)?;
        if setting.has_empty_accounts() {
            let outcomes = self.sequential(setting, state, transactions)?;
            let (claimed, made) = (list.len(), outcomes.access_list.len());
            return if outcomes.access_list == list {
                Ok(outcomes)
            } else {
                Err(ListError::Unmade { claimed, made }.into())
            };
        }
        let awake = self
            .is_worth_sharing(transactions)
            .then(|| self.workers.wake());
        let listed = Listed::new(state, &list).map_err(ListError::Code)?;
        drop(awake);
        let ran = self.verify_listed(setting, transactions, &listed)?;
        let diff = difference(&listed, &self.workers).map_err(VerifyError::state)?;
        drop(listed);
        Ok(Outcomes {
            ran,
            diff,
            access_list: list,
        })
    }

    /// The first half of [`Engine::check`]: whether the list, whose structure is sound, is what execution does, and what
    /// the transactions came to. The other half, [`claimed_difference`], needs only the list, so both can go on at once.
    ///
    /// # Errors
    /// [`VerifyError`] for the first transaction that is invalid or that the list is wrong about.
    pub fn verify<R: StateReader + Sync>(
        &self,
        setting: &Setting,
        state: &R,
        transactions: &[Transaction],
        list: &[AccountChanges],
    ) -> Result<Vec<Ran>, VerifyError> {
        let awake = self
            .is_worth_sharing(transactions)
            .then(|| self.workers.wake());
        let listed = Listed::new(state, list).map_err(ListError::Code)?;
        drop(awake);
        self.verify_listed(setting, transactions, &listed)
    }

    fn is_worth_sharing(&self, transactions: &[Transaction]) -> bool {
        self.eager || transactions.len() >= PARALLEL_FROM
    }

    fn verify_listed<R: StateReader + Sync>(
        &self,
        setting: &Setting,
        transactions: &[Transaction],
        listed: &Listed<'_, R>,
    ) -> Result<Vec<Ran>, VerifyError> {
        let run = Verification {
            setting,
            transactions,
            listed,
            kept: &self.kept,
            next: AtomicUsize::new(0),
            first_failure: AtomicUsize::new(usize::MAX),
            shared: Mutex::new(Shared {
                ran: (0..transactions.len()).map(|_| None).collect(),
                made: 0,
                failure: None,
            }),
        };
        run.before_transactions()?;
        if self.is_worth_sharing(transactions) {
            self.workers.each(|_| run.work(self.workers()));
        } else {
            run.work(1);
        }
        run.finish()
    }
}

/// Everything a block touches, with every change, ordered by address (EIP-7928).
pub type AccessList = Vec<AccountChanges>;

/// The encoding a block carries.
pub fn encode_access_list(list: &[AccountChanges]) -> Bytes {
    let mut encoded = Vec::new();
    alloy_rlp::encode_list(list, &mut encoded);
    encoded.into()
}

/// The list a block carries.
///
/// # Errors
/// [`ListError::Encoding`].
pub fn decode_access_list(encoded: &[u8]) -> Result<AccessList, ListError> {
    alloy_rlp::decode_exact(encoded).map_err(ListError::Encoding)
}

/// What a block changes if its list, whose structure is sound, is right.
///
/// # Errors
/// [`ListError::Code`], or a state that cannot be read.
pub fn claimed_difference<R: StateReader + Sync>(
    state: &R,
    list: &[AccountChanges],
) -> Result<StateDiff, VerifyError> {
    let listed = Listed::new(state, list).map_err(ListError::Code)?;
    difference(&listed, &Workers::exactly(1)).map_err(VerifyError::state)
}

/// The rules for a list that need no execution.
///
/// # Errors
/// [`ListError::Structure`] and [`ListError::TooLarge`].
pub fn check_structure(
    list: &[AccountChanges],
    transactions: usize,
    gas_limit: u64,
) -> Result<(), ListError> {
    let items = total_bal_items(list);
    let max = (gas_limit / ITEM_COST as u64).saturating_add(UNPAID_ITEMS);
    if items > max {
        return Err(ListError::TooLarge { items, max });
    }
    validate_block_access_list(list, transactions)?;
    Ok(())
}

struct Verification<'a, R> {
    setting: &'a Setting,
    transactions: &'a [Transaction],
    listed: &'a Listed<'a, R>,
    kept: &'a Kept,
    /// The first transaction nobody has taken.
    next: AtomicUsize,
    /// The lowest that failed so far. Those above it do not matter any more.
    first_failure: AtomicUsize,
    shared: Mutex<Shared>,
}

struct Shared {
    ran: Vec<Option<Ran>>,
    made: usize,
    failure: Option<(usize, VerifyError)>,
}

impl<'a, R: StateReader + Sync> Verification<'a, R> {
    /// The system calls of block start.
    fn before_transactions(&self) -> Result<(), VerifyError> {
        let Some((parent_hash, beacon_root)) = self.setting.start else {
            return Ok(());
        };
        let mut worker = Worker::new(self);
        for (contract, input) in [
            (HISTORY_STORAGE_ADDRESS, parent_hash),
            (BEACON_ROOTS_ADDRESS, beacon_root),
        ] {
            worker.call(contract, input)?;
        }
        self.shared.lock().made += worker.made;
        Ok(())
    }

    /// Executes transactions until none is left.
    fn work(&self, workers: usize) {
        let total = self.transactions.len();
        if self.next.load(Ordering::Relaxed) >= total {
            return;
        }
        let mut worker = Worker::new(self);
        let mut ran = Vec::new();
        loop {
            // Large pieces while there is much left, small ones at the end, so that all finish together.
            let left = total.saturating_sub(self.next.load(Ordering::Relaxed));
            let piece = (left / (4 * workers)).clamp(1, 32);
            let from = self.next.fetch_add(piece, Ordering::Relaxed);
            if from >= total.min(self.first_failure.load(Ordering::Relaxed)) {
                break;
            }
            for index in from..total.min(from + piece) {
                match worker.execute(index) {
                    Ok(result) => ran.push((index, result)),
                    Err(error) => {
                        self.fail(index, error);
                        break;
                    }
                }
            }
        }
        let mut shared = self.shared.lock();
        shared.made += worker.made;
        for (index, result) in ran {
            shared.ran[index] = Some(result);
        }
    }

    fn fail(&self, index: usize, error: VerifyError) {
        self.first_failure.fetch_min(index, Ordering::Relaxed);
        let failure = &mut self.shared.lock().failure;
        if failure.as_ref().is_none_or(|(first, _)| index < *first) {
            *failure = Some((index, error));
        }
    }

    /// The rules that need all transactions, and what these came to.
    fn finish(self) -> Result<Vec<Ran>, VerifyError> {
        let Shared { ran, made, failure } = self.shared.into_inner();
        let mut gas_used = 0;
        let mut results = Vec::with_capacity(ran.len());
        let failed = failure.as_ref().map_or(usize::MAX, |(index, _)| *index);
        for (index, (tx, ran)) in self.transactions.iter().zip(ran).enumerate() {
            // A transaction that does not fit is invalid, whatever came of it.
            let left = self.setting.gas_limit().saturating_sub(gas_used);
            if index >= failed {
                // The rules in their order: gas comes before some of those it may have failed for.
                check_in_block(self.setting, left, tx)
                    .map_err(|error| ExecutionError::at(index, error))?;
                break;
            }
            check_gas_left(left, tx).map_err(|error| ExecutionError::at(index, error))?;
            let ran = ran.expect("every transaction below a failure was executed");
            gas_used += ran.gas_used;
            results.push(ran);
        }
        if let Some((_, error)) = failure {
            return Err(error);
        }
        if let Some((address, slot)) = self.listed.unseen() {
            return Err(ListError::Unused { address, slot }.into());
        }
        let claimed = self.listed.claimed();
        if claimed != made {
            return Err(ListError::Unmade { claimed, made }.into());
        }
        Ok(results)
    }
}

/// What the block changes, from a list that is right.
fn difference<R: StateReader + Sync>(
    listed: &Listed<'_, R>,
    workers: &Workers,
) -> Result<StateDiff, StateError> {
    let parts = by_range(workers, listed.len(), |range| {
        let mut part = Part::default();
        let accounts = listed.accounts.iter().enumerate();
        let mut of_range = accounts.filter(|(_, account)| range.has(account.changes.address));
        of_range.try_for_each(|(id, _)| changed(listed, id, &mut part))?;
        Ok(part)
    });
    let parts: Result<Vec<Part>, StateError> = parts.into_iter().collect();
    // The list is in the order of the difference.
    Ok(join(parts?).0)
}

/// Adds what the list changes of one account.
fn changed<R: StateReader>(
    listed: &Listed<'_, R>,
    id: usize,
    part: &mut Part,
) -> Result<(), StateError> {
    let end = BlockAccessIndex::new(u64::MAX);
    let changes = listed.accounts[id].changes;
    let address = changes.address;
    let is_changed = !changes.balance_changes.is_empty()
        || !changes.nonce_changes.is_empty()
        || !changes.code_changes.is_empty();
    if is_changed {
        let (before, after) = (listed.before(id)?, listed.account(id, end)?);
        if before != after {
            part.accounts.push((address, Change { before, after }));
            let code = deployed(before, after).and_then(|hash| listed.code.get_key_value(&hash));
            part.code
                .extend(code.map(|(hash, code)| (*hash, code.original_bytes())));
        }
    }
    for (slot, place) in listed.places(id) {
        let Some(last) = place.changes.last() else {
            break;
        };
        let before = listed.slot_before(id, slot, place)?;
        let after = last.new_value;
        if before != after {
            part.storage
                .push(((address, slot), Change { before, after }));
        }
    }
    Ok(())
}
