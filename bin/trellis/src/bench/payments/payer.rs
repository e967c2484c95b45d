//! The notes of a measurement.

use super::{Target, call};
use crate::error::CliError;
use alloy_primitives::{B256, Bytes, U64, U256};
use rand::rngs::StdRng;
use serde::Deserialize;
use serde_json::json;
use trellis_circuits::Prover;
use trellis_shielded::{
    Chain, Crossing, Held, Network, Phrase, ProvenTransfer, Purse, SpendingKey, Terms,
    pool::{EXPIRY_MAX, Event, POOL},
};

/// Of a note, in wei: the fee of a transfer, at ten times the price a new network asks.
const VALUE: u128 = 1_000_000_000_000_000_000;

/// Notes on a chain, and a prover to spend them.
pub(super) struct Payer {
    prover: Prover,
    purse: Purse,
    rng: StdRng,
    chain: Chain,
    next_block: u64,
}

#[derive(Deserialize)]
struct Log {
    topics: Vec<B256>,
    data: Bytes,
}

impl Payer {
    /// One without notes, under a key of its own. The prover's key is derived, or read from the cache.
    pub(super) fn new(chain_id: u64, genesis: B256) -> Result<Self, CliError> {
        let prover = Prover::cached(&std::env::temp_dir().join("trellis-proving-keys"));
        let prover = prover.map_err(|error| CliError::from_error("cannot prove", &error))?;
        let mut rng: StdRng = rand::make_rng();
        let spending = SpendingKey::derive(&Phrase::generate(&mut rng), "", Network(1), 0);
        Ok(Self {
            prover,
            purse: Purse::new(spending),
            rng,
            chain: Chain {
                chain_id: U256::from(chain_id),
                // Chain ids of a network are its number times 1,000 plus the module's.
                module: u32::try_from(chain_id % 1_000).unwrap_or_default(),
                genesis,
            },
            next_block: 1,
        })
    }

    /// Notes that can be spent.
    pub(super) fn len(&self) -> usize {
        self.purse.held().len()
    }

    /// Takes notes out.
    pub(super) fn take(&mut self, count: u64) -> Result<Vec<Held>, CliError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > self.len() {
            return Err(CliError::new("too few notes were shielded"));
        }
        Ok(self.purse.take(count))
    }

    /// Value and call of a shield for a new note.
    pub(super) fn shield(&mut self) -> (u128, Bytes) {
        (VALUE, self.purse.shield(VALUE, &mut self.rng))
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
            let events = logs.iter();
            for event in events.filter_map(|log| Event::read(&log.topics, &log.data)) {
                let followed = self.purse.follow(&event);
                followed.map_err(|error| CliError::from_error("cannot follow the tree", &error))?;
            }
            self.next_block = last + 1;
        }
        Ok(())
    }

    /// A transfer that spends a note for this price per gas; what is left becomes a note that nobody looks for.
    pub(super) fn spend(&self, held: &Held, price: u128) -> Result<ProvenTransfer, CliError> {
        let rng: &mut StdRng = &mut rand::make_rng();
        let terms = Terms {
            price,
            expiry: self.next_block + EXPIRY_MAX - 1,
            crossing: Crossing::None,
        };
        let draft = self.purse.draft(held, terms, rng);
        let draft = draft.map_err(|error| CliError::from_error("cannot spend", &error))?;
        let transfer = draft.transfer;
        let proof = self
            .prover
            .prove(&transfer.instance(&self.chain), draft.witness);
        let proof = proof.map_err(|error| CliError::from_error("cannot prove", &error))?;
        Ok(ProvenTransfer { transfer, proof })
    }
}
