use super::{Session, SimulateError, prepare};
use crate::{BlockEnv, InvalidTransaction, StaticError};
use alloy_primitives::TxKind;
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use revm::{
    MainBuilder,
    context_interface::result::{ExecutionResult, HaltReason, ResultGas},
    primitives::eip7825::TX_GAS_LIMIT_CAP,
};
use trellis_primitives::{Account, StateReader};

/// What any transaction costs (EIP-2), and all that a plain transfer costs.
const TRANSFER_GAS: u64 = 21_000;

/// Gas a call with value hands to the callee for free (EIP-150's stipend).
const CALL_STIPEND: u64 = 2_300;

/// The search stops when the answer is known to one part in this many, about 1.5 %, as in geth.
const PRECISION: u64 = 64;

/// A gas limit with which `request` succeeds as a transaction in the block `env` on `state` (`eth_estimateGas`).
///
/// It is at most 1/64 above the smallest such limit, and exactly 21,000 for a plain transfer. Bounded by the
/// request's gas, the block's limit, the cap on one transaction (EIP-7825), `gas_cap`, and, when gas has a price, what
/// the sender can pay for.
///
/// # Errors
/// [`SimulateError::Reverted`] with the revert data if no amount of gas helps, [`SimulateError::GasRequired`] if more
/// than the bound would, and the refusals of [`super::call`].
pub fn estimate_gas<R: StateReader>(
    env: BlockEnv,
    state: R,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
    block_overrides: Option<&BlockOverrides>,
    gas_cap: u64,
) -> Result<u64, SimulateError> {
    let (context, tx) = prepare(&env, state, request, state_overrides, block_overrides)?;
    let wanted = request.gas.filter(|gas| *gas >= TRANSFER_GAS);
    let most = wanted
        .unwrap_or(context.block.gas_limit)
        .min(TX_GAS_LIMIT_CAP)
        .min(gas_cap);
    let mut session = Session {
        evm: context.build_mainnet(),
        tx,
    };
    let most = most.min(session.affordable_gas()?.unwrap_or(u64::MAX));
    if session.is_plain_transfer()? && session.suffices(TRANSFER_GAS.min(most))? {
        return Ok(TRANSFER_GAS);
    }
    let gas = session.first_run(most)?;
    session.search(most, gas)
}

impl<R: StateReader> Session<R> {
    fn is_plain_transfer(&mut self) -> Result<bool, SimulateError> {
        let TxKind::Call(to) = self.tx.kind else {
            return Ok(false);
        };
        if !self.tx.data.is_empty() {
            return Ok(false);
        }
        Ok(!self.account_at(to)?.as_ref().is_some_and(Account::has_code))
    }

    /// Runs with all the gas there may be; tells why if even that fails.
    fn first_run(&mut self, most: u64) -> Result<ResultGas, SimulateError> {
        let exceeded = SimulateError::GasRequired { allowance: most };
        match self.run(most) {
            Ok(ExecutionResult::Success { gas, .. }) => Ok(gas),
            Ok(ExecutionResult::Revert { output, .. }) => Err(SimulateError::Reverted { output }),
            Ok(ExecutionResult::Halt {
                reason: HaltReason::OutOfGas(_),
                ..
            }) => Err(exceeded),
            Ok(ExecutionResult::Halt { reason, .. }) => Err(SimulateError::Halted {
                reason: reason.to_string(),
            }),
            Err(error) if too_little_gas(&error) => Err(exceeded),
            Err(error) => Err(error),
        }
    }

    /// The smallest limit up to [`PRECISION`], given that `high` suffices and used `gas`.
    fn search(&mut self, mut high: u64, gas: ResultGas) -> Result<u64, SimulateError> {
        let spent = gas.total_gas_spent().max(gas.tx_gas_used());
        let mut low = gas.tx_gas_used().saturating_sub(1);
        // Every call keeps back 1/64 of the gas (EIP-150), so a call chain needs a little more than it spends.
        let likely = (spent + CALL_STIPEND).saturating_mul(64) / 63;
        if likely < high {
            if self.suffices(likely)? {
                high = likely;
            } else {
                low = likely;
            }
        }
        while low + 1 < high && high - low > high / PRECISION {
            // Most calls need little more than they spend, so the search stays near the lower end.
            let middle = (low + (high - low) / 2).min(low.saturating_mul(2));
            if self.suffices(middle)? {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(high)
    }

    fn suffices(&mut self, gas: u64) -> Result<bool, SimulateError> {
        match self.run(gas) {
            Ok(result) => Ok(result.is_success()),
            Err(error) if too_little_gas(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether the call was refused before its first instruction for want of gas.
fn too_little_gas(error: &SimulateError) -> bool {
    matches!(
        error,
        SimulateError::Invalid(InvalidTransaction::Static(
            StaticError::IntrinsicGas { .. } | StaticError::FloorGas { .. }
        ))
    )
}
