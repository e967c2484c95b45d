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

use crate::{
    ExecutionError, Setting, Transaction, TransactionError,
    block::{check_in_block, context_over, translate},
    engine::{CodeCache, Engine},
    evm::{Evm, transact},
    listed::{Claims, Listed, Place},
    overlay::ReadFailed,
    results::{Outcomes, Ran},
    transaction::evm_transaction,
    transfer::{self, Transfer},
};
use alloy_eip7928::{
    AccountChanges, BlockAccessIndex, BlockAccessListValidationError, ITEM_COST, total_bal_items,
    validate_block_access_list,
};
use alloy_eips::{
    eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS},
    eip4788::BEACON_ROOTS_ADDRESS,
};
use alloy_primitives::{Address, B256, Bytes, U256, map::B256Map};
use core::sync::atomic::{AtomicUsize, Ordering};
use parking_lot::Mutex;
use revm::{
    Database, Journal, MainBuilder as _, SystemCallEvm as _,
    context_interface::result::{EVMError, ExecutionResult},
    state::{Account as EvmAccount, AccountId, AccountInfo, AccountStatus, Bytecode},
};
use trellis_primitives::{Account, Change, Class, StateDiff, StateError, StateReader};

/// Fewer transactions than this are executed faster than a second thread wakes up.
const PARALLEL_FROM: usize = 6;

/// How an access list is wrong. All are permanent: the block is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Its order, its indices, or an empty or repeated entry.
    #[error(transparent)]
    Structure(#[from] BlockAccessListValidationError),
    /// More accounts and slots than the block's gas could pay for.
    #[error("{items} accounts and slots, the gas limit allows {max}")]
    TooLarge {
        /// Accounts and slots listed.
        items: u64,
        /// Most the gas limit allows.
        max: u64,
    },
    /// A code change is no code.
    #[error("code of {0} is malformed")]
    Code(Address),
    /// A transaction looks at an account that is not listed.
    #[error("transaction {index} looks at account {address}, which is not listed")]
    MissingAccount {
        /// Position of the transaction; the number of transactions stands for the calls before them.
        index: usize,
        /// The account.
        address: Address,
    },
    /// A transaction looks at a slot that is not listed.
    #[error("transaction {index} looks at slot {slot:#x} of {address}, which is not listed")]
    MissingSlot {
        /// Position of the transaction.
        index: usize,
        /// The account.
        address: Address,
        /// The slot.
        slot: U256,
    },
    /// A transaction leaves something else than the list says.
    #[error("transaction {index} leaves another {what} of {address} than listed")]
    Mismatch {
        /// Position of the transaction.
        index: usize,
        /// Balance, nonce, code, or a slot.
        what: String,
        /// The account.
        address: Address,
    },
    /// An account or slot is listed that no transaction looks at.
    #[error("{}{address} is listed, but nothing looks at it", slot_text(.slot))]
    Unused {
        /// The account.
        address: Address,
        /// The slot, if it is one.
        slot: Option<U256>,
    },
    /// Changes are listed that no transaction makes.
    #[error("{claimed} changes are listed, {made} are made")]
    Unmade {
        /// Changes listed.
        claimed: usize,
        /// Changes made.
        made: usize,
    },
}

fn slot_text(slot: &Option<U256>) -> String {
    slot.map_or_else(String::new, |slot| format!("slot {slot:#x} of "))
}

/// Why a block does not pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It could not be executed.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// Its access list is wrong.
    #[error("access list: {0}")]
    List(#[from] ListError),
}

impl VerifyError {
    /// What the failure says about the block (EXE-2).
    pub fn class(&self) -> Class {
        match self {
            Self::Execution(error) => error.class(),
            Self::List(_) => Class::Invalid,
        }
    }

    fn state(error: StateError) -> Self {
        Self::Execution(error.into())
    }
}

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
        list: &[AccountChanges],
    ) -> Result<Outcomes, VerifyError> {
        // What gas could pay for follows from this chain's prices.
        let gas = if setting.own {
            setting.gas_limit()
        } else {
            u64::MAX
        };
        check_structure(list, transactions.len(), gas)?;
        if setting.has_empty_accounts() {
            let outcomes = self.sequential(setting, state, transactions)?;
            let (claimed, made) = (list.len(), outcomes.access_list.len());
            return if outcomes.access_list == list {
                Ok(outcomes)
            } else {
                Err(ListError::Unmade { claimed, made }.into())
            };
        }
        let listed = Listed::new(state, list).map_err(ListError::Code)?;
        let run = Verification {
            setting,
            transactions,
            listed,
            code: &self.code,
            next: AtomicUsize::new(0),
            first_failure: AtomicUsize::new(usize::MAX),
            shared: Mutex::new(Shared {
                ran: (0..transactions.len()).map(|_| None).collect(),
                made: 0,
                failure: None,
            }),
        };
        run.before_transactions()?;
        if transactions.len() < PARALLEL_FROM && !self.eager {
            run.work(1);
        } else {
            self.workers.each(|_| run.work(self.workers()));
        }
        run.finish(list)
    }
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
    let (items, max) = (total_bal_items(list), gas_limit / ITEM_COST as u64);
    if items > max {
        return Err(ListError::TooLarge { items, max });
    }
    validate_block_access_list(list, transactions)?;
    Ok(())
}

struct Verification<'a, R> {
    setting: &'a Setting,
    transactions: &'a [Transaction],
    listed: Listed<'a, R>,
    code: &'a CodeCache,
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

    /// The rules that need all transactions, and the outcome.
    fn finish(self, list: &[AccountChanges]) -> Result<Outcomes, VerifyError> {
        let Shared { ran, made, failure } = self.shared.into_inner();
        let mut gas_used = 0;
        let mut results = Vec::with_capacity(ran.len());
        let failed = failure.as_ref().map_or(usize::MAX, |(index, _)| *index);
        for (index, (tx, ran)) in self.transactions.iter().zip(ran).enumerate() {
            // A transaction that does not fit is invalid, whatever came of it.
            let left = self.setting.gas_limit().saturating_sub(gas_used);
            check_in_block(self.setting, left, tx)
                .map_err(|error| ExecutionError::at(index, error))?;
            if index >= failed {
                break;
            }
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
        let diff = difference(&self.listed).map_err(VerifyError::state)?;
        Ok(Outcomes {
            ran: results,
            diff,
            access_list: list.to_vec(),
        })
    }
}

/// What the block changes, from a list that is right.
fn difference<R: StateReader>(listed: &Listed<'_, R>) -> Result<StateDiff, StateError> {
    let end = BlockAccessIndex::new(u64::MAX);
    let mut diff = StateDiff::default();
    let mut accounts = Vec::new();
    let mut storage = Vec::new();
    for (id, entry) in listed.accounts.iter().enumerate() {
        let changes = entry.changes;
        let address = changes.address;
        let changed = !changes.balance_changes.is_empty()
            || !changes.nonce_changes.is_empty()
            || !changes.code_changes.is_empty();
        if changed {
            let (before, after) = (listed.before(id)?, listed.account(id, end)?);
            if before != after {
                accounts.push((address, Change { before, after }));
                let deployed = after.filter(Account::has_code).map(|after| after.code_hash);
                if deployed != before.map(|before| before.code_hash)
                    && let Some(hash) = deployed
                    && let Some(code) = listed.code.get(&hash)
                {
                    diff.code.insert(hash, code.original_bytes());
                }
            }
        }
        for (slot, place) in listed.places(id) {
            let Some(last) = place.changes.last() else {
                break;
            };
            let before = listed.slot_before(id, slot, place)?;
            let after = last.new_value;
            if before != after {
                storage.push(((address, slot), Change { before, after }));
            }
        }
    }
    diff.accounts = accounts.into_iter().collect();
    diff.storage = storage.into_iter().collect();
    Ok(diff)
}

/// What the EVM of one worker reads: the state before one transaction, as the list claims it.
struct ListView<'v, 'a, R> {
    listed: &'v Listed<'a, R>,
    setting: &'v Setting,
    index: BlockAccessIndex,
    /// Code before the block that this worker had before.
    code: B256Map<Bytecode>,
    shared: &'v CodeCache,
    failure: Option<Failure>,
}

enum Failure {
    State(StateError),
    Account(Address),
    Slot(Address, U256),
}

impl<R: StateReader> ListView<'_, '_, R> {
    fn fail(&mut self, failure: Failure) -> ReadFailed {
        self.failure = Some(failure);
        ReadFailed
    }

    fn find(&mut self, address: Address) -> Result<usize, ReadFailed> {
        match self.listed.find(address) {
            Some(id) => Ok(id),
            None => Err(self.fail(Failure::Account(address))),
        }
    }

    fn account(&mut self, id: usize) -> Result<Option<Account>, ReadFailed> {
        let account = self.listed.account(id, self.index);
        account.map_err(|error| self.fail(Failure::State(error)))
    }

    fn slot(&mut self, id: usize, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        let Some(place) = self.listed.place(id, slot) else {
            return Err(self.fail(Failure::Slot(address, slot)));
        };
        let value = self.listed.slot(id, slot, place, self.index);
        value.map_err(|error| self.fail(Failure::State(error)))
    }
}

impl<R: StateReader> Database for ListView<'_, '_, R> {
    type Error = ReadFailed;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadFailed> {
        let id = self.find(address)?;
        Ok(self.account(id)?.map(|account| AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: AccountId::new(id),
            code: None,
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, ReadFailed> {
        if let Some(code) = self.listed.code.get(&hash).or_else(|| self.code.get(&hash)) {
            return Ok(code.clone());
        }
        if let Some(code) = self.shared.get(&hash) {
            self.code.insert(hash, code.clone());
            return Ok(code);
        }
        let code = self.listed.state().code(hash).and_then(|bytes| {
            Bytecode::new_raw_checked(bytes)
                .map_err(|error| StateError::Storage(format!("code {hash} is malformed: {error}")))
        });
        match code {
            Ok(code) => {
                self.shared.insert(hash, &code);
                self.code.insert(hash, code.clone());
                Ok(code)
            }
            Err(error) => Err(self.fail(Failure::State(error))),
        }
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadFailed> {
        let id = self.find(address)?;
        self.slot(id, address, slot)
    }

    fn storage_by_account_id(
        &mut self,
        address: Address,
        id: AccountId,
        slot: U256,
    ) -> Result<U256, ReadFailed> {
        self.slot(id.get(), address, slot)
    }

    /// As in sequential execution, which looks at the ring of the history contract (EIP-2935).
    fn block_hash(&mut self, number: u64) -> Result<B256, ReadFailed> {
        if let Some(hash) = self.setting.hashes.get(&number) {
            return Ok(*hash);
        }
        let own: u64 = self.setting.block.number.saturating_to();
        let window = HISTORY_SERVE_WINDOW as u64;
        if number >= own || own - number > window {
            return Ok(B256::ZERO);
        }
        let (address, slot) = (HISTORY_STORAGE_ADDRESS, U256::from(number % window));
        let id = self.find(address)?;
        let value = self.slot(id, address, slot)?;
        self.listed.saw(id);
        if let Some(place) = self.listed.place(id, slot) {
            self.listed.saw_slot(place);
        }
        Ok(value.into())
    }
}

/// One worker of a verification.
struct Worker<'v, 'a, R: StateReader> {
    run: &'v Verification<'a, R>,
    evm: Evm<ListView<'v, 'a, R>>,
    /// Changes found as claimed.
    made: usize,
}

impl<'v, 'a, R: StateReader + Sync> Worker<'v, 'a, R> {
    fn new(run: &'v Verification<'a, R>) -> Self {
        let view = ListView {
            listed: &run.listed,
            setting: run.setting,
            index: BlockAccessIndex::PRE_EXECUTION,
            code: B256Map::default(),
            shared: run.code,
            failure: None,
        };
        Self {
            run,
            evm: context_over(run.setting, view).build_mainnet(),
            made: 0,
        }
    }

    fn call(&mut self, contract: Address, input: B256) -> Result<(), VerifyError> {
        let input = Bytes::copy_from_slice(input.as_slice());
        let result = self.evm.system_call_one(contract, input);
        let index = self.run.transactions.len();
        match self.settle(index, contract, result) {
            Ok(_) => Ok(()),
            Err(VerifyError::Execution(ExecutionError::Invalid { rule, .. })) => {
                Err(ExecutionError::Internal(rule.to_string()).into())
            }
            Err(error) => Err(error),
        }
    }

    fn execute(&mut self, index: usize) -> Result<Ran, VerifyError> {
        let tx = &self.run.transactions[index];
        let setting = self.run.setting;
        let fail = |error| VerifyError::Execution(ExecutionError::at(index, error));
        check_in_block(setting, u64::MAX, tx).map_err(fail)?;
        self.evm.ctx.journaled_state.database.index = BlockAccessIndex::from_tx_index(index as u64);
        if let Some(transfer) = Transfer::of(setting, tx)
            && let Some(ran) = self.transfer(index, &transfer)?
        {
            return Ok(ran);
        }
        let result = transact(&mut self.evm, evm_transaction(tx));
        let result = self.settle(index, tx.signer(), result)?;
        Ok(Ran::new(tx.inner().tx_type(), result))
    }

    /// Does a plain transfer, unless it is for the EVM after all, which then also finds what is not listed.
    fn transfer(&mut self, index: usize, transfer: &Transfer) -> Result<Option<Ran>, VerifyError> {
        let listed = &self.run.listed;
        let at = self.evm.ctx.journaled_state.database.index;
        let addresses = [
            transfer.sender,
            transfer.to,
            self.run.setting.block.beneficiary,
        ];
        let [Some(sender), Some(to), Some(beneficiary)] =
            addresses.map(|address| listed.find(address))
        else {
            return Ok(None);
        };
        let read = |id| listed.account(id, at).map_err(VerifyError::state);
        let (sender_before, to_before) = (read(sender)?, read(to)?);
        let Some(moved) = transfer.settle(sender_before, to_before) else {
            return Ok(None);
        };
        let rewarded_before = read(beneficiary)?;
        let account = rewarded_before.unwrap_or_default();
        let Some(balance) = account.balance.checked_add(moved.tip) else {
            return Ok(None);
        };
        let rewarded = Some(Account { balance, ..account }).filter(|account| !account.is_empty());
        self.hold(index, sender, sender_before, Some(moved.sender))?;
        self.hold(index, to, to_before, moved.to)?;
        self.hold(index, beneficiary, rewarded_before, rewarded)?;
        Ok(Some(Ran {
            tx_type: transfer.tx_type,
            success: true,
            gas_used: transfer::GAS,
            logs: Vec::new(),
        }))
    }

    /// Empties the journal, holding the list against it.
    fn settle(
        &mut self,
        index: usize,
        sender: Address,
        result: Result<ExecutionResult, EVMError<ReadFailed>>,
    ) -> Result<ExecutionResult, VerifyError> {
        let context = &mut self.evm.ctx;
        context.error = Ok(());
        let Journal { database, inner } = &mut context.journaled_state;
        let state = core::mem::take(&mut inner.state);
        inner.transaction_id = revm::state::TransactionId::ZERO;
        match database.failure.take() {
            Some(Failure::State(error)) => return Err(VerifyError::state(error)),
            Some(Failure::Account(address)) => {
                return Err(ListError::MissingAccount { index, address }.into());
            }
            Some(Failure::Slot(address, slot)) => {
                return Err(ListError::MissingSlot {
                    index,
                    address,
                    slot,
                }
                .into());
            }
            None => {}
        }
        let result = result.map_err(|error| {
            let error: TransactionError = translate(sender, error);
            VerifyError::Execution(ExecutionError::at(index, error))
        })?;
        for (address, account) in state {
            self.hold_account(index, address, account)?;
        }
        Ok(result)
    }

    /// Holds the list against what a transaction did to one account.
    fn hold_account(
        &mut self,
        index: usize,
        address: Address,
        account: EvmAccount,
    ) -> Result<(), VerifyError> {
        let listed = &self.run.listed;
        let at = self.evm.ctx.journaled_state.database.index;
        let id = listed
            .find(address)
            .ok_or(ListError::MissingAccount { index, address })?;
        let before = listed.account(id, at).map_err(VerifyError::state)?;
        let status = account.status;
        let destroyed = status.contains(AccountStatus::SelfDestructed);
        let created = status.contains(AccountStatus::Created);
        let after = if !status.contains(AccountStatus::Touched) {
            before
        } else if destroyed {
            None
        } else {
            let after = Account {
                nonce: account.info.nonce,
                balance: account.info.balance,
                code_hash: account.info.code_hash,
            };
            Some(after).filter(|account| !account.is_empty())
        };
        self.hold(index, id, before, after)?;
        for (slot, value) in &account.storage {
            let place = listed.place(id, *slot).ok_or(ListError::MissingSlot {
                index,
                address,
                slot: *slot,
            })?;
            listed.saw_slot(place);
            let original = if created {
                U256::ZERO
            } else {
                value.original_value
            };
            let present = if destroyed {
                U256::ZERO
            } else {
                value.present_value
            };
            self.hold_slot(index, address, *slot, place, original, present)?;
        }
        if destroyed && !created {
            self.hold_wiped(index, id, &account)?;
        }
        Ok(())
    }

    /// The listed slots of an account that was destroyed, besides those the transaction itself looked at.
    fn hold_wiped(
        &mut self,
        index: usize,
        id: usize,
        account: &EvmAccount,
    ) -> Result<(), VerifyError> {
        let listed = &self.run.listed;
        let at = self.evm.ctx.journaled_state.database.index;
        let address = listed.accounts[id].changes.address;
        for (slot, place) in listed.places(id) {
            if !account.storage.contains_key(&slot) {
                let before = listed
                    .slot(id, slot, place, at)
                    .map_err(VerifyError::state)?;
                self.hold_slot(index, address, slot, place, before, U256::ZERO)?;
            }
        }
        Ok(())
    }

    fn hold_slot(
        &mut self,
        index: usize,
        address: Address,
        slot: U256,
        place: Place<'_>,
        before: U256,
        after: U256,
    ) -> Result<(), ListError> {
        let at = self.evm.ctx.journaled_state.database.index;
        let claimed = Listed::<R>::claimed_slot(place, at);
        if claimed != (before != after).then_some(after) {
            let what = format!("slot {slot:#x}");
            return Err(ListError::Mismatch {
                index,
                what,
                address,
            });
        }
        self.made += usize::from(claimed.is_some());
        Ok(())
    }

    /// Holds the list against an account before and after a transaction.
    fn hold(
        &mut self,
        index: usize,
        id: usize,
        before: Option<Account>,
        after: Option<Account>,
    ) -> Result<(), ListError> {
        let listed = &self.run.listed;
        listed.saw(id);
        let at = self.evm.ctx.journaled_state.database.index;
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        let Claims {
            balance,
            nonce,
            code,
        } = listed.claims(id, at);
        let what = if balance != (before.balance != after.balance).then_some(after.balance) {
            "balance"
        } else if nonce != (before.nonce != after.nonce).then_some(after.nonce) {
            "nonce"
        } else if code != (before.code_hash != after.code_hash).then_some(after.code_hash) {
            "code"
        } else {
            self.made += usize::from(balance.is_some())
                + usize::from(nonce.is_some())
                + usize::from(code.is_some());
            return Ok(());
        };
        Err(ListError::Mismatch {
            index,
            what: what.into(),
            address: listed.accounts[id].changes.address,
        })
    }
}
