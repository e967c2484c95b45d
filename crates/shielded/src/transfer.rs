//! Private transfers as they travel (payments.md, 8 and 9).

mod sealed;
mod transaction;
mod wire;

use crate::{MEMO_BYTES, Memo, NOTE_BYTES, OUTGOING_BYTES, Output};
use alloy_primitives::{Address as Account, B256, Bytes, U256, b256, keccak256};
pub use sealed::{SEALED_BYTES, Sealed};
use std::num::NonZeroU128;
pub use transaction::{TransactionError, gas_limit, sender};
use trellis_circuits::{Context, INPUTS, Instance, OUTPUTS, PROOF_BYTES, Proof, Public, field::F};
pub use wire::TransferError;

/// The circuit of transfers: 2 inputs, 3 outputs.
pub const TRANSFER_CIRCUIT: u32 = 1;
/// Bytes of a transfer of which nothing goes out.
pub const TRANSFER_BYTES: usize =
    4 + 8 + 32 + 32 * INPUTS + 16 + 1 + OUTPUTS * OUTPUT_BYTES + MEMO_BYTES + PROOF_BYTES;
/// Bytes of an output.
pub const OUTPUT_BYTES: usize = 32 + 32 + 2 + 16 + NOTE_BYTES + OUTGOING_BYTES;
/// Bytes of call data of an unshield (payments.md, 12).
pub const CALL_MAX: usize = 4096;
/// Bytes of the longest transfer.
pub const TRANSFER_BYTES_MAX: usize = TRANSFER_BYTES + 4 + 16 + 20 + 8 + 2 + CALL_MAX;

/// `keccak("trellis/payments/1/context")`.
const CONTEXT: B256 = b256!("0xcd63c80167cec2a7d6d0922df83c9b1c64135fc5393682095b6a2f875c158cb8");

/// What goes out to the public side, and to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Crossing {
    /// Nothing.
    #[default]
    None,
    /// An unshield.
    Out {
        /// Of this asset.
        asset: u32,
        /// This much.
        value: NonZeroU128,
        /// To this account.
        recipient: Account,
        /// What the call may use.
        gas: u64,
        /// The call, if not empty.
        call: Bytes,
    },
}

impl Crossing {
    /// As the relation sees it.
    pub const fn public(&self) -> Public {
        match *self {
            Self::None => Public::None,
            Self::Out { asset, value, .. } => Public::Out { asset, value },
        }
    }
}

/// Everything of a transfer but the proof, which is bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What it is proven with.
    pub circuit: u32,
    /// The last block that may include it.
    pub expiry: u64,
    /// The root that it is proven against.
    pub anchor: F,
    /// What is spent.
    pub nullifiers: [F; INPUTS],
    /// In native coin.
    pub fee: u128,
    /// What is seen of it outside of the pool.
    pub crossing: Crossing,
    /// What is made.
    pub outputs: [Output; OUTPUTS],
    /// For one of the payees.
    pub memo: Memo,
}

/// A transfer that can be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenTransfer {
    /// What is proven.
    pub transfer: Transfer,
    /// That it is right.
    pub proof: Proof,
}

/// Where a transfer counts, and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Of EIP-155.
    pub chain_id: U256,
    /// Module id.
    pub module: u32,
    /// Of the first block.
    pub genesis: B256,
}

impl Transfer {
    /// What the proof is bound to beside its amounts (payments.md, 8).
    pub fn context(&self, chain: &Chain) -> Context {
        let mut bytes = CONTEXT.to_vec();
        bytes.extend(chain.chain_id.to_be_bytes::<32>());
        bytes.extend(chain.module.to_be_bytes());
        bytes.extend(chain.genesis);
        bytes.extend(self.circuit.to_be_bytes());
        bytes.extend(self.expiry.to_be_bytes());
        self.bind_crossing(&mut bytes);
        bytes.extend(self.fee.to_be_bytes());
        let mut carried = Vec::with_capacity(OUTPUTS * OUTPUT_BYTES + MEMO_BYTES);
        self.outputs
            .iter()
            .for_each(|output| output.encode(&mut carried));
        carried.extend(self.memo.0);
        bytes.extend(keccak256(carried));
        Context::from_hash(&keccak256(bytes).0)
    }

    fn bind_crossing(&self, bytes: &mut Vec<u8>) {
        let no_call = Bytes::new();
        let nobody = Account::ZERO;
        let (recipient, gas, call, asset, value) = match &self.crossing {
            Crossing::None => (&nobody, 0, &no_call, 0, 0),
            Crossing::Out {
                asset,
                value,
                recipient,
                gas,
                call,
            } => (recipient, *gas, call, *asset, value.get()),
        };
        // A payer, and a value that comes in: neither exists (payments.md, 8).
        bytes.extend(Account::ZERO);
        bytes.extend(recipient);
        bytes.extend(gas.to_be_bytes());
        bytes.extend(keccak256(call));
        bytes.extend(asset.to_be_bytes());
        bytes.extend(0_u128.to_be_bytes());
        bytes.extend(value.to_be_bytes());
    }

    /// What the proof is about.
    pub fn instance(&self, chain: &Chain) -> Instance {
        Instance {
            anchor: self.anchor,
            nullifiers: self.nullifiers,
            commitments: self.outputs.each_ref().map(|output| output.commitment),
            public: self.crossing.public(),
            fee: self.fee,
            context: self.context(chain),
        }
    }
}

#[cfg(test)]
mod tests;
