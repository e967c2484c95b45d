use crate::{
    Pool, Status,
    index::Index,
    pool::SENDER_BYTES,
    sender::{Sender, Summary},
};
use alloy_primitives::U256;
use std::collections::BTreeMap;

impl Pool {
    /// Recomputes everything the pool keeps and compares.
    pub(crate) fn check(&self) {
        let mut index = Index::default();
        index.set_base_fee(0, self.base_fee);
        let (mut bytes, mut count) = (0, 0);
        for (&address, queue) in &self.senders {
            assert!(!queue.is_empty(), "an empty queue stays");
            assert!(queue.len() <= self.limits.per_sender);
            check_queue(queue, self.base_fee);
            let summary = queue.summarize(self.base_fee);
            assert_eq!(queue.summary, summary, "summary is out of date");
            index.update(address, &Summary::default(), &summary);
            for entry in queue.iter() {
                assert_eq!(entry.tx.sender(), address);
                assert_eq!(self.by_hash[&entry.tx.hash].sequence, entry.sequence);
                assert_eq!(self.arrivals[&entry.sequence].hash, entry.tx.hash);
                bytes += entry.tx.size();
                count += 1;
            }
        }
        assert_eq!(
            format!("{:?}", self.index),
            format!("{index:?}"),
            "indexes differ from the queues"
        );
        assert_eq!((self.by_hash.len(), self.arrivals.len()), (count, count));
        assert_eq!(self.bytes(), bytes + self.senders.len() * SENDER_BYTES);
        assert!(count <= self.limits.count, "{count} transactions");
        assert!(self.bytes() <= self.limits.bytes, "{} bytes", self.bytes());
        let stats = self.stats();
        assert_eq!(stats.executable + stats.waiting(), count);
        assert_eq!(self.best().count(), self.executable_len());
    }
}

/// States by their definition, walking the queue.
fn check_queue(queue: &Sender, base_fee: u64) {
    let (mut next, mut cost, mut state) = (queue.nonce(), U256::ZERO, Status::Executable);
    let mut run = BTreeMap::new();
    for entry in queue.iter() {
        let tx = &entry.tx;
        assert!(tx.nonce() >= next, "nonces are out of order");
        cost = cost.saturating_add(tx.cost);
        if tx.nonce() > next {
            state = Status::NonceGap;
        } else if state == Status::Executable && cost > queue.balance() {
            state = Status::Underfunded;
        } else if state == Status::Executable && tx.effective_tip(base_fee).is_none() {
            state = Status::FeeWaiting;
        }
        assert_eq!(queue.status(tx.nonce()), state, "nonce {}", tx.nonce());
        if state != Status::NonceGap {
            run.insert(tx.nonce(), entry.sequence);
        }
        next = tx.nonce() + 1;
    }
    assert_eq!(queue.pending_nonce(), queue.nonce() + run.len() as u64);
}
