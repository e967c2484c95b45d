use crate::{pool::Pool, sender::Sender, tip_index::BestFirst, transaction::PooledTransaction};
use alloy_primitives::Address;
use core::cmp::Reverse;
use std::{
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    sync::Arc,
};

/// Executable transactions, highest effective tip first across senders (earliest arrival among equals), in nonce order
/// within each sender.
///
/// Deterministic. Starts in O(1); a step costs O(log n).
#[derive(Clone, Debug)]
pub struct Best<'a> {
    senders: &'a BTreeMap<Address, Box<Sender>>,
    base_fee: u64,
    /// Senders of which nothing is taken yet.
    heads: BestFirst<'a>,
    /// The next transaction of senders of which something is.
    started: BinaryHeap<Candidate>,
    skipped: BTreeSet<Address>,
}

/// Tip, arrival, sender, index in the sender's run.
type Candidate = (u128, Reverse<u64>, Address, usize);

impl<'a> Best<'a> {
    pub(crate) fn new(pool: &'a Pool) -> Self {
        Self {
            senders: &pool.senders,
            base_fee: pool.base_fee,
            heads: pool.index.best_first(),
            started: BinaryHeap::new(),
            skipped: BTreeSet::new(),
        }
    }

    /// Leaves out the rest of a sender's transactions, because one of them proved invalid in this block.
    pub fn skip_sender(&mut self, sender: Address) {
        self.skipped.insert(sender);
    }

    fn pop(&mut self) -> Option<Candidate> {
        let head = self
            .heads
            .peek()
            .map(|(tip, arrival, sender)| (tip, arrival, sender, 0));
        if head >= self.started.peek().copied() {
            self.heads.next();
            head
        } else {
            self.started.pop()
        }
    }
}

impl<'a> Iterator for Best<'a> {
    type Item = &'a Arc<PooledTransaction>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (_, _, sender, index) = self.pop()?;
            if self.skipped.contains(&sender) {
                continue;
            }
            let queue = self.senders.get(&sender)?;
            if index + 1 < queue.summary.executable
                && let Some(next) = queue.run().get(index + 1)
                && let Some(tip) = next.tx.effective_tip(self.base_fee)
            {
                self.started
                    .push((tip, Reverse(next.sequence), sender, index + 1));
            }
            return queue.run().get(index).map(|entry| &entry.tx);
        }
    }
}
