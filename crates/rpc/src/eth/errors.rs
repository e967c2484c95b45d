//! Failures of the chain as JSON-RPC errors. Their texts are the chain's own: they name the rule and the values, in the
//! words Ethereum clients look for.

use crate::RpcError;
use trellis_executor::simulate::{SimulateError, revert_reason};
use trellis_module::{ChainError, SubmitError};
use trellis_primitives::StateError;

/// EIP-1474: the resource exists and is not available now.
const RESOURCE_UNAVAILABLE: i64 = -32002;

impl From<ChainError> for RpcError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::State(error) => error.into(),
            ChainError::StateWindow { .. } => Self::resource_not_found(error.to_string()),
            ChainError::Starting => Self::new(RESOURCE_UNAVAILABLE, error.to_string()),
            ChainError::History(_) | ChainError::Window(_) | ChainError::Circuit(_) => {
                Self::internal(error.to_string())
            }
        }
    }
}

impl From<SubmitError> for RpcError {
    /// Refused transactions have geth's code; clients tell the reasons apart by the text.
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Chain(error) => error.into(),
            refused => Self::invalid_input(refused.to_string()),
        }
    }
}

impl From<StateError> for RpcError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Pending => Self::new(RESOURCE_UNAVAILABLE, format!("{error}; try again")),
            // A final block has no competitors: to a reader it can only happen that the state window moved past it.
            StateError::Stale => Self::resource_not_found(
                "the state of the block is no longer kept: it left the window of `--history` blocks during the call",
            ),
            StateError::Storage(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<SimulateError> for RpcError {
    fn from(error: SimulateError) -> Self {
        match error {
            SimulateError::Request(_) | SimulateError::Override { .. } => {
                Self::invalid_params(error.to_string())
            }
            SimulateError::Reverted { output } => {
                Self::execution_reverted(revert_reason(&output), output)
            }
            SimulateError::Invalid(_)
            | SimulateError::Halted { .. }
            | SimulateError::GasRequired { .. } => Self::invalid_input(error.to_string()),
            SimulateError::State(error) => error.into(),
            SimulateError::Internal(_) => Self::internal(error.to_string()),
        }
    }
}
