//! Somebody who pays privately: keys, notes, and the tree as a wallet keeps it. Proofs are real.

use super::{Light, sign, spec};
use alloy_primitives::{Bytes, U256};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{collections::HashMap, sync::OnceLock};
use trellis_circuits::{Instance, Proof, Prover, Witness, field};
use trellis_executor::Transaction;
use trellis_primitives::{Block, system::POOL};
use trellis_shielded::{
    ContactTag, Crossing, FullViewingKey, Memo, Network, Note, Output, Phrase, ProvenTransfer,
    SpendingKey, TRANSFER_CIRCUIT, Transfer, gas_limit,
    pool::{Event, abi},
    tree::{Path, Tree},
};

/// Making it takes a moment, once.
pub(crate) fn prover() -> &'static Prover {
    static PROVER: OnceLock<Prover> = OnceLock::new();
    PROVER.get_or_init(|| Prover::new().unwrap())
}

pub(crate) struct Payer {
    spending: SpendingKey,
    pub(crate) keys: FullViewingKey,
    pub(crate) tree: Tree,
    /// Unspent notes of the native coin, with their positions.
    pub(crate) notes: Vec<(Note, u32)>,
    pub(crate) rng: StdRng,
}

impl Payer {
    pub(crate) fn new(seed: u8) -> Self {
        let phrase = Phrase::from_entropy(&[seed; 32]);
        let spending = SpendingKey::derive(&phrase, "", Network(1), 0);
        Self {
            keys: spending.full_viewing(),
            spending,
            tree: Tree::default(),
            notes: Vec::new(),
            rng: StdRng::seed_from_u64(u64::from(seed)),
        }
    }

    /// A note of this payer's, and the call that shields it.
    pub(crate) fn shield(&mut self, value: u128) -> (Note, Bytes) {
        let own = self.keys.incoming().address(0);
        let note = Note::new(&own, 0, value, &mut self.rng);
        let call = abi::shieldCall {
            asset: 0,
            value,
            inner: field::encode(&note.inner()).into(),
            ciphertext: Bytes::new(),
        };
        (note, alloy_sol_types::SolCall::abi_encode(&call).into())
    }

    /// Adds what a block appended to the tree. Notes in `own` are this payer's.
    pub(crate) fn follow(&mut self, receipts: &[alloy_consensus::ReceiptEnvelope], own: &[Note]) {
        let commitment = |note: &Note| field::encode(&note.commitment());
        let own: HashMap<_, _> = own.iter().map(|note| (commitment(note), note)).collect();
        let logs = receipts.iter().flat_map(|receipt| receipt.logs());
        let logs = logs.filter(|log| log.address == POOL);
        for event in logs.filter_map(|log| Event::read(log.topics(), &log.data.data)) {
            for leaf in event.leaves() {
                match own.get(&field::encode(&leaf)) {
                    Some(note) => {
                        let position = self.tree.append_own(leaf).unwrap();
                        self.notes.push(((*note).clone(), position));
                    }
                    None => self.tree.append(leaf).unwrap(),
                }
            }
        }
    }

    /// Spends the newest note: `price` per gas is the fee, what is left comes back. Returns the transfer and the change.
    pub(crate) fn spend(
        &mut self,
        genesis: &Block,
        price: u128,
        edit: impl FnOnce(&mut Transfer),
    ) -> (ProvenTransfer, Note) {
        let prove = |instance: &Instance, witness| prover().prove(instance, witness).unwrap();
        self.spend_with(genesis, price, edit, prove)
    }

    /// The same with another way to prove.
    pub(crate) fn spend_with(
        &mut self,
        genesis: &Block,
        price: u128,
        edit: impl FnOnce(&mut Transfer),
        prove: impl FnOnce(&Instance, Witness) -> Proof,
    ) -> (ProvenTransfer, Note) {
        let (held, place) = self.notes.pop().unwrap();
        let rng = &mut self.rng;
        let dummy = Note::dummy(&self.keys, rng);
        let (d0, i0) = Output::dummy(rng);
        let (d1, i1) = Output::dummy(rng);
        let mut transfer = Transfer {
            circuit: TRANSFER_CIRCUIT,
            expiry: 100,
            anchor: self.tree.root(),
            nullifiers: [
                held.nullifier(&self.keys, place),
                dummy.nullifier(&self.keys, 0),
            ],
            fee: 0,
            crossing: Crossing::None,
            outputs: [d0.clone(), d0, d1],
            memo: Memo::none(rng),
        };
        edit(&mut transfer);
        transfer.fee = price * u128::from(gas_limit(&transfer.crossing));
        let out = match &transfer.crossing {
            Crossing::None => 0,
            Crossing::Out { value, .. } => value.get(),
        };
        let own = self.keys.incoming().address(0);
        let change = Note::new(&own, 0, held.value() - transfer.fee - out, rng);
        let tag = ContactTag::random(rng);
        transfer.outputs[0] = Output::seal(&change, &own, None, tag, rng).unwrap().0;
        let inputs = [
            held.input(&self.tree.path(place).unwrap()),
            dummy.input(&Path::none()),
        ];
        let dummy = trellis_circuits::Output::dummy;
        let outputs = [change.output(), dummy(i0), dummy(i1)];
        let witness = Witness::new(self.spending.prover_key(), 0, inputs, outputs);
        let domain = crate::payments::domain(&private_spec(), genesis.hash());
        let proof = prove(&transfer.instance(&domain), witness);
        (ProvenTransfer { transfer, proof }, change)
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
    let (notes, calls): (Vec<_>, Vec<_>) = values.iter().map(|value| payer.shield(*value)).unzip();
    let calls = (0..).zip(calls).zip(values);
    let transactions = calls.map(|((nonce, call), value)| call_pool(0, nonce, *value, call));
    let block = light.mine(&transactions.collect::<Vec<_>>());
    assert!(block.receipts.iter().all(|receipt| receipt.status()));
    payer.follow(&block.receipts, &notes);
    assert_eq!(payer.notes.len(), values.len());
    (light, payer)
}
