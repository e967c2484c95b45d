//! What the chain refuses (payments.md, 11.2).

use super::{MockChain, State};
use crate::node::NodeError;
use alloy_primitives::{Address as Account, Bytes, U256};
use alloy_rlp::{Decodable as _, Header};
use trellis_circuits::field;
use trellis_shielded::{
    ProvenTransfer, Transfer,
    pool::{ANCHORS, EXPIRY_MAX, POOL},
};

pub(super) fn refused(reason: impl Into<String>) -> NodeError {
    NodeError::Refused {
        method: "eth_sendRawTransaction",
        reason: reason.into(),
    }
}

/// Price, gas limit and input of a transaction without signature.
fn decode(raw: &[u8], chain_id: u64) -> alloy_rlp::Result<(u128, u64, Bytes)> {
    let rest = &mut &raw[..];
    let header = Header::decode(rest)?;
    let nonce = u64::decode(rest)?;
    let (price, gas) = (u128::decode(rest)?, u64::decode(rest)?);
    let (to, value) = (Account::decode(rest)?, U256::decode(rest)?);
    let input = Bytes::decode(rest)?;
    let signature = [
        U256::decode(rest)?,
        U256::decode(rest)?,
        U256::decode(rest)?,
    ];
    let parity = U256::from(u128::from(chain_id) * 2 + 35);
    let right = header.list
        && rest.is_empty()
        && (nonce, to, value) == (0, POOL, U256::ZERO)
        && signature == [parity, U256::ZERO, U256::ZERO];
    right
        .then_some((price, gas, input))
        .ok_or(alloy_rlp::Error::Custom("not a transfer"))
}

impl MockChain {
    /// A transfer that may be in the next block.
    pub(super) fn check(&self, raw: &[u8]) -> Result<ProvenTransfer, NodeError> {
        let decoded = decode(raw, self.identity.chain_id);
        let (price, gas, input) = decoded.map_err(|error| refused(error.to_string()))?;
        let proven = ProvenTransfer::of_transaction(&input, price, gas);
        let proven = proven.map_err(|error| refused(error.to_string()))?;
        self.state().admit(&proven.transfer, price)?;
        if let Some(verifier) = &self.verifier {
            let instance = proven.transfer.instance(&self.identity.chain());
            let verified = verifier.verify(&instance, &proven.proof);
            verified.map_err(|error| refused(error.to_string()))?;
        }
        Ok(proven)
    }
}

impl State {
    fn admit(&self, transfer: &Transfer, price: u128) -> Result<(), NodeError> {
        if transfer.expiry <= self.head || transfer.expiry > self.head + EXPIRY_MAX {
            return Err(refused("the expiry"));
        }
        let oldest = self.records.len().saturating_sub(ANCHORS as usize);
        let mut accepted = self.records[oldest..].iter();
        // The next block records this one before it holds anything else.
        let newest = self.changed && self.tree.root() == transfer.anchor;
        if !newest && !accepted.any(|record| record.latest.root == transfer.anchor) {
            return Err(refused("the anchor"));
        }
        let [first, second] = transfer.nullifiers;
        let spent = |nullifier| self.spent.contains(&field::encode(nullifier));
        if first == second || transfer.nullifiers.iter().any(spent) {
            return Err(refused("a nullifier was spent"));
        }
        if price < self.base_fee {
            return Err(refused("the gas price is below the base fee"));
        }
        Ok(())
    }
}
