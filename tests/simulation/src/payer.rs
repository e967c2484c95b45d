//! Somebody who pays privately in one module, with real proofs, and checks at every height that the pool holds what the unspent
//! notes say (PAY-2).
//!
//! ```text
//! shielded by a client ──► note in the tree ──► spent: proven, handed over ──► its change in the tree ──► ...
//! ```

use crate::{ledger::Ledger, wallet, workload::Clients, world::World};
use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::{Bytes, U256};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::{num::NonZeroU128, sync::OnceLock};
use trellis_circuits::{Prover, field};
use trellis_module::SubmitError;
use trellis_primitives::{
    Class,
    system::{KEEPER, POOL},
};
use trellis_shielded::{
    Chain, Crossing, Held, Network, Phrase, ProvenTransfer, Purse, SpendingKey, Terms, pool::Event,
};
use trellis_state::RecordedBlock;

/// The module that has a pool, in scenarios that ask for one.
pub const MODULE: usize = 1;
/// Notes that are shielded.
const SHIELDS: usize = 3;
/// Transfers that are made.
const TRANSFERS: usize = 6;
/// In wei: a hundred times the fee of a transfer.
const VALUE: u128 = 100 * 400_000 * PRICE;
/// In wei per gas: above any base fee of a run.
const PRICE: u128 = 50_000_000_000;

fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| Prover::new().expect("this build has the pinned circuit"))
}

/// A transfer that is in no block yet.
struct Sent {
    raw: Bytes,
    nullifier: field::F,
    /// The validator that accepted it, and which of its runs.
    accepted: Option<(usize, u64)>,
}

/// The payer of a run.
pub struct Payer {
    purse: Purse,
    rng: StdRng,
    waiting: Vec<Sent>,
    /// Nullifiers and values of notes that are spent, but not in a block.
    in_flight: Vec<(field::F, u128)>,
    /// Blocks that were looked at.
    followed: u64,
    made: usize,
    /// Fees of the newest block's transfers, which are still in the pool.
    fees: u128,
}

impl std::fmt::Debug for Payer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payer")
            .field("made", &self.made)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl Payer {
    /// A payer whose notes `clients` shield.
    pub fn new(seed: u64, clients: &mut Clients) -> Self {
        let phrase = Phrase::from_entropy(&[7; 32]);
        let mut purse = Purse::new(SpendingKey::derive(&phrase, "", Network(1), 0));
        let mut rng = StdRng::seed_from_u64(seed ^ 0x9a7e);
        for _ in 0..SHIELDS {
            let input = purse.shield(VALUE, &mut rng);
            clients.call_later(U256::from(VALUE), input);
        }
        Self {
            purse,
            rng,
            waiting: Vec::new(),
            in_flight: Vec::new(),
            followed: 0,
            made: 0,
            fees: 0,
        }
    }

    /// Whether everything was paid.
    pub fn is_done(&self) -> bool {
        self.made == TRANSFERS && self.waiting.is_empty()
    }

    /// Transfers made so far.
    pub fn made(&self) -> u64 {
        self.made as u64
    }

    /// Looks at new blocks, pays with a note if there is one, and hands over what no validator holds.
    ///
    /// # Errors
    /// A sum that is wrong, or a valid transfer that is refused.
    pub fn act(&mut self, world: &World, ledgers: &[Ledger]) -> Result<(), String> {
        self.follow(world, ledgers)?;
        if self.made < TRANSFERS
            && let Some(note) = self.purse.held().last().cloned()
        {
            self.pay(world, &note)?;
        }
        self.hand_over(world)
    }

    fn follow(&mut self, world: &World, ledgers: &[Ledger]) -> Result<(), String> {
        let mut lives = world.honest_in(MODULE);
        let Some(live) = lives.find_map(|validator| world.live(validator, MODULE)) else {
            return Ok(());
        };
        while let Some(ledger) = ledgers.get(self.followed as usize + 1) {
            let number = self.followed + 1;
            let Ok(Some(block)) = live.chain.block(number) else {
                return Ok(());
            };
            self.followed = number;
            self.read(&block);
            let notes: u128 = self.purse.held().iter().map(Held::value).sum();
            let waiting: u128 = self.waiting_values();
            let held = ledger.accounts.get(&POOL).map(|entry| entry.balance);
            let expected = U256::from(notes + waiting + self.fees);
            if held != Some(expected) {
                return Err(format!(
                    "block {number}: the pool holds {held:?}, the notes {notes} and {waiting}, fees {} (PAY-2)",
                    self.fees
                ));
            }
        }
        Ok(())
    }

    /// Notes that transfers in flight spend are still in the pool.
    fn waiting_values(&self) -> u128 {
        self.in_flight.iter().map(|(_, value)| value).sum()
    }

    fn read(&mut self, block: &RecordedBlock) {
        self.fees = 0;
        for tx in &block.transactions {
            use alloy_consensus::Transaction as _;
            let inner = tx.inner();
            if tx.signer() != KEEPER
                && inner.to() == Some(POOL)
                && trellis_primitives::system::is_unsigned(inner)
            {
                self.fees += inner.max_fee_per_gas() * u128::from(inner.gas_limit());
            }
        }
        let logs = block.receipts.iter().flat_map(ReceiptEnvelope::logs);
        let logs = logs.filter(|log| log.address == POOL);
        for event in logs.filter_map(|log| Event::read(log.topics(), &log.data.data)) {
            if let Event::Transferred { nullifiers, .. } = &event {
                self.waiting.retain(|sent| sent.nullifier != nullifiers[0]);
                self.in_flight
                    .retain(|(nullifier, _)| *nullifier != nullifiers[0]);
            }
            self.purse.follow(&event).expect("the tree has room");
        }
    }

    /// Spends a note: some of it to a public account now and then, the rest comes back.
    fn pay(&mut self, world: &World, held: &Held) -> Result<(), String> {
        let spec = world.spec(MODULE);
        let Some(genesis) = world
            .honest_in(MODULE)
            .find_map(|validator| world.live(validator, MODULE))
            .map(|live| live.chain.genesis_hash())
        else {
            return Ok(());
        };
        self.purse.pop();
        let crossing = match self.rng.random_range(0..2) {
            0 => Crossing::None,
            _ => Crossing::Out {
                asset: 0,
                value: NonZeroU128::new(VALUE / 50).ok_or("no value")?,
                recipient: wallet::recipient(self.rng.random_range(1..8)),
                gas: 0,
                call: Bytes::new(),
            },
        };
        let terms = Terms {
            price: PRICE,
            expiry: self.followed + 1_000,
            crossing,
        };
        let draft = self.purse.draft(held, terms, &mut self.rng);
        let draft = draft.map_err(|error| error.to_string())?;
        let (transfer, nullifier) = (draft.transfer, self.purse.nullifier(held));
        let domain = Chain {
            chain_id: U256::from(spec.chain_id()),
            module: spec.id.index(),
            genesis,
        };
        let proof = prover().prove(&transfer.instance(&domain), draft.witness);
        let proof = proof.map_err(|error| error.to_string())?;
        let proven = ProvenTransfer { transfer, proof };
        self.in_flight.push((nullifier, held.value()));
        self.purse.expect(draft.change);
        self.made += 1;
        self.waiting.push(Sent {
            raw: proven.transaction(spec.chain_id()).into(),
            nullifier,
            accepted: None,
        });
        Ok(())
    }

    fn hand_over(&mut self, world: &World) -> Result<(), String> {
        let ready: Vec<_> = world
            .honest_in(MODULE)
            .filter_map(|validator| Some((validator, world.live(validator, MODULE)?)))
            .filter(|(_, live)| live.chain.is_current())
            .collect();
        if ready.is_empty() {
            return Ok(());
        }
        for sent in &mut self.waiting {
            let held = sent.accepted.is_some_and(|(validator, run)| {
                let node = &world.validators[validator];
                node.is_on() && node.starts() == run
            });
            if held {
                continue;
            }
            let (validator, live) = &ready[self.rng.random_range(0..ready.len())];
            match live.chain.submit(sent.raw.clone()) {
                Ok(_) => {
                    let run = world.validators[*validator].starts();
                    sent.accepted = Some((*validator, run));
                }
                // It is in a block that was not looked at yet, or this validator is behind.
                Err(SubmitError::Pool(_)) => {}
                Err(SubmitError::Payment(trellis_module::PaymentError::Spent(_))) => {}
                Err(error) if error.class() == Class::Unavailable => {}
                Err(error) => return Err(format!("validator {validator} refuses: {error}")),
            }
        }
        Ok(())
    }
}
