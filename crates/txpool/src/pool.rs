//! The pool of one module.
//!
//! # States of a transaction
//! ```text
//!              insert                    a missing nonce arrives
//!   (outside) ────────► nonce gap ─────────────────────────────────► in the sender's run
//!                                                                     │ underfunded   ◄─► balance
//!                                                                     │ fee waiting   ◄─► base fee
//!                                                                     ▼ executable
//! ```
//! A sender's **run** is its transactions from the account's nonce on without a gap. The executable ones are the longest
//! prefix of the run in which every maximum fee covers the base fee and the sum of costs fits the balance; what stops it
//! decides how the rest of the run waits (funds before fee). The costs are upper bounds, so what is underfunded
//! often becomes executable as those before it are mined.
//!
//! A transaction leaves when its nonce is used on chain ([`Pool::set_head`]), when one with the same sender and nonce
//! replaces it or room is needed ([`Pool::insert`], which names both), or by [`Pool::remove`]. Nothing else takes it
//! out: there is no timeout, and no clock.
//!
//! # Room
//! Only the last transaction of a sender is ever evicted, so none is stranded behind a gap. The order: nonce gaps, then
//! underfunded (in both, the sender that holds most gives way, because holding costs nothing), then below the base fee
//! (lowest maximum fee of the run), then executable (lowest tip of the run); the latest arrival among equals. A new
//! transaction that would be evicted itself is refused, and the pool is as before.
//!
//! # Restart
//! The pool is memory only. After a restart it is empty: clients and peers submit again. Nothing in it affects safety.
//!
//! # Use
//! One pool per module, behind a lock. The account given to `insert` must be of the head last announced by `set_head`; who
//! reads it without the lock compares [`Pool::generation`] before and after. An account change that
//! `set_head` misses leaves a sender's transactions in the wrong state until the sender's next change or insert.

use crate::{
    best::Best,
    index::Index,
    limits::Limits,
    run::Entry,
    sender::{Sender, Status},
    transaction::PooledTransaction,
    view::Stats,
};
use alloy_primitives::{Address, B256};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use trellis_primitives::Account;

/// Bytes of one sender's queue and index entries, on top of its transactions.
pub(crate) const SENDER_BYTES: usize = 1_024;

/// The transactions of one module that wait for a block.
#[derive(Debug)]
pub struct Pool {
    pub(crate) limits: Limits,
    pub(crate) base_fee: u64,
    generation: u64,
    pub(crate) next_sequence: u64,
    /// Asked by key only: its order is never seen.
    pub(crate) by_hash: HashMap<B256, Entry>,
    pub(crate) arrivals: BTreeMap<u64, Arc<PooledTransaction>>,
    pub(crate) senders: BTreeMap<Address, Box<Sender>>,
    pub(crate) index: Index,
    /// Sum of transaction sizes.
    pub(crate) transaction_bytes: usize,
}

impl Pool {
    /// An empty pool at base fee 0; [`Self::set_head`] gives it the real one.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            base_fee: 0,
            generation: 0,
            next_sequence: 0,
            by_hash: HashMap::new(),
            arrivals: BTreeMap::new(),
            senders: BTreeMap::new(),
            index: Index::default(),
            transaction_bytes: 0,
        }
    }

    /// Follows a finalized block: `base_fee` is that of the next block in wei, `changed` the accounts the block changed, as
    /// they are after it (a default account for one that is gone).
    ///
    /// Returns the transactions whose nonce is used now, mined or not, so that the caller can free them outside its lock.
    /// Costs O(log n) for each changed account and each sender whose executable transactions the new base fee changes.
    pub fn set_head(
        &mut self,
        base_fee: u64,
        changed: impl IntoIterator<Item = (Address, Account)>,
    ) -> Vec<Arc<PooledTransaction>> {
        self.generation += 1;
        let affected = self.index.set_base_fee(self.base_fee, base_fee);
        self.base_fee = base_fee;
        for sender in affected {
            self.refresh(sender);
        }
        let mut left = Vec::new();
        for (address, account) in changed {
            left.extend(
                self.set_account(address, &account)
                    .into_iter()
                    .map(|entry| entry.tx),
            );
        }
        left
    }

    /// Takes out a transaction, for example one that turned out invalid; those after it wait behind the gap.
    pub fn remove(&mut self, hash: &B256) -> Option<Arc<PooledTransaction>> {
        let tx = self.by_hash.get(hash)?.tx.clone();
        self.unlink(&tx);
        self.sweep(tx.sender());
        Some(tx)
    }

    /// Executable transactions in the order a builder takes them.
    pub fn best(&self) -> Best<'_> {
        Best::new(self)
    }

    /// How many transactions the next block may take. O(1).
    pub fn executable_len(&self) -> usize {
        self.index.executable()
    }

    /// Whether a transaction that lacks nothing but fee waits for a base fee that empty blocks reach.
    ///
    /// False if only maximum fees below 7 wei wait: an empty block lowers the base fee by an eighth, rounded down, which is
    /// nothing at 7 wei and below.
    pub fn has_fee_waiting(&self) -> bool {
        self.index.has_fee_waiting()
    }

    /// The nonce after the sender's run: its next transaction. `None` if the pool holds nothing of the sender.
    pub fn pending_nonce(&self, sender: Address) -> Option<u64> {
        self.senders.get(&sender).map(|queue| queue.pending_nonce())
    }

    /// The transaction with this hash.
    pub fn get(&self, hash: &B256) -> Option<&Arc<PooledTransaction>> {
        self.by_hash.get(hash).map(|entry| &entry.tx)
    }

    /// Whether the pool holds this transaction.
    pub fn contains(&self, hash: &B256) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// Where this transaction stands.
    pub fn status(&self, hash: &B256) -> Option<Status> {
        let tx = self.get(hash)?;
        self.senders
            .get(&tx.sender())
            .map(|queue| queue.status(tx.nonce()))
    }

    /// Transactions in the pool.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether the pool holds nothing.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// Estimated memory, in bytes: transactions, their index entries, senders.
    pub fn bytes(&self) -> usize {
        self.transaction_bytes + self.index.senders() * SENDER_BYTES
    }

    /// Counts by state. O(1).
    pub fn stats(&self) -> Stats {
        self.index.stats(self.bytes())
    }

    /// The base fee of the next block, in wei.
    pub fn base_fee(&self) -> u64 {
        self.base_fee
    }

    /// Grows by one with every [`Self::set_head`].
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Brings a known sender to `account`; returns what the nonce has passed.
    pub(crate) fn set_account(&mut self, address: Address, account: &Account) -> Vec<Entry> {
        let Some(queue) = self.senders.get_mut(&address) else {
            return Vec::new();
        };
        if (queue.nonce(), queue.balance()) == (account.nonce, account.balance) {
            return Vec::new();
        }
        let passed = queue.set_account(account.nonce, account.balance);
        for entry in &passed {
            self.forget(entry);
        }
        self.refresh(address);
        self.sweep(address);
        passed
    }

    /// Adds an entry to its sender's queue, which must exist, and to the indexes; returns the one it replaces.
    pub(crate) fn link(&mut self, entry: Entry) -> Option<Entry> {
        let sender = entry.tx.sender();
        self.transaction_bytes += entry.tx.size();
        self.arrivals.insert(entry.sequence, Arc::clone(&entry.tx));
        self.by_hash.insert(entry.tx.hash, entry.clone());
        let queue = self
            .senders
            .get_mut(&sender)
            .expect("the caller made the queue");
        let replaced = queue.put(entry);
        if let Some(old) = &replaced {
            self.forget(old);
        }
        self.refresh(sender);
        replaced
    }

    /// Inverse of [`Self::link`]. Leaves an empty queue behind: [`Self::sweep`].
    pub(crate) fn unlink(&mut self, tx: &PooledTransaction) -> Option<Entry> {
        let entry = self.senders.get_mut(&tx.sender())?.remove(tx.nonce())?;
        self.forget(&entry);
        self.refresh(tx.sender());
        Some(entry)
    }

    /// Drops the queue of a sender that holds nothing, and with it the account.
    pub(crate) fn sweep(&mut self, sender: Address) {
        if self
            .senders
            .get(&sender)
            .is_some_and(|queue| queue.is_empty())
        {
            self.senders.remove(&sender);
        }
    }

    fn forget(&mut self, entry: &Entry) {
        self.transaction_bytes -= entry.tx.size();
        self.arrivals.remove(&entry.sequence);
        self.by_hash.remove(&entry.tx.hash);
    }

    /// Makes the indexes say what the sender's queue says.
    fn refresh(&mut self, sender: Address) {
        let Some(queue) = self.senders.get_mut(&sender) else {
            return;
        };
        let summary = queue.summarize(self.base_fee);
        self.index.update(sender, &queue.summary, &summary);
        queue.summary = summary;
    }
}
