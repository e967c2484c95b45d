//! A payment for tests: 1,000 of asset 7 and native coin for the fee.

use crate::field::{F, power_of_two};
use crate::hash::{self, DEPTH};
use crate::instance::{Context, Instance, Public};
use crate::witness::{Input, Output, SpendingKey, Witness};
use ff::{Field, PrimeField};
use group::{Group, GroupEncoding};
use midnight_curves::G1Projective;
use num_bigint::BigUint;

/// `bytes + r`: what a verifier that reduced its input would take for the same element.
pub(crate) fn alias(bytes: &[u8; 32]) -> [u8; 32] {
    let largest = crate::field::encode(&-F::ONE);
    let mut sum = [0; 32];
    let mut carry = 1_u16;
    for i in (0..32).rev() {
        carry += u16::from(bytes[i]) + u16::from(largest[i]);
        sum[i] = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    assert_eq!(carry, 0, "x + r has 32 bytes");
    sum
}

/// The diversifier of the payer's addresses.
pub(crate) const DIVERSIFIER: [u8; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// The payer's key.
pub(crate) fn key() -> SpendingKey {
    SpendingKey::new(F::from(0x5eed))
}

fn diversifier() -> F {
    DIVERSIFIER.iter().fold(F::ZERO, |sum, byte| {
        sum * F::from(256) + F::from(u64::from(*byte))
    })
}

/// Notes of the payer as the only ones in a tree, at two positions that differ in every bit.
pub(crate) fn inputs(asset: F, notes: [(F, bool); 2]) -> (F, [Input; 2]) {
    let owner = hash::owner(key().viewing_key(), diversifier());
    let mut inputs = [0, 1].map(|n: u32| {
        let (value, native) = notes[n as usize];
        let position = if n == 0 { 0x5555_5555 } else { 0xaaaa_aaaa };
        let randomness = F::from(u64::from(n) + 90);
        let siblings = [F::ZERO; DEPTH];
        let mut input = Input::new(
            &DIVERSIFIER,
            owner,
            randomness,
            0,
            native,
            position,
            siblings,
        );
        input.value = value;
        input
    });
    let (mut empty, mut nodes) = (hash::empty_leaf(), [F::ZERO; 2]);
    let leaves = inputs.each_ref().map(|input| input.commitment(asset));
    nodes.copy_from_slice(&leaves);
    for level in 0..DEPTH {
        // The two paths meet at the top.
        let siblings = if level == DEPTH - 1 {
            [nodes[1], nodes[0]]
        } else {
            [empty; 2]
        };
        for (n, input) in inputs.iter_mut().enumerate() {
            input.siblings[level] = siblings[n];
            let left = (input.position >> level) & 1 == 0;
            let (l, r) = if left {
                (nodes[n], siblings[n])
            } else {
                (siblings[n], nodes[n])
            };
            nodes[n] = hash::node(l, r);
        }
        empty = hash::node(empty, empty);
    }
    (nodes[0], inputs)
}

/// A transfer with these notes, values not checked, and its instance as the witness implies it.
pub(crate) fn transfer(
    asset: F,
    notes: [(F, bool); 2],
    made: [(F, bool); 3],
    public: Public,
    fee: u128,
) -> (Instance, Witness) {
    let (anchor, inputs) = inputs(asset, notes);
    let mut n = 0;
    let outputs = made.map(|(value, native)| {
        n += 1;
        let inner = hash::inner(F::from(40 + n), F::from(50 + n));
        let mut output = Output::new(inner, 0, native);
        output.value = value;
        output
    });
    let witness = Witness {
        key: key(),
        asset,
        inputs,
        outputs,
    };
    let instance = Instance {
        anchor,
        nullifiers: witness.nullifiers(),
        commitments: witness.commitments(),
        public,
        fee,
        context: Context::from_hash(&[0xc7; 32]),
    };
    (instance, witness)
}

/// 1,000 of asset 7 become 600 and 400; a fee of 3 comes out of 10 of native coin.
pub(crate) fn payment() -> (Instance, Witness) {
    payment_with(|_| ())
}

/// The same, with values changed before anything is computed from them.
pub(crate) fn payment_with(change: impl FnOnce(&mut Values)) -> (Instance, Witness) {
    let mut values = Values::default();
    change(&mut values);
    transfer(
        values.asset,
        values.spent,
        values.made,
        values.public,
        values.fee,
    )
}

/// Values and assets of a payment; `true` is native.
pub(crate) struct Values {
    pub(crate) asset: F,
    pub(crate) spent: [(F, bool); 2],
    pub(crate) made: [(F, bool); 3],
    pub(crate) public: Public,
    pub(crate) fee: u128,
}

impl Default for Values {
    fn default() -> Self {
        let value = |value: u64, native| (F::from(value), native);
        Self {
            asset: F::from(7),
            spent: [value(1_000, false), value(10, true)],
            made: [value(600, false), value(400, false), value(7, true)],
            public: Public::None,
            fee: 3,
        }
    }
}

/// `2^bits`, for values just out of range.
pub(crate) fn beyond(bits: u32) -> F {
    power_of_two(bits)
}

/// A point of order 3 on the curve: a random one, times all other factors of the order of the curve.
pub(crate) fn order_3() -> G1Projective {
    let hex = |digits: &[u8]| BigUint::parse_bytes(digits, 16).unwrap();
    let cofactor = hex(b"396c8c005555e1568c00aaab0000aaab");
    let order = BigUint::from_bytes_le((-F::ONE).to_repr().as_ref()) + 1_u8;
    let others = cofactor * order / 3_u8;
    let mut encoded = <G1Projective as GroupEncoding>::Repr::default();
    encoded.as_mut()[0] = 0x80;
    for x in 1.. {
        encoded.as_mut()[47] = x;
        let point: Option<G1Projective> = G1Projective::from_bytes_unchecked(&encoded).into();
        let Some(point) = point else { continue };
        let mut multiple = G1Projective::identity();
        for bit in (0..others.bits()).rev() {
            multiple = multiple.double();
            if others.bit(bit) {
                multiple += point;
            }
        }
        if !bool::from(multiple.is_identity()) {
            assert_eq!(multiple.double() + multiple, G1Projective::identity());
            return multiple;
        }
    }
    unreachable!("two of three points lead to one")
}
