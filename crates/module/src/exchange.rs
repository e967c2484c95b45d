//! What the modules of one process tell each other: which of their blocks are final, with the certificates that prove it.
//!
//! ```text
//! source: block published ──► its certificate: certify ──► destinations wake ──► a leader: collect ──► imports
//! ```
//!
//! Nothing here decides whether an import is valid: a block carries its proofs, and [`crate::imports`] checks them. A
//! process that restarts knows no certificate until the engines of its modules bring the newest again.

use crate::{Chain, ChainError};
use alloy_primitives::{B256, hex};
use commonware_codec::{DecodeExt as _, Encode as _};
use parking_lot::RwLock;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Weak},
};
use trellis_light::{Evidence, FinalBlock, Finalization, Network, tree::Lane};
use trellis_messaging::{
    Import, Lanes, Message, gateway,
    import::{self, fitting},
    outbox::Place,
};
use trellis_primitives::{Block, ModuleId};

/// How many certified blocks of a module are remembered, so that their certificates need not be verified again.
const KNOWN_MAX: usize = 256;

/// The modules of one process.
#[derive(Debug)]
pub struct Exchange {
    network: Network,
    modules: RwLock<BTreeMap<ModuleId, Entry>>,
}

#[derive(Debug)]
struct Entry {
    chain: Weak<Chain>,
    newest: Option<Certified>,
    known: VecDeque<Arc<FinalBlock>>,
}

/// A final block with its certificate.
#[derive(Clone, Debug)]
struct Certified {
    finalization: Finalization,
    block: Block,
    lanes: Lanes,
}

impl Entry {
    fn learn(&mut self, block: FinalBlock) {
        self.known.push_back(Arc::new(block));
        if self.known.len() > KNOWN_MAX {
            self.known.pop_front();
        }
    }
}

impl Exchange {
    /// An exchange without modules. Certificates are verified under the key of `network`.
    pub fn new(network: Network) -> Arc<Self> {
        Arc::new(Self {
            network,
            modules: RwLock::default(),
        })
    }

    /// An exchange of a network whose key has a secret that everybody knows. For tests only.
    ///
    /// # Panics
    /// Never: the constant is the generator of the group.
    #[doc(hidden)]
    pub fn insecure(network_id: u64) -> Arc<Self> {
        static GENERATOR: [u8; 96] = hex!(
            "93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
            "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        );
        let key = trellis_light::NetworkKey::decode(bytes::Bytes::from_static(&GENERATOR));
        Self::new(Network::new(
            network_id,
            key.expect("the generator is a point"),
        ))
    }

    /// The network whose modules these are.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Adds a module, in place of an earlier one with the same id.
    pub(crate) fn join(&self, chain: &Arc<Chain>) {
        let entry = Entry {
            chain: Arc::downgrade(chain),
            newest: None,
            known: VecDeque::new(),
        };
        self.modules.write().insert(chain.spec().id, entry);
    }

    /// Takes note that `block` of a module here is final by this certificate, which the module's own engine has verified.
    /// Wakes the modules that have messages in it.
    pub fn certify(&self, source: ModuleId, finalization: Finalization, block: &Block) {
        let Some(chain) = self.chain(source) else {
            return;
        };
        let lanes = chain.lanes_at(block.number());
        {
            let mut modules = self.modules.write();
            let Some(entry) = modules.get_mut(&source) else {
                return;
            };
            entry.learn(FinalBlock {
                finalization: finalization.clone(),
                hash: block.hash(),
                header: block.header().clone(),
                extension: block.extension().clone(),
            });
            let newest = entry.newest.as_ref();
            if newest.is_some_and(|newest| newest.block.number() >= block.number()) {
                return;
            }
            entry.newest = Some(Certified {
                finalization,
                block: block.clone(),
                lanes: lanes.clone(),
            });
        }
        for destination in self.chains() {
            let id = destination.spec().id;
            if lanes.count(id.into()) > destination.received(source) {
                destination.note_change();
            }
        }
    }

    /// Remembers a block whose certificate was verified here: the next import from it needs no pairing.
    pub(crate) fn learn(&self, source: ModuleId, block: FinalBlock) {
        if let Some(entry) = self.modules.write().get_mut(&source) {
            entry.learn(block);
        }
    }

    /// The block with this hash, if its certificate was verified here lately.
    pub(crate) fn known(&self, source: ModuleId, hash: B256) -> Option<Arc<FinalBlock>> {
        let modules = self.modules.read();
        let mut known = modules.get(&source)?.known.iter().rev();
        known.find(|block| block.hash == hash).cloned()
    }

    /// The newest certified block of a module, with its certificate.
    pub fn newest(&self, source: ModuleId) -> Option<(Finalization, Block)> {
        let newest = self.certified(source)?;
        Some((newest.finalization, newest.block))
    }

    /// Whether a final block of another module has a message for `destination` behind those it received.
    pub(crate) fn has_messages(
        &self,
        destination: ModuleId,
        received: impl Fn(ModuleId) -> u64,
    ) -> bool {
        let modules = self.modules.read();
        modules.iter().any(|(source, entry)| {
            let newest = entry.newest.as_ref();
            let sent = newest.map_or(0, |newest| newest.lanes.count(destination.into()));
            sent > 0 && sent > received(*source)
        })
    }

    /// The chain of a module.
    pub fn chain(&self, module: ModuleId) -> Option<Arc<Chain>> {
        self.modules.read().get(&module)?.chain.upgrade()
    }

    /// The chains here, in order of their ids.
    pub fn chains(&self) -> Vec<Arc<Chain>> {
        let modules = self.modules.read();
        modules
            .values()
            .filter_map(|entry| entry.chain.upgrade())
            .collect()
    }

    fn certified(&self, module: ModuleId) -> Option<Certified> {
        self.modules.read().get(&module)?.newest.clone()
    }

    /// Proof that messages on a lane of `source` were finally sent, as of its newest certified block.
    ///
    /// `None` if no certified block covers them.
    pub fn evidence(
        &self,
        source: ModuleId,
        lane: Lane,
        range: std::ops::Range<u64>,
    ) -> Option<Evidence> {
        let chain = self.chain(source)?;
        let certified = self.certified(source)?;
        let count = certified.lanes.count(lane);
        let proof = chain.outbox().read().proof(lane, range, count)?;
        let header = alloy_rlp::encode(certified.block.header());
        Some(Evidence {
            finalization: certified.finalization,
            header: header.into(),
            extension: certified.block.extension().encode().to_vec().into(),
            count,
            range: proof,
            path: certified.lanes.tree().path(lane),
        })
    }

    /// Imports for the next block of `destination`: what is final in the other modules and not `received` yet, as much as one
    /// block may import. The sources take turns, and the first turn goes round with `round`.
    ///
    /// # Errors
    /// [`ChainError::History`] if messages cannot be read.
    pub(crate) fn collect(
        &self,
        destination: &Chain,
        round: u64,
        received: &BTreeMap<ModuleId, u64>,
    ) -> Result<Vec<Import>, ChainError> {
        let lane = Lane::from(destination.spec().id);
        let mut turns: VecDeque<(ModuleId, u64)> = received.iter().map(|(k, v)| (*k, *v)).collect();
        let first = usize::try_from(round % turns.len().max(1) as u64).unwrap_or_default();
        turns.rotate_left(first);
        let (mut gas, mut bytes) = (0, 0);
        let gas_max = import::gas_max(destination.spec().gas_limit);
        let mut imports = Vec::new();
        while let Some((source, first)) = turns.pop_front() {
            let Some(import) = self.import(source, lane, first)? else {
                continue;
            };
            let next = first + import.messages.len() as u64;
            let (transaction, encoded) = import.transaction(destination.spec().chain_id(), 0);
            gas += alloy_consensus::Transaction::gas_limit(transaction.inner());
            bytes += encoded.len();
            let full = imports.len() == import::IMPORTS_MAX;
            if full || gas > gas_max || bytes > import::BYTES_MAX {
                break;
            }
            imports.push(import);
            turns.push_back((source, next));
        }
        Ok(imports)
    }

    /// The next messages of one source that fit into one import.
    fn import(
        &self,
        source: ModuleId,
        lane: Lane,
        first: u64,
    ) -> Result<Option<Import>, ChainError> {
        let (Some(chain), Some(certified)) = (self.chain(source), self.certified(source)) else {
            return Ok(None);
        };
        let last = certified
            .lanes
            .count(lane)
            .min(first.saturating_add(import::MESSAGES_MAX as u64));
        let mut messages = chain.messages(lane, first..last)?;
        messages.truncate(fitting(&messages));
        let last = first + messages.len() as u64;
        let Some(evidence) = self.evidence(source, lane, first..last) else {
            return Ok(None);
        };
        Ok(Some(Import {
            source,
            first,
            messages,
            evidence,
        }))
    }
}

impl Chain {
    /// Messages this module sent on a lane.
    ///
    /// # Errors
    /// [`ChainError::History`] if a block cannot be read.
    pub fn messages(
        &self,
        lane: Lane,
        range: std::ops::Range<u64>,
    ) -> Result<Vec<Message>, ChainError> {
        let places = self.outbox().read().messages(lane, range);
        let mut messages = Vec::with_capacity(places.len());
        for (_, place) in places {
            messages.push(self.message_at(place)?);
        }
        Ok(messages)
    }

    /// The message that was sent at a place.
    ///
    /// # Errors
    /// [`ChainError::History`] if the block cannot be read; [`ChainError::Starting`] if it is not there.
    pub fn message_at(&self, place: Place) -> Result<Message, ChainError> {
        let block = self.block(place.block)?.ok_or(ChainError::Starting)?;
        let receipt = block.receipts.get(place.transaction);
        let logs = receipt
            .map(alloy_consensus::TxReceipt::logs)
            .unwrap_or_default();
        gateway::message(logs, place.log).ok_or(ChainError::Starting)
    }
}

#[cfg(test)]
mod tests;
