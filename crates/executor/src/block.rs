//! Executing one block, transaction by transaction.
//!
//! States of a [`BlockExecutor`]: *open* from [`BlockExecutor::new`], which runs the system calls of block start;
//! each [`BlockExecutor::execute`] that returns `Ok` adds one receipt and stays open, one that returns `Err` changes
//! nothing; [`BlockExecutor::finish`] consumes it. Nothing survives a restart and nothing needs to: a block is
//! executed again from its parent state.

use crate::{
    BlockEnv, ExecutionError, Setting, Transaction, TransactionError,
    evm::{Evm, EvmContext, View, transact},
    kept::Kept,
    ledger::Ledger,
    overlay::{Overlay, ReadFailed},
    results::{Executed, Outcomes, Ran},
    rules::{check_in_block, translate},
    transfer::{self, Transfer},
};
use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS};
use alloy_primitives::{Address, B256, Bytes};
use revm::{
    Journal, MainBuilder, SystemCallEvm,
    context_interface::block::BlobExcessGasAndPrice,
    context_interface::result::{EVMError, ExecutionResult},
    primitives::hardfork::SpecId,
    state::{EvmState, TransactionId},
};
use std::sync::Arc;
use trellis_primitives::StateReader;
use trellis_stm::Workers;

/// The journal's map of accounts is reused while a transaction leaves it this small, so that one that touched
/// thousands of accounts does not make every later one pay for clearing the large table.
const JOURNAL_CAPACITY_MAX: usize = 1024;

/// Executes the transactions of one block in order, over one fixed parent state.
///
/// The seam between sequential and parallel execution: whatever runs behind it, the outcome is that of running the
/// transactions one after the other (EXE-1). It is not `Send`: create it on the thread that uses it.
pub struct BlockExecutor<R: StateReader> {
    evm: Evm<Overlay<R>>,
    setting: Setting,
    ran: Vec<Ran>,
    gas_used: u64,
}

/// Executes a whole block.
///
/// # Errors
/// [`ExecutionError::Invalid`] names the first transaction that breaks a rule; [`ExecutionError::State`] says that
/// the state could not be read, and running the block again gives the same result once it can be.
pub fn execute_block<R: StateReader>(
    env: BlockEnv,
    state: R,
    transactions: &[Transaction],
) -> Result<Executed, ExecutionError> {
    let mut executor = BlockExecutor::new(env, state)?;
    executor.ran.reserve_exact(transactions.len());
    for (index, transaction) in transactions.iter().enumerate() {
        executor
            .execute(transaction)
            .map_err(|error| ExecutionError::at(index, error))?;
    }
    Ok(executor.finish())
}

impl<R: StateReader> BlockExecutor<R> {
    /// Opens the block `env` on its parent's state, and runs the system calls of block start: the parent's hash into
    /// the history contract (EIP-2935) and the beacon root into its contract (EIP-4788). Genesis has neither.
    ///
    /// # Errors
    /// [`ExecutionError::State`] if the state cannot be read.
    pub fn new(env: BlockEnv, state: R) -> Result<Self, ExecutionError> {
        Self::open(Setting::new(&env), state, &Arc::default())
    }

    /// Opens a block in any setting.
    pub(crate) fn open(
        setting: Setting,
        state: R,
        kept: &Arc<Kept>,
    ) -> Result<Self, ExecutionError> {
        let mut evm = new_context(&setting, state, kept).build_mainnet();
        // What pays the beneficiary afterwards does without empty accounts.
        evm.ctx.chain.defer_fees = !setting.has_empty_accounts();
        let start = setting.start;
        let mut executor = Self {
            evm,
            setting,
            ran: Vec::new(),
            gas_used: 0,
        };
        if let Some((parent_hash, beacon_root)) = start {
            executor.system_call(HISTORY_STORAGE_ADDRESS, parent_hash)?;
            executor.system_call(BEACON_ROOTS_ADDRESS, beacon_root)?;
        }
        Ok(executor)
    }

    /// Opens a block under the rules of `spec`, without system calls. For conformance tests only.
    #[doc(hidden)]
    pub fn for_fork(env: BlockEnv, state: R, spec: SpecId) -> Self {
        let setting = Setting::of(&env, spec);
        Self {
            evm: new_context(&setting, state, &Arc::default()).build_mainnet(),
            setting,
            ran: Vec::new(),
            gas_used: 0,
        }
    }

    /// Sets what `BLOBBASEFEE` follows from (EIP-4844). For conformance tests only.
    #[doc(hidden)]
    pub fn set_excess_blob_gas(&mut self, excess: u64, spec: SpecId) {
        let price = BlobExcessGasAndPrice::new_with_spec(excess, spec);
        self.evm.ctx.block.blob_excess_gas_and_price = Some(price);
    }

    /// Gas that transactions may still ask for.
    pub fn gas_left(&self) -> u64 {
        self.setting.gas_limit().saturating_sub(self.gas_used)
    }

    /// Gas used so far.
    pub fn gas_used(&self) -> u64 {
        self.gas_used
    }

    /// The next nonce of `address` at this point in the block.
    ///
    /// # Errors
    /// [`ExecutionError::State`] if the state cannot be read.
    pub fn nonce(&mut self, address: Address) -> Result<u64, ExecutionError> {
        let account = self.evm.ctx.journaled_state.database.peek(address)?;
        Ok(account.unwrap_or_default().nonce)
    }

    /// Executes one transaction after all earlier ones. Its sender is taken as given: recovering it from the
    /// signature is the caller's part, and worth doing in parallel.
    ///
    /// # Errors
    /// On any error nothing of the transaction is applied and the executor stays usable.
    pub fn execute(&mut self, tx: &Transaction) -> Result<(), TransactionError> {
        check_in_block(&self.setting, self.gas_left(), tx)?;
        self.execute_unchecked(tx)
    }

    /// Executes a transaction under the EVM's own checks alone. For conformance tests only.
    #[doc(hidden)]
    pub fn execute_unchecked(&mut self, tx: &Transaction) -> Result<(), TransactionError> {
        let position = u32::try_from(self.ran.len() + 1).unwrap_or(u32::MAX);
        self.evm.ctx.journaled_state.database.begin(position);
        let transferred = Transfer::of(&self.setting, tx).map(|transfer| self.transfer(&transfer));
        let ran = match transferred.transpose()?.flatten() {
            Some(ran) => ran,
            None => {
                self.evm.ctx.chain.clear();
                let result = transact(&mut self.evm, tx);
                let result = settle(&mut self.evm.ctx, tx.signer(), result)?;
                Ran::new(tx.inner().tx_type(), result)
            }
        };
        self.gas_used += ran.gas_used;
        self.ran.push(ran);
        Ok(())
    }

    /// Does a plain transfer, unless it is for the EVM after all; then nothing has changed.
    fn transfer(&mut self, transfer: &Transfer) -> Result<Option<Ran>, TransactionError> {
        let beneficiary = self.setting.block.beneficiary;
        let overlay = &mut self.evm.ctx.journaled_state.database;
        match overlay.transfer(transfer, beneficiary) {
            Ok(true) => Ok(Some(Ran {
                tx_type: transfer.tx_type,
                success: true,
                gas_used: transfer::GAS,
                logs: Vec::new(),
            })),
            Ok(false) => Ok(None),
            Err(ReadFailed) => {
                overlay.forget();
                Err(overlay.failure().into())
            }
        }
    }

    /// Calls a system contract outside the transactions: no nonce, no fee, no receipt. A contract that is absent or
    /// reverts is ignored, as both EIPs say.
    fn system_call(&mut self, contract: Address, input: B256) -> Result<(), ExecutionError> {
        self.evm.ctx.journaled_state.database.begin(0);
        let result = self
            .evm
            .system_call_one(contract, Bytes::copy_from_slice(input.as_slice()));
        match settle(&mut self.evm.ctx, contract, result) {
            Ok(_) => Ok(()),
            Err(TransactionError::State(error)) => Err(error.into()),
            Err(error) => Err(ExecutionError::Internal(error.to_string())),
        }
    }

    /// Closes the block.
    pub fn finish(self) -> Executed {
        self.close().seal()
    }

    /// Most bytes the encoded access list has so far.
    pub(crate) fn listed_bytes_max(&mut self) -> usize {
        self.evm.ctx.journaled_state.database.listed_bytes_max()
    }

    /// What happened so far.
    pub(crate) fn ledger(&self) -> &Ledger {
        self.evm.ctx.journaled_state.database.ledger()
    }

    /// Closes the block, and leaves blooms and roots for later.
    pub fn close(self) -> Outcomes {
        self.close_with(&Workers::exactly(1))
    }

    /// The same, on several threads if that pays.
    pub(crate) fn close_with(self, workers: &Workers) -> Outcomes {
        let Self { evm, ran, .. } = self;
        let (diff, access_list) = evm.ctx.journaled_state.database.ledger().close(workers);
        Outcomes {
            ran,
            diff,
            access_list,
        }
    }
}

/// An EVM context for a block, over an overlay of the state before it.
pub(crate) fn new_context<R: StateReader>(
    setting: &Setting,
    state: R,
    kept: &Arc<Kept>,
) -> EvmContext<Overlay<R>> {
    let number = setting.block.number.saturating_to();
    let mut overlay = Overlay::new(state, number, setting.hashes.clone(), kept.clone());
    if setting.has_empty_accounts() {
        overlay.keep_empty();
    }
    context_over(setting, overlay)
}

/// An EVM context for a block, over a view of its state.
pub(crate) fn context_over<D: View>(setting: &Setting, view: D) -> EvmContext<D> {
    let mut context = EvmContext::new(view, setting.config.spec);
    context.block = setting.block.clone();
    context.cfg = setting.config.clone();
    context
}

/// Drops what a transaction changed, and says how it ended.
pub(crate) fn discard<R: StateReader>(
    context: &mut EvmContext<Overlay<R>>,
    sender: Address,
    result: Result<ExecutionResult, EVMError<ReadFailed>>,
) -> Result<ExecutionResult, TransactionError> {
    let Journal { database, inner } = &mut context.journaled_state;
    inner.finalize();
    database.forget();
    // A second failure on the way out can leave the first one here, for the next transaction to trip over.
    context.error = Ok(());
    // A failed read decides, whatever the EVM made of it: an outcome built on it must not be used.
    match database.take_failure() {
        Some(error) => Err(error.into()),
        None => result.map_err(|error| translate(sender, error)),
    }
}

/// Moves what a transaction changed from the journal into the overlay; on an error, discards it.
pub(crate) fn settle<R: StateReader>(
    context: &mut EvmContext<Overlay<R>>,
    sender: Address,
    result: Result<ExecutionResult, EVMError<ReadFailed>>,
) -> Result<ExecutionResult, TransactionError> {
    let beneficiary = context.block.beneficiary;
    let owed = context.chain.fee.take();
    let Journal { database, inner } = &mut context.journaled_state;
    // The beneficiary is looked at before anything changes, because that can fail.
    let rewarded = match owed {
        Some(fee) if !database.has_failed() => database.rewarded(beneficiary, fee).ok(),
        _ => None,
    };
    match result {
        Ok(result) if !database.has_failed() => {
            database.apply(inner.state.drain());
            if let Some((id, after)) = rewarded {
                database.set_account(id, after);
            }
            inner.transaction_id = TransactionId::ZERO;
            if inner.state.capacity() > JOURNAL_CAPACITY_MAX {
                inner.state = EvmState::default();
            }
            Ok(result)
        }
        result => discard(context, sender, result),
    }
}

/// Says how a transaction ended, and leaves what it read and changed in the journal.
pub(crate) fn settle_outcome<R: StateReader>(
    context: &mut EvmContext<Overlay<R>>,
    sender: Address,
    result: Result<ExecutionResult, EVMError<ReadFailed>>,
) -> Result<ExecutionResult, TransactionError> {
    context.error = Ok(());
    match context.journaled_state.database.take_failure() {
        Some(error) => Err(error.into()),
        None => result.map_err(|error| translate(sender, error)),
    }
}
