//! The gapless run of one sender's transactions, with prefix queries in O(log n).
//!
//! A ring of leaves under a binary tree of totals. A query joins only nodes that lie wholly inside the live range, so a
//! removed entry needs no clean-up: its stale leaf is outside every query until it is overwritten.

use crate::transaction::PooledTransaction;
use alloy_primitives::U256;
use std::{collections::VecDeque, sync::Arc};

/// A transaction in the pool and its place in the order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) tx: Arc<PooledTransaction>,
    pub(crate) sequence: u64,
}

/// What a stretch of consecutive transactions adds up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Sum of costs, in wei, saturating.
    pub(crate) cost: U256,
    /// Lowest maximum fee.
    pub(crate) max_fee: u128,
    /// Lowest priority fee.
    pub(crate) priority_fee: u128,
}

impl Totals {
    const NOTHING: Self = Self {
        cost: U256::ZERO,
        max_fee: u128::MAX,
        priority_fee: u128::MAX,
    };

    fn of(entry: &Entry) -> Self {
        Self {
            cost: entry.tx.cost,
            max_fee: entry.tx.max_fee(),
            priority_fee: entry.tx.priority_fee(),
        }
    }

    fn join(&self, next: &Self) -> Self {
        Self {
            cost: self.cost.saturating_add(next.cost),
            max_fee: self.max_fee.min(next.max_fee),
            priority_fee: self.priority_fee.min(next.priority_fee),
        }
    }
}

/// Consecutive transactions, first to last.
#[derive(Debug, Default)]
pub(crate) struct Run {
    entries: VecDeque<Entry>,
    /// Node `i` joins nodes `2i` and `2i + 1`; the leaves are the upper half, a power of two long.
    tree: Vec<Totals>,
    /// Leaf of the first entry.
    first: usize,
}

impl Run {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    pub(crate) fn front(&self) -> Option<&Entry> {
        self.entries.front()
    }

    pub(crate) fn back(&self) -> Option<&Entry> {
        self.entries.back()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(crate) fn push_back(&mut self, entry: Entry) {
        if self.len() == self.leaves() {
            self.rebuild((self.leaves() * 2).max(1));
        }
        self.set_leaf(self.leaf(self.len()), Totals::of(&entry));
        self.entries.push_back(entry);
    }

    /// Puts `entry` in the place of the one at `index`, which must exist, and returns that.
    pub(crate) fn replace(&mut self, index: usize, entry: Entry) -> Entry {
        self.set_leaf(self.leaf(index), Totals::of(&entry));
        core::mem::replace(&mut self.entries[index], entry)
    }

    pub(crate) fn pop_front(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.first = self.leaf(1);
        self.shrink();
        Some(entry)
    }

    pub(crate) fn pop_back(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_back()?;
        self.shrink();
        Some(entry)
    }

    /// Length and totals of the longest prefix whose totals satisfy `fits`.
    ///
    /// `fits` must be monotone: once a prefix does not fit, no longer one does.
    pub(crate) fn prefix(&self, fits: impl Fn(&Totals) -> bool) -> (usize, Totals) {
        let (mut taken, mut totals) = (0, Totals::NOTHING);
        let mut widest = self.leaves();
        while taken < self.len() {
            let leaf = self.leaf(taken);
            // The widest aligned block that starts at this leaf and ends inside the run.
            let aligned = if leaf == 0 {
                widest
            } else {
                1 << leaf.trailing_zeros()
            };
            let mut width = widest.min(aligned).min(1 << (self.len() - taken).ilog2());
            loop {
                let next = totals.join(&self.tree[(self.leaves() + leaf) / width]);
                if fits(&next) {
                    totals = next;
                    taken += width;
                    break;
                }
                if width == 1 {
                    return (taken, totals);
                }
                // The end of the prefix is inside this block: no wider one can follow.
                width /= 2;
                widest = width;
            }
        }
        (taken, totals)
    }

    fn leaves(&self) -> usize {
        self.tree.len() / 2
    }

    fn leaf(&self, index: usize) -> usize {
        (self.first + index) & (self.leaves() - 1)
    }

    fn set_leaf(&mut self, leaf: usize, totals: Totals) {
        let mut node = self.leaves() + leaf;
        self.tree[node] = totals;
        while node > 1 {
            node /= 2;
            self.tree[node] = self.tree[2 * node].join(&self.tree[2 * node + 1]);
        }
    }

    /// Gives memory back once three quarters are unused; the factor of two to the next growth keeps it amortized.
    fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        } else if self.len() * 4 <= self.leaves() {
            self.rebuild(self.leaves() / 2);
        }
    }

    fn rebuild(&mut self, leaves: usize) {
        self.first = 0;
        self.entries.shrink_to(leaves);
        self.tree = vec![Totals::NOTHING; 2 * leaves];
        for (leaf, entry) in self.tree[leaves..].iter_mut().zip(&self.entries) {
            *leaf = Totals::of(entry);
        }
        for node in (1..leaves).rev() {
            self.tree[node] = self.tree[2 * node].join(&self.tree[2 * node + 1]);
        }
    }
}
