use crate::{FullViewingKey, Network, Phrase, SpendingKey};
use rand::{SeedableRng as _, rngs::StdRng};

pub(crate) const HERE: Network = Network(7786);

pub(crate) fn key(account: u32) -> SpendingKey {
    SpendingKey::derive(&Phrase::from_entropy(&[7; 32]), "", HERE, account)
}

/// The viewing key of an account.
pub(crate) fn account(account: u32) -> FullViewingKey {
    key(account).full_viewing()
}

/// The same randomness for the same seed.
pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}
