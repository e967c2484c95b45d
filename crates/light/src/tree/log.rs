use super::{Frontier, leaf, node, split};
use alloy_primitives::B256;
use core::ops::Range;

/// All messages of a lane. Keeps the root of every perfect subtree, so it proves any range of any size the lane ever
/// had with a logarithmic number of hashes. Takes 64 bytes a message.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// By height: roots of the perfect subtrees of `2^height` leaves, from the left.
    levels: Vec<Vec<B256>>,
}

impl Tree {
    /// Appends a message: two hashings on average.
    pub fn push(&mut self, id: B256) {
        let mut root = leaf(id);
        for height in 0.. {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let level = &mut self.levels[height];
            level.push(root);
            match level.as_slice() {
                [.., left, right] if level.len().is_multiple_of(2) => root = node(*left, *right),
                _ => break,
            }
        }
    }

    /// Number of messages.
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether nothing was ever sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Root over the first `count` messages, zero if that is none; `None` if there are fewer.
    pub fn root_at(&self, count: u64) -> Option<B256> {
        if count > self.len() {
            return None;
        }
        Some(match count {
            0 => B256::ZERO,
            _ => self.subtree(0, count),
        })
    }

    /// The lane as it was with `count` messages; `None` if there are fewer.
    pub fn frontier_at(&self, count: u64) -> Option<Frontier> {
        if count > self.len() {
            return None;
        }
        let heights = (0..u64::BITS).rev().filter(|bit| (count >> bit) & 1 == 1);
        let peaks = heights.map(|height| {
            // The perfect subtree of this height ends where the higher bits of the count do, and its own.
            self.levels[height as usize][((count >> height) - 1) as usize]
        });
        Some(Frontier::new(count, peaks.collect()))
    }

    /// Proof of the messages in `range` when there were `count`; `None` if the range is empty or ends after them, or
    /// there are fewer.
    pub fn range_proof(&self, range: Range<u64>, count: u64) -> Option<Vec<B256>> {
        if range.is_empty() || range.end > count || count > self.len() {
            return None;
        }
        let mut proof = Vec::new();
        self.walk(&range, 0, count, &mut proof);
        Some(proof)
    }

    fn walk(&self, range: &Range<u64>, low: u64, count: u64, proof: &mut Vec<B256>) {
        let end = low + count;
        if low >= range.end || end <= range.start {
            proof.push(self.subtree(low, count));
        } else if low < range.start || end > range.end {
            let left = split(count);
            self.walk(range, low, left, proof);
            self.walk(range, low + left, count - left, proof);
        }
    }

    /// Root over the `count` leaves from `low`, a place where the walk of RFC 9162 comes by.
    fn subtree(&self, low: u64, count: u64) -> B256 {
        if count.is_power_of_two() {
            let height = count.ilog2();
            return self.levels[height as usize][(low >> height) as usize];
        }
        let left = split(count);
        node(
            self.subtree(low, left),
            self.subtree(low + left, count - left),
        )
    }
}
