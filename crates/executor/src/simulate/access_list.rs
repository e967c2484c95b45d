use super::{SimulateError, outcome, prepare};
use crate::BlockEnv;
use alloy_consensus::TxType;
use alloy_eips::eip2930::AccessList;
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverride};
use revm::{InspectEvm, MainBuilder, context::TxEnv, context_interface::result::ExecutionResult};
use revm_inspectors::access_list::AccessListInspector;
use trellis_primitives::StateReader;

/// A list may change what a call does, and so the list. Each round can only add to it; this many are enough for any
/// call that does not play with its own gas.
const ROUNDS: usize = 8;

/// What a call touches, and what it costs with that declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessListOutcome {
    /// Accounts and slots, without what is warm anyway (sender, recipient, precompiles, authorities).
    pub access_list: AccessList,
    /// Gas used with the list in the transaction.
    pub gas_used: u64,
    /// Why the call failed with it, if it did.
    pub error: Option<String>,
}

/// The access list (EIP-2930) that `request` would profit from in the block `env` on `state`
/// (`eth_createAccessList`).
///
/// # Errors
/// The refusals of [`super::call`]; a call that fails still has a list.
pub fn access_list<R: StateReader>(
    env: BlockEnv,
    state: R,
    request: &TransactionRequest,
    state_overrides: Option<&StateOverride>,
    block_overrides: Option<&BlockOverrides>,
    gas_cap: u64,
) -> Result<AccessListOutcome, SimulateError> {
    let (context, mut tx) = prepare(&env, state, request, state_overrides, block_overrides)?;
    tx.gas_limit = request.gas.unwrap_or(gas_cap).min(gas_cap);
    tx.tx_type = tx.tx_type.max(TxType::Eip2930 as u8);
    let mut evm = context.build_mainnet_with_inspector(AccessListInspector::default());
    let mut rounds = 0;
    loop {
        let inspector = AccessListInspector::new(tx.access_list.clone());
        let result = evm.inspect_one(tx.clone(), inspector);
        let result = outcome(&mut evm.ctx, tx.caller, result)?;
        let found = evm.inspector.access_list();
        rounds += 1;
        if found == tx.access_list || rounds == ROUNDS {
            return Ok(summary(tx, &result));
        }
        tx.access_list = found;
    }
}

fn summary(tx: TxEnv, result: &ExecutionResult) -> AccessListOutcome {
    let error = match result {
        ExecutionResult::Success { .. } => None,
        ExecutionResult::Revert { output, .. } => Some(
            SimulateError::Reverted {
                output: output.clone(),
            }
            .to_string(),
        ),
        ExecutionResult::Halt { reason, .. } => Some(reason.to_string()),
    };
    AccessListOutcome {
        access_list: tx.access_list,
        gas_used: result.tx_gas_used(),
        error,
    }
}
