//! What only the payer knows of a transfer (payments.md, 7).

use crate::field::F;
use crate::hash::{self, DEPTH};
use crate::instance::{INPUTS, OUTPUTS};
use ff::PrimeField;
use std::fmt;
use zeroize::{DefaultIsZeroes, Zeroize};

/// The key that spends (payments.md, 3.1). Overwritten when dropped.
#[derive(Clone)]
pub struct SpendingKey(Hidden);

/// An element that can be overwritten in place: the library's type has no way to.
#[derive(Clone, Copy, Default)]
struct Hidden(F);

impl DefaultIsZeroes for Hidden {}

impl SpendingKey {
    /// From a key's element, which `K64` and `toF` derive.
    pub const fn new(element: F) -> Self {
        Self(Hidden(element))
    }

    /// `nk`: whoever has it sees what is spent, and cannot spend.
    pub fn nullifier_key(&self) -> F {
        hash::nullifier_key(self.0.0)
    }

    /// `ivk`: owners are made with it.
    pub fn viewing_key(&self) -> F {
        hash::viewing_key(self.nullifier_key())
    }

    pub(crate) const fn element(&self) -> F {
        self.0.0
    }
}

impl Drop for SpendingKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SpendingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpendingKey(..)")
    }
}

/// A note to spend, with its place in the tree.
#[derive(Clone)]
pub struct Input {
    pub(crate) owner: F,
    pub(crate) diversifier: F,
    pub(crate) randomness: F,
    pub(crate) value: F,
    pub(crate) native: bool,
    pub(crate) position: u32,
    pub(crate) siblings: [F; DEPTH],
}

impl Input {
    /// A note of native coin, or of the witness's asset, that belongs to an address of the spending key.
    pub fn new(
        diversifier: &[u8; 11],
        owner: F,
        randomness: F,
        value: u128,
        native: bool,
        position: u32,
        siblings: [F; DEPTH],
    ) -> Self {
        let diversifier = diversifier_element(diversifier);
        let value = F::from_u128(value);
        Self {
            owner,
            diversifier,
            randomness,
            value,
            native,
            position,
            siblings,
        }
    }

    /// A note of value 0 that is in no tree. Its randomness must be fresh, or its nullifier would repeat.
    pub fn dummy(key: &SpendingKey, randomness: F) -> Self {
        let owner = hash::owner(key.viewing_key(), diversifier_element(&[0; 11]));
        Self::new(&[0; 11], owner, randomness, 0, true, 0, [F::from(0); DEPTH])
    }

    /// The commitment, if the note has this asset where it is not native.
    pub(crate) fn commitment(&self, asset: F) -> F {
        let inner = hash::inner(self.owner, self.randomness);
        let asset = if self.native { F::from(0) } else { asset };
        hash::packed_commitment(inner, asset, self.value)
    }
}

/// A note to make.
#[derive(Clone)]
pub struct Output {
    pub(crate) inner: F,
    pub(crate) value: F,
    pub(crate) native: bool,
}

impl Output {
    /// A note of native coin, or of the witness's asset, under a hidden owner ([`hash::inner`]).
    pub fn new(inner: F, value: u128, native: bool) -> Self {
        Self {
            inner,
            value: F::from_u128(value),
            native,
        }
    }

    /// A note of value 0 that nobody will look for. Its inner commitment must look like any other: random.
    pub fn dummy(inner: F) -> Self {
        Self::new(inner, 0, true)
    }

    /// The commitment, if the note has this asset where it is not native.
    pub(crate) fn commitment(&self, asset: F) -> F {
        let asset = if self.native { F::from(0) } else { asset };
        hash::packed_commitment(self.inner, asset, self.value)
    }
}

/// The private side of a transfer.
///
/// Every field is kept as the relation sees it. The constructors admit only what is in range; tests of the relation go
/// around them.
#[derive(Clone)]
pub struct Witness {
    pub(crate) key: SpendingKey,
    pub(crate) asset: F,
    pub(crate) inputs: [Input; INPUTS],
    pub(crate) outputs: [Output; OUTPUTS],
}

impl Witness {
    /// A transfer of an asset, with native coin beside it for the fee.
    pub fn new(
        key: SpendingKey,
        asset: u32,
        inputs: [Input; INPUTS],
        outputs: [Output; OUTPUTS],
    ) -> Self {
        Self {
            key,
            asset: F::from(u64::from(asset)),
            inputs,
            outputs,
        }
    }

    /// What the inputs show when spent.
    pub fn nullifiers(&self) -> [F; INPUTS] {
        let key = self.key.nullifier_key();
        self.inputs
            .each_ref()
            .map(|input| hash::nullifier(key, input.position, input.commitment(self.asset)))
    }

    /// What the outputs show.
    pub fn commitments(&self) -> [F; OUTPUTS] {
        self.outputs
            .each_ref()
            .map(|output| output.commitment(self.asset))
    }
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness(..)")
    }
}

/// 11 bytes, big-endian.
fn diversifier_element(bytes: &[u8; 11]) -> F {
    F::from_u128(
        bytes
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u128::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let (_, witness) = crate::testing::payment();
        assert_eq!(
            format!("{witness:?} {:?}", witness.key),
            "Witness(..) SpendingKey(..)"
        );
    }

    #[test]
    fn a_key_can_be_overwritten() {
        let mut key = SpendingKey::new(F::from(7));
        key.0.zeroize();
        assert_eq!(key.element(), F::from(0));
    }
}
