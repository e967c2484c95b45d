//! Poseidon and what payments hash with it (payments.md, 2 to 6).

use crate::field::{F, power_of_two};
use ff::{Field, PrimeField};
use midnight_circuits::hash::poseidon::{permutation_cpu, round_skips::PreComputedRoundCPU};
use std::sync::OnceLock;

/// Depth of the tree of commitments.
pub const DEPTH: usize = 32;

/// What a hash is for, as a number added to an input that is smaller, or standing alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    NullifierKey = 1,
    ViewingKey,
    Owner,
    Inner,
    Commitment,
    Nullifier,
    EmptyLeaf,
}

impl Tag {
    pub(crate) fn element(self) -> F {
        F::from(self as u64) * power_of_two(192)
    }
}

/// `P`: Poseidon with width 3. The capacity starts as the number of inputs.
pub(crate) fn poseidon(inputs: &[F]) -> F {
    // The library computes this table anew for every hash, which costs more than the hash.
    static ROUNDS: OnceLock<PreComputedRoundCPU<F>> = OnceLock::new();
    let rounds = ROUNDS.get_or_init(PreComputedRoundCPU::init);
    let mut state = [F::ZERO, F::ZERO, F::from_u128(inputs.len() as u128)];
    for pair in inputs.chunks(2) {
        for (cell, input) in state.iter_mut().zip(pair) {
            *cell += input;
        }
        permutation_cpu(rounds, &mut state);
    }
    state[0]
}

/// `nk` of a spending key (payments.md, 3.1).
pub fn nullifier_key(spending_key: F) -> F {
    poseidon(&[spending_key, Tag::NullifierKey.element()])
}

/// `ivk` of a nullifier key (payments.md, 3.1).
pub fn viewing_key(nullifier_key: F) -> F {
    poseidon(&[nullifier_key, Tag::ViewingKey.element()])
}

/// `pk` of a diversified address (payments.md, 3.2).
pub fn owner(viewing_key: F, diversifier: F) -> F {
    poseidon(&[viewing_key, Tag::Owner.element() + diversifier])
}

/// The level of a commitment that hides owner and randomness (payments.md, 4).
pub fn inner(owner: F, randomness: F) -> F {
    poseidon(&[Tag::Inner.element(), owner, randomness])
}

/// The commitment to a note (payments.md, 4).
pub fn commitment(inner: F, asset: u32, value: u128) -> F {
    packed_commitment(inner, F::from(u64::from(asset)), F::from_u128(value))
}

/// The same for elements that are not known to be in range.
pub(crate) fn packed_commitment(inner: F, asset: F, value: F) -> F {
    poseidon(&[
        inner,
        Tag::Commitment.element() + asset * power_of_two(128) + value,
    ])
}

/// The nullifier of a note at a position (payments.md, 5).
pub fn nullifier(nullifier_key: F, position: u32, commitment: F) -> F {
    let position = F::from(u64::from(position));
    poseidon(&[
        Tag::Nullifier.element(),
        nullifier_key,
        position,
        commitment,
    ])
}

/// A node of the tree (payments.md, 6).
pub fn node(left: F, right: F) -> F {
    poseidon(&[left, right])
}

/// A leaf that was not appended yet (payments.md, 6).
pub fn empty_leaf() -> F {
    Tag::EmptyLeaf.element()
}

/// The root above a leaf, from its position and the siblings, lowest first.
pub fn root(leaf: F, position: u32, siblings: &[F; DEPTH]) -> F {
    (0..).zip(siblings).fold(leaf, |child, (level, sibling)| {
        if (position >> level) & 1 == 0 {
            node(child, *sibling)
        } else {
            node(*sibling, child)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use midnight_circuits::{hash::poseidon::PoseidonChip, instructions::hash::HashCPU};
    use std::collections::HashSet;

    #[test]
    fn the_cached_hash_is_the_library_s() {
        for length in 1..=6 {
            let inputs: Vec<F> = (0..length).map(|n| F::from(n + 7)).collect();
            let expected = <PoseidonChip<F> as HashCPU<F, F>>::hash(&inputs);
            assert_eq!(poseidon(&inputs), expected, "{length} inputs");
        }
    }

    #[test]
    fn nothing_is_hashed_for_two_purposes() {
        let (a, b) = (F::from(3), F::from(5));
        let hashes = [
            nullifier_key(a),
            viewing_key(a),
            owner(a, b),
            inner(a, b),
            commitment(a, 0, 5),
            commitment(a, 5, 0),
            nullifier(a, 5, b),
            node(a, b),
            node(b, a),
            empty_leaf(),
        ];
        assert_eq!(
            hashes
                .iter()
                .map(crate::field::encode)
                .collect::<HashSet<_>>()
                .len(),
            10
        );
    }

    #[test]
    fn the_largest_value_does_not_reach_the_asset() {
        assert_ne!(commitment(F::ONE, 0, u128::MAX), commitment(F::ONE, 1, 0));
        let beyond = packed_commitment(F::ONE, F::ZERO, power_of_two(128));
        assert_eq!(
            beyond,
            commitment(F::ONE, 1, 0),
            "why values are checked to be in range"
        );
    }
}
