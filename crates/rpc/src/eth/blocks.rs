//! Blocks, headers, and what is in them.

use super::{RpcResult, json, select};
use crate::{ModuleContext, Params, RpcError, convert};
use alloy_consensus::{Header, constants::EMPTY_ROOT_HASH};
use alloy_primitives::{B256, U64};
use alloy_rpc_types_eth::{BlockId, BlockNumberOrTag};
use serde_json::{Value, value::RawValue};
use std::sync::Arc;
use trellis_module::Chain;
use trellis_state::history::RecordedBlock;

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    Some(match method {
        "eth_getBlockByNumber" => block_by_number(module, params).await,
        "eth_getBlockByHash" => block_by_hash(module, params).await,
        "eth_getHeaderByNumber" | "eth_getHeaderByHash" => header(module, method, params).await,
        "eth_getBlockTransactionCountByNumber" | "eth_getBlockTransactionCountByHash" => {
            transaction_count(module, method, params).await
        }
        "eth_getUncleCountByBlockNumber" | "eth_getUncleCountByBlockHash" => {
            uncle_count(module, method, params).await
        }
        // No block has uncles.
        "eth_getUncleByBlockNumberAndIndex" | "eth_getUncleByBlockHashAndIndex" => {
            json(&Value::Null)
        }
        "eth_getBlockReceipts" => block_receipts(module, params).await,
        _ => return None,
    })
}

async fn block_by_number(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let mut params = params.positional()?;
    let tag: BlockNumberOrTag = params.required("block")?;
    let full = params.optional("full transactions")?.unwrap_or(false);
    params.finish()?;
    if tag.is_pending() {
        return pending(module, PendingView::Block);
    }
    of_block(module, tag.into(), move |block| {
        json(&convert::block(block, full))
    })
    .await
}

async fn block_by_hash(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let mut params = params.positional()?;
    let hash: B256 = params.required("block hash")?;
    let full = params.optional("full transactions")?.unwrap_or(false);
    params.finish()?;
    of_block(module, hash.into(), move |block| {
        json(&convert::block(block, full))
    })
    .await
}

async fn header(module: &Arc<ModuleContext>, method: &str, params: &Params) -> RpcResult {
    let id = place_param(method, params)?;
    if id.is_pending() {
        return pending(module, PendingView::Header);
    }
    of_block(module, id, |block| json(&convert::header(block))).await
}

async fn transaction_count(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> RpcResult {
    let id = place_param(method, params)?;
    if id.is_pending() {
        return json(&U64::ZERO);
    }
    of_block(module, id, |block| {
        json(&U64::from(block.transactions.len()))
    })
    .await
}

async fn uncle_count(module: &Arc<ModuleContext>, method: &str, params: &Params) -> RpcResult {
    let id = place_param(method, params)?;
    of_block(module, id, |_| json(&U64::ZERO)).await
}

async fn block_receipts(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let id = id_param(params)?;
    if id.is_pending() {
        return json::<[u8]>(&[]);
    }
    of_block(module, id, |block| json(&convert::receipts(block))).await
}

/// The only parameter of a method that takes any block.
pub(super) fn id_param(params: &Params) -> Result<BlockId, RpcError> {
    let mut params = params.positional()?;
    let id = params.required("block")?;
    params.finish()?;
    Ok(id)
}

/// The only parameter of a method named after what it takes: a number or a hash.
fn place_param(method: &str, params: &Params) -> Result<BlockId, RpcError> {
    let mut params = params.positional()?;
    let id = if method.ends_with("Hash") {
        BlockId::from(params.required::<B256>("block hash")?)
    } else {
        BlockId::from(params.required::<BlockNumberOrTag>("block")?)
    };
    params.finish()?;
    Ok(id)
}

/// Answers from a block, on a blocking thread; a block that does not exist is `null`, as Ethereum clients expect.
pub(super) async fn of_block(
    module: &Arc<ModuleContext>,
    id: BlockId,
    show: impl FnOnce(&RecordedBlock) -> RpcResult + Send + 'static,
) -> RpcResult {
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || match select::find(&chain, id)? {
            Some(block) => show(&block),
            None => Ok(RawValue::NULL.to_owned()),
        })
        .await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PendingView {
    Header,
    Block,
}

/// The block that comes next, as far as it is known: environment but no transactions. Like geth's pending block it has
/// no hash and no nonce, because no such block exists.
fn pending(module: &ModuleContext, view: PendingView) -> RpcResult {
    let header = pending_header(&module.chain);
    let encode = |error: serde_json::Error| {
        RpcError::internal(format!("result could not be encoded: {error}"))
    };
    let mut value = match view {
        PendingView::Header => serde_json::to_value(alloy_rpc_types_eth::Header::new(header)),
        PendingView::Block => serde_json::to_value(convert::empty_block(header)),
    }
    .map_err(encode)?;
    value["hash"] = Value::Null;
    value["nonce"] = Value::Null;
    json(&value)
}

fn pending_header(chain: &Chain) -> Header {
    let (env, head) = (chain.next_env(), chain.head());
    Header {
        parent_hash: head.hash(),
        number: env.number,
        timestamp: env.timestamp,
        beneficiary: env.beneficiary,
        gas_limit: env.gas_limit,
        base_fee_per_gas: Some(env.base_fee),
        mix_hash: env.prev_randao,
        parent_beacon_block_root: Some(env.parent_beacon_root),
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        state_root: head.block.header().state_root,
        gas_used: 0,
        logs_bloom: alloy_primitives::Bloom::ZERO,
        extra_data: alloy_primitives::Bytes::new(),
        ..head.block.header().clone()
    }
}
