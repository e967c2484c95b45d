//! A chain in memory that keeps the rules of the pool (payments.md, 11), and a prover that does not prove.

mod node;
mod rules;

use crate::node::{
    Identity, Latest, NodeError, PoolEvent, PoolLog, Receipt, Record, Token, Unshielded,
};
use crate::send::Prove;
use crate::shield::Call;
use alloy_primitives::{Address as Account, B256, keccak256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use trellis_circuits::{
    Instance, PROOF_BYTES, Proof, ProveError, Transfer, Verifier, Witness, field, field::F,
};
use trellis_shielded::{
    Crossing, ProvenTransfer, Sealed, finish,
    pool::{Event, abi},
    tree::Frontier,
};

/// Seconds between blocks.
const BLOCK_SECONDS: u64 = 1;
/// Of block 0.
const BEGINNING: u64 = 1_790_000_000;

/// Checks the relation and makes no proof: for a [`MockChain`] that verifies none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unproven;

impl Prove for Unproven {
    fn prove(&self, instance: &Instance, witness: Witness) -> Result<Proof, ProveError> {
        Transfer::check(instance, &witness)?;
        Ok(Proof::decode(&[0; PROOF_BYTES])?)
    }
}

/// A chain in memory. Blocks are made when a test asks for one.
pub struct MockChain {
    identity: Identity,
    verifier: Option<Verifier>,
    state: Mutex<State>,
}

/// What the chain holds.
#[derive(Default)]
struct State {
    head: u64,
    logs: Vec<PoolLog>,
    tree: Frontier,
    /// Whether the newest block changed the tree.
    changed: bool,
    records: Vec<Record>,
    spent: BTreeSet<[u8; 32]>,
    pooled: BTreeMap<u32, u128>,
    tokens: Vec<Token>,
    waiting: Vec<(B256, ProvenTransfer)>,
    shields: Vec<(Account, abi::shieldCall)>,
    receipts: HashMap<B256, Receipt>,
    base_fee: u128,
    deaf: bool,
}

impl MockChain {
    /// A new chain, with these tokens as assets 1, 2 and so on. With a verifier it checks proofs.
    pub fn new(identity: Identity, tokens: Vec<Token>, verifier: Option<Verifier>) -> Self {
        let state = State {
            tokens,
            base_fee: 1_000,
            ..State::default()
        };
        Self {
            identity,
            verifier,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in the pool of an asset.
    pub fn pooled(&self, asset: u32) -> u128 {
        self.state().pooled.get(&asset).copied().unwrap_or_default()
    }

    /// Sets the base fee, in wei.
    pub fn set_base_fee(&self, base_fee: u128) {
        self.state().base_fee = base_fee;
    }

    /// Whether transfers are taken and forgotten, as a node does that crashes.
    pub fn set_deaf(&self, deaf: bool) {
        self.state().deaf = deaf;
    }

    /// Changes what the node says was logged.
    pub fn tamper(&self, change: impl FnOnce(&mut Vec<PoolLog>)) {
        change(&mut self.state().logs);
    }

    /// Carries out a call of `shield` from an account that has the money, with the next block.
    ///
    /// # Errors
    /// [`NodeError::Refused`] if the call is another one.
    pub fn shield(&self, payer: Account, call: &Call) -> Result<(), NodeError> {
        let shield = <abi::shieldCall as alloy_sol_types::SolCall>::abi_decode_validate(&call.data);
        let shield = shield.map_err(|error| rules::refused(error.to_string()))?;
        self.state().shields.push((payer, shield));
        Ok(())
    }

    /// Makes a block of everything that waits, and returns its number.
    pub fn mine(&self) -> u64 {
        let mut state = self.state();
        state.head += 1;
        if std::mem::take(&mut state.changed) {
            state.record();
        }
        for (payer, shield) in std::mem::take(&mut state.shields) {
            state.bring_in(payer, &shield);
        }
        for (hash, proven) in std::mem::take(&mut state.waiting) {
            state.carry_out(hash, &proven);
        }
        state.head
    }
}

impl State {
    fn log(&mut self, transaction: B256, event: PoolEvent) {
        let block = self.head;
        let index = self
            .logs
            .iter()
            .rev()
            .take_while(|log| log.block == block)
            .count() as u64;
        self.logs.push(PoolLog {
            block,
            timestamp: BEGINNING + block * BLOCK_SECONDS,
            transaction,
            index,
            event,
        });
    }

    fn note(&mut self, transaction: B256, event: Event) {
        for leaf in event.leaves() {
            self.tree.append(leaf).expect("tests do not fill the tree");
        }
        self.changed = true;
        self.log(transaction, PoolEvent::Notes(event));
    }

    fn record(&mut self) {
        let (root, size) = (self.tree.root(), self.tree.size());
        self.records.push(Record {
            block: self.head,
            latest: Latest {
                root,
                size,
                number: self.records.len() as u64 + 1,
            },
            frontier: self.tree.encode()[8..].to_vec().into(),
        });
        let transaction = keccak256(self.head.to_be_bytes());
        self.log(
            transaction,
            PoolEvent::Notes(Event::Appended { root, size }),
        );
    }

    fn bring_in(&mut self, payer: Account, call: &abi::shieldCall) {
        let Ok(inner) = field::decode(&call.inner.0) else {
            return;
        };
        let commitment = finish(inner, call.asset, call.value);
        *self.pooled.entry(call.asset).or_default() += call.value;
        let event = Event::Shielded {
            asset: call.asset,
            payer,
            value: call.value,
            commitment,
            sealed: Sealed::decode(commitment, &call.ciphertext)
                .ok()
                .map(Box::new),
        };
        self.note(keccak256(call.inner), event);
    }

    fn carry_out(&mut self, hash: B256, proven: &ProvenTransfer) {
        let transfer = &proven.transfer;
        let spent = |state: &Self, nullifier: &F| state.spent.contains(&field::encode(nullifier));
        if transfer
            .nullifiers
            .iter()
            .any(|nullifier| spent(self, nullifier))
        {
            return;
        }
        self.spent
            .extend(transfer.nullifiers.iter().map(field::encode));
        let event = Event::Transferred {
            nullifiers: transfer.nullifiers,
            outputs: Box::new(transfer.outputs.clone()),
            memo: Box::new(transfer.memo.clone()),
        };
        self.note(hash, event);
        if let Crossing::Out {
            asset,
            value,
            recipient,
            ..
        } = transfer.crossing
        {
            let pooled = self.pooled.entry(asset).or_default();
            *pooled = pooled
                .checked_sub(value.get())
                .expect("the pool never pays out what it does not have");
            let out = Unshielded {
                asset,
                recipient,
                value: value.get(),
                paid: true,
                called: false,
            };
            self.log(hash, PoolEvent::Unshielded(out));
        }
        let pooled = self.pooled.entry(0).or_default();
        *pooled = pooled
            .checked_sub(transfer.fee)
            .expect("the pool never pays out what it does not have");
        let block = self.head;
        self.receipts.insert(
            hash,
            Receipt {
                block,
                success: true,
            },
        );
    }
}
