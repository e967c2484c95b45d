//! Running a call without a transaction: `eth_call`, `eth_estimateGas`, `eth_createAccessList`.
//!
//! Gas is capped (NET-1): it bounds the time and the memory of a call.

use super::{RpcResult, json, select};
use crate::{ModuleContext, Params, RpcError};
use alloy_primitives::{U64, U256};
use alloy_rpc_types_eth::{
    AccessListResult, BlockId, BlockOverrides, TransactionRequest, state::StateOverride,
};
use std::sync::Arc;
use trellis_executor::{
    BlockEnv,
    simulate::{self, AccessListOutcome, CallOutcome, SimulateError},
};
use trellis_module::{Chain, StateView};

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    let run: fn(Prepared) -> RpcResult = match method {
        "eth_call" => call,
        "eth_estimateGas" => estimate_gas,
        "eth_createAccessList" => create_access_list,
        _ => return None,
    };
    Some(simulate_with(module, params, run).await)
}

/// What a client asks to run.
struct Request {
    call: TransactionRequest,
    block: BlockId,
    state_overrides: Option<StateOverride>,
    block_overrides: Option<Box<BlockOverrides>>,
}

/// A request with everything it runs on.
struct Prepared {
    env: BlockEnv,
    state: StateView,
    request: Request,
    gas_cap: u64,
}

async fn simulate_with(
    module: &Arc<ModuleContext>,
    params: &Params,
    run: fn(Prepared) -> RpcResult,
) -> RpcResult {
    let request = request(params)?;
    let gas_cap = module.limits.call_gas;
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || run(prepare(&chain, request, gas_cap)?))
        .await
}

fn request(params: &Params) -> Result<Request, RpcError> {
    let mut params = params.positional()?;
    let request = Request {
        call: params.required("transaction")?,
        block: params.optional("block")?.unwrap_or_default(),
        state_overrides: params.optional("state overrides")?,
        block_overrides: params.optional("block overrides")?,
    };
    params.finish()?;
    Ok(request)
}

/// The environment and the state of the block asked for. `pending` runs in the next block's environment on the head's
/// state.
fn prepare(chain: &Chain, request: Request, gas_cap: u64) -> Result<Prepared, RpcError> {
    let (env, state) = if request.block.is_pending() {
        let head = chain.head().number();
        (chain.next_env(), chain.state_at(head)?)
    } else {
        let block = select::require(chain, request.block)?;
        (chain.env_at(&block.block), chain.state_at(block.number())?)
    };
    Ok(Prepared {
        env,
        state,
        request,
        gas_cap,
    })
}

fn call(on: Prepared) -> RpcResult {
    let outcome = on.run(simulate::call)?;
    match outcome {
        CallOutcome::Success { output, .. } => json(&output),
        CallOutcome::Reverted { output, .. } => Err(RpcError::execution_reverted(
            simulate::revert_reason(&output),
            output,
        )),
        CallOutcome::Halted { reason, .. } => Err(RpcError::invalid_input(reason)),
    }
}

fn estimate_gas(on: Prepared) -> RpcResult {
    json(&U64::from(on.run(simulate::estimate_gas)?))
}

fn create_access_list(on: Prepared) -> RpcResult {
    let AccessListOutcome {
        access_list,
        gas_used,
        error,
    } = on.run(simulate::access_list)?;
    json(&AccessListResult {
        access_list,
        gas_used: U256::from(gas_used),
        error,
    })
}

/// One of the functions of [`simulate`].
type Simulate<T> = fn(
    BlockEnv,
    StateView,
    &TransactionRequest,
    Option<&StateOverride>,
    Option<&BlockOverrides>,
    u64,
) -> Result<T, SimulateError>;

impl Prepared {
    fn run<T>(self, simulate: Simulate<T>) -> Result<T, SimulateError> {
        let Request {
            call,
            state_overrides,
            block_overrides,
            ..
        } = &self.request;
        let (env, state, gas_cap) = (self.env, self.state, self.gas_cap);
        simulate(
            env,
            state,
            call,
            state_overrides.as_ref(),
            block_overrides.as_deref(),
            gas_cap,
        )
    }
}
