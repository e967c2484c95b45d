//! The pool's orders over senders: whose transaction is best, whose is evicted first, whom a new base fee touches.

use crate::{
    sender::{Blocker, Summary, Tail, WaitingTail},
    tip_index::{BestFirst, TipIndex},
    view::Stats,
};
use alloy_primitives::Address;
use std::collections::BTreeSet;

/// The base fee an empty block no longer lowers: EIP-1559 takes off an eighth, rounded down.
const BASE_FEE_REST: u128 = 7;

/// Each sender appears once in each order that concerns it, under the keys of its [`Summary`].
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// First executable transactions.
    heads: TipIndex,
    /// Senders with executable transactions, by the lowest maximum fee among these.
    floors: BTreeSet<(u128, Address)>,
    /// Senders with a run stopped by the base fee, by the maximum fee it stops at.
    fee_blocked: BTreeSet<(u128, Address)>,
    /// Last transactions that are executable.
    tails: TipIndex,
    /// Last transactions that wait.
    waiting_tails: BTreeSet<(WaitingTail, Address)>,
    executable: usize,
    fee_waiting: usize,
    underfunded: usize,
    gapped: usize,
    senders: usize,
}

impl Index {
    /// Moves a sender from its old keys to its new ones.
    pub(crate) fn update(&mut self, sender: Address, old: &Summary, new: &Summary) {
        self.count(old, new);
        if old.head != new.head {
            if let Some(rank) = old.head {
                self.heads.remove(rank, sender);
            }
            if let Some(rank) = new.head {
                self.heads.insert(rank, sender);
            }
        }
        if old.floor != new.floor {
            if let Some(fee) = old.floor {
                self.floors.remove(&(fee, sender));
            }
            if let Some(fee) = new.floor {
                self.floors.insert((fee, sender));
            }
        }
        if old.blocker != new.blocker {
            if let Some(Blocker::Fee(fee)) = old.blocker {
                self.fee_blocked.remove(&(fee, sender));
            }
            if let Some(Blocker::Fee(fee)) = new.blocker {
                self.fee_blocked.insert((fee, sender));
            }
        }
        self.update_tail(sender, old.tail, new.tail);
    }

    fn update_tail(&mut self, sender: Address, old: Option<Tail>, new: Option<Tail>) {
        if old != new {
            match old {
                Some(Tail::Executable(rank)) => self.tails.remove(rank, sender),
                Some(Tail::Waiting(tail)) => {
                    self.waiting_tails.remove(&(tail, sender));
                }
                None => self.senders += 1,
            }
            match new {
                Some(Tail::Executable(rank)) => self.tails.insert(rank, sender),
                Some(Tail::Waiting(tail)) => {
                    self.waiting_tails.insert((tail, sender));
                }
                None => self.senders -= 1,
            }
        }
    }

    /// Re-ranks for a new base fee and returns the senders whose summary it changes, in address order.
    pub(crate) fn set_base_fee(&mut self, old: u64, new: u64) -> BTreeSet<Address> {
        self.heads.set_base_fee(u128::from(new));
        self.tails.set_base_fee(u128::from(new));
        let bound = (u128::from(new), Address::ZERO);
        if new > old {
            self.floors
                .range(..bound)
                .map(|&(_, sender)| sender)
                .collect()
        } else {
            self.fee_blocked
                .range(bound..)
                .map(|&(_, sender)| sender)
                .collect()
        }
    }

    /// The sender whose last transaction is evicted first.
    pub(crate) fn worst(&self) -> Option<Address> {
        let waiting = self.waiting_tails.first().map(|&(_, sender)| sender);
        waiting.or_else(|| self.tails.worst().map(|(_, _, sender)| sender))
    }

    /// Senders with executable transactions, by the tip of the first one.
    pub(crate) fn best_first(&self) -> BestFirst<'_> {
        self.heads.best_first()
    }

    pub(crate) fn executable(&self) -> usize {
        self.executable
    }

    /// Senders that hold a transaction.
    pub(crate) fn senders(&self) -> usize {
        self.senders
    }

    /// Whether a run waits for a base fee that empty blocks reach.
    pub(crate) fn has_fee_waiting(&self) -> bool {
        self.fee_blocked
            .last()
            .is_some_and(|&(fee, _)| fee >= BASE_FEE_REST)
    }

    pub(crate) fn stats(&self, bytes: usize) -> Stats {
        Stats {
            executable: self.executable,
            fee_waiting: self.fee_waiting,
            underfunded: self.underfunded,
            nonce_gap: self.gapped,
            bytes,
        }
    }

    fn count(&mut self, old: &Summary, new: &Summary) {
        self.executable = self.executable + new.executable - old.executable;
        self.gapped = self.gapped + new.gapped - old.gapped;
        *self.blocked(new.blocker) += new.blocked;
        *self.blocked(old.blocker) -= old.blocked;
    }

    fn blocked(&mut self, blocker: Option<Blocker>) -> &mut usize {
        match blocker {
            Some(Blocker::Funds) => &mut self.underfunded,
            // Without a blocker the number to add is zero.
            Some(Blocker::Fee(_)) | None => &mut self.fee_waiting,
        }
    }
}
