//! The pool by its definition: every question is answered by a scan.

use crate::{
    FullLimit, Inserted, Limits, PoolError, PooledTransaction, Stats, Status, pool::SENDER_BYTES,
};
use alloy_primitives::{Address, B256, U256};
use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};
use trellis_primitives::Account;

#[derive(Clone, Debug)]
struct Queue {
    nonce: u64,
    balance: U256,
    txs: BTreeMap<u64, (u64, Arc<PooledTransaction>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    limits: Limits,
    base_fee: u64,
    sequence: u64,
    queues: BTreeMap<Address, Queue>,
}

/// The lesser leaves first: status; who holds most, or the lowest fee or tip; latest arrival.
type TailRank = (Status, u128, Reverse<u64>);

impl Queue {
    fn states(&self, base_fee: u64) -> Vec<Status> {
        let (mut next, mut cost, mut state) = (self.nonce, U256::ZERO, Status::Executable);
        let mut states = Vec::new();
        for (&nonce, (_, tx)) in &self.txs {
            cost += tx.cost;
            state = match state {
                _ if nonce != next => Status::NonceGap,
                Status::Executable if cost > self.balance => Status::Underfunded,
                Status::Executable if tx.max_fee() < u128::from(base_fee) => Status::FeeWaiting,
                unchanged => unchanged,
            };
            next = nonce + 1;
            states.push(state);
        }
        states
    }

    fn run(&self) -> usize {
        (self.nonce..)
            .zip(self.txs.keys())
            .take_while(|(next, nonce)| next == *nonce)
            .count()
    }

    fn tail(&self, base_fee: u64) -> TailRank {
        let states = self.states(base_fee);
        let status = *states.last().unwrap();
        let alike = states.iter().filter(|state| **state == status).count() as u128;
        let all = || self.txs.values().map(|(_, tx)| tx);
        let rank = match status {
            Status::NonceGap | Status::Underfunded => u128::MAX - alike,
            Status::FeeWaiting => all().map(|tx| tx.max_fee()).min().unwrap(),
            Status::Executable => all()
                .map(|tx| tx.effective_tip(base_fee).unwrap())
                .min()
                .unwrap(),
        };
        let (sequence, _) = self.txs.values().next_back().unwrap();
        (status, rank, Reverse(*sequence))
    }
}

impl Model {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            base_fee: 0,
            sequence: 0,
            queues: BTreeMap::new(),
        }
    }

    pub(super) fn insert(
        &mut self,
        tx: Arc<PooledTransaction>,
        account: &Account,
    ) -> Result<Inserted, PoolError> {
        let (sender, nonce) = (tx.sender(), tx.nonce());
        if self
            .queues
            .get(&sender)
            .is_none_or(|queue| account.nonce >= queue.nonce)
        {
            self.set_account(sender, account);
        }
        let known = self.queues.get(&sender);
        let (next, balance) =
            known.map_or((account.nonce, account.balance), |q| (q.nonce, q.balance));
        self.refuse(&tx, next, balance)?;
        let before = self.clone();
        let queue = self.queues.entry(sender);
        let queue = queue.or_insert(Queue {
            nonce: next,
            balance,
            txs: BTreeMap::new(),
        });
        let replaced = queue.txs.insert(nonce, (self.sequence, Arc::clone(&tx)));
        self.sequence += 1;
        let mut evicted = Vec::new();
        while let Some(limit) = self.exceeded(sender) {
            let victim = match limit {
                FullLimit::Sender(_) => sender,
                _ => {
                    let tails = self
                        .queues
                        .iter()
                        .map(|(a, queue)| (queue.tail(self.base_fee), *a));
                    tails.min().unwrap().1
                }
            };
            let (_, (_, last)) = self
                .queues
                .get_mut(&victim)
                .unwrap()
                .txs
                .pop_last()
                .unwrap();
            if last.hash == tx.hash {
                *self = Self {
                    sequence: self.sequence,
                    ..before
                };
                return Err(PoolError::Full(limit));
            }
            evicted.push(last.hash);
            self.queues.retain(|_, queue| !queue.txs.is_empty());
        }
        let executable = self.status(&tx.hash) == Some(Status::Executable);
        Ok(Inserted {
            replaced: replaced.map(|(_, old)| old.hash),
            evicted,
            executable,
        })
    }

    fn refuse(&self, tx: &PooledTransaction, next: u64, balance: U256) -> Result<(), PoolError> {
        if self.hashes().contains(&tx.hash) {
            return Err(PoolError::AlreadyKnown);
        }
        if tx.nonce() < next {
            return Err(PoolError::NonceTooLow {
                next,
                got: tx.nonce(),
            });
        }
        if tx.cost > balance {
            return Err(PoolError::InsufficientFunds {
                balance,
                cost: tx.cost,
            });
        }
        let Some(queue) = self.queues.get(&tx.sender()) else {
            return Ok(());
        };
        let bump = self.limits.replacement_bump;
        if let Some((_, old)) = queue.txs.get(&tx.nonce()) {
            for (field, got, old) in [
                ("max fee", tx.max_fee(), old.max_fee()),
                ("priority fee", tx.priority_fee(), old.priority_fee()),
            ] {
                let needed = (old * u128::from(100 + bump)).div_ceil(100).max(old + 1);
                if got < needed {
                    return Err(PoolError::Underpriced {
                        field,
                        got,
                        needed,
                        old,
                        bump,
                    });
                }
            }
            return Ok(());
        }
        let limit = self.limits.per_sender;
        if queue.txs.len() == limit && *queue.txs.keys().next_back().unwrap() < tx.nonce() {
            return Err(PoolError::Full(FullLimit::Sender(limit)));
        }
        Ok(())
    }

    fn exceeded(&self, sender: Address) -> Option<FullLimit> {
        let Limits {
            count,
            bytes,
            per_sender,
            ..
        } = self.limits;
        if self
            .queues
            .get(&sender)
            .is_some_and(|queue| queue.txs.len() > per_sender)
        {
            Some(FullLimit::Sender(per_sender))
        } else if self.hashes().len() > count {
            Some(FullLimit::Count(count))
        } else {
            (self.bytes() > bytes).then_some(FullLimit::Bytes(bytes))
        }
    }

    pub(super) fn set_head(&mut self, base_fee: u64, changed: &[(Address, Account)]) -> Vec<B256> {
        self.base_fee = base_fee;
        changed
            .iter()
            .flat_map(|(address, account)| self.set_account(*address, account))
            .collect()
    }

    fn set_account(&mut self, address: Address, account: &Account) -> Vec<B256> {
        let Some(queue) = self.queues.get_mut(&address) else {
            return Vec::new();
        };
        queue.nonce = account.nonce;
        queue.balance = account.balance;
        let left = queue.txs.split_off(&account.nonce);
        let passed = core::mem::replace(&mut queue.txs, left);
        self.queues.retain(|_, queue| !queue.txs.is_empty());
        passed.values().map(|(_, tx)| tx.hash).collect()
    }

    pub(super) fn remove(&mut self, hash: &B256) {
        for queue in self.queues.values_mut() {
            queue.txs.retain(|_, (_, tx)| tx.hash != *hash);
        }
        self.queues.retain(|_, queue| !queue.txs.is_empty());
    }

    pub(super) fn hashes(&self) -> Vec<B256> {
        self.content().into_iter().map(|(_, hash)| hash).collect()
    }

    pub(super) fn content(&self) -> Vec<(Status, B256)> {
        let of = |queue: &Queue| {
            let txs = queue.txs.values().map(|(_, tx)| tx.hash);
            queue
                .states(self.base_fee)
                .into_iter()
                .zip(txs)
                .collect::<Vec<_>>()
        };
        self.queues.values().flat_map(of).collect()
    }

    fn status(&self, hash: &B256) -> Option<Status> {
        self.content()
            .into_iter()
            .find(|(_, known)| known == hash)
            .map(|(status, _)| status)
    }

    pub(super) fn bytes(&self) -> usize {
        let txs = self.queues.values().flat_map(|queue| queue.txs.values());
        txs.map(|(_, tx)| tx.size()).sum::<usize>() + self.queues.len() * SENDER_BYTES
    }

    pub(super) fn stats(&self) -> Stats {
        let content = self.content();
        let count = |wanted| {
            content
                .iter()
                .filter(|(status, _)| *status == wanted)
                .count()
        };
        Stats {
            executable: count(Status::Executable),
            fee_waiting: count(Status::FeeWaiting),
            underfunded: count(Status::Underfunded),
            nonce_gap: count(Status::NonceGap),
            bytes: self.bytes(),
        }
    }

    /// The first transaction of a run that is not executable lacks only fee, and empty blocks lower the base fee that
    /// far.
    pub(super) fn has_fee_waiting(&self) -> bool {
        self.queues.values().any(|queue| {
            let states = queue.states(self.base_fee);
            let first = states
                .iter()
                .position(|status| *status != Status::Executable);
            first.is_some_and(|first| {
                let (_, tx) = queue.txs.values().nth(first).unwrap();
                states[first] == Status::FeeWaiting && tx.max_fee() >= 7
            })
        })
    }

    pub(super) fn pending_nonce(&self, sender: Address) -> Option<u64> {
        self.queues
            .get(&sender)
            .map(|queue| queue.nonce + queue.run() as u64)
    }

    /// Takes the best next transaction of any sender, again and again.
    pub(super) fn best(&self, skip: Option<(usize, Address)>) -> Vec<B256> {
        let mut executable = BTreeMap::new();
        for (sender, queue) in &self.queues {
            let states = queue.states(self.base_fee).into_iter();
            let txs = states
                .zip(queue.txs.values())
                .take_while(|(s, _)| *s == Status::Executable);
            let mut txs: Vec<_> = txs.map(|(_, tx)| tx).collect();
            txs.reverse();
            executable.insert(*sender, txs);
        }
        let mut taken = Vec::new();
        loop {
            if let Some((_, sender)) = skip.filter(|(after, _)| taken.len() >= *after) {
                executable.remove(&sender);
            }
            let rank = |(sequence, tx): &(u64, Arc<PooledTransaction>)| {
                (tx.effective_tip(self.base_fee), Reverse(*sequence))
            };
            let next = executable
                .values()
                .filter_map(|txs| txs.last())
                .max_by_key(|tx| rank(tx));
            let Some((_, tx)) = next else { return taken };
            taken.push(tx.hash);
            executable.get_mut(&tx.sender()).unwrap().pop();
        }
    }

    pub(super) fn by_arrival(&self) -> Vec<(u64, B256)> {
        let mut executable = BTreeMap::new();
        for queue in self.queues.values() {
            for (status, (sequence, tx)) in
                queue.states(self.base_fee).iter().zip(queue.txs.values())
            {
                if *status == Status::Executable {
                    executable.insert(*sequence, tx.hash);
                }
            }
        }
        executable.into_iter().collect()
    }
}
