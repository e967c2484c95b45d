//! What a chain knows of notes: the tree after its head and after the candidates, and what the transfers that wait spend.

use super::{Candidate, Chain, ChainError, Tip};
use crate::{
    ChainSpec, PaymentError, SubmitError,
    payments::{self, Notes, Proofs},
};
use alloy_primitives::B256;
use std::sync::Arc;
use trellis_circuits::field::{self, F};
use trellis_primitives::{Account, Block};
use trellis_shielded::{Transfer, pool};
use trellis_state::History;
use trellis_txpool::PooledTransaction;

/// The tree after the newest recorded block, in a module that has one.
pub(super) fn open(spec: &ChainSpec, history: &History, height: u64) -> Result<Notes, ChainError> {
    if spec.payments.is_none() {
        return Ok(Notes::default());
    }
    payments::verifier().map_err(|error| ChainError::Circuit(error.to_string()))?;
    Notes::read(history, height).map_err(ChainError::History)
}

impl Chain {
    /// What checks the proofs of this chain's transfers.
    pub(crate) fn proofs(&self) -> &Proofs {
        &self.proofs
    }

    /// The tree after a block on which others are built.
    pub(crate) fn notes_after(&self, number: u64, hash: B256) -> Arc<Notes> {
        if let Some(candidate) = self.candidate(number, hash) {
            return candidate.notes.clone();
        }
        let head = {
            let tip = self.tip.lock();
            (tip.head.number() == number).then(|| tip.notes.clone())
        };
        // Below the head while a start catches up with it: then the history has the block.
        head.unwrap_or_else(|| {
            let read = Notes::read(&self.history, number);
            Arc::new(read.unwrap_or_else(|error| {
                panic!("cannot read notes from the history: {error}; the node stops so that it signs nothing wrong")
            }))
        })
    }
}

impl Chain {
    /// Whether a block on `parent` would record a root: then what `parent` appended can be spent by everybody who reads the state.
    pub(super) fn has_record_on(&self, parent: &Block) -> bool {
        self.spec.payments.is_some()
            && self
                .notes_after(parent.number(), parent.hash())
                .is_changed()
    }

    /// The root that the block after the head records, if `head` is still the head and it records one.
    pub(crate) fn newest_root(&self, head: u64) -> Option<F> {
        let notes = {
            let tip = self.tip.lock();
            (tip.head.number() == head).then(|| tip.notes.clone())
        };
        notes
            .filter(|notes| notes.is_changed())
            .map(|notes| notes.root())
    }
}

impl Tip {
    /// Takes a transaction into the pool, and notes what it spends if it is a private transfer (PAY-2).
    pub(crate) fn insert(
        &mut self,
        pooled: &Arc<PooledTransaction>,
        account: &Account,
        transfer: Option<&Transfer>,
    ) -> Result<(), SubmitError> {
        if let Some(nullifier) = transfer.and_then(|transfer| self.waiting.conflict(transfer)) {
            return Err(PaymentError::Waiting(nullifier).into());
        }
        let inserted = self.pool.insert(pooled.clone(), account)?;
        for gone in inserted.replaced.iter().chain(&inserted.evicted) {
            self.waiting.remove(gone);
        }
        if let Some(transfer) = transfer {
            self.waiting.add(pooled.hash, transfer);
        }
        Ok(())
    }

    /// Takes transfers out of the pool that no block after `candidate` can take.
    pub(super) fn drop_hopeless(&mut self, candidate: &Candidate) -> Vec<Arc<PooledTransaction>> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let next = candidate.recorded.number() + 1;
        let hopeless = self.waiting.hopeless(next, candidate.spent());
        let gone = hopeless.iter().filter_map(|hash| {
            self.waiting.remove(hash);
            self.pool.remove(hash)
        });
        gone.collect()
    }
}

impl Candidate {
    /// Nullifiers that the block spends, as they are encoded.
    fn spent(&self) -> impl Iterator<Item = [u8; 32]> + '_ {
        let events = self.recorded.receipts.iter().flat_map(payments::events);
        events.flat_map(|event| match event {
            pool::Event::Transferred { nullifiers, .. } => nullifiers
                .map(|nullifier| field::encode(&nullifier))
                .to_vec(),
            _ => Vec::new(),
        })
    }
}
