//! The outbox as a tree: messages in a lane, lanes in the outbox (docs/spec/messages.md, 4).

mod frontier;
mod lanes;
mod log;
#[cfg(test)]
mod tests;

pub use frontier::Frontier;
pub use lanes::{LANE_DEPTH, LANES, Lane, Lanes, outbox_of_path};
pub use log::Tree;

use alloy_primitives::{B256, Keccak256, keccak256};
use core::ops::Range;

/// Most hashes a range proof can need: two a level.
pub const RANGE_HASHES_MAX: usize = 128;

/// A message as it stands in its lane.
pub fn leaf(id: B256) -> B256 {
    let mut preimage = [0; 33];
    preimage[1..].copy_from_slice(id.as_slice());
    keccak256(preimage)
}

/// What stands above two parts of a lane.
pub fn node(left: B256, right: B256) -> B256 {
    pair(1, left, right)
}

fn pair(tag: u8, left: B256, right: B256) -> B256 {
    let mut preimage = [tag; 65];
    preimage[1..33].copy_from_slice(left.as_slice());
    preimage[33..].copy_from_slice(right.as_slice());
    keccak256(preimage)
}

/// What the outbox holds for a lane of `count` messages under `root`. The count is bound too, so the shape of every
/// proof is.
pub fn lane_commitment(count: u64, root: B256) -> B256 {
    if count == 0 {
        return B256::ZERO;
    }
    let mut hasher = Keccak256::new();
    hasher.update([2]);
    hasher.update(count.to_be_bytes());
    hasher.update(root);
    hasher.finalize()
}

/// Where RFC 9162 splits a tree of `count` leaves: the largest power of two below it. There are at least two.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// Why a range proof says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A proof of no messages would hold for any root.
    #[error("the range is empty")]
    Empty,
    /// The range ends after the tree.
    #[error("the range ends after the last message of the lane")]
    OutOfRange,
    /// The proof has too few hashes.
    #[error("the range proof is too short")]
    TooShort,
    /// The proof has hashes that the range does not need.
    #[error("the range proof is too long")]
    TooLong,
}

/// The root of a lane of `count` messages in which `ids` follow each other from position `first`, if `proof` is theirs.
///
/// Needs at most [`RANGE_HASHES_MAX`] hashes, and takes as many hashings and two a message, whatever the sizes claim.
///
/// # Errors
/// [`ProofError`]: what the proof lacks, or has too much of. An altered hash shows in the root.
pub fn range_root(
    first: u64,
    ids: &[B256],
    count: u64,
    proof: &[B256],
) -> Result<B256, ProofError> {
    if ids.is_empty() {
        return Err(ProofError::Empty);
    }
    let end = first.checked_add(ids.len() as u64);
    let end = end
        .filter(|end| *end <= count)
        .ok_or(ProofError::OutOfRange)?;
    let mut walk = Walk {
        range: first..end,
        ids: ids.iter(),
        proof: proof.iter(),
    };
    let root = walk.root(0, count)?;
    match walk.proof.next() {
        Some(_) => Err(ProofError::TooLong),
        None => Ok(root),
    }
}

/// A walk over the tree from the left to the right, which meets the messages and the hashes of the proof in order.
struct Walk<'a> {
    range: Range<u64>,
    ids: core::slice::Iter<'a, B256>,
    proof: core::slice::Iter<'a, B256>,
}

impl Walk<'_> {
    /// The root over the `count` leaves from `low`. Recursion halves the count: at most 64 deep.
    fn root(&mut self, low: u64, count: u64) -> Result<B256, ProofError> {
        if low >= self.range.end || low + count <= self.range.start {
            return self.proof.next().copied().ok_or(ProofError::TooShort);
        }
        if count == 1 {
            // As many messages as the range is long, each met once.
            return self
                .ids
                .next()
                .map(|id| leaf(*id))
                .ok_or(ProofError::TooShort);
        }
        let left = split(count);
        Ok(node(
            self.root(low, left)?,
            self.root(low + left, count - left)?,
        ))
    }
}
