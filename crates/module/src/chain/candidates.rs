//! Blocks that were executed but are not known to be final, or that the history does not hold yet.

use super::Chain;
use crate::payments::Notes;
use alloy_primitives::B256;
use std::{collections::HashSet, sync::Arc};
use trellis_messaging::{
    Lanes,
    gateway::{self, Event},
};
use trellis_primitives::StateDiff;
use trellis_state::RecordedBlock;

/// A block that was executed but is not known to be final.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) recorded: Arc<RecordedBlock>,
    pub(crate) diff: StateDiff,
    /// What happened to messages in it.
    pub(crate) events: Vec<Event>,
    /// The lanes after it.
    pub(crate) lanes: Lanes,
    /// The tree of notes after it.
    pub(crate) notes: Arc<Notes>,
    /// Of its transactions.
    hashes: HashSet<B256>,
}

impl Candidate {
    pub(crate) fn new(recorded: Arc<RecordedBlock>, diff: StateDiff) -> Self {
        let hashes = recorded.transactions.iter().map(|t| *t.tx_hash()).collect();
        Self {
            diff,
            events: gateway::events(&recorded.receipts),
            lanes: Lanes::default(),
            notes: Arc::default(),
            recorded,
            hashes,
        }
    }

    /// With the lanes and the tree of notes after it.
    pub(crate) fn with(self, lanes: Lanes, notes: Arc<Notes>) -> Self {
        Self {
            lanes,
            notes,
            ..self
        }
    }
}

impl Chain {
    pub(crate) fn remember(&self, candidate: Candidate) {
        let key = (candidate.recorded.number(), candidate.recorded.hash());
        self.candidates.lock().insert(key, Arc::new(candidate));
    }

    pub(crate) fn candidate(&self, number: u64, hash: B256) -> Option<Arc<Candidate>> {
        self.candidates.lock().get(&(number, hash)).cloned()
    }

    /// Forgets candidates at or below a height the history holds.
    pub(super) fn prune_candidates(&self, height: u64) {
        // Under one lock: a block executed meanwhile must not be forgotten.
        let mut candidates = self.candidates.lock();
        *candidates = candidates.split_off(&(height + 1, B256::ZERO));
    }

    /// Hashes of the transactions in blocks after the head, up to and including `parent`.
    pub(crate) fn in_flight(&self, mut parent: B256, mut number: u64) -> HashSet<B256> {
        let head = self.head().number();
        let candidates = self.candidates.lock();
        let mut hashes = HashSet::new();
        while number > head {
            let Some(candidate) = candidates.get(&(number, parent)) else {
                break;
            };
            hashes.extend(candidate.hashes.iter().copied());
            parent = candidate.recorded.block.header().parent_hash;
            number -= 1;
        }
        hashes
    }
}
