//! A message with everything that happened to it.

use super::{Chain, Lane, Message, RpcError};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde::Serialize;
use std::sync::Arc;
use trellis_messaging::{
    gateway,
    outbox::{Place, Record},
};

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    /// In a final block of its source.
    Sent,
    /// Its call succeeded.
    Delivered,
    /// Its call failed; it waits to be tried again or refunded.
    Failed,
    /// Its value went back.
    Refunded,
    /// It goes to a chain outside the network, which only an outside verifier can tell of.
    Outside,
}

/// A message's own fields.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Content {
    sender: Address,
    recipient: Address,
    value: U256,
    gas_limit: U64,
    refund_to: Address,
    payload: Bytes,
}

impl From<Message> for Content {
    fn from(message: Message) -> Self {
        Self {
            sender: message.sender,
            recipient: message.recipient,
            value: message.value,
            gas_limit: U64::from(message.gas_limit),
            refund_to: message.refund_to,
            payload: message.payload,
        }
    }
}

/// Where something happened.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct At {
    block_number: U64,
    block_hash: B256,
    transaction_hash: B256,
    timestamp_ms: U64,
}

impl At {
    fn of(chain: &Chain, place: Place) -> Result<Self, RpcError> {
        let block = chain.block(place.block)?;
        let missing = || RpcError::internal("a block of a message is not recorded");
        let block = block.ok_or_else(missing)?;
        let transaction = block.transactions.get(place.transaction);
        Ok(Self {
            block_number: U64::from(place.block),
            block_hash: block.hash(),
            transaction_hash: *transaction.ok_or_else(missing)?.tx_hash(),
            timestamp_ms: U64::from(block.block.extension().timestamp_ms),
        })
    }
}

/// The answer of `trellis_getMessage`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageView {
    id: B256,
    status: Status,
    source: String,
    source_chain_id: U64,
    /// Name of the destination; absent outside the network.
    destination: Option<String>,
    destination_chain_id: U64,
    sequence: U64,
    #[serde(flatten)]
    content: Content,
    sent: At,
    /// Its first delivery, successful or not.
    arrived: Option<At>,
    delivered: Option<At>,
    failed: Option<At>,
    refunded: Option<At>,
    /// Id of the message that took its value back.
    refund_id: Option<B256>,
}

/// Who sent a message, on which lane, as which, and where.
pub(super) fn sent(chain: &Chain, id: B256) -> Option<(Arc<Chain>, Lane, u64, Place)> {
    chain.exchange().chains().into_iter().find_map(|source| {
        let record = source.outbox().read().record(id)?;
        let (lane, sequence, place) = record.sent?;
        Some((source, lane, sequence, place))
    })
}

/// Ids of the messages a transaction of any module sent, in order.
pub(super) fn of(chain: &Chain, transaction: B256) -> Result<Vec<B256>, RpcError> {
    for source in chain.exchange().chains() {
        let Some((block, index)) = source.locate(transaction)? else {
            continue;
        };
        let events = gateway::events(&block.receipts).into_iter();
        let sent = events.filter(|event| {
            event.transaction == index && matches!(event.stage, gateway::Stage::Sent { .. })
        });
        return Ok(sent.map(|event| event.id).collect());
    }
    Ok(Vec::new())
}

/// Chain id of the destination of the message sent at a place.
pub(super) fn destination(source: &Chain, place: Place) -> Result<u64, RpcError> {
    let missing = || RpcError::internal("a block of a message is not recorded");
    let block = source.block(place.block)?.ok_or_else(missing)?;
    let receipt = block.receipts.get(place.transaction).ok_or_else(missing)?;
    let logs = alloy_consensus::TxReceipt::logs(receipt);
    gateway::destination(logs, place.log).ok_or_else(missing)
}

/// A message by its id; `None` if no module here sent it.
pub(super) fn find(chain: &Chain, id: B256) -> Result<Option<MessageView>, RpcError> {
    let Some((source, lane, sequence, place)) = sent(chain, id) else {
        return Ok(None);
    };
    let target = lane.module().and_then(|to| chain.exchange().chain(to));
    let record = target.as_ref().and_then(|to| to.outbox().read().record(id));
    let record = record.unwrap_or_default();
    let at = |place: Option<Place>| match (&target, place) {
        (Some(target), Some(place)) => At::of(target, place).map(Some),
        _ => Ok(None),
    };
    Ok(Some(MessageView {
        id,
        status: status(lane, &record),
        source: source.spec().name.to_string(),
        source_chain_id: U64::from(source.spec().chain_id()),
        destination: target.as_ref().map(|to| to.spec().name.to_string()),
        destination_chain_id: U64::from(destination(&source, place)?),
        sequence: U64::from(sequence),
        content: source.message_at(place)?.into(),
        sent: At::of(&source, place)?,
        arrived: at(record.arrived.map(|(_, _, place)| place))?,
        delivered: at(record.delivered)?,
        failed: at(record.failed)?,
        refunded: at(record.refunded.map(|(place, _)| place))?,
        refund_id: record
            .refunded
            .map(|(_, back)| back)
            .filter(|back| !back.is_zero()),
    }))
}

/// How far a message is, by what its destination knows of it.
pub(super) fn status(lane: Lane, record: &Record) -> Status {
    match record {
        _ if lane == Lane::OUTSIDE => Status::Outside,
        Record {
            delivered: Some(_), ..
        } => Status::Delivered,
        Record {
            refunded: Some(_), ..
        } => Status::Refunded,
        Record {
            failed: Some(_), ..
        } => Status::Failed,
        _ => Status::Sent,
    }
}
