//! How transfers that may spend notes not yet found are kept: 130 bytes each, as there may be many.

use crate::data::{Passed, Place};
use crate::node::Unshielded;
use alloy_primitives::{Address as Account, B256};

/// Bytes of one.
const PASSED_BYTES: usize = 32 + 8 + 8 + 8 + 32 + 1 + 4 + 20 + 16 + 1;

impl Passed {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.nullifiers.iter().for_each(|half| bytes.extend(half));
        bytes.extend(self.at.block.to_be_bytes());
        bytes.extend(self.at.index.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.transaction);
        let out = self.unshielded.unwrap_or(Unshielded {
            asset: 0,
            recipient: Account::ZERO,
            value: 0,
            paid: false,
            called: false,
        });
        bytes.push(u8::from(self.unshielded.is_some()));
        bytes.extend(out.asset.to_be_bytes());
        bytes.extend(out.recipient);
        bytes.extend(out.value.to_be_bytes());
        bytes.push(u8::from(out.paid) | (u8::from(out.called) << 1));
    }

    fn decode(bytes: &[u8; PASSED_BYTES]) -> Option<Self> {
        let mut rest = &bytes[..];
        let nullifiers = [take(&mut rest)?, take(&mut rest)?];
        let block = u64::from_be_bytes(take(&mut rest)?);
        let index = u64::from_be_bytes(take(&mut rest)?);
        let timestamp = u64::from_be_bytes(take(&mut rest)?);
        let transaction = B256::from(take(&mut rest)?);
        let [some] = take(&mut rest)?;
        let asset = u32::from_be_bytes(take(&mut rest)?);
        let recipient = Account::from(take::<20>(&mut rest)?);
        let value = u128::from_be_bytes(take(&mut rest)?);
        let [flags] = take(&mut rest)?;
        let out = Unshielded {
            asset,
            recipient,
            value,
            paid: flags & 1 == 1,
            called: flags & 2 == 2,
        };
        Some(Self {
            nullifiers,
            at: Place { block, index },
            timestamp,
            transaction,
            unshielded: (some == 1).then_some(out),
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*first)
}

pub(crate) fn encode(passed: &[Passed], bytes: &mut Vec<u8>) {
    bytes.reserve(passed.len() * PASSED_BYTES);
    passed.iter().for_each(|one| one.encode(bytes));
}

pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Passed>> {
    let (chunks, rest) = bytes.as_chunks::<PASSED_BYTES>();
    rest.is_empty().then_some(())?;
    chunks.iter().map(Passed::decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_transfers_are_read_as_they_were_written() {
        let out = Unshielded {
            asset: 7,
            recipient: Account::repeat_byte(9),
            value: u128::MAX,
            paid: true,
            called: false,
        };
        let passed = [None, Some(out)].map(|unshielded| Passed {
            nullifiers: [[1; 16], [2; 16]],
            at: Place { block: 3, index: 4 },
            timestamp: 5,
            transaction: B256::repeat_byte(6),
            unshielded,
        });
        let mut bytes = Vec::new();
        encode(&passed, &mut bytes);
        assert_eq!(decode(&bytes).unwrap(), passed);
        assert_eq!(decode(&bytes[1..]), None);
    }
}
