//! Imports: transactions of a destination that deliver proven messages of one source (docs/spec/messages.md, 6).
//!
//! Every rule here is permanent (EXE-2): an import that breaks one makes its block invalid for ever.

use crate::{Message, gateway::abi};
use alloy_consensus::{
    SignableTransaction as _, Transaction as _, TxEnvelope, TxLegacy, transaction::Recovered,
};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{B256, Bytes, Signature, TxKind, U256};
use alloy_sol_types::SolCall as _;
use std::sync::Arc;
use trellis_light::{Evidence, FinalBlock, LightError, Network, tree::Lane};
use trellis_primitives::{
    ModuleId,
    limits::TRANSACTION_BYTES_MAX,
    system::{GATEWAY, IMPORTER},
};

/// Most messages one import delivers.
pub const MESSAGES_MAX: usize = 64;
/// Most imports one block has: each may need the verification of a certificate.
pub const IMPORTS_MAX: usize = 128;
/// Most bytes all imports of a block have together.
pub const BYTES_MAX: usize = 1024 * 1024;
/// Most gas one import asks for (EIP-7825).
pub const GAS_MAX: u64 = 1 << 24;

/// Gas beside calldata and deliveries.
const BASE_GAS: u64 = 21_000 + 60_000;
/// Gas of a delivery beside what its call may use.
const MESSAGE_GAS: u64 = 50_000;

/// Most gas all imports of a block ask for together.
pub const fn gas_max(block_gas_limit: u64) -> u64 {
    block_gas_limit / 2
}

/// Which rule an import breaks.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A field that is the same in every import.
    #[error("import: field {0} must have its fixed value")]
    Field(&'static str),
    /// The input is no call of `deliver`, or not its canonical encoding.
    #[error("import: the input is not the canonical encoding of deliver(...)")]
    Input,
    /// The source is not another module.
    #[error("import: module {0} is not another module of the network")]
    Source(U256),
    /// Too many messages, or none.
    #[error("import: {0} messages, from 1 to {MESSAGES_MAX} are allowed")]
    Count(usize),
    /// The gas limit is not what the messages need.
    #[error("import: gas limit {got} is not the {expected} its messages need")]
    Gas {
        /// Gas limit of the transaction.
        got: u64,
        /// What the specification says.
        expected: u64,
    },
    /// The proof does not decode, or proves something else.
    #[error("import: {0}")]
    Evidence(#[from] LightError),
}

/// Messages of one source with what proves them.
#[derive(Clone, Debug)]
pub struct Import {
    /// The module they come from.
    pub source: ModuleId,
    /// Sequence of the first.
    pub first: u64,
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// What proves that they were sent.
    pub evidence: Evidence,
}

impl Import {
    /// The call the importing account makes.
    fn input(&self) -> Bytes {
        let messages = self.messages.iter().map(abi_of).collect();
        let call = abi::deliverCall {
            source: U256::from(self.source.index()),
            first: self.first,
            messages,
            proof: self.evidence.to_bytes(),
        };
        call.abi_encode().into()
    }

    /// The transaction, with its encoding.
    pub fn transaction(&self, chain_id: u64, nonce: u64) -> (Recovered<TxEnvelope>, Bytes) {
        let input = self.input();
        let tx = TxLegacy {
            chain_id: Some(chain_id),
            nonce,
            gas_price: 0,
            gas_limit: gas_limit(&input, &self.messages),
            to: TxKind::Call(GATEWAY),
            value: U256::ZERO,
            input,
        };
        let envelope = TxEnvelope::from(tx.into_signed(NO_SIGNATURE));
        let encoded = envelope.encoded_2718().into();
        (Recovered::new_unchecked(envelope, IMPORTER), encoded)
    }

    /// The import in a transaction without signature, if its form is right.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn decode(tx: &TxEnvelope) -> Result<Self, ImportError> {
        let rule = |holds: bool, field| holds.then_some(()).ok_or(ImportError::Field(field));
        rule(tx.to() == Some(GATEWAY), "to")?;
        rule(tx.value().is_zero(), "value")?;
        rule(tx.gas_price() == Some(0), "gasPrice")?;
        let input = tx.input();
        check_count(input)?;
        let call = abi::deliverCall::abi_decode_validate(input).map_err(|_| ImportError::Input)?;
        if call.abi_encode() != input.as_ref() {
            return Err(ImportError::Input);
        }
        let source = u32::try_from(call.source).ok().and_then(ModuleId::new);
        let source = source.ok_or(ImportError::Source(call.source))?;
        let messages: Vec<_> = call.messages.into_iter().map(message_of).collect();
        let (got, expected) = (tx.gas_limit(), gas_limit(input, &messages));
        if got != expected {
            return Err(ImportError::Gas { got, expected });
        }
        let evidence = Evidence::from_bytes(&call.proof)?;
        Ok(Self {
            source,
            first: call.first,
            messages,
            evidence,
        })
    }

    /// Ids of the messages, sent to module `destination` of the network whose first module has `first_chain_id`.
    fn ids(&self, first_chain_id: u64, destination: ModuleId) -> Vec<B256> {
        let chain = |module: ModuleId| first_chain_id + u64::from(module.index());
        let (from, to) = (chain(self.source), chain(destination));
        let messages = self.messages.iter().zip(0..);
        // No lane is so long that this wraps: the range is checked where it is proven.
        messages
            .map(|(message, n)| message.id(from, to, self.first.wrapping_add(n)))
            .collect()
    }

    /// Checks that the messages were sent to `destination`, and finally so (MSG-1). `known` gives the block with this hash if
    /// the caller has verified its certificate before; otherwise the block is returned.
    ///
    /// # Errors
    /// [`ImportError::Source`] and [`ImportError::Evidence`].
    pub fn verify(
        &self,
        network: &Network,
        first_chain_id: u64,
        destination: ModuleId,
        known: impl FnOnce(B256) -> Option<Arc<FinalBlock>>,
    ) -> Result<Option<FinalBlock>, ImportError> {
        if self.source == destination {
            return Err(ImportError::Source(U256::from(self.source.index())));
        }
        let ids = self.ids(first_chain_id, destination);
        let (evidence, lane, first) = (&self.evidence, Lane::from(destination), self.first);
        let named = B256::from(evidence.finalization.proposal.payload.0);
        if let Some(block) = known(named) {
            match evidence.verify_messages_only(&block, lane, first, &ids) {
                // Another certificate for the same block: it has to be verified.
                Err(LightError::OtherBlock) => {}
                verified => return Ok(verified.map(|()| None)?),
            }
        }
        let block = evidence.verify(network, self.source, lane, first, &ids)?;
        Ok(Some(block))
    }
}

const NO_SIGNATURE: Signature = Signature::new(U256::ZERO, U256::ZERO, false);

/// The number of messages, before they are decoded: in ABI encoding many may claim the same bytes (NET-1).
fn check_count(input: &[u8]) -> Result<(), ImportError> {
    // Selector, then four words: source, first, and the places of messages and proof. The messages follow, their number first.
    let word = |index: usize| {
        let word = input.get(4 + 32 * index..)?.first_chunk::<32>()?;
        usize::try_from(U256::from_be_bytes(*word)).ok()
    };
    match (word(2), word(4)) {
        (Some(0x80), Some(count)) if (1..=MESSAGES_MAX).contains(&count) => Ok(()),
        (Some(0x80), Some(count)) => Err(ImportError::Count(count)),
        _ => Err(ImportError::Input),
    }
}

/// Gas an import must ask for (docs/spec/messages.md, 6.2).
fn gas_limit(input: &[u8], messages: &[Message]) -> u64 {
    // EIP-7623: a byte other than zero counts as four.
    let zeros = input.iter().filter(|byte| **byte == 0).count() as u64;
    let tokens = zeros + 4 * (input.len() as u64 - zeros);
    let standard = messages
        .iter()
        .map(delivery_gas)
        .fold(BASE_GAS + 4 * tokens, u64::saturating_add);
    standard.max(21_000 + 10 * tokens)
}

/// Gas of one delivery.
pub fn delivery_gas(message: &Message) -> u64 {
    let limit = message.gas_limit;
    let payload = 16 * message.payload.len() as u64;
    // Saturates only where the gateway would have refused the message.
    (MESSAGE_GAS + payload).saturating_add(limit.saturating_add(limit / 32))
}

/// How many of these messages, which stand one after the other in a lane, fit into one import.
pub fn fitting<'a>(messages: impl IntoIterator<Item = &'a Message>) -> usize {
    // Room for the proof, the envelope and the rest of the call.
    let (mut bytes, mut gas) = (8 * 1024, BASE_GAS + 16 * 8 * 1024);
    let mut count = 0;
    for message in messages {
        let size = 32 * 8 + message.payload.len().next_multiple_of(32);
        bytes += size;
        // The floor counts at most 40 gas a byte.
        gas += delivery_gas(message).max(24 * size as u64) + 16 * size as u64;
        if count == MESSAGES_MAX || bytes > TRANSACTION_BYTES_MAX || gas > GAS_MAX {
            break;
        }
        count += 1;
    }
    count
}

fn abi_of(message: &Message) -> abi::Message {
    abi::Message {
        sender: message.sender,
        recipient: message.recipient,
        value: message.value,
        gasLimit: message.gas_limit,
        refundTo: message.refund_to,
        payload: message.payload.clone(),
    }
}

fn message_of(message: abi::Message) -> Message {
    Message {
        sender: message.sender,
        recipient: message.recipient,
        value: message.value,
        gas_limit: message.gasLimit,
        refund_to: message.refundTo,
        payload: message.payload,
    }
}

#[cfg(test)]
mod tests;
