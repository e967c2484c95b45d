use super::{leaf, node};
use alloy_primitives::B256;

/// A lane that can only grow: its count and the roots of its perfect subtrees, at most 64 hashes. What a block needs
/// to append its own messages without the messages before them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    count: u64,
    /// One for each bit of the count that is set, the largest first.
    peaks: Vec<B256>,
}

impl Frontier {
    pub(super) const fn new(count: u64, peaks: Vec<B256>) -> Self {
        Self { count, peaks }
    }

    /// Appends a message.
    pub fn push(&mut self, id: B256) {
        let mut root = leaf(id);
        for _ in 0..self.count.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                root = node(left, root);
            }
        }
        self.peaks.push(root);
        self.count += 1;
    }

    /// Number of messages.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Root over all messages; zero if there are none.
    pub fn root(&self) -> B256 {
        let mut peaks = self.peaks.iter().rev().copied();
        let last = peaks.next().unwrap_or_default();
        peaks.fold(last, |right, left| node(left, right))
    }

    /// What the outbox holds for this lane.
    pub fn commitment(&self) -> B256 {
        super::lane_commitment(self.count, self.root())
    }
}
