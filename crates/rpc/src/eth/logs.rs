//! `eth_getLogs`, and the matching that filters and subscriptions share.
//!
//! A query is bounded by its block range, by its result and by time (NET-1); each error says the limit and how to
//! narrow the query, in words that indexers recognise and split on. Block blooms decide which blocks are read at all.

use super::{RpcResult, json, select};
use crate::{ModuleContext, Params, RpcError, RpcLimits, convert};
use alloy_rpc_types_eth::{Filter, FilterBlockOption, Log};
use serde::{Deserialize, Deserializer};
use std::{
    ops::RangeInclusive,
    sync::Arc,
    time::{Duration, Instant},
};
use trellis_module::Chain;
use trellis_state::history::RecordedBlock;

/// Longest search of one query. A range whose blooms match but whose logs do not is bounded by nothing else.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(10);

/// A filter as clients send it: fields that are not part of a filter are ignored, as geth does.
#[derive(Debug, Default)]
pub(crate) struct LogFilter(pub(crate) Filter);

impl<'de> Deserialize<'de> for LogFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = serde_json::Map::deserialize(deserializer)?;
        object.retain(|key, _| {
            matches!(
                key.as_str(),
                "fromBlock" | "toBlock" | "blockHash" | "address" | "topics"
            )
        });
        Filter::deserialize(serde_json::Value::Object(object))
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

pub(super) async fn get_logs(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let mut params = params.positional()?;
    let LogFilter(filter) = params.required("filter")?;
    params.finish()?;
    let (chain, limits) = (Arc::clone(&module.chain), LogLimits::of(&module.limits));
    module
        .blocking(move || json(&search(&chain, &filter, limits)?))
        .await
}

/// The logs that match `filter`, in chain order, under the server's limits.
pub(crate) async fn collect(
    module: &Arc<ModuleContext>,
    filter: &Filter,
) -> Result<Vec<Log>, RpcError> {
    let (chain, limits, filter) = (
        Arc::clone(&module.chain),
        LogLimits::of(&module.limits),
        filter.clone(),
    );
    module
        .blocking(move || search(&chain, &filter, limits))
        .await
}

/// The logs of one block that match the filter's addresses and topics; its block range is not looked at.
pub(crate) fn block_logs(block: &RecordedBlock, filter: &Filter) -> Vec<Log> {
    convert::logs(block, |log| filter.matches(log))
}

/// Refuses a filter with more addresses and topics than a node wants to compare with every log.
///
/// # Errors
/// Limit exceeded, naming the limit and the count.
pub(crate) fn check(filter: &Filter, criteria_max: usize) -> Result<(), RpcError> {
    let criteria =
        filter.address.len() + filter.topics.iter().map(|topic| topic.len()).sum::<usize>();
    if criteria > criteria_max {
        return Err(RpcError::limit_exceeded(format!(
            "filter has {criteria} addresses and topics, the limit is {criteria_max}: split it into several queries"
        )));
    }
    Ok(())
}

/// What one query may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogLimits {
    /// Most addresses and topics in the filter.
    pub(super) criteria: usize,
    /// Most blocks in a range.
    pub(super) blocks: u64,
    /// Most logs in a result that spans more than one block.
    pub(super) results: usize,
    /// Largest such result, in bytes of JSON.
    pub(super) bytes: usize,
    /// Longest search.
    pub(super) time: Duration,
}

impl LogLimits {
    pub(super) fn of(limits: &RpcLimits) -> Self {
        Self {
            criteria: limits.filter_criteria,
            blocks: limits.log_blocks,
            results: limits.log_results,
            bytes: limits.response_bytes,
            time: SEARCH_TIME_MAX,
        }
    }
}

fn search(chain: &Chain, filter: &Filter, limits: LogLimits) -> Result<Vec<Log>, RpcError> {
    check(filter, limits.criteria)?;
    let head = chain.head().block.number();
    match filter.block_option {
        FilterBlockOption::AtBlockHash(hash) => {
            Ok(block_logs(&*select::require(chain, hash.into())?, filter))
        }
        FilterBlockOption::Range { .. } => match block_range(filter, head, limits.blocks)? {
            Some(range) => search_range(chain, filter, range, limits),
            None => Ok(Vec::new()),
        },
    }
}

/// The existing blocks a filter covers; `None` if it begins after the head.
pub(super) fn block_range(
    filter: &Filter,
    head: u64,
    blocks_max: u64,
) -> Result<Option<RangeInclusive<u64>>, RpcError> {
    let bound = |tag: Option<_>| tag.map_or(head, |tag| select::tag_number(tag, head));
    let from = bound(filter.block_option.get_from_block().copied());
    let to = bound(filter.block_option.get_to_block().copied());
    // A range that only names its start ends at the head, wherever that is.
    let open = filter
        .block_option
        .get_to_block()
        .is_none_or(|tag| tag.as_number().is_none());
    if from > head && open {
        return Ok(None);
    }
    if from > to {
        return Err(RpcError::invalid_params(format!(
            "invalid block range: fromBlock {from} is after toBlock {to}"
        )));
    }
    if from > head {
        return Ok(None);
    }
    let to = to.min(head);
    let blocks = to - from + 1;
    if blocks > blocks_max {
        return Err(RpcError::limit_exceeded(format!(
            "query exceeds max block range {blocks_max}: it spans {blocks} blocks, retry with the range {from}-{}",
            from + blocks_max - 1
        )));
    }
    Ok(Some(from..=to))
}

fn search_range(
    chain: &Chain,
    filter: &Filter,
    range: RangeInclusive<u64>,
    limits: LogLimits,
) -> Result<Vec<Log>, RpcError> {
    let (from, to) = (*range.start(), *range.end());
    let started = Instant::now();
    let (mut found, mut bytes) = (Vec::new(), 0);
    for number in range {
        if !chain
            .bloom(number)?
            .is_none_or(|bloom| filter.matches_bloom(bloom))
        {
            continue;
        }
        let Some(block) = chain.block(number)? else {
            continue;
        };
        let logs = block_logs(&block, filter);
        bytes += logs.iter().map(json_bytes).sum::<usize>();
        found.extend(logs);
        // One block is always answered in full: there is no way to ask for less.
        if from == to {
            break;
        }
        if let Some(limit) = limits.exceeded(found.len(), bytes, started.elapsed()) {
            // Everything before the block that was too much.
            let end = number.saturating_sub(1).max(from);
            return Err(RpcError::limit_exceeded(format!(
                "{limit}, retry with the range {from}-{end}"
            )));
        }
    }
    Ok(found)
}

impl LogLimits {
    /// Which limit a query has reached, if any.
    pub(super) fn exceeded(&self, results: usize, bytes: usize, time: Duration) -> Option<String> {
        if results > self.results {
            Some(format!("query exceeds max results {}", self.results))
        } else if bytes > self.bytes {
            Some(format!(
                "query exceeds max response size {} bytes",
                self.bytes
            ))
        } else if time > self.time {
            Some(format!(
                "query takes longer than {} ms",
                self.time.as_millis()
            ))
        } else {
            None
        }
    }
}

/// About how long a log is in JSON.
fn json_bytes(log: &Log) -> usize {
    const FIXED: usize = 450;
    FIXED + 2 * log.data().data.len() + 69 * log.topics().len()
}
