//! What a block says about messages, as subscribers are told it.

use super::{Chain, view::Status};
use alloy_primitives::{B256, U64};
use serde::Serialize;
use trellis_light::tree::Lane;
use trellis_messaging::gateway::{self, Event, Stage};
use trellis_primitives::system::GATEWAY;
use trellis_state::RecordedBlock;

/// One message got further.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Update {
    id: B256,
    status: Status,
    /// The module in which it happened.
    module: String,
    block_number: U64,
    block_hash: B256,
    transaction_hash: B256,
}

/// Everything a block says about messages, or about the one with this id.
pub(crate) fn updates(chain: &Chain, block: &RecordedBlock, id: Option<B256>) -> Vec<Update> {
    let bloom = block.block.header().logs_bloom;
    if !bloom.contains_input(alloy_primitives::BloomInput::Raw(GATEWAY.as_slice())) {
        return Vec::new();
    }
    let events = gateway::events(&block.receipts).into_iter();
    let wanted = events.filter(|event| id.is_none_or(|id| id == event.id));
    wanted
        .filter_map(|event| update(chain, block, event))
        .collect()
}

fn update(chain: &Chain, block: &RecordedBlock, event: Event) -> Option<Update> {
    let status = match event.stage {
        Stage::Sent { lane, .. } if lane == Lane::OUTSIDE => Status::Outside,
        Stage::Sent { .. } => Status::Sent,
        Stage::Delivered { .. } => Status::Delivered,
        Stage::Failed { .. } => Status::Failed,
        Stage::Refunded { .. } => Status::Refunded,
    };
    Some(Update {
        id: event.id,
        status,
        module: chain.spec().name.to_string(),
        block_number: U64::from(block.number()),
        block_hash: block.hash(),
        transaction_hash: *block.transactions.get(event.transaction)?.tx_hash(),
    })
}
