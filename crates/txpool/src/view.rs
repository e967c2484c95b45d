//! Reading the pool: for `txpool_*`, metrics and gossip.

use crate::{
    pool::Pool,
    sender::{Sender, Status},
    transaction::PooledTransaction,
};
use alloy_primitives::Address;
use core::ops::RangeBounds;
use std::sync::Arc;

/// Transactions by state, and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The next block may take them.
    pub executable: usize,
    /// Stopped by the base fee.
    pub fee_waiting: usize,
    /// Stopped by the sender's balance.
    pub underfunded: usize,
    /// Behind a missing nonce.
    pub nonce_gap: usize,
    /// Estimated memory, in bytes.
    pub bytes: usize,
}

impl Stats {
    /// Transactions that wait for something: what `txpool_status` calls queued.
    pub fn waiting(&self) -> usize {
        self.fee_waiting + self.underfunded + self.nonce_gap
    }
}

impl Pool {
    /// Everything in the pool with its state, by sender and nonce, from the sender `from` on.
    ///
    /// A caller that answers in pages continues at the address after the last one it saw.
    pub fn content(
        &self,
        from: Address,
    ) -> impl Iterator<Item = (Status, &Arc<PooledTransaction>)> {
        self.senders
            .range(from..)
            .flat_map(|(_, queue)| content_of(queue))
    }

    /// One sender's transactions with their state, by nonce.
    pub fn content_of(
        &self,
        sender: Address,
    ) -> impl Iterator<Item = (Status, &Arc<PooledTransaction>)> {
        self.senders
            .get(&sender)
            .into_iter()
            .flat_map(|queue| content_of(queue))
    }

    /// Executable transactions with their sequence numbers, in order of arrival.
    ///
    /// For gossip: keep the [`Self::next_sequence`] of each round; what is still executable below the mark of an earlier
    /// round has waited since then.
    pub fn executable_by_arrival(
        &self,
        sequences: impl RangeBounds<u64>,
    ) -> impl Iterator<Item = (u64, &Arc<PooledTransaction>)> {
        self.arrivals
            .range(sequences)
            .filter_map(|(&sequence, tx)| {
                let queue = self.senders.get(&tx.sender())?;
                (queue.status(tx.nonce()) == Status::Executable).then_some((sequence, tx))
            })
    }

    /// The sequence number the next accepted transaction gets. A refused one may use a number up.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }
}

fn content_of(queue: &Sender) -> impl Iterator<Item = (Status, &Arc<PooledTransaction>)> {
    queue
        .iter()
        .map(|entry| (queue.status(entry.tx.nonce()), &entry.tx))
}
