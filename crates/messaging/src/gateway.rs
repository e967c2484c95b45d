//! The gateway contract as the node sees it: its place in the genesis, its logs, its storage.

use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::{Address, B256, Bytes, Log, U256, hex, keccak256};
use alloy_sol_types::{SolCall as _, SolEvent, SolValue, sol};
use trellis_light::{Message, tree::Lane};
use trellis_primitives::{ModuleId, system::GATEWAY};

const CODE: &str = include_str!("../../../contracts/artifacts/gateway.hex");

/// Native coin the gateway of every module holds at genesis, in wei. It is not in circulation: what messages bring in
/// joins it, and what they take out leaves it (MSG-2).
pub const RESERVE: U256 = U256::from_limbs([0, 1 << 56, 0, 0]);

/// Runtime code of the gateway.
///
/// # Panics
/// Never: the file in the source is hex, which a test checks.
pub fn code() -> Bytes {
    hex::decode(CODE.trim()).expect("the file holds hex").into()
}

/// The storage the genesis gives the gateway: slot and value.
pub fn genesis_storage(modules: u32, first_chain_id: u64) -> [(U256, U256); 1] {
    let value = (U256::from(first_chain_id) << 64) | U256::from(modules);
    [(U256::ZERO, value)]
}

/// Slot that says how many messages of `source` were delivered.
pub fn received_slot(source: ModuleId) -> U256 {
    slot(source.index(), 2)
}

/// Slot that says how many messages were sent on `lane`, and their value.
pub fn sent_slot(lane: Lane) -> U256 {
    slot(lane.index(), 1)
}

fn slot(key: u32, mapping: u8) -> U256 {
    let preimage = (U256::from(key), U256::from(mapping)).abi_encode();
    keccak256(preimage).into()
}

/// Number and value of messages in a slot of [`received_slot`] or [`sent_slot`].
pub fn counts(value: U256) -> (u64, U256) {
    (value.as_limbs()[0], value >> 64)
}

/// The Solidity side.
pub mod abi {
    use super::sol;

    sol! {
        struct Message {
            address sender;
            address recipient;
            uint256 value;
            uint64 gasLimit;
            address refundTo;
            bytes payload;
        }

        event MessageSent(
            bytes32 indexed sendId, bytes sender, bytes recipient, bytes payload, uint256 value, bytes[] attributes
        );
        event MessageQueued(
            bytes32 indexed id, uint256 indexed lane, uint64 indexed sequence, uint64 gasLimit, address refundTo
        );
        event MessageDelivered(bytes32 indexed id, uint256 indexed source, uint64 indexed sequence);
        event MessageFailed(bytes32 indexed id, uint256 indexed source, uint64 indexed sequence, bytes reason);
        event MessageRefunded(bytes32 indexed id, bytes32 indexed refundId);

        function deliver(uint256 source, uint64 first, Message[] messages, bytes proof);
        function sendMessage(bytes recipient, bytes payload, bytes[] attributes);
        function gasLimit(uint256 limit);
    }
}

/// What happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It was sent on a lane, with this sequence.
    Sent {
        /// The lane.
        lane: Lane,
        /// Its place in the lane.
        sequence: u64,
    },
    /// Its call succeeded.
    Delivered {
        /// Index of the module it came from.
        source: ModuleId,
        /// Its place in the lane.
        sequence: u64,
    },
    /// Its call failed; it can be tried again or refunded.
    Failed {
        /// Index of the module it came from.
        source: ModuleId,
        /// Its place in the lane.
        sequence: u64,
    },
    /// It was given up, and its value was sent back in the message `back`.
    Refunded {
        /// Id of the message that carries the value; zero if there was none.
        back: B256,
    },
}

/// Something that happened to a message in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Id of the message.
    pub id: B256,
    /// What happened.
    pub stage: Stage,
    /// Index of the transaction in the block.
    pub transaction: usize,
    /// Index of the log in the transaction's receipt.
    pub log: usize,
}

/// Everything that happened to messages in a block, in order.
pub fn events(receipts: &[ReceiptEnvelope]) -> Vec<Event> {
    let mut events = Vec::new();
    for (transaction, receipt) in receipts.iter().enumerate() {
        for (index, log) in receipt.logs().iter().enumerate() {
            if let Some((id, stage)) = stage(log) {
                events.push(Event {
                    id,
                    stage,
                    transaction,
                    log: index,
                });
            }
        }
    }
    events
}

/// What a log says, if it is the gateway's and about a stage of a message.
fn stage(log: &Log) -> Option<(B256, Stage)> {
    if log.address != GATEWAY {
        return None;
    }
    let [signature, id, topics @ ..] = log.topics() else {
        return None;
    };
    let index = || u32::try_from(U256::from_be_bytes(topics.first()?.0)).ok();
    let sequence = || u64::try_from(U256::from_be_bytes(topics.get(1)?.0)).ok();
    let stage = match *signature {
        abi::MessageQueued::SIGNATURE_HASH => Stage::Sent {
            lane: Lane::new(index()?)?,
            sequence: sequence()?,
        },
        abi::MessageDelivered::SIGNATURE_HASH => Stage::Delivered {
            source: ModuleId::new(index()?)?,
            sequence: sequence()?,
        },
        abi::MessageFailed::SIGNATURE_HASH => Stage::Failed {
            source: ModuleId::new(index()?)?,
            sequence: sequence()?,
        },
        abi::MessageRefunded::SIGNATURE_HASH => Stage::Refunded {
            back: *topics.first()?,
        },
        _ => return None,
    };
    Some((*id, stage))
}

/// The message of a [`Stage::Sent`] at `index` of a receipt's logs: the log of ERC-7786 stands before it.
pub fn message(logs: &[Log], index: usize) -> Option<Message> {
    let sent = logs.get(index.checked_sub(1)?)?;
    let queued = abi::MessageQueued::decode_log(logs.get(index)?).ok()?;
    let sent = abi::MessageSent::decode_log(sent).ok()?;
    Some(Message {
        sender: address_of(&sent.sender)?,
        recipient: address_of(&sent.recipient)?,
        value: sent.value,
        gas_limit: queued.gasLimit,
        refund_to: queued.refundTo,
        payload: sent.data.payload,
    })
}

/// Call data that sends a message, its delivery limited to `gas_limit`.
pub fn send(chain_id: u64, recipient: Address, payload: Bytes, gas_limit: u64) -> Bytes {
    let limit = abi::gasLimitCall {
        limit: U256::from(gas_limit),
    };
    let call = abi::sendMessageCall {
        recipient: interoperable(chain_id, recipient),
        payload,
        attributes: vec![limit.abi_encode().into()],
    };
    call.abi_encode().into()
}

/// An account of an EVM chain as ERC-7930 writes it.
pub fn interoperable(chain_id: u64, account: Address) -> Bytes {
    let reference = U256::from(chain_id).to_be_bytes_trimmed_vec();
    let length = [reference.len() as u8];
    let parts: [&[u8]; 5] = [
        &[0, 1, 0, 0],
        &length,
        &reference,
        &[20],
        account.as_slice(),
    ];
    parts.concat().into()
}

/// Chain id of the destination of the message at `index` of a receipt's logs.
pub fn destination(logs: &[Log], index: usize) -> Option<u64> {
    let sent = logs.get(index.checked_sub(1)?)?;
    let sent = abi::MessageSent::decode_log(sent).ok()?;
    // ERC-7930: version and chain type, 4 bytes; then the length of the chain reference and the reference itself.
    let (length, rest) = sent.recipient.get(4..)?.split_first()?;
    let reference = rest.get(..usize::from(*length))?;
    u64::try_from(U256::try_from_be_slice(reference)?).ok()
}

/// The address at the end of an ERC-7930 address.
fn address_of(interoperable: &[u8]) -> Option<Address> {
    Some(Address::from(interoperable.last_chunk::<20>()?))
}

#[cfg(test)]
mod tests;
