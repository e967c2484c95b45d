use super::*;
use crate::instance::{Context, Public};
use crate::native::Broken;
use crate::testing::{alias, order_3, payment, payment_with};
use crate::witness::SpendingKey;
use ff::Field;
use group::GroupEncoding;
use std::sync::LazyLock;

pub(super) static KEYS: LazyLock<(Prover, Verifier)> =
    LazyLock::new(|| (Prover::new().unwrap(), Verifier::new().unwrap()));

pub(super) static PAYMENT: LazyLock<(Instance, Proof)> = LazyLock::new(|| {
    let (instance, witness) = payment();
    let proof = KEYS.0.prove(&instance, witness).unwrap();
    (instance, proof)
});

fn verify(instance: &Instance, proof: &Proof) -> bool {
    KEYS.1.verify(instance, proof).is_ok()
}

/// A proof of its own, for a transfer of its own.
pub(super) fn other(fee: u64) -> (Instance, Proof) {
    let (instance, witness) = payment_with(|values| {
        values.fee = u128::from(fee);
        values.spent[1].0 = F::from(7 + fee);
    });
    let proof = KEYS.0.prove(&instance, witness).unwrap();
    (instance, proof)
}

#[test]
fn a_proof_is_accepted_and_says_nothing_twice() {
    let (instance, proof) = &*PAYMENT;
    assert!(verify(instance, proof));
    let again = KEYS.0.prove(instance, payment().1).unwrap();
    assert!(verify(instance, &again));
    assert_ne!(*proof, again, "a proof is blinded anew");
}

#[test]
fn nothing_is_proven_that_does_not_hold() {
    let (instance, mut witness) = payment();
    witness.key = SpendingKey::new(F::from(1));
    let refused = KEYS.0.prove(&instance, witness);
    assert!(matches!(
        refused,
        Err(ProveError::Broken(Broken::Ownership(0)))
    ));
}

/// Who leaves the check out gets bytes that convince nobody.
#[test]
fn a_forced_proof_is_refused() {
    let (instance, witness) = payment_with(|values| values.made[0].0 = F::from(601));
    if let Ok(proof) = KEYS
        .0
        .prove_unchecked(&instance, witness, rand_08::rngs::OsRng)
    {
        assert!(!verify(&instance, &proof));
    }
}

/// PAY-3: the same proof says nothing about any other instance.
#[test]
fn a_proof_is_bound_to_every_public_input() {
    let (instance, proof) = &*PAYMENT;
    let refused = |change: &dyn Fn(&mut Instance)| {
        let mut changed = instance.clone();
        change(&mut changed);
        assert_ne!(changed, *instance);
        assert!(!verify(&changed, proof), "{changed:?}");
    };
    refused(&|i| i.context = Context::from_hash(&[0xc8; 32]));
    refused(&|i| i.fee = 4);
    refused(&|i| i.anchor += F::ONE);
    refused(&|i| i.nullifiers.swap(0, 1));
    refused(&|i| i.nullifiers[1] += F::ONE);
    refused(&|i| i.commitments.swap(0, 1));
    refused(&|i| i.commitments[2] += F::ONE);
    let value = std::num::NonZeroU128::MIN;
    refused(&|i| i.public = Public::In { asset: 7, value });
    refused(&|i| i.public = Public::Out { asset: 0, value });
}

#[test]
fn other_lengths_are_no_proofs() {
    let bytes = PAYMENT.1.as_bytes();
    assert_eq!(Proof::decode(bytes).as_ref(), Ok(&PAYMENT.1));
    for length in [0, 1, PROOF_BYTES - 1, PROOF_BYTES + 1, 100_000] {
        let mut other = bytes.to_vec();
        other.resize(length, 0);
        assert_eq!(Proof::decode(&other), Err(ProofLength(length)));
    }
}

/// Every byte of a proof matters, and none makes the verifier panic.
#[test]
fn a_changed_proof_is_refused() {
    let (instance, proof) = &*PAYMENT;
    for place in (0..PROOF_BYTES).step_by(13) {
        let mut bytes = *proof.as_bytes();
        bytes[place] ^= 1 << (place % 8);
        assert!(
            !verify(instance, &Proof::decode(&bytes).unwrap()),
            "byte {place}"
        );
    }
    for byte in [0, 0xc0, 0xff] {
        assert!(!verify(
            instance,
            &Proof::decode(&[byte; PROOF_BYTES]).unwrap()
        ));
    }
}

/// Vulnerability class 9: a scalar plus `r` would be another proof of the same transfer.
#[test]
fn scalars_of_a_proof_have_one_encoding() {
    let (instance, proof) = &*PAYMENT;
    let mut tried = 0;
    for start in 0..=PROOF_BYTES - 32 {
        let mut scalar = [0; 32];
        scalar.copy_from_slice(&proof.as_bytes()[start..start + 32]);
        scalar.reverse();
        if crate::field::decode(&scalar).is_err() {
            continue;
        }
        // Wherever scalars start: 48-byte points surround them.
        if start % 16 != 0 {
            continue;
        }
        let mut aliased = alias(&scalar);
        aliased.reverse();
        let mut bytes = *proof.as_bytes();
        bytes[start..start + 32].copy_from_slice(&aliased);
        assert!(
            !verify(instance, &Proof::decode(&bytes).unwrap()),
            "scalar at {start}"
        );
        tried += 1;
    }
    assert!(tried > 30, "{tried}");
}

/// The modulus of the field that coordinates are in.
const MODULUS: [u8; 48] = [
    0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6, 0x43, 0x4b, 0xac, 0xd7,
    0x64, 0x77, 0x4b, 0x84, 0xf3, 0x85, 0x12, 0xbf, 0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24,
    0x1e, 0xab, 0xff, 0xfe, 0xb1, 0x53, 0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
];

/// `x + MODULUS` under the same flags, if it fits.
fn alias_of_point(point: &[u8]) -> Option<[u8; 48]> {
    let mut sum = [0; 48];
    let mut carry = 0_u16;
    for i in (0..48).rev() {
        let byte = if i == 0 { point[i] & 0x1f } else { point[i] };
        carry += u16::from(byte) + u16::from(MODULUS[i]);
        sum[i] = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    let fits = sum[0] < 0x20;
    sum[0] |= point[0] & 0xe0;
    fits.then_some(sum)
}

#[test]
fn points_of_a_proof_have_one_encoding_and_are_in_the_subgroup() {
    let (instance, proof) = &*PAYMENT;
    let refused = |start: usize, point: [u8; 48]| {
        let mut bytes = *proof.as_bytes();
        bytes[start..start + 48].copy_from_slice(&point);
        let changed = Proof::decode(&bytes).unwrap();
        assert!(!verify(instance, &changed), "point at {start}");
        let batch = [(instance.clone(), changed), PAYMENT.clone()];
        assert_eq!(KEYS.1.verify_batch(&batch), [Err(Invalid), Ok(())]);
    };
    let (mut points, mut aliased) = (0, 0);
    for start in (0..=PROOF_BYTES - 48).step_by(16) {
        let mut point = [0; 48];
        point.copy_from_slice(&proof.as_bytes()[start..start + 48]);
        if crate::parameters::point::<G1Projective>(&point).is_err() {
            continue;
        }
        points += 1;
        // (0, 2), of order 3, and the identity.
        for first in [0x80, 0xc0] {
            let mut other = [0; 48];
            other[0] = first;
            refused(start, other);
        }
        // What a pairing does not see: the point and one of order 3.
        let moved = crate::parameters::point::<G1Projective>(&point).unwrap() + order_3();
        let mut encoded = [0; 48];
        encoded.copy_from_slice(GroupEncoding::to_bytes(&moved).as_ref());
        refused(start, encoded);
        if let Some(alias) = alias_of_point(&point) {
            refused(start, alias);
            aliased += 1;
        }
    }
    assert!(points > 15, "{points} points");
    println!("{points} points, {aliased} of them have another encoding to refuse");
}

#[test]
fn a_batch_is_accepted() {
    let batch: Vec<_> = (1..=3).map(other).collect();
    assert_eq!(KEYS.1.verify_batch(&batch), [Ok(()); 3]);
    assert_eq!(KEYS.1.verify_batch(&[]), []);
    assert_eq!(KEYS.1.verify_batch(&batch[..1]), [Ok(())]);
}

/// A bad proof costs its own sender only, wherever it stands and however it is bad.
#[test]
fn bad_proofs_do_not_reject_their_neighbours() {
    let good: Vec<_> = (1..=4).map(other).collect();
    for bad in 0..16_u32 {
        let mut batch = good.clone();
        for (place, (instance, _)) in batch.iter_mut().enumerate() {
            if (bad >> place) & 1 == 1 {
                instance.fee += 1;
            }
        }
        let expected: Vec<_> = (0..4)
            .map(|n| {
                if (bad >> n) & 1 == 1 {
                    Err(Invalid)
                } else {
                    Ok(())
                }
            })
            .collect();
        assert_eq!(KEYS.1.verify_batch(&batch), expected, "{bad:04b}");
    }
    let mut batch = good;
    batch[0].1 = Proof::decode(&[0xff; PROOF_BYTES]).unwrap();
    let (first, second) = (batch[2].1.clone(), batch[3].1.clone());
    (batch[2].1, batch[3].1) = (second, first);
    let answers = KEYS.1.verify_batch(&batch);
    assert_eq!(answers, [Err(Invalid), Ok(()), Err(Invalid), Err(Invalid)]);
}

/// As many as are checked for the subgroup together.
#[test]
fn in_a_large_batch_one_point_outside_is_found() {
    let mut batch = vec![PAYMENT.clone(); 70];
    assert_eq!(KEYS.1.verify_batch(&batch), vec![Ok(()); 70]);
    // The last point of a proof is in no challenge: moved by a point of order 3, it passes every pairing.
    let bytes = PAYMENT.1.as_bytes();
    let last = PROOF_BYTES - 48;
    let point = crate::parameters::point::<G1Projective>(&bytes[last..]).unwrap();
    let mut moved = *bytes;
    moved[last..].copy_from_slice(GroupEncoding::to_bytes(&(point + order_3())).as_ref());
    batch[33].1 = Proof::decode(&moved).unwrap();
    let mut expected = vec![Ok(()); 70];
    expected[33] = Err(Invalid);
    assert_eq!(KEYS.1.verify_batch(&batch), expected);
}
