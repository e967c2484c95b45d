//! Admission: what the pool takes, and what gives way for it.

use crate::{
    error::{FullLimit, PoolError},
    limits::Limits,
    pool::Pool,
    run::Entry,
    sender::{Sender, Status},
    transaction::PooledTransaction,
};
use alloy_primitives::{B256, U256};
use std::sync::Arc;
use trellis_primitives::{Account, limits::TRANSACTION_BYTES_MAX};

/// What an accepted transaction did to the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// The transaction of the same sender and nonce that left.
    pub replaced: Option<B256>,
    /// Transactions that left to make room, in the order they left.
    pub evicted: Vec<B256>,
    /// Whether the next block may take the new transaction.
    pub executable: bool,
}

impl Pool {
    /// Takes a transaction in. `account` is the sender's at the head last given to [`Self::set_head`].
    ///
    /// If the account's nonce has passed transactions of the sender, these leave as if `set_head` had said so. An account
    /// with a lower nonce than the pool knows is out of date and ignored.
    ///
    /// # Errors
    /// See [`PoolError`]; the pool then holds what it held before.
    pub fn insert(
        &mut self,
        tx: Arc<PooledTransaction>,
        account: &Account,
    ) -> Result<Inserted, PoolError> {
        let (nonce, balance) = self.sync_account(&tx, account);
        self.admit(&tx, nonce, balance)?;
        let sender = tx.sender();
        let hash = tx.hash;
        self.senders
            .entry(sender)
            .or_insert_with(|| Box::new(Sender::new(nonce, balance)));
        let replaced = self.link(Entry {
            tx: Arc::clone(&tx),
            sequence: self.next_sequence,
        });
        self.next_sequence += 1;
        let mut evicted = Vec::new();
        let room = self.make_room(&tx, &mut evicted);
        if room.is_err() {
            self.unlink(&tx);
            for entry in replaced.iter().chain(evicted.iter().rev()).cloned() {
                self.link(entry);
            }
        }
        self.sweep(sender);
        for entry in &evicted {
            self.sweep(entry.tx.sender());
        }
        room.map(|()| Inserted {
            replaced: replaced.map(|entry| entry.tx.hash),
            evicted: evicted.into_iter().map(|entry| entry.tx.hash).collect(),
            executable: self.status(&hash) == Some(Status::Executable),
        })
        .map_err(PoolError::Full)
    }

    /// Nonce and balance to judge `tx` by.
    fn sync_account(&mut self, tx: &PooledTransaction, account: &Account) -> (u64, U256) {
        let known = self
            .senders
            .get(&tx.sender())
            .map(|queue| (queue.nonce(), queue.balance()));
        match known {
            Some((nonce, balance)) if account.nonce < nonce => (nonce, balance),
            _ => {
                self.set_account(tx.sender(), account);
                (account.nonce, account.balance)
            }
        }
    }

    /// Every rule but the pool's limits.
    fn admit(&self, tx: &PooledTransaction, next: u64, balance: U256) -> Result<(), PoolError> {
        if self.contains(&tx.hash) {
            return Err(PoolError::AlreadyKnown);
        }
        let (size, limit) = (tx.encoded.len(), TRANSACTION_BYTES_MAX);
        if size > limit {
            return Err(PoolError::TooLarge { size, limit });
        }
        let got = tx.nonce();
        if got == u64::MAX {
            return Err(PoolError::NonceMax);
        }
        if got < next {
            return Err(PoolError::NonceTooLow { next, got });
        }
        if tx.cost > balance {
            return Err(PoolError::InsufficientFunds {
                balance,
                cost: tx.cost,
            });
        }
        let queue = self.senders.get(&tx.sender());
        if let Some(old) = queue.and_then(|queue| queue.get(got)) {
            return self.check_replacement(tx, &old.tx);
        }
        // A lower nonce than the sender's last takes that one's place: it is the more useful of the two.
        let limit = self.limits.per_sender;
        match queue {
            Some(queue) if queue.len() < limit => Ok(()),
            Some(queue) if queue.last().is_some_and(|last| last.tx.nonce() > got) => Ok(()),
            None if limit > 0 => Ok(()),
            _ => Err(PoolError::Full(FullLimit::Sender(limit))),
        }
    }

    fn check_replacement(
        &self,
        tx: &PooledTransaction,
        old: &PooledTransaction,
    ) -> Result<(), PoolError> {
        let check = |field, got, old| match self.limits.replacement_fee(old) {
            Some(needed) if got >= needed => Ok(()),
            needed => Err(PoolError::Underpriced {
                field,
                got,
                needed: needed.unwrap_or(u128::MAX),
                old,
                bump: self.limits.replacement_bump,
            }),
        };
        check("max fee", tx.max_fee(), old.max_fee())?;
        check("priority fee", tx.priority_fee(), old.priority_fee())
    }

    /// Evicts until the limits hold, each time the lowest ranking last transaction of a sender. NET-1.
    ///
    /// `tx` is in the pool already. When it ranks lowest itself, the limit it fails is the error.
    fn make_room(
        &mut self,
        tx: &PooledTransaction,
        evicted: &mut Vec<Entry>,
    ) -> Result<(), FullLimit> {
        while let Some(limit) = self.exceeded(tx) {
            let sender = match limit {
                FullLimit::Sender(_) => Some(tx.sender()),
                FullLimit::Count(_) | FullLimit::Bytes(_) => self.index.worst(),
            };
            let last = sender.and_then(|sender| self.senders.get(&sender)?.last());
            let Some(victim) = last.filter(|last| last.tx.hash != tx.hash) else {
                return Err(limit);
            };
            let victim = Arc::clone(&victim.tx);
            evicted.extend(self.unlink(&victim));
        }
        Ok(())
    }

    fn exceeded(&self, tx: &PooledTransaction) -> Option<FullLimit> {
        let of_sender = self
            .senders
            .get(&tx.sender())
            .map_or(0, |queue| queue.len());
        let Limits {
            count,
            bytes,
            per_sender,
            ..
        } = self.limits;
        if of_sender > per_sender {
            Some(FullLimit::Sender(per_sender))
        } else if self.len() > count {
            Some(FullLimit::Count(count))
        } else {
            (self.bytes() > bytes).then_some(FullLimit::Bytes(bytes))
        }
    }
}
