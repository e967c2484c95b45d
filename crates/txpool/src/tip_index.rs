//! Senders ordered by effective tip, under a base fee that changes every block.
//!
//! The tip `min(priority, max_fee - base_fee)` moves with the base fee, but the order inside two groups does not: where
//! `max_fee - priority >= base_fee` the tip is the priority fee, elsewhere it is `max_fee - base_fee`. A new base fee
//! only moves the senders whose difference (slack) it crosses from one group to the other.

use alloy_primitives::Address;
use core::{cmp::Reverse, iter::Peekable};
use std::collections::{BTreeSet, btree_set};

/// What ranks a sender: fees per gas in wei, and arrival. Never holds a priority fee above the maximum fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rank {
    pub(crate) priority_fee: u128,
    pub(crate) max_fee: u128,
    pub(crate) sequence: u64,
}

impl Rank {
    fn slack(&self) -> u128 {
        self.max_fee.saturating_sub(self.priority_fee)
    }
}

/// Fee or tip, then earliest arrival: the greater ranks higher.
pub(crate) type Ranked = (u128, Reverse<u64>, Address);

/// Senders ordered by effective tip, then by arrival.
#[derive(Debug, Default)]
pub(crate) struct TipIndex {
    base_fee: u128,
    by_priority: BTreeSet<Ranked>,
    by_max_fee: BTreeSet<Ranked>,
    /// Slack, priority fee, arrival.
    by_slack: BTreeSet<(u128, u128, u64, Address)>,
}

impl TipIndex {
    pub(crate) fn insert(&mut self, rank: Rank, sender: Address) {
        self.by_slack
            .insert((rank.slack(), rank.priority_fee, rank.sequence, sender));
        if rank.slack() >= self.base_fee {
            self.by_priority
                .insert((rank.priority_fee, Reverse(rank.sequence), sender));
        } else {
            self.by_max_fee
                .insert((rank.max_fee, Reverse(rank.sequence), sender));
        }
    }

    pub(crate) fn remove(&mut self, rank: Rank, sender: Address) {
        self.by_slack
            .remove(&(rank.slack(), rank.priority_fee, rank.sequence, sender));
        if rank.slack() >= self.base_fee {
            self.by_priority
                .remove(&(rank.priority_fee, Reverse(rank.sequence), sender));
        } else {
            self.by_max_fee
                .remove(&(rank.max_fee, Reverse(rank.sequence), sender));
        }
    }

    /// Re-ranks for a new base fee. Costs O(log n) for each sender whose slack lies between the two fees.
    pub(crate) fn set_base_fee(&mut self, base_fee: u128) {
        let bound = |slack| (slack, 0, 0, Address::ZERO);
        let (low, high) = (self.base_fee.min(base_fee), self.base_fee.max(base_fee));
        let rising = base_fee > self.base_fee;
        for &(slack, priority, sequence, sender) in self.by_slack.range(bound(low)..bound(high)) {
            let by_priority = (priority, Reverse(sequence), sender);
            let by_max_fee = (slack.saturating_add(priority), Reverse(sequence), sender);
            if rising {
                self.by_priority.remove(&by_priority);
                self.by_max_fee.insert(by_max_fee);
            } else {
                self.by_max_fee.remove(&by_max_fee);
                self.by_priority.insert(by_priority);
            }
        }
        self.base_fee = base_fee;
    }

    /// The sender with the lowest tip; the latest arrival among equals.
    pub(crate) fn worst(&self) -> Option<Ranked> {
        let by_max_fee = self
            .by_max_fee
            .first()
            .map(|key| to_tip(key, self.base_fee));
        [self.by_priority.first().copied(), by_max_fee]
            .into_iter()
            .flatten()
            .min()
    }

    /// All senders, highest tip first, earliest arrival first among equals.
    pub(crate) fn best_first(&self) -> BestFirst<'_> {
        BestFirst {
            base_fee: self.base_fee,
            by_priority: self.by_priority.iter().rev().peekable(),
            by_max_fee: self.by_max_fee.iter().rev().peekable(),
        }
    }
}

fn to_tip(&(max_fee, arrival, sender): &Ranked, base_fee: u128) -> Ranked {
    (max_fee.saturating_sub(base_fee), arrival, sender)
}

/// Merges the two groups of a [`TipIndex`].
#[derive(Clone, Debug)]
pub(crate) struct BestFirst<'a> {
    base_fee: u128,
    by_priority: Peekable<core::iter::Rev<btree_set::Iter<'a, Ranked>>>,
    by_max_fee: Peekable<core::iter::Rev<btree_set::Iter<'a, Ranked>>>,
}

impl BestFirst<'_> {
    pub(crate) fn peek(&mut self) -> Option<Ranked> {
        let (a, b) = self.peek_both();
        a.max(b)
    }

    fn peek_both(&mut self) -> (Option<Ranked>, Option<Ranked>) {
        let by_max_fee = self.by_max_fee.peek().map(|key| to_tip(key, self.base_fee));
        (self.by_priority.peek().copied().copied(), by_max_fee)
    }
}

impl Iterator for BestFirst<'_> {
    type Item = Ranked;

    fn next(&mut self) -> Option<Ranked> {
        let (a, b) = self.peek_both();
        if a >= b {
            self.by_priority.next();
            a
        } else {
            self.by_max_fee.next();
            b
        }
    }
}
