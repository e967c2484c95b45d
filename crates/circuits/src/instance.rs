//! What everybody sees of a transfer (payments.md, 7).

use crate::field::{self, F, NotCanonical};
use ff::{Field, PrimeField};
use std::num::NonZeroU128;

/// Notes that a transfer spends.
pub const INPUTS: usize = 2;
/// Notes that a transfer makes.
pub const OUTPUTS: usize = 3;
/// Field elements that a verifier gives to a proof.
pub const PUBLIC_INPUTS: usize = 11;

/// Value that crosses between a pool and the public side. Never nothing: that is [`Public::None`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Public {
    /// Nothing crosses, and nobody learns the asset.
    #[default]
    None,
    /// Value comes in: a shield.
    In {
        /// Of this asset.
        asset: u32,
        /// This much.
        value: NonZeroU128,
    },
    /// Value goes out: an unshield.
    Out {
        /// Of this asset.
        asset: u32,
        /// This much.
        value: NonZeroU128,
    },
}

impl Public {
    /// `valueIn`, `valueOut` and `publicAsset`.
    pub(crate) fn elements(&self) -> [F; 3] {
        let asset = |asset: u32| F::from(u64::from(asset));
        match *self {
            Self::None => [F::ZERO; 3],
            Self::In { asset: a, value } => [F::from_u128(value.get()), F::ZERO, asset(a)],
            Self::Out { asset: a, value } => [F::ZERO, F::from_u128(value.get()), asset(a)],
        }
    }
}

/// Everything else that a proof is bound to, as one element (payments.md, 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(F);

impl Context {
    /// The last 31 bytes of a hash, as an integer.
    pub fn from_hash(hash: &[u8; 32]) -> Self {
        let mut last = [0; 31];
        last.copy_from_slice(&hash[1..]);
        Self(field::from_31_bytes(&last))
    }

    /// As a public input.
    pub const fn element(&self) -> F {
        self.0
    }
}

/// The public side of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The root that the inputs are proven against.
    pub anchor: F,
    /// One per input.
    pub nullifiers: [F; INPUTS],
    /// One per output.
    pub commitments: [F; OUTPUTS],
    /// What crosses between the pool and the public side.
    pub public: Public,
    /// Native coin, in wei.
    pub fee: u128,
    /// Binds the chain, the recipient and the ciphertexts.
    pub context: Context,
}

impl Instance {
    /// An instance from bytes of outside: anchor, nullifiers and commitments are refused unless each is the one encoding of
    /// its element.
    pub fn decode(
        anchor: &[u8; 32],
        nullifiers: &[[u8; 32]; INPUTS],
        commitments: &[[u8; 32]; OUTPUTS],
        public: Public,
        fee: u128,
        context: Context,
    ) -> Result<Self, NotCanonical> {
        Ok(Self {
            anchor: field::decode(anchor)?,
            nullifiers: decode_all(nullifiers)?,
            commitments: decode_all(commitments)?,
            public,
            fee,
            context,
        })
    }

    /// In the order of payments.md, 7.
    pub fn public_inputs(&self) -> [F; PUBLIC_INPUTS] {
        let [value_in, value_out, asset] = self.public.elements();
        let [nullifier0, nullifier1] = self.nullifiers;
        let [commitment0, commitment1, commitment2] = self.commitments;
        let fee = F::from_u128(self.fee);
        [
            self.anchor,
            nullifier0,
            nullifier1,
            commitment0,
            commitment1,
            commitment2,
            value_in,
            value_out,
            asset,
            fee,
            self.context.element(),
        ]
    }
}

fn decode_all<const N: usize>(encoded: &[[u8; 32]; N]) -> Result<[F; N], NotCanonical> {
    let mut elements = [F::ZERO; N];
    for (element, bytes) in elements.iter_mut().zip(encoded) {
        *element = field::decode(bytes)?;
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{alias, payment};

    fn decode(anchor: [u8; 32], nullifiers: [[u8; 32]; 2], commitments: [[u8; 32]; 3]) -> bool {
        let context = Context::from_hash(&[9; 32]);
        Instance::decode(&anchor, &nullifiers, &commitments, Public::None, 1, context).is_ok()
    }

    /// Vulnerability class 5: `x + r` would be another key in the set of nullifiers for the same public input.
    #[test]
    fn no_public_input_has_a_second_encoding() {
        let (instance, _) = payment();
        let anchor = field::encode(&instance.anchor);
        let nullifiers = instance.nullifiers.map(|n| field::encode(&n));
        let commitments = instance.commitments.map(|c| field::encode(&c));
        assert!(decode(anchor, nullifiers, commitments));
        assert!(!decode(alias(&anchor), nullifiers, commitments));
        for i in 0..INPUTS {
            let mut aliased = nullifiers;
            aliased[i] = alias(&aliased[i]);
            assert!(!decode(anchor, aliased, commitments), "nullifier {i}");
        }
        for i in 0..OUTPUTS {
            let mut aliased = commitments;
            aliased[i] = alias(&aliased[i]);
            assert!(!decode(anchor, nullifiers, aliased), "commitment {i}");
        }
    }

    #[test]
    fn a_context_is_the_hash_without_its_first_byte() {
        let mut hash = [0xff; 32];
        let context = Context::from_hash(&hash);
        hash[0] = 0;
        assert_eq!(field::encode(&context.element()), hash);
        assert_eq!(Context::from_hash(&hash), context);
    }

    #[test]
    fn without_public_value_no_asset_is_told() {
        assert_eq!(Public::None.elements(), [F::ZERO; 3]);
    }
}
