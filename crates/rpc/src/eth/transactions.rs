//! Transactions and receipts, by hash or by place.

use super::{RpcResult, json, select};
use crate::{ModuleContext, Params, RpcError, convert};
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::{BlockId, BlockNumberOrTag, Index};
use serde_json::value::RawValue;
use std::sync::Arc;
use trellis_state::history::RecordedBlock;

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    Some(match method {
        "eth_getTransactionByHash" => by_hash(module, params).await,
        "eth_getTransactionReceipt" => receipt(module, params).await,
        "eth_getRawTransactionByHash" => raw_by_hash(module, params).await,
        "eth_getTransactionByBlockNumberAndIndex" | "eth_getTransactionByBlockHashAndIndex" => {
            by_place(module, method, params, transaction_at).await
        }
        "eth_getRawTransactionByBlockNumberAndIndex"
        | "eth_getRawTransactionByBlockHashAndIndex" => {
            by_place(module, method, params, raw_at).await
        }
        _ => return None,
    })
}

/// A finalized transaction, else one that waits in the pool, else `null`.
async fn by_hash(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let hash = hash_param(params)?;
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || {
            // The pool first: a transaction that is finalized in between is then found in its block.
            let pooled = chain.pooled(hash);
            if let Some((block, index)) = chain.locate(hash)? {
                return transaction_at(&block, index);
            }
            match pooled {
                Some(pooled) => json(&convert::pending_transaction(&pooled)),
                None => null(),
            }
        })
        .await
}

pub(super) async fn raw_by_hash(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let hash = hash_param(params)?;
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || {
            let pooled = chain.pooled(hash);
            if let Some((block, index)) = chain.locate(hash)? {
                return raw_at(&block, index);
            }
            match pooled {
                Some(pooled) => json(&pooled.encoded),
                None => null(),
            }
        })
        .await
}

async fn receipt(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let hash = hash_param(params)?;
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || match chain.locate(hash)? {
            Some((block, index)) => json(&convert::receipt(&block, index)),
            None => null(),
        })
        .await
}

async fn by_place(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
    show: fn(&RecordedBlock, usize) -> RpcResult,
) -> RpcResult {
    let (id, index) = place_params(method, params)?;
    if id.is_pending() {
        // The pending block is shown without transactions.
        return null();
    }
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || match select::find(&chain, id)? {
            Some(block) => show(&block, index),
            None => null(),
        })
        .await
}

fn transaction_at(block: &RecordedBlock, index: usize) -> RpcResult {
    json(&convert::transaction(block, index))
}

fn raw_at(block: &RecordedBlock, index: usize) -> RpcResult {
    let raw: Option<&Bytes> = block.block.transactions().get(index);
    json(&raw)
}

fn null() -> RpcResult {
    Ok(RawValue::NULL.to_owned())
}

fn hash_param(params: &Params) -> Result<B256, RpcError> {
    let mut params = params.positional()?;
    let hash = params.required("transaction hash")?;
    params.finish()?;
    Ok(hash)
}

fn place_params(method: &str, params: &Params) -> Result<(BlockId, usize), RpcError> {
    let mut params = params.positional()?;
    let id = if method.contains("ByBlockHash") {
        BlockId::from(params.required::<B256>("block hash")?)
    } else {
        BlockId::from(params.required::<BlockNumberOrTag>("block")?)
    };
    let index: Index = params.required("index")?;
    params.finish()?;
    Ok((id, index.0))
}
