//! Filters: what changed since the last poll.
//!
//! ```text
//! eth_new…Filter ──► installed ──poll──► installed (cursor moves past what was answered)
//!                        │
//!                        └─ eth_uninstallFilter, or no poll for `filter_idle` ──► gone
//! ```
//! A filter holds a cursor, not a buffer: block and log filters remember the next block number, pending-transaction
//! filters a position in one log shared by all of them. Blocks are final and numbered, so nothing is lost or answered
//! twice; polls of one filter take turns, and the cursor moves only when the answer is complete. Filters live in memory:
//! after a restart of the node they are not found and clients install them again.

mod pending;
mod registry;
#[cfg(test)]
mod tests;

pub(crate) use registry::Filters;

use crate::{
    ModuleContext, Params, RpcError,
    eth::logs::{LogFilter, check, collect},
    server::CallResult,
};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{BlockNumberOrTag, Filter, Log};
use pending::PendingLog;
use registry::{FilterId, Kind};
use serde::Serialize;
use serde_json::value::to_raw_value;
use std::{ops::RangeInclusive, sync::Arc};

/// Most blocks one poll of a block filter answers with; the next poll goes on from there.
const BLOCK_HASHES_MAX: u64 = 1_024;

/// Answers the filter methods; `None` for any other.
pub(crate) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<CallResult> {
    Some(match method {
        "eth_newFilter" => new_filter(module, params),
        "eth_newBlockFilter" => new_block_filter(module, params),
        "eth_newPendingTransactionFilter" => new_pending_filter(module, params),
        "eth_getFilterChanges" => changes(module, params).await,
        "eth_getFilterLogs" => all_logs(module, params).await,
        "eth_uninstallFilter" => id_param(params).and_then(|id| json(&module.filters.remove(id))),
        _ => return None,
    })
}

fn new_filter(module: &ModuleContext, params: &Params) -> CallResult {
    let mut params = params.positional()?;
    let LogFilter(filter) = params.required("filter")?;
    params.finish()?;
    check(&filter, module.limits.filter_criteria)?;
    let head = module.chain.head().number();
    let next = first_block(&filter, head);
    json(&module.filters.install(Kind::Logs {
        filter: Box::new(filter),
        next,
    })?)
}

fn new_block_filter(module: &ModuleContext, params: &Params) -> CallResult {
    params.positional()?.finish()?;
    let next = module.chain.head().number() + 1;
    json(&module.filters.install(Kind::Blocks { next })?)
}

fn new_pending_filter(module: &Arc<ModuleContext>, params: &Params) -> CallResult {
    let mut params = params.positional()?;
    let full = params.optional("full transactions")?.unwrap_or(false);
    params.finish()?;
    if full {
        return Err(RpcError::invalid_params(
            "a filter answers with transaction hashes; for full transactions use eth_subscribe",
        ));
    }
    let log = &module.filters.pending;
    let next = PendingLog::follow(
        log,
        || module.chain.subscribe_pending(),
        |pooled| pooled.hash,
    );
    json(&module.filters.install(Kind::Pending { next })?)
}

async fn changes(module: &Arc<ModuleContext>, params: &Params) -> CallResult {
    let filter = module.filters.find(id_param(params)?)?;
    // Held over the whole poll: two polls at once must not answer with the same changes.
    let mut kind = filter.kind.lock().await;
    match &mut *kind {
        Kind::Logs { filter, next } => {
            let (logs, after) = new_logs(module, filter, *next).await?;
            let answer = json(&logs)?;
            *next = after;
            Ok(answer)
        }
        Kind::Blocks { next } => {
            let hashes = new_blocks(module, *next).await?;
            let answer = json(&hashes)?;
            *next += hashes.len() as u64;
            Ok(answer)
        }
        Kind::Pending { next } => {
            let (hashes, after) = module.filters.pending.since(*next);
            // What was lost is lost, and said once; the next poll goes on from what is kept.
            *next = after;
            json(&hashes?)
        }
    }
}

/// Every log the filter's own range covers, however often it was polled.
async fn all_logs(module: &Arc<ModuleContext>, params: &Params) -> CallResult {
    let entry = module.filters.find(id_param(params)?)?;
    let filter = match &*entry.kind.lock().await {
        Kind::Logs { filter, .. } => filter.clone(),
        Kind::Blocks { .. } | Kind::Pending { .. } => {
            return Err(RpcError::invalid_input(
                "filter not found: it is not a log filter",
            ));
        }
    };
    json(&collect(module, &filter).await?)
}

/// Hashes of the blocks from `next` on, at most [`BLOCK_HASHES_MAX`].
async fn new_blocks(module: &Arc<ModuleContext>, next: u64) -> Result<Vec<B256>, RpcError> {
    let Some(range) = new_range(
        next,
        module.chain.head().number(),
        u64::MAX,
        BLOCK_HASHES_MAX,
    ) else {
        return Ok(Vec::new());
    };
    let chain = module.chain.clone();
    module
        .blocking(move || {
            range
                .map(|number| {
                    let block = chain.block(number)?;
                    let missing = || RpcError::internal(format!("block {number} is not recorded"));
                    Ok(block.ok_or_else(missing)?.hash())
                })
                .collect()
        })
        .await
}

/// Matching logs of the blocks from `next` on, and the block the next poll begins with.
async fn new_logs(
    module: &Arc<ModuleContext>,
    filter: &Filter,
    next: u64,
) -> Result<(Vec<Log>, u64), RpcError> {
    let head = module.chain.head().number();
    let mut blocks_max = module.limits.log_blocks;
    loop {
        let Some(range) = new_range(next, head, last_block(filter), blocks_max) else {
            return Ok((Vec::new(), next));
        };
        let (from, to) = range.into_inner();
        match collect(module, &filter.clone().from_block(from).to_block(to)).await {
            // Too much for one answer: take fewer blocks now and the rest with the next poll.
            Err(error) if error.code == RpcError::LIMIT_EXCEEDED && to > from => {
                blocks_max = (to - from).div_ceil(2);
            }
            logs => return Ok((logs?, to + 1)),
        }
    }
}

/// The block a new log filter begins with: only what comes after the head is a change.
fn first_block(filter: &Filter, head: u64) -> u64 {
    let from = filter
        .block_option
        .get_from_block()
        .and_then(BlockNumberOrTag::as_number);
    from.unwrap_or(0).max(head + 1)
}

/// The last block a log filter is about.
fn last_block(filter: &Filter) -> u64 {
    if filter.block_option.is_block_hash() {
        return 0;
    }
    let to = filter
        .block_option
        .get_to_block()
        .and_then(BlockNumberOrTag::as_number);
    to.unwrap_or(u64::MAX)
}

/// The finalized blocks from `next` to `last`, at most `blocks_max`; `None` if there are none.
fn new_range(next: u64, head: u64, last: u64, blocks_max: u64) -> Option<RangeInclusive<u64>> {
    let to = head
        .min(last)
        .min(next.saturating_add(blocks_max.saturating_sub(1)));
    (next <= to).then_some(next..=to)
}

fn id_param(params: &Params) -> Result<FilterId, RpcError> {
    let mut params = params.positional()?;
    let id = params.required("filter id")?;
    params.finish()?;
    Ok(id)
}

fn json<T: Serialize>(value: &T) -> CallResult {
    to_raw_value(value)
        .map_err(|error| RpcError::internal(format!("result could not be encoded: {error}")))
}
