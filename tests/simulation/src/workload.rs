//! Clients of one module: they sign transactions in order and hand each one to some validator.
//!
//! ```text
//! signed ──► accepted by a validator ──► its nonce is used: in a block, or replaced by one that is
//!    ▲               │
//!    └─ the validator restarted: its pool is empty, the client submits again
//! ```
//!
//! As long as the validator lives, nothing is submitted twice: it must bring the transaction into a block by itself.

use crate::{
    ledger::Ledger,
    wallet::{self, Kind, Payment, SENDERS},
    world::{MODULES, World},
};
use alloy_primitives::{B256, Bytes, TxKind, U256};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use trellis_module::SubmitError;
use trellis_primitives::{
    Class,
    system::{GATEWAY, POOL},
};
use trellis_txpool::PoolError;

/// Most transactions signed at once.
const BURST_MAX: usize = 5;

/// A transaction whose nonce is not used yet.
#[derive(Clone, Debug)]
struct Sent {
    payment: Payment,
    sender: usize,
    hash: B256,
    raw: Bytes,
    /// The validator that accepted it, and which of its runs.
    accepted: Option<(usize, u64)>,
}

/// The clients of one module.
#[derive(Debug)]
pub struct Clients {
    module: usize,
    rng: StdRng,
    nonces: [u64; SENDERS],
    waiting: Vec<Sent>,
    /// Calls of the pool still to be made, with their values.
    later: Vec<(U256, Bytes)>,
    replaced: u64,
    resubmitted: u64,
}

impl Clients {
    /// Clients whose choices are drawn from `seed`.
    pub fn new(module: usize, seed: u64) -> Self {
        Self {
            module,
            rng: StdRng::seed_from_u64(seed ^ (0xc11e << 8) ^ module as u64),
            nonces: [0; SENDERS],
            waiting: Vec::new(),
            later: Vec::new(),
            replaced: 0,
            resubmitted: 0,
        }
    }

    /// Has somebody call the pool of private payments, soon.
    pub fn call_later(&mut self, value: U256, input: Bytes) {
        self.later.push((value, input));
    }

    /// Transactions signed to take the place of others.
    pub fn replaced(&self) -> u64 {
        self.replaced
    }

    /// How often a transaction was handed over a second time because its validator had lost its pool.
    pub fn resubmitted(&self) -> u64 {
        self.resubmitted
    }

    /// Transactions whose nonce is not used yet, as text.
    pub fn waiting(&self) -> Vec<String> {
        let describe = |sent: &Sent| format!("{} accepted by {:?}", sent.hash, sent.accepted);
        self.waiting.iter().map(describe).collect()
    }

    /// Signs some transactions.
    pub fn sign(&mut self, world: &World) {
        for _ in 0..self.rng.random_range(1..=BURST_MAX) {
            let base_fee = self.base_fee(world);
            let sender = self.rng.random_range(0..SENDERS);
            let payment = self.payment(world.spec(self.module).chain_id(), sender, base_fee);
            self.nonces[sender] += 1;
            self.wait_for(payment, sender);
        }
        if self.rng.random_range(0..8) == 0
            && let Some(sent) = self.waiting.last()
            && sent.payment.to != TxKind::Create
            && sent.payment.to != TxKind::Call(POOL)
        {
            let (mut payment, sender) = (sent.payment.clone(), sent.sender);
            payment.max_fee *= 2;
            payment.tip = payment.tip * 2 + 1;
            payment.value += U256::from(1);
            self.replaced += 1;
            self.wait_for(payment, sender);
        }
    }

    fn wait_for(&mut self, payment: Payment, sender: usize) {
        let (hash, raw) = payment.clone().sign(sender);
        self.waiting.push(Sent {
            payment,
            sender,
            hash,
            raw,
            accepted: None,
        });
    }

    fn base_fee(&self, world: &World) -> u128 {
        let live = world
            .honest_in(self.module)
            .find_map(|validator| world.live(validator, self.module));
        live.map_or(1_000_000_000, |live| {
            u128::from(live.chain.next_env().base_fee)
        })
    }

    fn payment(&mut self, chain_id: u64, sender: usize, base_fee: u128) -> Payment {
        let kinds = [Kind::Legacy, Kind::AccessList, Kind::DynamicFee];
        let deploys = sender == 0 && self.nonces[0] == 0;
        if !deploys && let Some((value, input)) = self.later.pop() {
            return Payment {
                kind: Kind::Legacy,
                chain_id,
                nonce: self.nonces[sender],
                max_fee: base_fee * 2 + 10,
                tip: 0,
                to: TxKind::Call(POOL),
                value,
                input,
            };
        }
        let (to, input) = match self.rng.random_range(0..10) {
            _ if deploys => (TxKind::Create, wallet::counter_deployment()),
            0..2 => (TxKind::Call(wallet::counter()), Bytes::new()),
            // Reverts, once the counter is there.
            2 => (TxKind::Call(wallet::counter()), Bytes::from_static(&[1])),
            3 => (
                TxKind::Call(wallet::address((sender + 1) % SENDERS)),
                Bytes::new(),
            ),
            4..7 => (TxKind::Call(GATEWAY), self.message(chain_id)),
            _ => (
                TxKind::Call(wallet::recipient(self.rng.random_range(1..8))),
                Bytes::new(),
            ),
        };
        // Now and then a fee that the next blocks have to come down to.
        let patient = !deploys && self.rng.random_range(0..25) == 0;
        let max_fee = if patient {
            base_fee * 8 / 10
        } else {
            base_fee * 2 + 10
        };
        Payment {
            kind: kinds[self.rng.random_range(0..3)],
            chain_id,
            nonce: self.nonces[sender],
            max_fee,
            tip: self.rng.random_range(0..1_000_000),
            to,
            value: if deploys {
                U256::ZERO
            } else {
                U256::from(self.rng.random::<u32>())
            },
            input,
        }
    }

    /// A message to some account of another module.
    fn message(&mut self, chain_id: u64) -> Bytes {
        let distance = self.rng.random_range(1..MODULES);
        let to = (self.module + distance) % MODULES;
        let chain_id = chain_id - self.module as u64 + to as u64;
        let (recipient, payload) = match self.rng.random_range(0..4) {
            0 => (wallet::counter(), Bytes::from_static(b"fails")),
            _ => (wallet::recipient(self.rng.random_range(1..8)), Bytes::new()),
        };
        wallet::message(chain_id, recipient, payload)
    }

    /// Hands over what no living validator holds, and forgets what is settled: the transactions whose nonce is used in
    /// `ledger`, the newest one.
    ///
    /// # Errors
    /// A validator refuses a valid transaction.
    pub fn submit(&mut self, world: &World, ledger: &Ledger) -> Result<(), String> {
        self.waiting.retain(|sent| {
            let entry = ledger.accounts.get(&wallet::address(sent.sender));
            entry.is_none_or(|entry| entry.nonce <= sent.payment.nonce)
        });
        let module = self.module;
        let ready: Vec<usize> = world
            .honest_in(module)
            .filter(|validator| {
                let live = world.live(*validator, module);
                live.is_some_and(|live| live.chain.is_current())
            })
            .collect();
        if ready.is_empty() {
            return Ok(());
        }
        let mut batches = vec![Vec::new(); ready.len()];
        for (index, sent) in self.waiting.iter().enumerate() {
            let held = sent.accepted.is_some_and(|(validator, run)| {
                let node = &world.validators[validator];
                node.is_on() && node.starts() == run
            });
            if !held {
                batches[self.rng.random_range(0..ready.len())].push(index);
            }
        }
        for (validator, batch) in ready.into_iter().zip(batches) {
            self.hand_over(world, validator, batch)?;
        }
        Ok(())
    }

    fn hand_over(
        &mut self,
        world: &World,
        validator: usize,
        batch: Vec<usize>,
    ) -> Result<(), String> {
        let Some(live) = world.live(validator, self.module) else {
            return Ok(());
        };
        if batch.is_empty() {
            return Ok(());
        }
        let raws = batch
            .iter()
            .map(|index| self.waiting[*index].raw.clone())
            .collect();
        let run = world.validators[validator].starts();
        for (index, result) in batch.into_iter().zip(live.chain.submit_many(raws)) {
            let sent = &mut self.waiting[index];
            self.resubmitted += u64::from(sent.accepted.is_some());
            match result {
                // Its nonce is used: a block holds it that was not looked at yet.
                Ok(_)
                | Err(SubmitError::Pool(PoolError::AlreadyKnown | PoolError::NonceTooLow { .. })) => {
                    sent.accepted = Some((validator, run))
                }
                Err(error) if error.class() == Class::Unavailable => sent.accepted = None,
                Err(error) => {
                    let hash = sent.hash;
                    return Err(format!("validator {validator} refuses {hash}: {error}"));
                }
            }
        }
        Ok(())
    }

    /// Whether every nonce that was signed for is used.
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.later.is_empty()
    }
}
