//! Executing one block, transaction by transaction.
//!
//! States of a [`BlockExecutor`]: *open* from [`BlockExecutor::new`], which runs the system calls of block start;
//! each [`BlockExecutor::execute`] that returns `Ok` adds one receipt and stays open, one that returns `Err` changes
//! nothing; [`BlockExecutor::finish`] consumes it. Nothing survives a restart and nothing needs to: a block is
//! executed again from its parent state.

use crate::{
    BlockEnv, ExecutionError, InvalidTransaction, StaticError, Transaction, TransactionError,
    check_static,
    overlay::{Overlay, ReadFailed},
    transaction::evm_transaction,
};
use alloy_consensus::{
    Eip658Value, Receipt, ReceiptEnvelope, ReceiptWithBloom, Transaction as _, TxType,
    proofs::calculate_receipt_root,
};
use alloy_eips::{eip2935::HISTORY_STORAGE_ADDRESS, eip4788::BEACON_ROOTS_ADDRESS};
use alloy_primitives::{Address, B256, Bloom, Bytes, logs_bloom};
use revm::{
    Context, ExecuteEvm, Journal, MainBuilder, MainnetEvm, SystemCallEvm,
    context::{BlockEnv as EvmBlock, CfgEnv, TxEnv},
    context_interface::block::BlobExcessGasAndPrice,
    context_interface::result::{EVMError, ExecutionResult, InvalidTransaction as EvmInvalid},
    primitives::hardfork::SpecId,
    state::{EvmState, TransactionId},
};
use trellis_primitives::{StateDiff, StateReader};

/// Everything the EVM works on.
pub(crate) type EvmContext<R> =
    Context<EvmBlock, TxEnv, CfgEnv, Overlay<R>, Journal<Overlay<R>>, ()>;

/// The journal's map of accounts is reused while a transaction leaves it this small, so that one that touched
/// thousands of accounts does not make every later one pay for clearing the large table.
const JOURNAL_CAPACITY_MAX: usize = 1024;

/// Executes the transactions of one block in order, over one fixed parent state.
///
/// The seam between sequential and parallel execution: whatever runs behind it, the outcome is that of running the
/// transactions one after the other (EXE-1). It is not `Send`: create it on the thread that uses it.
pub struct BlockExecutor<R: StateReader> {
    evm: MainnetEvm<EvmContext<R>>,
    env: BlockEnv,
    receipts: Vec<ReceiptEnvelope>,
    gas_used: u64,
    logs_bloom: Bloom,
}

/// What executing a block produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executed {
    /// One receipt per transaction, in order.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Gas all transactions used.
    pub gas_used: u64,
    /// Union of the receipts' blooms.
    pub logs_bloom: Bloom,
    /// Root of the ordered trie of encoded receipts.
    pub receipts_root: B256,
    /// The state before and after, where they differ.
    pub diff: StateDiff,
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
    executor.receipts.reserve_exact(transactions.len());
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
        let mut executor = Self::for_fork(env, state, SpecId::OSAKA);
        if env.number > 0 {
            executor.system_call(HISTORY_STORAGE_ADDRESS, env.parent_hash)?;
            executor.system_call(BEACON_ROOTS_ADDRESS, env.parent_beacon_root)?;
        }
        Ok(executor)
    }

    /// Opens a block under the rules of `spec`, without system calls. For conformance tests only.
    #[doc(hidden)]
    pub fn for_fork(env: BlockEnv, state: R, spec: SpecId) -> Self {
        let evm = new_context(&env, state, spec).build_mainnet();
        Self {
            evm,
            env,
            receipts: Vec::new(),
            gas_used: 0,
            logs_bloom: Bloom::ZERO,
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
        self.env.gas_limit.saturating_sub(self.gas_used)
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
        let overlay = &mut self.evm.ctx.journaled_state.database;
        match overlay.account(address) {
            Ok(account) => Ok(account.unwrap_or_default().nonce),
            Err(ReadFailed) => Err(overlay.failure().into()),
        }
    }

    /// Executes one transaction after all earlier ones. Its sender is taken as given: recovering it from the
    /// signature is the caller's part, and worth doing in parallel.
    ///
    /// # Errors
    /// On any error nothing of the transaction is applied and the executor stays usable.
    pub fn execute(&mut self, tx: &Transaction) -> Result<(), TransactionError> {
        let inner = tx.inner();
        check_static(inner, self.env.chain_id, self.env.gas_limit)?;
        let (left, got) = (self.gas_left(), inner.gas_limit());
        if got > left {
            return Err(InvalidTransaction::GasLeft { left, got }.into());
        }
        let (base_fee, max_fee) = (self.env.base_fee, inner.max_fee_per_gas());
        if max_fee < u128::from(base_fee) {
            return Err(InvalidTransaction::FeeBelowBaseFee { base_fee, max_fee }.into());
        }
        self.execute_unchecked(tx)
    }

    /// Executes a transaction under the EVM's own checks alone. For conformance tests only.
    #[doc(hidden)]
    pub fn execute_unchecked(&mut self, tx: &Transaction) -> Result<(), TransactionError> {
        let result = self.evm.transact_one(evm_transaction(tx));
        let result = settle(&mut self.evm.ctx, tx.signer(), result)?;
        self.record(tx.inner().tx_type(), result);
        Ok(())
    }

    fn record(&mut self, tx_type: TxType, result: ExecutionResult) {
        self.gas_used += result.gas().tx_gas_used();
        let (success, logs) = match result {
            ExecutionResult::Success { logs, .. } => (true, logs),
            ExecutionResult::Revert { .. } | ExecutionResult::Halt { .. } => (false, Vec::new()),
        };
        let bloom = if logs.is_empty() {
            Bloom::ZERO
        } else {
            logs_bloom(&logs)
        };
        self.logs_bloom |= bloom;
        let receipt = Receipt {
            status: Eip658Value::Eip658(success),
            cumulative_gas_used: self.gas_used,
            logs,
        };
        let receipt = ReceiptWithBloom {
            receipt,
            logs_bloom: bloom,
        };
        self.receipts
            .push(ReceiptEnvelope::from_typed(tx_type, receipt));
    }

    /// Calls a system contract outside the transactions: no nonce, no fee, no receipt. A contract that is absent or
    /// reverts is ignored, as both EIPs say.
    fn system_call(&mut self, contract: Address, input: B256) -> Result<(), ExecutionError> {
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
        let Self {
            evm,
            receipts,
            gas_used,
            logs_bloom,
            ..
        } = self;
        let receipts_root = calculate_receipt_root(&receipts);
        let diff = evm.ctx.journaled_state.database.into_diff();
        Executed {
            receipts,
            gas_used,
            logs_bloom,
            receipts_root,
            diff,
        }
    }
}

/// An EVM context for the block `env` under `spec`.
pub(crate) fn new_context<R: StateReader>(env: &BlockEnv, state: R, spec: SpecId) -> EvmContext<R> {
    let mut context = EvmContext::new(Overlay::new(state, env.number, env.parent_hash), spec);
    context.block = env.evm_block();
    context.cfg = env.evm_config(spec);
    context
}

/// Drops what a transaction changed, and says how it ended.
pub(crate) fn discard<R: StateReader>(
    context: &mut EvmContext<R>,
    sender: Address,
    result: Result<ExecutionResult, EVMError<ReadFailed>>,
) -> Result<ExecutionResult, TransactionError> {
    let Journal { database, inner } = &mut context.journaled_state;
    inner.finalize();
    // A second failure on the way out can leave the first one here, for the next transaction to trip over.
    context.error = Ok(());
    // A failed read decides, whatever the EVM made of it: an outcome built on it must not be used.
    match database.take_failure() {
        Some(error) => Err(error.into()),
        None => result.map_err(|error| translate(sender, error)),
    }
}

/// Moves what a transaction changed from the journal into the overlay; on an error, discards it.
fn settle<R: StateReader>(
    context: &mut EvmContext<R>,
    sender: Address,
    result: Result<ExecutionResult, EVMError<ReadFailed>>,
) -> Result<ExecutionResult, TransactionError> {
    let Journal { database, inner } = &mut context.journaled_state;
    match result {
        Ok(result) if !database.has_failed() => {
            database.apply(inner.state.drain());
            inner.transaction_id = TransactionId::ZERO;
            if inner.state.capacity() > JOURNAL_CAPACITY_MAX {
                inner.state = EvmState::default();
            }
            Ok(result)
        }
        result => discard(context, sender, result),
    }
}

fn translate(sender: Address, error: EVMError<ReadFailed>) -> TransactionError {
    let rule = match error {
        EVMError::Transaction(EvmInvalid::NonceTooLow { tx, state }) => {
            InvalidTransaction::NonceTooLow {
                expected: state,
                got: tx,
            }
        }
        EVMError::Transaction(EvmInvalid::NonceTooHigh { tx, state }) => {
            InvalidTransaction::NonceTooHigh {
                expected: state,
                got: tx,
            }
        }
        EVMError::Transaction(EvmInvalid::LackOfFundForMaxFee { fee, balance }) => {
            InvalidTransaction::InsufficientFunds {
                balance: *balance,
                cost: *fee,
            }
        }
        EVMError::Transaction(EvmInvalid::RejectCallerWithCode) => {
            InvalidTransaction::SenderHasCode { sender }
        }
        EVMError::Transaction(EvmInvalid::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        }) => StaticError::IntrinsicGas {
            needed: initial_gas,
            got: gas_limit,
        }
        .into(),
        EVMError::Transaction(EvmInvalid::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        }) => StaticError::FloorGas {
            needed: gas_floor,
            got: gas_limit,
        }
        .into(),
        EVMError::Transaction(EvmInvalid::EmptyAuthorizationList) => {
            StaticError::EmptyAuthorizations.into()
        }
        EVMError::Transaction(error) => InvalidTransaction::Other(error.to_string()),
        other => return TransactionError::Internal(other.to_string()),
    };
    rule.into()
}
