//! Running a call that never becomes a transaction: `eth_call`, `eth_estimateGas`, `eth_createAccessList`.
//!
//! Follows geth where clients can tell the difference: nonce and sender code are not checked, the gas cap replaces
//! the block's limit and EIP-7825, and without a gas price nothing is paid and the base fee reads as zero. Value,
//! and gas when it has a price, must be covered by the sender's balance (override it to lift that).

mod access_list;
mod estimate;
mod overrides;
mod request;
mod revert;

pub use access_list::{AccessListOutcome, access_list};
pub use estimate::estimate_gas;
pub use revert::revert_reason;

use crate::{
    BlockEnv, InvalidTransaction, Setting, TransactionError,
    block::{discard, new_context},
    error::state_class,
    evm::EvmContext,
    overlay::{Overlay, ReadFailed},
};
use alloy_primitives::{Address, Bytes, Log, U256};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use revm::{
    ExecuteEvm, MainBuilder, MainnetEvm,
    context::TxEnv,
    context_interface::result::{EVMError, ExecutionResult},
    primitives::hardfork::SpecId,
};
use trellis_primitives::{Class, StateError, StateReader};

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It returned.
    Success {
        /// What it returned; for a creation, the code.
        output: Bytes,
        /// Gas after refunds.
        gas_used: u64,
        /// What it logged.
        logs: Vec<Log>,
    },
    /// It reverted.
    Reverted {
        /// The revert data; [`revert_reason`] reads it.
        output: Bytes,
        /// Gas used.
        gas_used: u64,
    },
    /// It stopped on an exceptional condition, such as running out of gas.
    Halted {
        /// The condition.
        reason: String,
        /// Gas used: all of it.
        gas_used: u64,
    },
}

/// Why a call has no outcome, or an estimate no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimulateError {
    /// The request cannot be executed as it stands.
    #[error("{0}")]
    Request(String),
    /// An override cannot be applied to this account.
    #[error("override of {address}: {reason}")]
    Override {
        /// The account.
        address: Address,
        /// What is wrong.
        reason: String,
    },
    /// A transaction like this is refused.
    #[error(transparent)]
    Invalid(#[from] InvalidTransaction),
    /// It reverts however much gas it gets.
    #[error("execution reverted{}", reason_suffix(.output))]
    Reverted {
        /// The revert data.
        output: Bytes,
    },
    /// It stops on an exceptional condition however much gas it gets.
    #[error("{reason}")]
    Halted {
        /// The condition.
        reason: String,
    },
    /// It needs more gas than the sender can pay for, the request allows, or a transaction may have.
    #[error("gas required exceeds allowance ({allowance})")]
    GasRequired {
        /// Most gas that was tried.
        allowance: u64,
    },
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The EVM failed in a way no input may cause.
    #[error("evm failed: {0}")]
    Internal(String),
}

impl SimulateError {
    /// What the failure says about the request.
    pub fn class(&self) -> Class {
        match self {
            Self::State(error) => state_class(error),
            Self::Internal(_) => Class::Fatal,
            _ => Class::Invalid,
        }
    }

    /// The revert data, if that is why.
    pub fn revert_data(&self) -> Option<&Bytes> {
        match self {
            Self::Reverted { output } => Some(output),
            _ => None,
        }
    }
}

impl From<TransactionError> for SimulateError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Invalid(rule) => Self::Invalid(rule),
            TransactionError::State(error) => Self::State(error),
            TransactionError::Internal(reason) => Self::Internal(reason),
        }
    }
}

fn reason_suffix(output: &Bytes) -> String {
    revert_reason(output).map_or_else(String::new, |reason| format!(": {reason}"))
}

/// Executes `request` in the block `env` on `state`, and forgets what it changed (`eth_call`).
///
/// The overrides replace parts of the state and of the block for this call. `gas_cap` bounds the gas, whatever the
/// request asks for.
///
/// # Errors
/// [`SimulateError::Request`], [`SimulateError::Override`] and [`SimulateError::Invalid`] for a request no
/// transaction can match; a revert is an outcome, not an error.
pub fn call<R: StateReader>(
    env: BlockEnv,
    state: R,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
    block_overrides: Option<&BlockOverrides>,
    gas_cap: u64,
) -> Result<CallOutcome, SimulateError> {
    let (context, tx) = prepare(&env, state, request, state_overrides, block_overrides)?;
    let mut session = Session {
        evm: context.build_mainnet(),
        tx,
    };
    let gas = match request.gas {
        Some(gas) => gas.min(gas_cap),
        None => session.affordable_gas()?.unwrap_or(u64::MAX).min(gas_cap),
    };
    Ok(match session.run(gas)? {
        ExecutionResult::Success {
            gas, logs, output, ..
        } => CallOutcome::Success {
            output: output.into_data(),
            gas_used: gas.tx_gas_used(),
            logs,
        },
        ExecutionResult::Revert { gas, output, .. } => CallOutcome::Reverted {
            output,
            gas_used: gas.tx_gas_used(),
        },
        ExecutionResult::Halt { reason, gas, .. } => CallOutcome::Halted {
            reason: reason.to_string(),
            gas_used: gas.tx_gas_used(),
        },
    })
}

/// An EVM context and a transaction for the request; the gas limit is for the caller to set.
fn prepare<R: StateReader>(
    env: &BlockEnv,
    state: R,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
    block_overrides: Option<&BlockOverrides>,
) -> Result<(EvmContext<Overlay<R>>, TxEnv), SimulateError> {
    let tx = request::evm_transaction(request, env.chain_id)?;
    let mut context = new_context(
        &Setting::of(env, SpecId::OSAKA),
        state,
        &std::sync::Arc::default(),
    );
    let config = &mut context.cfg;
    config.disable_nonce_check = true;
    config.disable_eip3607 = true;
    config.disable_block_gas_limit = true;
    config.tx_gas_limit_cap = Some(u64::MAX);
    let mut fixed_base_fee = false;
    if let Some(overrides) = block_overrides {
        overrides::apply_to_block(&mut context, overrides)?;
        fixed_base_fee = overrides.base_fee.is_some();
    }
    if let Some(overrides) = state_overrides {
        overrides::apply_to_state(&mut context, overrides)?;
    }
    if tx.gas_price == 0 && fixed_base_fee {
        context.cfg.disable_base_fee = true;
    } else if tx.gas_price == 0 {
        // A contract may rely on the base fee being at most the gas price, which is zero.
        context.block.basefee = 0;
    } else if tx.gas_price < u128::from(context.block.basefee) {
        let (base_fee, max_fee) = (context.block.basefee, tx.gas_price);
        return Err(InvalidTransaction::FeeBelowBaseFee { base_fee, max_fee }.into());
    }
    Ok((context, tx))
}

/// A call that is executed any number of times, each time on the same state.
struct Session<R: StateReader> {
    evm: MainnetEvm<EvmContext<Overlay<R>>>,
    tx: TxEnv,
}

impl<R: StateReader> Session<R> {
    fn run(&mut self, gas_limit: u64) -> Result<ExecutionResult, SimulateError> {
        let tx = TxEnv {
            gas_limit,
            ..self.tx.clone()
        };
        let result = self.evm.transact_one(tx);
        outcome(&mut self.evm.ctx, self.tx.caller, result)
    }

    /// How much gas the sender can pay for beside the value, if gas has a price.
    fn affordable_gas(&mut self) -> Result<Option<u64>, SimulateError> {
        if self.tx.gas_price == 0 {
            return Ok(None);
        }
        let balance = self.account_at(self.tx.caller)?.unwrap_or_default().balance;
        let Some(available) = balance.checked_sub(self.tx.value) else {
            return Err(InvalidTransaction::InsufficientFunds {
                balance,
                cost: self.tx.value,
            }
            .into());
        };
        let gas = available / U256::from(self.tx.gas_price);
        Ok(Some(u64::try_from(gas).unwrap_or(u64::MAX)))
    }

    fn account_at(
        &mut self,
        address: Address,
    ) -> Result<Option<trellis_primitives::Account>, SimulateError> {
        let overlay = &mut self.evm.ctx.journaled_state.database;
        overlay
            .account(address)
            .map_err(|ReadFailed| overlay.failure().into())
    }
}

/// The outcome of one run; its changes are dropped.
fn outcome<R: StateReader>(
    context: &mut EvmContext<Overlay<R>>,
    sender: Address,
    result: Result<ExecutionResult, EVMError<ReadFailed>>,
) -> Result<ExecutionResult, SimulateError> {
    Ok(discard(context, sender, result)?)
}
