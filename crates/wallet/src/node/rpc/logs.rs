//! The pool's logs by `eth_getLogs`: in ranges that nodes answer, in order, each of them understood.

use super::{BlockView, RpcNode, malformed};
use crate::node::{NodeError, PoolEvent, PoolLog, Unshielded};
use alloy_primitives::{Address as Account, B256, Bytes, U64};
use alloy_sol_types::SolEvent as _;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use trellis_shielded::pool::{Event, POOL, abi};

/// Blocks that nodes look at in one query.
const RANGE_MAX: u64 = 10_000;
const METHOD: &str = "eth_getLogs";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogView {
    address: Account,
    topics: Vec<B256>,
    data: Bytes,
    block_number: U64,
    transaction_hash: B256,
    log_index: U64,
    block_timestamp: Option<U64>,
}

impl RpcNode {
    pub(super) fn read_events(&self, from: u64, to: u64) -> Result<Vec<PoolLog>, NodeError> {
        let mut views = Vec::new();
        let mut next = from;
        while next <= to {
            let last = to.min(next + (RANGE_MAX - 1));
            self.read_range(next, last, &json!([]), &mut views)?;
            next = last + 1;
        }
        let mut times = HashMap::new();
        let mut logs = Vec::with_capacity(views.len());
        for view in views {
            if let Some(event) = event(&view)? {
                let block = view.block_number.to();
                logs.push(PoolLog {
                    block,
                    timestamp: match view.block_timestamp {
                        Some(timestamp) => timestamp.to(),
                        None => self.timestamp(block, &mut times)?,
                    },
                    transaction: view.transaction_hash,
                    index: view.log_index.to(),
                    event,
                });
            }
        }
        Ok(logs)
    }

    /// Where a root was recorded last, at or before a block.
    pub(super) fn last_record(&self, block: u64) -> Result<Option<Recorded>, NodeError> {
        let mut to = block;
        loop {
            let from = to.saturating_sub(RANGE_MAX - 1);
            let mut views = Vec::new();
            self.read_range(
                from,
                to,
                &json!([abi::Appended::SIGNATURE_HASH]),
                &mut views,
            )?;
            if let Some(view) = views.last() {
                return Ok(Some(Recorded {
                    block: view.block_number.to(),
                    transaction: view.transaction_hash,
                }));
            }
            match from.checked_sub(1) {
                Some(before) => to = before,
                None => return Ok(None),
            }
        }
    }

    /// Reads a range; in halves if the node says that it is too much.
    fn read_range(
        &self,
        from: u64,
        to: u64,
        topics: &serde_json::Value,
        views: &mut Vec<LogView>,
    ) -> Result<(), NodeError> {
        let filter = json!([{
            "address": POOL, "topics": topics, "fromBlock": U64::from(from), "toBlock": U64::from(to),
        }]);
        match self.call::<Vec<LogView>>(METHOD, filter) {
            Ok(found) => {
                let strange = |view: &LogView| {
                    let block = view.block_number.to::<u64>();
                    view.address != POOL || block < from || block > to
                };
                if found.iter().any(strange) {
                    return Err(malformed(METHOD, "a log that was not asked for"));
                }
                views.extend(found);
                Ok(())
            }
            Err(NodeError::Refused { .. }) if from < to => {
                let middle = from + (to - from) / 2;
                self.read_range(from, middle, topics, views)?;
                self.read_range(middle + 1, to, topics, views)
            }
            Err(error) => Err(error),
        }
    }

    fn timestamp(&self, block: u64, known: &mut HashMap<u64, u64>) -> Result<u64, NodeError> {
        if let Some(timestamp) = known.get(&block) {
            return Ok(*timestamp);
        }
        let BlockView { timestamp, .. } = self.block(json!(U64::from(block)))?;
        known.insert(block, timestamp.to());
        Ok(timestamp.to())
    }
}

/// A record of the root.
pub(super) struct Recorded {
    pub(super) block: u64,
    pub(super) transaction: B256,
}

/// What a log says. Nothing if it is of no concern; an error if it should be and is not understood, as a note that is left out would
/// make all later positions wrong.
fn event(view: &LogView) -> Result<Option<PoolEvent>, NodeError> {
    let strange = || malformed(METHOD, "a log that the pool does not write");
    let Some(topic) = view.topics.first() else {
        return Err(strange());
    };
    let topics = view.topics.iter().copied();
    let event = match *topic {
        abi::Shielded::SIGNATURE_HASH
        | abi::Transferred::SIGNATURE_HASH
        | abi::Appended::SIGNATURE_HASH => {
            PoolEvent::Notes(Event::read(&view.topics, &view.data).ok_or_else(strange)?)
        }
        abi::Unshielded::SIGNATURE_HASH => {
            let out = abi::Unshielded::decode_raw_log(topics, &view.data).map_err(|_| strange())?;
            PoolEvent::Unshielded(Unshielded {
                asset: out.asset,
                recipient: out.recipient,
                value: out.value,
                paid: out.paid,
                called: out.called,
            })
        }
        abi::AssetAdded::SIGNATURE_HASH => {
            let added =
                abi::AssetAdded::decode_raw_log(topics, &view.data).map_err(|_| strange())?;
            PoolEvent::AssetAdded {
                asset: added.asset,
                token: added.token,
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(event))
}
