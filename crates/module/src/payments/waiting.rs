use alloy_primitives::B256;
use std::collections::{BTreeSet, HashMap};
use trellis_shielded::Transfer;

/// What the transfers in the pool of pending transactions spend. It follows the pool, under the same lock: no two spend one note, and
/// none stays there that no block can take any more.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    by_nullifier: HashMap<[u8; 32], B256>,
    transfers: HashMap<B256, Entry>,
    by_expiry: BTreeSet<(u64, B256)>,
}

#[derive(Debug)]
struct Entry {
    nullifiers: [[u8; 32]; 2],
    expiry: u64,
}

/// The nullifiers of a transfer, as they are encoded.
pub(super) fn nullifiers(transfer: &Transfer) -> [[u8; 32]; 2] {
    transfer
        .nullifiers
        .each_ref()
        .map(trellis_circuits::field::encode)
}

impl Waiting {
    /// A nullifier that another transfer than one from the same sender spends. The first decides the sender, so the pool
    /// itself replaces a transfer by one that spends the same first.
    pub(crate) fn conflict(&self, transfer: &Transfer) -> Option<B256> {
        let [first, second] = nullifiers(transfer);
        let same = self.by_nullifier.get(&first);
        let is_other = |nullifier: &[u8; 32]| {
            let holder = self.by_nullifier.get(nullifier)?;
            let entry = self.transfers.get(holder)?;
            (Some(holder) != same || entry.nullifiers[0] != first).then_some(B256::from(*nullifier))
        };
        is_other(&first).or_else(|| is_other(&second))
    }

    pub(crate) fn add(&mut self, hash: B256, transfer: &Transfer) {
        let nullifiers = nullifiers(transfer);
        for nullifier in nullifiers {
            self.by_nullifier.insert(nullifier, hash);
        }
        let expiry = transfer.expiry;
        self.by_expiry.insert((expiry, hash));
        self.transfers.insert(hash, Entry { nullifiers, expiry });
    }

    /// Forgets a transaction that left the pool.
    pub(crate) fn remove(&mut self, hash: &B256) {
        let Some(entry) = self.transfers.remove(hash) else {
            return;
        };
        self.by_expiry.remove(&(entry.expiry, *hash));
        for nullifier in entry.nullifiers {
            if self.by_nullifier.get(&nullifier) == Some(hash) {
                self.by_nullifier.remove(&nullifier);
            }
        }
    }

    /// Transfers that no block from `next` on can take, now that `spent` is spent.
    pub(crate) fn hopeless(&self, next: u64, spent: impl Iterator<Item = [u8; 32]>) -> Vec<B256> {
        let expired = self.by_expiry.range(..(next, B256::ZERO));
        let expired = expired.map(|(_, hash)| *hash);
        let spent = spent.filter_map(|nullifier| self.by_nullifier.get(&nullifier).copied());
        expired.chain(spent).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.transfers.is_empty()
    }
}
