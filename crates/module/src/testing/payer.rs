//! Somebody who pays privately, with real proofs.

use super::{Light, sign, spec};
use alloy_consensus::ReceiptEnvelope;
use alloy_primitives::{Bytes, U256};
use rand::{SeedableRng as _, rngs::StdRng};
use std::sync::OnceLock;
use trellis_circuits::{Instance, Proof, Prover, Witness};
use trellis_executor::Transaction;
use trellis_primitives::{Block, system::POOL};
use trellis_shielded::{
    Crossing, Held, Network, Phrase, ProvenTransfer, Purse, SpendingKey, Terms, Transfer,
    pool::Event,
};

/// Making it takes a moment, once.
pub(crate) fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| Prover::new().unwrap())
}

pub(crate) struct Payer {
    pub(crate) purse: Purse,
    rng: StdRng,
}

impl Payer {
    pub(crate) fn new(seed: u8) -> Self {
        let phrase = Phrase::from_entropy(&[seed; 32]);
        Self {
            purse: Purse::new(SpendingKey::derive(&phrase, "", Network(1), 0)),
            rng: StdRng::seed_from_u64(u64::from(seed)),
        }
    }

    /// The call that shields a note of this payer's.
    pub(crate) fn shield(&mut self, value: u128) -> Bytes {
        self.purse.shield(value, &mut self.rng)
    }

    /// Adds what a block appended to the tree.
    pub(crate) fn follow(&mut self, receipts: &[ReceiptEnvelope]) {
        let logs = receipts.iter().flat_map(ReceiptEnvelope::logs);
        let logs = logs.filter(|log| log.address == POOL);
        for event in logs.filter_map(|log| Event::read(log.topics(), &log.data.data)) {
            self.purse.follow(&event).unwrap();
        }
    }

    /// Spends the newest note: `price` per gas is the fee, what is left comes back.
    pub(crate) fn spend(
        &mut self,
        genesis: &Block,
        price: u128,
        edit: impl FnOnce(&mut Transfer),
    ) -> ProvenTransfer {
        let held = self.purse.pop().unwrap();
        self.spend_one(genesis, &held, terms(price), edit, prove)
    }

    /// The same with a choice of everything: the note, what it is spent for, and the way to prove.
    pub(crate) fn spend_one(
        &mut self,
        genesis: &Block,
        held: &Held,
        terms: Terms,
        edit: impl FnOnce(&mut Transfer),
        prove: impl FnOnce(&Instance, Witness) -> Proof,
    ) -> ProvenTransfer {
        let mut draft = self.purse.draft(held, terms, &mut self.rng).unwrap();
        edit(&mut draft.transfer);
        self.purse.expect(draft.change);
        let domain = crate::payments::domain(&private_spec(), genesis.hash());
        let proof = prove(&draft.transfer.instance(&domain), draft.witness);
        let transfer = draft.transfer;
        ProvenTransfer { transfer, proof }
    }
}

/// A proof that is right.
pub(crate) fn prove(instance: &Instance, witness: Witness) -> Proof {
    prover().prove(instance, witness).unwrap()
}

/// A transfer that stays in the pool.
pub(crate) const fn terms(price: u128) -> Terms {
    Terms {
        price,
        expiry: 100,
        crossing: Crossing::None,
    }
}

/// A module with a pool.
pub(crate) fn private_spec() -> crate::ChainSpec {
    crate::ChainSpec {
        payments: Some(crate::Payments {
            governance: super::address(7),
        }),
        ..spec()
    }
}

/// A signed call of the pool with value.
pub(crate) fn call_pool(from: u8, nonce: u64, value: u128, input: Bytes) -> Transaction {
    sign(from, nonce, |tx| {
        tx.to = POOL.into();
        tx.value = U256::from(value);
        tx.gas_limit = 400_000;
        tx.input = input;
    })
}

/// A chain with a pool, and a payer with notes of these values in it.
pub(crate) fn funded(values: &[u128]) -> (Light, Payer) {
    funded_in(private_spec(), values)
}

/// The same in a module of one's choice.
pub(crate) fn funded_in(spec: crate::ChainSpec, values: &[u128]) -> (Light, Payer) {
    let light = Light::with(spec, 8, trellis_txpool::Limits::default());
    let mut payer = Payer::new(1);
    let calls: Vec<_> = values.iter().map(|value| payer.shield(*value)).collect();
    let calls = (0..).zip(calls).zip(values);
    let transactions = calls.map(|((nonce, call), value)| call_pool(0, nonce, *value, call));
    let block = light.mine(&transactions.collect::<Vec<_>>());
    assert!(block.receipts.iter().all(|receipt| receipt.status()));
    payer.follow(&block.receipts);
    assert_eq!(payer.purse.held().len(), values.len());
    (light, payer)
}
