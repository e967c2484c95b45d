//! Every constraint group has a witness that breaks only it (PAY-1): the twin names exactly this group, and the circuit refuses.

use super::Transfer;
use crate::field::F;
use crate::hash;
use crate::instance::{Context, Instance, PUBLIC_INPUTS, Public};
use crate::native::{Broken, broken};
use crate::proof::ROWS_LOG2;
use crate::testing::{beyond, payment, payment_with, transfer};
use crate::witness::{Input, Output, SpendingKey, Witness};
use ff::Field;
use midnight_proofs::circuit::Value;
use midnight_proofs::dev::MockProver;
use midnight_zk_stdlib::{MidnightCircuit, cost_model};
use proptest::prelude::*;
use std::num::NonZeroU128;

/// Whether the circuit accepts, with public inputs of its own.
fn accepts_with(inputs: &[F; PUBLIC_INPUTS], instance: &Instance, witness: &Witness) -> bool {
    let known = (
        Value::known(instance.clone()),
        Value::known(witness.clone()),
    );
    let circuit = MidnightCircuit::new(&Transfer, known.0, known.1, Some(ROWS_LOG2));
    let mock = MockProver::run(&circuit, vec![vec![], inputs.to_vec()]).unwrap();
    mock.verify().is_ok()
}

fn accepts(instance: &Instance, witness: &Witness) -> bool {
    accepts_with(&instance.public_inputs(), instance, witness)
}

fn holds((instance, witness): (Instance, Witness)) {
    assert_eq!(broken(&instance, &witness), []);
    assert!(accepts(&instance, &witness));
}

fn breaks_only(group: Broken, (instance, witness): (Instance, Witness)) {
    assert_eq!(broken(&instance, &witness), [group]);
    assert_eq!(Transfer::check(&instance, &witness), Err(group));
    assert!(
        !accepts(&instance, &witness),
        "the circuit accepts what breaks {group:?}"
    );
}

fn coins(value: u128) -> NonZeroU128 {
    NonZeroU128::new(value).unwrap()
}

#[test]
fn the_circuit_has_2_to_the_11_rows() {
    let model = cost_model(&Transfer, Some(ROWS_LOG2));
    println!("{model:?}");
    assert_eq!(model.k, ROWS_LOG2);
    assert_eq!(midnight_zk_stdlib::optimal_k(&Transfer), ROWS_LOG2);
}

#[test]
fn a_payment_holds() {
    holds(payment());
}

#[test]
fn a_shield_holds() {
    holds(payment_with(|values| {
        values.public = Public::In {
            asset: 7,
            value: coins(50),
        };
        values.made[0].0 = F::from(650);
    }));
}

#[test]
fn an_unshield_holds() {
    holds(payment_with(|values| {
        values.public = Public::Out {
            asset: 7,
            value: coins(600),
        };
        values.made[0].0 = F::ZERO;
    }));
}

/// If the asset is native coin, the fee may come out of anything (payments.md, 7).
#[test]
fn native_coin_pays_its_own_fee() {
    holds(payment_with(|values| {
        values.asset = F::ZERO;
        values.spent = [(F::from(1_000), false), (F::ZERO, true)];
        values.made = [(F::from(997), false), (F::ZERO, false), (F::ZERO, true)];
    }));
    holds(payment_with(|values| {
        values.asset = F::ZERO;
        values.public = Public::Out {
            asset: 0,
            value: coins(600),
        };
        values.spent = [(F::from(1_000), true), (F::ZERO, false)];
        values.made = [(F::from(397), true), (F::ZERO, false), (F::ZERO, true)];
    }));
}

#[test]
fn a_shield_needs_no_notes() {
    let key = crate::testing::key();
    let inputs = [1, 2].map(|n| Input::dummy(&key, F::from(n)));
    let outputs = [
        Output::new(F::from(5), 93, true),
        Output::dummy(F::from(6)),
        Output::dummy(F::from(7)),
    ];
    let witness = Witness::new(key, 0, inputs, outputs);
    let instance = Instance {
        anchor: F::from(1_234),
        nullifiers: witness.nullifiers(),
        commitments: witness.commitments(),
        public: Public::In {
            asset: 0,
            value: coins(100),
        },
        fee: 7,
        context: Context::from_hash(&[1; 32]),
    };
    assert_ne!(instance.nullifiers[0], instance.nullifiers[1]);
    holds((instance, witness));
}

#[test]
fn the_largest_values_hold() {
    let largest = beyond(128) - F::ONE;
    holds(payment_with(|values| {
        values.asset = beyond(32) - F::ONE;
        values.spent = [(largest, false), (largest, true)];
        values.made = [(largest, false), (F::ZERO, false), (F::ZERO, true)];
        values.fee = u128::MAX;
    }));
}

#[test]
fn ownership() {
    for n in 0..2 {
        let (mut instance, mut witness) = payment();
        witness.inputs[n].diversifier += F::ONE;
        breaks_only(Broken::Ownership(n), (instance.clone(), witness));

        let (_, mut thief) = payment();
        thief.key = SpendingKey::new(F::from(666));
        instance.nullifiers = thief.nullifiers();
        let both = [Broken::Ownership(0), Broken::Ownership(1)];
        assert_eq!(
            broken(&instance, &thief),
            both,
            "with nullifiers of the thief's key"
        );
        assert!(!accepts(&instance, &thief));
    }
}

#[test]
fn membership() {
    for n in 0..2 {
        for level in [0, 13, 31] {
            let (instance, mut witness) = payment();
            witness.inputs[n].siblings[level] += F::ONE;
            breaks_only(Broken::Membership(n), (instance, witness));
        }
        let (mut instance, mut witness) = payment();
        witness.inputs[n].position ^= 1 << 17;
        instance.nullifiers = witness.nullifiers();
        breaks_only(Broken::Membership(n), (instance, witness));
    }
}

/// Vulnerability class 20: what has value is no dummy, however small the value.
#[test]
fn a_dummy_has_no_value() {
    let (mut instance, mut witness) = payment();
    witness.inputs[1] = Input::dummy(&witness.key, F::from(8));
    witness.inputs[1].value = F::from(10);
    instance.nullifiers = witness.nullifiers();
    breaks_only(Broken::Membership(1), (instance, witness));
}

/// Vulnerability class 13: a node of the tree is no note.
#[test]
fn a_node_is_not_a_leaf() {
    let (mut instance, witness) = payment();
    let input = &witness.inputs[0];
    let leaf = input.commitment(witness.asset);
    // The tree whose leaf is the node above the note: the path is one hash too long.
    let parent = if input.position & 1 == 0 {
        hash::node(leaf, input.siblings[0])
    } else {
        hash::node(input.siblings[0], leaf)
    };
    let mut siblings = input.siblings;
    siblings.rotate_left(1);
    instance.anchor = hash::root(parent, input.position >> 1, &siblings);
    let found = broken(&instance, &witness);
    assert_eq!(found, [Broken::Membership(0), Broken::Membership(1)]);
    assert!(!accepts(&instance, &witness));
}

#[test]
fn nullifier() {
    for n in 0..2 {
        let (mut instance, witness) = payment();
        instance.nullifiers[n] += F::ONE;
        breaks_only(Broken::Nullifier(n), (instance, witness));
    }
    // That of another position, which would let a note be spent twice.
    let (mut instance, witness) = payment();
    let (key, cm) = (
        witness.key.nullifier_key(),
        witness.inputs[0].commitment(witness.asset),
    );
    instance.nullifiers[0] = hash::nullifier(key, witness.inputs[0].position ^ 1, cm);
    breaks_only(Broken::Nullifier(0), (instance, witness));
}

#[test]
fn commitment() {
    for n in 0..3 {
        let (mut instance, witness) = payment();
        instance.commitments[n] += F::ONE;
        breaks_only(Broken::Commitment(n), (instance, witness));
    }
    // More than the transfer pays for.
    let (mut instance, witness) = payment();
    instance.commitments[0] = hash::commitment(witness.outputs[0].inner, 7, 601);
    breaks_only(Broken::Commitment(0), (instance, witness));
    // The right amount of another asset.
    let (mut instance, witness) = payment();
    instance.commitments[0] = hash::commitment(witness.outputs[0].inner, 8, 600);
    breaks_only(Broken::Commitment(0), (instance, witness));
}

#[test]
fn input_range() {
    for n in 0..2 {
        breaks_only(
            Broken::InputRange(n),
            payment_with(|values| {
                let half = beyond(127);
                let native = n == 1;
                values.fee = 0;
                values.spent = [(F::ZERO, false), (F::ZERO, true)];
                values.spent[n].0 = beyond(128);
                values.made = [(half, native), (half, native), (F::ZERO, true)];
            }),
        );
    }
}

/// Vulnerability class 6: a negative output would pay for a larger one.
#[test]
fn output_range() {
    for n in 0..3 {
        breaks_only(
            Broken::OutputRange(n),
            payment_with(|values| {
                values.made = [(F::from(5), false), (F::from(5), false), (F::from(5), true)];
                let native = values.made[n].1;
                let before: F = values
                    .made
                    .iter()
                    .filter(|m| m.1 == native)
                    .map(|m| m.0)
                    .sum();
                values.made[n].0 = -F::ONE;
                let after: F = values
                    .made
                    .iter()
                    .filter(|m| m.1 == native)
                    .map(|m| m.0)
                    .sum();
                let all: F = values
                    .made
                    .iter()
                    .filter(|m| m.1 != native)
                    .map(|m| m.0)
                    .sum();
                assert_ne!(before, after);
                values.fee = 2;
                let fee = F::from(2);
                values.spent = if native {
                    [(all, false), (after + fee, true)]
                } else {
                    [(after, false), (all + fee, true)]
                };
            }),
        );
    }
    let just_above = payment_with(|values| {
        let half = beyond(127);
        values.spent = [(half, false), (half, false)];
        values.made = [(beyond(128), false), (F::ZERO, false), (F::ZERO, true)];
        values.fee = 0;
    });
    breaks_only(Broken::OutputRange(0), just_above);
}

/// An asset of 2^32 or more would be another value of another asset in the same commitment.
#[test]
fn asset_range() {
    for asset in [beyond(32), -F::ONE, beyond(127)] {
        breaks_only(
            Broken::AssetRange,
            payment_with(|values| values.asset = asset),
        );
    }
}

#[test]
fn balance() {
    // If the asset is native coin, 7.9 says nothing and 7.8 alone stands against making coin.
    let of_nothing = payment_with(|values| {
        values.asset = F::ZERO;
        values.made[0].0 += F::ONE;
    });
    breaks_only(Broken::Balance, of_nothing);
    let (mut instance, witness) = payment();
    instance.fee += 1;
    breaks_only(Broken::Balance, (instance, witness));
    let native = payment_with(|values| values.made[2].0 += F::ONE);
    breaks_only(Broken::Balance, native);
    let shield = payment_with(|values| {
        values.asset = F::ZERO;
        values.public = Public::In {
            asset: 0,
            value: coins(9),
        };
    });
    breaks_only(Broken::Balance, shield);
    let unshield = payment_with(|values| {
        values.asset = F::ZERO;
        values.public = Public::Out {
            asset: 0,
            value: coins(9),
        };
    });
    breaks_only(Broken::Balance, unshield);
}

/// Vulnerability class 7: the whole is even, but worthless tokens became coin.
#[test]
fn assets() {
    breaks_only(
        Broken::Assets,
        payment_with(|values| {
            values.made = [
                (F::from(1), false),
                (F::from(1), false),
                (F::from(1_005), true),
            ];
        }),
    );
    breaks_only(
        Broken::Assets,
        payment_with(|values| values.made[0].1 = true),
    );
    breaks_only(
        Broken::Assets,
        payment_with(|values| values.spent[0].1 = true),
    );
    breaks_only(
        Broken::Assets,
        payment_with(|values| {
            values.public = Public::Out {
                asset: 7,
                value: coins(7),
            };
            values.made[2].0 = F::ZERO;
        }),
    );
}

#[test]
fn public_asset() {
    breaks_only(
        Broken::PublicAsset,
        payment_with(|values| {
            values.public = Public::In {
                asset: 8,
                value: coins(1_000_000),
            };
            values.made[0].0 = F::from(1_000_600);
        }),
    );
    breaks_only(
        Broken::PublicAsset,
        payment_with(|values| {
            values.public = Public::Out {
                asset: 0,
                value: coins(600),
            };
            values.made[0].0 = F::ZERO;
        }),
    );
}

/// Vulnerability class 2: no public input is free, but the context, which the proof itself binds (proof::tests), and the asset
/// where no value crosses, which is always 0.
#[test]
fn every_public_input_is_constrained() {
    let (instance, witness) = payment();
    let inputs = instance.public_inputs();
    for n in 0..PUBLIC_INPUTS {
        let mut changed = inputs;
        changed[n] += F::ONE;
        assert!(
            !accepts_with(&changed, &instance, &witness),
            "public input {n}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the values, circuit and twin agree.
    #[test]
    fn the_circuit_accepts_what_the_twin_accepts(
        asset in 0_u64..2,
        spent in prop::array::uniform2((0_u64..3, any::<bool>())),
        made in prop::array::uniform3((0_u64..3, any::<bool>())),
        crossing in 0_u128..3,
        comes_in in any::<bool>(),
        public_asset in 0_u32..2,
        fee in 0_u128..2,
    ) {
        let public = match NonZeroU128::new(crossing) {
            None => Public::None,
            Some(value) if comes_in => Public::In { asset: public_asset, value },
            Some(value) => Public::Out { asset: public_asset, value },
        };
        let element = |(value, native)| (F::from(value), native);
        let (instance, witness) =
            transfer(F::from(asset), spent.map(element), made.map(element), public, fee);
        prop_assert_eq!(accepts(&instance, &witness), broken(&instance, &witness).is_empty());
    }
}
