//! One sender's transactions and what can be said about them at a base fee.

use crate::{
    run::{Entry, Run},
    tip_index::Rank,
};
use alloy_primitives::U256;
use core::cmp::Reverse;
use std::collections::BTreeMap;

/// Where a transaction in the pool stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// A nonce before it is missing.
    NonceGap,
    /// It, or one before it, costs more than is left of the sender's balance after those before it.
    Underfunded,
    /// It, or one before it, has a maximum fee below the base fee.
    FeeWaiting,
    /// The next block may take it, after those of the sender before it.
    Executable,
}

/// Why a run is not executable to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocker {
    /// The first transaction that is not executable has this maximum fee, below the base fee.
    Fee(u128),
    /// The first transaction that is not executable does not fit the balance.
    Funds,
}

/// How a sender's last transaction ranks when room is needed. Only last ones are evicted: nothing is stranded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    Waiting(WaitingTail),
    /// The lowest fees of the whole run: a high fee at the end does not protect the low ones it waits for.
    Executable(Rank),
}

/// The lesser is evicted first: by status, then rank, then latest arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WaitingTail {
    pub(crate) status: Status,
    /// With a gap or without funds, waiting costs the sender nothing, so whoever holds most gives way: `MAX - held`.
    /// Below the base fee: the lowest maximum fee of the run.
    pub(crate) rank: u128,
    pub(crate) arrival: Reverse<u64>,
}

/// What the pool's indexes hold about a sender: a function of its queue, its account and the base fee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) executable: usize,
    /// In the run, but behind the blocker.
    pub(crate) blocked: usize,
    pub(crate) gapped: usize,
    pub(crate) blocker: Option<Blocker>,
    /// The first executable transaction.
    pub(crate) head: Option<Rank>,
    /// Lowest maximum fee of the executable transactions.
    pub(crate) floor: Option<u128>,
    pub(crate) tail: Option<Tail>,
}

#[derive(Debug)]
pub(crate) struct Sender {
    nonce: u64,
    balance: U256,
    /// The transactions from `nonce` on without a gap.
    run: Run,
    /// Those past the first missing nonce.
    gapped: BTreeMap<u64, Entry>,
    /// As last written into the indexes.
    pub(crate) summary: Summary,
}

impl Sender {
    pub(crate) fn new(nonce: u64, balance: U256) -> Self {
        Self {
            nonce,
            balance,
            run: Run::default(),
            gapped: BTreeMap::new(),
            summary: Summary::default(),
        }
    }

    /// The account's nonce.
    pub(crate) fn nonce(&self) -> u64 {
        self.nonce
    }

    pub(crate) fn balance(&self) -> U256 {
        self.balance
    }

    pub(crate) fn len(&self) -> usize {
        self.run.len() + self.gapped.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.run.is_empty() && self.gapped.is_empty()
    }

    /// The first nonce that is missing.
    pub(crate) fn pending_nonce(&self) -> u64 {
        self.nonce.saturating_add(self.run.len() as u64)
    }

    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    /// All transactions in nonce order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.run.iter().chain(self.gapped.values())
    }

    /// The transaction with the highest nonce.
    pub(crate) fn last(&self) -> Option<&Entry> {
        self.gapped
            .last_key_value()
            .map(|(_, entry)| entry)
            .or_else(|| self.run.back())
    }

    pub(crate) fn get(&self, nonce: u64) -> Option<&Entry> {
        match self.position(nonce) {
            Some(index) => self.run.get(index),
            None => self.gapped.get(&nonce),
        }
    }

    /// Where a transaction of this sender stands, as of the last summary.
    pub(crate) fn status(&self, nonce: u64) -> Status {
        match (self.position(nonce), self.summary.blocker) {
            (None, _) => Status::NonceGap,
            (Some(index), _) if index < self.summary.executable => Status::Executable,
            (Some(_), Some(Blocker::Funds)) => Status::Underfunded,
            (Some(_), _) => Status::FeeWaiting,
        }
    }

    /// Adds a transaction whose nonce is not below the account's; returns the one it replaces.
    pub(crate) fn put(&mut self, entry: Entry) -> Option<Entry> {
        let nonce = entry.tx.nonce();
        if let Some(index) = self.position(nonce) {
            return Some(self.run.replace(index, entry));
        }
        if nonce == self.pending_nonce() {
            self.run.push_back(entry);
            self.close_gap();
            return None;
        }
        self.gapped.insert(nonce, entry)
    }

    /// Takes a transaction out; what followed it in the run waits behind the gap.
    pub(crate) fn remove(&mut self, nonce: u64) -> Option<Entry> {
        let Some(index) = self.position(nonce) else {
            return self.gapped.remove(&nonce);
        };
        while self.run.len() > index + 1 {
            self.last_to_gapped();
        }
        self.run.pop_back()
    }

    /// Follows the account; returns what its nonce has passed.
    pub(crate) fn set_account(&mut self, nonce: u64, balance: U256) -> Vec<Entry> {
        self.balance = balance;
        let mut passed = Vec::new();
        if nonce < self.nonce {
            while !self.run.is_empty() {
                self.last_to_gapped();
            }
        }
        self.nonce = nonce;
        while self
            .run
            .front()
            .is_some_and(|entry| entry.tx.nonce() < nonce)
        {
            passed.extend(self.run.pop_front());
        }
        while let Some(first) = self
            .gapped
            .first_entry()
            .filter(|first| *first.key() < nonce)
        {
            passed.push(first.remove());
        }
        self.close_gap();
        passed
    }

    /// The state of the queue at a base fee, in O(log n).
    pub(crate) fn summarize(&self, base_fee: u64) -> Summary {
        let fee = u128::from(base_fee);
        let (executable, totals) = self
            .run
            .prefix(|run| run.cost <= self.balance && run.max_fee >= fee);
        let blocker = self.run.get(executable).map(|entry| {
            // Funds first: a lower base fee would not help.
            let funded = totals.cost.saturating_add(entry.tx.cost) <= self.balance;
            if funded {
                Blocker::Fee(entry.tx.max_fee())
            } else {
                Blocker::Funds
            }
        });
        Summary {
            executable,
            blocked: self.run.len() - executable,
            gapped: self.gapped.len(),
            blocker,
            head: self
                .run
                .front()
                .filter(|_| executable > 0)
                .map(|entry| Rank {
                    priority_fee: entry.tx.priority_fee(),
                    max_fee: entry.tx.max_fee(),
                    sequence: entry.sequence,
                }),
            floor: (executable > 0).then_some(totals.max_fee),
            tail: self.last().map(|last| self.tail(last, executable, blocker)),
        }
    }

    fn tail(&self, last: &Entry, executable: usize, blocker: Option<Blocker>) -> Tail {
        let waiting = |status, rank| {
            Tail::Waiting(WaitingTail {
                status,
                rank,
                arrival: Reverse(last.sequence),
            })
        };
        let held = |count: usize| u128::MAX - count as u128;
        if !self.gapped.is_empty() {
            return waiting(Status::NonceGap, held(self.gapped.len()));
        }
        if blocker == Some(Blocker::Funds) {
            return waiting(Status::Underfunded, held(self.run.len() - executable));
        }
        let (_, run) = self.run.prefix(|_| true);
        if blocker.is_some() {
            return waiting(Status::FeeWaiting, run.max_fee);
        }
        Tail::Executable(Rank {
            priority_fee: run.priority_fee,
            max_fee: run.max_fee,
            sequence: last.sequence,
        })
    }

    /// Index in the run of the transaction with this nonce.
    fn position(&self, nonce: u64) -> Option<usize> {
        let index = usize::try_from(nonce.checked_sub(self.nonce)?).ok()?;
        (index < self.run.len()).then_some(index)
    }

    fn close_gap(&mut self) {
        while let Some(entry) = self.gapped.remove(&self.pending_nonce()) {
            self.run.push_back(entry);
        }
    }

    fn last_to_gapped(&mut self) {
        if let Some(entry) = self.run.pop_back() {
            self.gapped.insert(entry.tx.nonce(), entry);
        }
    }
}
