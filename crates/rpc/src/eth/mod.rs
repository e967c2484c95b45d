//! The methods a module answers: `eth_`, `net_`, `web3_`, `txpool_`, `rpc_`, `debug_getRaw*` and `trellis_`.
//!
//! One file per subject; each has a `dispatch` that answers `None` for a method it does not know. Handlers hold no
//! state of their own. Whatever reads blocks or state runs on a blocking thread (`ModuleContext::blocking`), so that a
//! slow read never holds an async thread (NET-1).

mod accounts;
mod blocks;
mod call;
mod errors;
mod fees;
mod info;
pub(crate) mod logs;
pub(crate) mod messages;
mod pool;
mod raw;
mod select;
mod send;
mod transactions;

#[cfg(test)]
mod method_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use send::send_many;

use crate::{ModuleContext, Params, RpcError};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::sync::Arc;

/// A method's answer: its `result` already serialized, or the error to send.
pub(crate) type RpcResult = Result<Box<RawValue>, RpcError>;

/// Answers `method`; `None` if no method has that name.
pub(crate) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: Params,
) -> Option<RpcResult> {
    let params = &params;
    if let Some(answer) = info::dispatch(module, method, params) {
        return Some(answer);
    }
    if let Some(answer) = pool::dispatch(module, method, params).await {
        return Some(answer);
    }
    if let Some(answer) = send::dispatch(module, method, params).await {
        return Some(answer);
    }
    if let Some(answer) = transactions::dispatch(module, method, params).await {
        return Some(answer);
    }
    if let Some(answer) = blocks::dispatch(module, method, params).await {
        return Some(answer);
    }
    if let Some(answer) = accounts::dispatch(module, method, params).await {
        return Some(answer);
    }
    if let Some(answer) = call::dispatch(module, method, params).await {
        return Some(answer);
    }
    if let Some(answer) = fees::dispatch(module, method, params).await {
        return Some(answer);
    }
    if let Some(answer) = raw::dispatch(module, method, params).await {
        return Some(answer);
    }
    if let Some(answer) = messages::dispatch(module, method, params).await {
        return Some(answer);
    }
    if method == "eth_getLogs" {
        return Some(logs::get_logs(module, params).await);
    }
    unavailable(method).map(Err)
}

/// Serializes a result.
fn json<T: Serialize + ?Sized>(value: &T) -> RpcResult {
    to_raw_value(value)
        .map_err(|error| RpcError::internal(format!("result could not be encoded: {error}")))
}

/// Well-known methods this node has no way to answer, with what to use instead. The code is that of an unknown method,
/// so that clients fall back.
fn unavailable(method: &str) -> Option<RpcError> {
    let instead = match method {
        "eth_sendTransaction"
        | "eth_sign"
        | "eth_signTransaction"
        | "eth_signTypedData"
        | "eth_signTypedData_v4"
        | "personal_sign" => {
            "this node holds no keys: sign in the wallet and use eth_sendRawTransaction"
        }
        "eth_getProof" => {
            "the state root is a QMDB root, not a Merkle-Patricia root, so there is no Ethereum proof to give; use trellis_getProof"
        }
        "eth_getWork" | "eth_submitWork" | "eth_submitHashrate" | "eth_getCompilers" => {
            "blocks are made by validators, not mined"
        }
        _ => return None,
    };
    let mut error = RpcError::method_not_found(method);
    error.message = format!("{}: {instead}", error.message);
    Some(error)
}
