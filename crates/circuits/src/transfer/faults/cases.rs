//! Transfers whose cells are told apart by their values.

use super::Case;
use crate::field::F;
use crate::hash::{self, DEPTH};
use crate::instance::{Context, Instance, Public};
use crate::witness::{Input, Output, SpendingKey, Witness};
use ff::Field;
use rand_08::{RngCore, SeedableRng, rngs::StdRng};
use std::num::NonZeroU128;

/// An unshield of which no two values are equal, so that cells are known by their values. Low bits leave room for small changes.
pub(super) fn unshield() -> Case {
    let mut random = StdRng::seed_from_u64(7);
    let mut value = || (u128::from(random.next_u64()) << 20) + 0x105;
    let (out, fee, made) = (value(), value(), [value(), value(), value()]);
    let spent = [made[0] + made[1] + out, made[2] + fee];
    let asset = 0x0123_4507;
    let key = SpendingKey::new(F::random(&mut random));
    let (anchor, inputs) = inputs(&key, asset, spent, &mut random);
    let outputs = [0, 1, 2].map(|n| Output::new(F::random(&mut random), made[n], n == 2));
    let witness = Witness::new(key, asset, inputs, outputs);
    let public = Public::Out {
        asset,
        value: NonZeroU128::new(out).unwrap(),
    };
    (instance(anchor, &witness, public, fee), witness)
}

/// The same without value in the second input, whose path leads nowhere: a dummy.
pub(super) fn with_a_dummy() -> Case {
    let (instance_before, mut witness) = unshield();
    let value = witness.inputs[1].value;
    witness.inputs[1].value = F::ZERO;
    witness.inputs[0].native = true;
    witness.inputs[0].value = value;
    witness.outputs[0].value = F::ZERO;
    witness.outputs[1].value = F::ZERO;
    let input = &witness.inputs[0];
    let leaf = input.commitment(witness.asset);
    let anchor = hash::root(leaf, input.position, &input.siblings);
    let fee = instance_before.fee;
    (instance(anchor, &witness, Public::None, fee), witness)
}

fn instance(anchor: F, witness: &Witness, public: Public, fee: u128) -> Instance {
    Instance {
        anchor,
        nullifiers: witness.nullifiers(),
        commitments: witness.commitments(),
        public,
        fee,
        context: Context::from_hash(&[0xc7; 32]),
    }
}

/// Two notes of two addresses in a tree of strangers' notes; the paths meet at the top.
fn inputs(key: &SpendingKey, asset: u32, spent: [u128; 2], random: &mut StdRng) -> (F, [Input; 2]) {
    let mut inputs = [0, 1].map(|n: usize| {
        let diversifier = [n as u8 + 1; 11];
        let mut input = Input::dummy(key, F::ZERO);
        let element = Input::new(&diversifier, F::ZERO, F::ZERO, 0, true, 0, input.siblings);
        let owner = hash::owner(key.viewing_key(), element.diversifier);
        let position = [0x5555_5555, 0xaaaa_aaaa][n];
        input.siblings = [(); DEPTH].map(|()| F::random(&mut *random));
        let randomness = F::random(&mut *random);
        Input::new(
            &diversifier,
            owner,
            randomness,
            spent[n],
            n == 1,
            position,
            input.siblings,
        )
    });
    let asset = F::from(u64::from(asset));
    let below = inputs.each_ref().map(|input| {
        let start = input.commitment(asset);
        (0..DEPTH - 1).fold(start, |child, level| {
            let sibling = input.siblings[level];
            if (input.position >> level) & 1 == 0 {
                hash::node(child, sibling)
            } else {
                hash::node(sibling, child)
            }
        })
    });
    inputs[0].siblings[DEPTH - 1] = below[1];
    inputs[1].siblings[DEPTH - 1] = below[0];
    (hash::node(below[0], below[1]), inputs)
}
