//! Notes of one key, and the tree they are in, as far as a measurement needs them.

use super::{Target, call};
use crate::error::CliError;
use alloy_primitives::{B256, Bytes, U64, U256};
use alloy_sol_types::SolCall as _;
use rand::rngs::StdRng;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use trellis_circuits::{Prover, Witness, field};
use trellis_shielded::{
    Chain, ContactTag, Crossing, FullViewingKey, Memo, Network, Note, Output, Phrase,
    ProvenTransfer, SpendingKey, TRANSFER_CIRCUIT, Transfer, gas_limit,
    pool::{EXPIRY_MAX, Event, POOL, abi},
    tree::{Path, Tree},
};

/// Of a note, in wei: the fee of a transfer, at ten times the price a new network asks.
const VALUE: u128 = 1_000_000_000_000_000_000;

/// A note that is in the tree.
pub(super) struct Held {
    note: Note,
    position: u32,
}

pub(super) struct Purse {
    prover: Prover,
    spending: SpendingKey,
    keys: FullViewingKey,
    rng: StdRng,
    chain: Chain,
    tree: Tree,
    held: Vec<Held>,
    /// By commitment, as it is encoded.
    expected: BTreeMap<[u8; 32], Note>,
    next_block: u64,
}

#[derive(Deserialize)]
struct Log {
    topics: Vec<B256>,
    data: Bytes,
}

impl Purse {
    /// An empty one, under a key of its own. The prover's key is derived, or read from the cache.
    pub(super) fn new(chain_id: u64, genesis: B256) -> Result<Self, CliError> {
        let prover = Prover::cached(&std::env::temp_dir().join("trellis-proving-keys"));
        let prover = prover.map_err(|error| CliError::from_error("cannot prove", &error))?;
        let mut rng: StdRng = rand::make_rng();
        let spending = SpendingKey::derive(&Phrase::generate(&mut rng), "", Network(1), 0);
        Ok(Self {
            prover,
            keys: spending.full_viewing(),
            spending,
            rng,
            chain: Chain {
                chain_id: U256::from(chain_id),
                // Chain ids of a network are its number times 1,000 plus the module's.
                module: u32::try_from(chain_id % 1_000).unwrap_or_default(),
                genesis,
            },
            tree: Tree::default(),
            held: Vec::new(),
            expected: BTreeMap::new(),
            next_block: 1,
        })
    }

    /// Notes that can be spent.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Takes notes out.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<Held>, CliError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > self.held.len() {
            return Err(CliError::new("too few notes were shielded"));
        }
        Ok(self.held.drain(..count).collect())
    }

    /// Value and call of a shield for a new note.
    pub(super) fn shield(&mut self) -> (u128, Bytes) {
        let own = self.keys.incoming().address(0);
        let note = Note::new(&own, 0, VALUE, &mut self.rng);
        let call = abi::shieldCall {
            asset: 0,
            value: VALUE,
            inner: field::encode(&note.inner()).into(),
            ciphertext: Bytes::new(),
        };
        self.expected
            .insert(field::encode(&note.commitment()), note);
        (VALUE, call.abi_encode().into())
    }

    /// Reads what the pool logged since the last time.
    pub(super) async fn follow(&mut self, target: &Target) -> Result<(), CliError> {
        let newest: U64 = call(target, "eth_blockNumber", json!([])).await?;
        let newest = newest.to::<u64>();
        while self.next_block <= newest {
            let last = newest.min(self.next_block + 99);
            let filter = json!([{
                "address": POOL, "fromBlock": U64::from(self.next_block), "toBlock": U64::from(last)
            }]);
            let logs: Vec<Log> = call(target, "eth_getLogs", filter).await?;
            for event in logs
                .iter()
                .filter_map(|log| Event::read(&log.topics, &log.data))
            {
                for leaf in event.leaves() {
                    self.append(leaf)?;
                }
            }
            self.next_block = last + 1;
        }
        Ok(())
    }

    fn append(&mut self, leaf: field::F) -> Result<(), CliError> {
        let full = |error| CliError::from_error("cannot follow the tree", &error);
        match self.expected.remove(&field::encode(&leaf)) {
            Some(note) => {
                let position = self.tree.append_own(leaf).map_err(full)?;
                self.held.push(Held { note, position });
            }
            None => self.tree.append(leaf).map_err(full)?,
        }
        Ok(())
    }

    /// A transfer that spends a note for this price per gas; what is left becomes a note that nobody looks for.
    pub(super) fn spend(&self, held: &Held, price: u128) -> Result<ProvenTransfer, CliError> {
        let rng: &mut StdRng = &mut rand::make_rng();
        let fee = price * u128::from(gas_limit(&Crossing::None));
        let left = held.note.value().checked_sub(fee);
        let left = left.ok_or_else(|| CliError::new("the fee is more than the notes are worth"))?;
        let own = self.keys.incoming().address(0);
        let change = Note::new(&own, 0, left, rng);
        let tag = ContactTag::random(rng);
        let sealed = Output::seal(&change, &own, Some(self.keys.outgoing()), tag, rng);
        let (output, _) = sealed.map_err(|error| CliError::from_error("cannot encrypt", &error))?;
        let dummy = Note::dummy(&self.keys, rng);
        let ((d0, i0), (d1, i1)) = (Output::dummy(rng), Output::dummy(rng));
        let transfer = Transfer {
            circuit: TRANSFER_CIRCUIT,
            expiry: self.next_block + EXPIRY_MAX - 1,
            anchor: self.tree.root(),
            nullifiers: [
                held.note.nullifier(&self.keys, held.position),
                dummy.nullifier(&self.keys, 0),
            ],
            fee,
            crossing: Crossing::None,
            outputs: [output, d0, d1],
            memo: Memo::none(rng),
        };
        let path = self.tree.path(held.position);
        let path = path.ok_or_else(|| CliError::new("a note has no path"))?;
        let inputs = [held.note.input(&path), dummy.input(&Path::none())];
        let dummy = trellis_circuits::Output::dummy;
        let outputs = [change.output(), dummy(i0), dummy(i1)];
        let witness = Witness::new(self.spending.prover_key(), 0, inputs, outputs);
        let proof = self.prover.prove(&transfer.instance(&self.chain), witness);
        let proof = proof.map_err(|error| CliError::from_error("cannot prove", &error))?;
        Ok(ProvenTransfer { transfer, proof })
    }
}
