//! One encoding each, and bounded (payments.md, 9).

use super::{CALL_MAX, Crossing, ProvenTransfer, TRANSFER_CIRCUIT, Transfer};
use crate::{ContactTag, Memo, Output};
use alloy_primitives::{Address as Account, Bytes};
use std::num::NonZeroU128;
use trellis_circuits::{
    PROOF_BYTES, Proof,
    field::{self, F},
};

const NOTHING: u8 = 0;
const OUT: u8 = 2;

/// Why bytes are no transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The bytes end too early.
    #[error("the transfer ends too early")]
    Short,
    /// The bytes go on after the end.
    #[error("{0} bytes after the end of the transfer")]
    Trailing(usize),
    /// Not a circuit whose transfers this software can read.
    #[error("circuit {0} is not known")]
    Circuit(u32),
    /// A number that is not below the order of the field.
    #[error("{0} is not a canonical field element")]
    Element(&'static str),
    /// Neither out nor nothing.
    #[error("public part {0} is not known")]
    Crossing(u8),
    /// Nothing crosses, and it does not say so.
    #[error("the public value is 0")]
    Zero,
    /// More call data than is allowed.
    #[error("{0} bytes of call data, more than 4096")]
    Call(usize),
}

impl Transfer {
    /// Appends the encoding: all of section 9 but the proof.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.circuit.to_be_bytes());
        bytes.extend(self.expiry.to_be_bytes());
        bytes.extend(field::encode(&self.anchor));
        bytes.extend(self.nullifiers.iter().flat_map(field::encode));
        bytes.extend(self.fee.to_be_bytes());
        self.crossing.encode(bytes);
        self.outputs.iter().for_each(|output| output.encode(bytes));
        bytes.extend(self.memo.0);
    }

    fn read(bytes: &mut Reader<'_>) -> Result<Self, TransferError> {
        let circuit = u32::from_be_bytes(bytes.take()?);
        if circuit != TRANSFER_CIRCUIT {
            return Err(TransferError::Circuit(circuit));
        }
        Ok(Self {
            circuit,
            expiry: u64::from_be_bytes(bytes.take()?),
            anchor: bytes.element("the anchor")?,
            nullifiers: [bytes.element("nullifier 0")?, bytes.element("nullifier 1")?],
            fee: u128::from_be_bytes(bytes.take()?),
            crossing: Crossing::read(bytes)?,
            outputs: [
                Output::read(bytes, "commitment 0")?,
                Output::read(bytes, "commitment 1")?,
                Output::read(bytes, "commitment 2")?,
            ],
            memo: Memo(bytes.take()?),
        })
    }
}

impl ProvenTransfer {
    /// The encoding of section 9. Call data of more than [`CALL_MAX`] bytes has none that is read.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(super::TRANSFER_BYTES);
        self.transfer.encode(&mut bytes);
        bytes.extend(self.proof.as_bytes());
        bytes
    }

    /// Reads a transfer from bytes of anybody. What it says is not checked here, nor its proof.
    pub fn decode(bytes: &[u8]) -> Result<Self, TransferError> {
        let mut bytes = Reader(bytes);
        let transfer = Transfer::read(&mut bytes)?;
        let proof = bytes.slice(PROOF_BYTES)?;
        let proof = Proof::decode(proof).map_err(|_| TransferError::Short)?;
        bytes.end()?;
        Ok(Self { transfer, proof })
    }
}

impl Crossing {
    fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::None => bytes.push(NOTHING),
            Self::Out {
                asset,
                value,
                recipient,
                gas,
                call,
            } => {
                bytes.push(OUT);
                bytes.extend(asset.to_be_bytes());
                bytes.extend(value.get().to_be_bytes());
                bytes.extend(recipient);
                bytes.extend(gas.to_be_bytes());
                let length = u16::try_from(call.len()).unwrap_or(u16::MAX);
                bytes.extend(length.to_be_bytes());
                bytes.extend(call);
            }
        }
    }

    fn read(bytes: &mut Reader<'_>) -> Result<Self, TransferError> {
        let [kind] = bytes.take()?;
        if kind == NOTHING {
            return Ok(Self::None);
        }
        if kind != OUT {
            return Err(TransferError::Crossing(kind));
        }
        let asset = u32::from_be_bytes(bytes.take()?);
        let value = NonZeroU128::new(u128::from_be_bytes(bytes.take()?));
        let value = value.ok_or(TransferError::Zero)?;
        let recipient = Account::from(bytes.take::<20>()?);
        let gas = u64::from_be_bytes(bytes.take()?);
        let length = usize::from(u16::from_be_bytes(bytes.take()?));
        if length > CALL_MAX {
            return Err(TransferError::Call(length));
        }
        Ok(Self::Out {
            asset,
            value,
            recipient,
            gas,
            call: Bytes::copy_from_slice(bytes.slice(length)?),
        })
    }
}

impl Output {
    /// Appends the encoding of section 9.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend(field::encode(&self.commitment));
        bytes.extend(self.epk);
        bytes.extend(self.view_tag);
        bytes.extend(self.contact_tag.0);
        bytes.extend(self.note);
        bytes.extend(self.outgoing);
    }

    /// Reads one output.
    pub fn decode(bytes: &[u8; super::OUTPUT_BYTES]) -> Result<Self, TransferError> {
        Self::read(&mut Reader(bytes), "the commitment")
    }

    fn read(bytes: &mut Reader<'_>, commitment: &'static str) -> Result<Self, TransferError> {
        Ok(Self {
            commitment: bytes.element(commitment)?,
            epk: bytes.take()?,
            view_tag: bytes.take()?,
            contact_tag: ContactTag(bytes.take()?),
            note: bytes.take()?,
            outgoing: bytes.take()?,
        })
    }
}

/// What is left of the bytes.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], TransferError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(TransferError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    /// Nothing may be left.
    pub(super) const fn end(&self) -> Result<(), TransferError> {
        match self.0.len() {
            0 => Ok(()),
            more => Err(TransferError::Trailing(more)),
        }
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], TransferError> {
        let (first, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(TransferError::Short)?;
        self.0 = rest;
        Ok(first)
    }

    fn element(&mut self, name: &'static str) -> Result<F, TransferError> {
        field::decode(&self.take()?).map_err(|_| TransferError::Element(name))
    }
}
