//! Which transactions of a block depend on each other, as far as one can tell before executing them.
//!
//! Two of the same sender always do: the nonce. Calls of the same contract may. Which ones do is learned, by the kind of call,
//! from how executions ahead end: contract, selector and first argument, which most often is the recipient, the token or
//! the pool. Whether executions are long enough to be shared is estimated from gas limits, then measured. All of it is advice:
//! it decides who executes what when, never the outcome.

use crate::{Transaction, transfer::Transfer};
use alloy_consensus::Transaction as _;
use alloy_primitives::{
    Address,
    map::{AddressMap, HashMap},
};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// After so many calls that were left alone one is tried, in case that things have changed; the next after four times as
/// many. A try that fails holds up the whole block.
const TRY_AFTER: u32 = 16;
/// Selector and first argument, in bytes.
const KIND_BYTES: usize = 36;
/// Calls of the same contract that are looked at.
const LOOK_BACK: usize = 64;

/// What executing ahead is taken to save and to cost, in picoseconds: measured on recorded blocks, on two cores. Gas limits
/// ask for about twice what is used, and those that ask for far more say nothing.
const SAVED_PER_GAS: u64 = 110;
const GAS_MAX: u64 = 1_000_000;
const COST_OF_CALL: u64 = 3_000_000;
const COST_OF_TRANSFER: u64 = 2_000_000;
const COST_OF_BLOCK: u64 = 300_000_000;

/// Executions that are measured, and the mean below which handing them from one thread to another costs more than they do.
const MEASURED: u64 = 48;
const CHEAP: Duration = Duration::from_micros(8);

/// Measures how long the first executions of a block take. It depends on the machine and the moment; so does only who executes
/// what when.
#[derive(Default)]
pub(crate) struct Stopwatch {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Stopwatch {
    /// Measures one execution, unless enough were.
    pub(crate) fn time<T>(&self, execute: impl FnOnce() -> T) -> T {
        if self.count.load(Ordering::Relaxed) >= MEASURED {
            return execute();
        }
        let start = Instant::now();
        let result = execute();
        let taken = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(taken, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        result
    }

    /// Whether the executions are too short to be worth sharing.
    pub(crate) fn says_cheap(&self) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        let mean = self.nanoseconds.load(Ordering::Relaxed) / count.max(1);
        count >= MEASURED && Duration::from_nanos(mean) < CHEAP
    }
}

/// A transaction among the others. `None` is where there is no such other.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The last earlier one of the same sender.
    same_sender: Option<u32>,
    /// The last earlier call of the same contract.
    same_contract: Option<u32>,
    kind: Option<u32>,
}

/// How executions ahead of calls of one kind ended.
#[derive(Default)]
struct Record {
    held: AtomicU32,
    failed: AtomicU32,
    left: AtomicU32,
}

impl Record {
    fn mostly_fails(&self) -> bool {
        self.failed.load(Ordering::Relaxed) > self.held.load(Ordering::Relaxed)
    }

    /// Counts a call that would be left alone. Whether to try it instead.
    fn is_due(&self) -> bool {
        let left = self.left.fetch_add(1, Ordering::Relaxed) + 1;
        left >= TRY_AFTER && left.is_power_of_two() && left.trailing_zeros().is_multiple_of(2)
    }
}

/// Hints for one block.
#[derive(Default)]
pub(crate) struct Hints {
    places: Vec<Place>,
    kinds: Vec<Record>,
}

impl Hints {
    /// Looks at all transactions once. Those with a `transfer` call nothing.
    pub(crate) fn new<'a>(
        transactions: impl ExactSizeIterator<Item = (&'a Transaction, &'a Option<Transfer>)>,
    ) -> Self {
        let mut senders: AddressMap<u32> = AddressMap::default();
        let mut contracts: AddressMap<u32> = AddressMap::default();
        let mut kinds: HashMap<(Address, &[u8]), u32> = HashMap::default();
        let mut places = Vec::with_capacity(transactions.len());
        for (index, (transaction, transfer)) in (0..).zip(transactions) {
            let mut place = Place {
                same_sender: senders.insert(transaction.signer(), index),
                ..Place::default()
            };
            if transfer.is_none()
                && let Some(to) = transaction.to()
            {
                let input: &[u8] = transaction.input();
                let kind = (to, &input[..input.len().min(KIND_BYTES)]);
                let next = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
                place.kind = Some(*kinds.entry(kind).or_insert(next));
                place.same_contract = contracts.insert(to, index);
            }
            places.push(place);
        }
        Self {
            places,
            kinds: kinds.iter().map(|_| Record::default()).collect(),
        }
    }

    /// Whether executing ahead seems to save more time than it costs.
    pub(crate) fn pays<'a>(
        &self,
        transactions: impl Iterator<Item = (&'a Transaction, &'a Option<Transfer>)>,
    ) -> bool {
        let (mut saved, mut cost) = (0, COST_OF_BLOCK);
        for (place, (transaction, transfer)) in self.places.iter().zip(transactions) {
            if transfer.is_some() {
                cost += COST_OF_TRANSFER;
            } else {
                cost += COST_OF_CALL;
                if place.same_sender.is_none() {
                    saved += transaction.gas_limit().min(GAS_MAX) * SAVED_PER_GAS;
                }
            }
        }
        saved > cost
    }

    /// Whether a transaction seems to depend on an earlier one that is not among the first `committed`.
    pub(crate) fn depends(&self, index: usize, committed: usize) -> bool {
        let Place {
            same_sender, kind, ..
        } = self.places[index];
        let waits = |earlier: &u32| *earlier as usize >= committed;
        if same_sender.as_ref().is_some_and(waits) {
            return true;
        }
        let Some(record) = kind.map(|kind| &self.kinds[kind as usize]) else {
            return false;
        };
        record.mostly_fails() && self.follows_such(index, committed) && !record.is_due()
    }

    /// Whether a call that most often fails too, of the same contract, comes before and is not committed.
    fn follows_such(&self, index: usize, committed: usize) -> bool {
        let mut at = self.places[index].same_contract;
        for _ in 0..LOOK_BACK {
            let Some(earlier) = at.filter(|earlier| *earlier as usize >= committed) else {
                return false;
            };
            let Place {
                same_contract,
                kind,
                ..
            } = self.places[earlier as usize];
            if kind.is_some_and(|kind| self.kinds[kind as usize].mostly_fails()) {
                return true;
            }
            at = same_contract;
        }
        true
    }

    /// Learns from how an execution ahead ended.
    pub(crate) fn note(&self, index: usize, has_held: bool) {
        if let Some(kind) = self.places[index].kind {
            let Record { held, failed, .. } = &self.kinds[kind as usize];
            let counter = if has_held { held } else { failed };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
