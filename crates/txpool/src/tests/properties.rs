//! Random histories: the pool against the model.

use super::{Tx, account, address, model::Model};
use crate::{Limits, Pool, PooledTransaction};
use alloy_primitives::{Address, B256, U256};
use proptest::{collection::vec, prelude::*};
use std::{collections::BTreeSet, sync::Arc};
use trellis_primitives::Account;

const SENDERS: u64 = 5;

#[derive(Clone, Debug)]
enum Op {
    /// Nonce relative to the account's, minus two. `lag`: for a sender the pool knows, the account given is this many
    /// nonces old.
    Insert {
        sender: u64,
        tx: Tx,
        lag: u64,
    },
    /// Raises the fees of something in the pool by a percentage.
    Replace {
        pick: prop::sample::Index,
        percent: u128,
    },
    /// Per sender: by how much the nonce grows (0 goes back by one), and the new balance.
    SetHead {
        base_fee: u64,
        changes: Vec<(u64, u64, u128)>,
    },
    /// A block takes the best ones, and charges each its cost.
    Mine {
        base_fee: u64,
        count: usize,
    },
    Remove {
        pick: prop::sample::Index,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let balance = prop_oneof![0..600_u128, Just(1_000_000)];
    let data = prop_oneof![4 => Just(0_usize), 1 => 0..3_000_usize];
    let fees = (0..60_u128, 0..30_u128);
    let insert = (0..SENDERS, 0..9_u64, fees, 0..200_u128, data, 0..12_u64);
    prop_oneof![
        12 => insert.prop_map(|(sender, nonce, (max_fee, tip), value, data, lag)| {
            let tip = tip.min(max_fee);
            let tx = Tx { sender: address(sender), nonce, max_fee, tip, value, data };
            Op::Insert { sender, tx, lag: lag.saturating_sub(10) }
        }),
        3 => (any::<prop::sample::Index>(), 100..130_u128)
            .prop_map(|(pick, percent)| Op::Replace { pick, percent }),
        2 => (0..50_u64, vec((0..SENDERS, 0..5_u64, balance), 0..3))
            .prop_map(|(base_fee, changes)| Op::SetHead { base_fee, changes }),
        2 => (0..50_u64, 0..6_usize).prop_map(|(base_fee, count)| Op::Mine { base_fee, count }),
        1 => any::<prop::sample::Index>().prop_map(|pick| Op::Remove { pick }),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    (3..14_usize, 9_000..40_000_usize, 1..8_usize).prop_map(|(count, bytes, per_sender)| Limits {
        count,
        bytes,
        per_sender,
        replacement_bump: 10,
    })
}

struct World {
    pool: Pool,
    model: Model,
    accounts: Vec<Account>,
}

impl World {
    fn apply(&mut self, op: Op) {
        match op {
            Op::Insert {
                sender,
                mut tx,
                lag,
            } => {
                let mut account = self.accounts[sender as usize];
                tx.nonce = (account.nonce + tx.nonce).saturating_sub(2);
                if self.pool.pending_nonce(tx.sender).is_some() {
                    account.nonce = account.nonce.saturating_sub(lag);
                }
                self.insert(tx.build(), &account);
            }
            Op::Replace { pick, percent } => {
                let Some(old) = self.pick(pick) else { return };
                let raise = |fee: u128| (fee * percent).div_ceil(100);
                let tx = Tx {
                    sender: old.sender(),
                    nonce: old.nonce(),
                    max_fee: raise(old.max_fee()),
                    tip: raise(old.priority_fee()),
                    value: 1,
                    data: alloy_consensus::Transaction::input(old.transaction.inner()).len(),
                };
                let account = self.account(old.sender());
                self.insert(tx.build(), &account);
            }
            Op::SetHead { base_fee, changes } => {
                for (sender, nonce, balance) in changes {
                    let known = &mut self.accounts[sender as usize];
                    known.nonce = (known.nonce + nonce).saturating_sub(1);
                    known.balance = U256::from(balance);
                }
                self.set_head(base_fee);
            }
            Op::Mine { base_fee, count } => self.mine(base_fee, count),
            Op::Remove { pick } => {
                let Some(tx) = self.pick(pick) else { return };
                let before = self.hashes();
                assert_eq!(self.pool.remove(&tx.hash).unwrap().hash, tx.hash);
                self.model.remove(&tx.hash);
                self.expect_left(&before, [], [tx.hash]);
            }
        }
    }

    fn mine(&mut self, base_fee: u64, count: usize) {
        let block: Vec<_> = self.pool.best().take(count).cloned().collect();
        for tx in block {
            let index = (0..SENDERS)
                .position(|i| address(i) == tx.sender())
                .unwrap();
            let account = &mut self.accounts[index];
            assert_eq!(account.nonce, tx.nonce(), "a builder gets nonces in order");
            account.nonce += 1;
            account.balance = account.balance.checked_sub(tx.cost).expect("funded");
        }
        self.set_head(base_fee);
    }

    fn insert(&mut self, tx: Arc<PooledTransaction>, account: &Account) {
        let before = self.hashes();
        // What the account's nonce has passed leaves on insert as well.
        let passed: Vec<_> = self
            .pool
            .content_of(tx.sender())
            .filter(|(_, old)| old.nonce() < account.nonce)
            .map(|(_, old)| old.hash)
            .collect();
        let got = self.pool.insert(Arc::clone(&tx), account);
        assert_eq!(got, self.model.insert(Arc::clone(&tx), account));
        match got {
            Ok(done) => {
                assert_eq!(
                    done.executable,
                    self.pool.best().any(|best| best.hash == tx.hash)
                );
                let left = done.evicted.into_iter().chain(done.replaced).chain(passed);
                self.expect_left(&before, [tx.hash], left);
            }
            Err(_) => self.expect_left(&before, [], passed),
        }
    }

    fn set_head(&mut self, base_fee: u64) {
        let before = self.hashes();
        let changed: Vec<_> = (0..SENDERS)
            .map(address)
            .zip(self.accounts.iter().copied())
            .collect();
        let left: BTreeSet<_> = self
            .pool
            .set_head(base_fee, changed.clone())
            .iter()
            .map(|tx| tx.hash)
            .collect();
        assert_eq!(
            left,
            self.model
                .set_head(base_fee, &changed)
                .into_iter()
                .collect()
        );
        self.expect_left(&before, [], left);
    }

    /// Nothing is lost: what is in the pool is what was, plus what came, minus what was reported to leave.
    fn expect_left(
        &self,
        before: &BTreeSet<B256>,
        came: impl IntoIterator<Item = B256>,
        left: impl IntoIterator<Item = B256>,
    ) {
        let mut expected = before.clone();
        expected.extend(came);
        for hash in left {
            assert!(
                expected.remove(&hash),
                "{hash} left but was not in the pool"
            );
        }
        assert_eq!(self.hashes(), expected);
    }

    /// Every answer of the pool equals the model's.
    fn compare(&self, skip: (usize, Address)) {
        self.pool.check();
        let (pool, model) = (&self.pool, &self.model);
        let content: Vec<_> = pool
            .content(Address::ZERO)
            .map(|(status, tx)| (status, tx.hash))
            .collect();
        assert_eq!(content, model.content());
        for (status, hash) in content {
            assert_eq!(pool.status(&hash), Some(status));
        }
        assert_eq!(pool.stats(), model.stats());
        assert_eq!(pool.bytes(), model.bytes());
        assert_eq!(pool.has_fee_waiting(), model.has_fee_waiting());
        for sender in (0..SENDERS).map(address) {
            assert_eq!(pool.pending_nonce(sender), model.pending_nonce(sender));
        }
        let best: Vec<_> = pool.best().map(|tx| tx.hash).collect();
        assert_eq!(best, model.best(None));
        let mut skipping = pool.best();
        let mut rest: Vec<_> = skipping.by_ref().take(skip.0).map(|tx| tx.hash).collect();
        skipping.skip_sender(skip.1);
        rest.extend(skipping.map(|tx| tx.hash));
        assert_eq!(rest, model.best(Some(skip)));
        let by_arrival: Vec<_> = pool
            .executable_by_arrival(..)
            .map(|(sequence, tx)| (sequence, tx.hash))
            .collect();
        assert_eq!(by_arrival, model.by_arrival());
    }

    fn hashes(&self) -> BTreeSet<B256> {
        self.pool
            .content(Address::ZERO)
            .map(|(_, tx)| tx.hash)
            .collect()
    }

    fn pick(&self, pick: prop::sample::Index) -> Option<Arc<PooledTransaction>> {
        let all: Vec<_> = self.pool.content(Address::ZERO).map(|(_, tx)| tx).collect();
        (!all.is_empty()).then(|| Arc::clone(all[pick.index(all.len())]))
    }

    fn account(&self, sender: Address) -> Account {
        self.accounts[(0..SENDERS).position(|i| address(i) == sender).unwrap()]
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn pool_equals_model(limits in limits(), ops in vec((op(), 0..6_usize, 0..SENDERS), 1..90)) {
        let accounts = (0..SENDERS).map(|i| account(i, 300 * (u128::from(i) + 1))).collect();
        let mut world =
            World { pool: Pool::new(limits.clone()), model: Model::new(limits), accounts };
        for (op, after, skip) in ops {
            world.apply(op);
            world.compare((after, address(skip)));
        }
    }
}
