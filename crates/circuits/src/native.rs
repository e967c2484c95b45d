//! The transfer relation in plain Rust: the twin of the circuit (payments.md, 7; PAY-1).
//!
//! A wallet checks here before it proves, because a circuit says only that something is wrong.

use crate::field::{F, power_of_two};
use crate::hash;
use crate::instance::{Instance, PUBLIC_INPUTS};
use crate::transfer::Transfer;
use crate::witness::{Input, Witness};
use ff::Field;

/// The constraint group that a witness breaks. Numbers are sections of payments.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// 7.1.
    #[error("input {0} does not belong to the spending key")]
    Ownership(usize),
    /// 7.2.
    #[error("input {0} has value and is not in the tree")]
    Membership(usize),
    /// 7.3.
    #[error("the nullifier of input {0} is another one")]
    Nullifier(usize),
    /// 7.4.
    #[error("the commitment of output {0} is another one")]
    Commitment(usize),
    /// 7.6.
    #[error("the value of input {0} is not below 2^128")]
    InputRange(usize),
    /// 7.6.
    #[error("the value of output {0} is not below 2^128")]
    OutputRange(usize),
    /// 7.7.
    #[error("the asset is not below 2^32")]
    AssetRange,
    /// 7.8.
    #[error("what comes in is not what goes out and the fee")]
    Balance,
    /// 7.9.
    #[error("value of one asset becomes value of another")]
    Assets,
    /// 7.10.
    #[error("the public asset is not the asset that moves")]
    PublicAsset,
}

impl Transfer {
    /// Whether the witness shows that the instance is right; if not, the first group that is broken.
    pub fn check(instance: &Instance, witness: &Witness) -> Result<(), Broken> {
        broken(instance, witness)
            .first()
            .map_or(Ok(()), |group| Err(*group))
    }
}

/// Every group that is broken, in the order of the specification.
pub(crate) fn broken(instance: &Instance, witness: &Witness) -> Vec<Broken> {
    broken_elements(&instance.public_inputs(), witness)
}

/// The same for public inputs that no verifier may ever make.
pub(crate) fn broken_elements(public: &[F; PUBLIC_INPUTS], witness: &Witness) -> Vec<Broken> {
    let [anchor, nf0, nf1, cm0, cm1, cm2, ..] = public;
    let inputs = || witness.inputs.iter().enumerate();
    let mut found = Vec::new();
    found.extend(
        inputs()
            .filter(|(_, i)| !owned(witness, i))
            .map(|(n, _)| Broken::Ownership(n)),
    );
    found.extend(
        inputs()
            .filter(|(_, i)| !member(anchor, witness, i))
            .map(|(n, _)| Broken::Membership(n)),
    );
    found.extend(unequal([nf0, nf1], witness.nullifiers()).map(Broken::Nullifier));
    found.extend(unequal([cm0, cm1, cm2], witness.commitments()).map(Broken::Commitment));
    found.extend(ranges(witness));
    found.extend(sums(public, witness));
    found
}

/// 7.1.
fn owned(witness: &Witness, input: &Input) -> bool {
    hash::owner(witness.key.viewing_key(), input.diversifier) == input.owner
}

/// 7.2.
fn member(anchor: &F, witness: &Witness, input: &Input) -> bool {
    let leaf = input.commitment(witness.asset);
    input.value.is_zero_vartime() || hash::root(leaf, input.position, &input.siblings) == *anchor
}

/// 7.3 and 7.4: where what the instance says is not what the witness gives.
fn unequal<const N: usize>(said: [&F; N], given: [F; N]) -> impl Iterator<Item = usize> {
    (0..N).filter(move |n| *said[*n] != given[*n])
}

/// 7.6 and 7.7.
fn ranges(witness: &Witness) -> Vec<Broken> {
    let inputs = witness.inputs.iter().enumerate();
    let outputs = witness.outputs.iter().enumerate();
    let mut found = Vec::new();
    found.extend(
        inputs
            .filter(|(_, i)| !below(&i.value, 128))
            .map(|(n, _)| Broken::InputRange(n)),
    );
    found.extend(
        outputs
            .filter(|(_, o)| !below(&o.value, 128))
            .map(|(n, _)| Broken::OutputRange(n)),
    );
    found.extend((!below(&witness.asset, 32)).then_some(Broken::AssetRange));
    found
}

/// Whether an element is below a power of two.
fn below(element: &F, bits: u32) -> bool {
    *element < power_of_two(bits)
}

/// 7.8, 7.9 and 7.10. Sums are taken in the field, as the circuit takes them: that they do not wrap is what 7.6 is for.
fn sums(public: &[F; PUBLIC_INPUTS], witness: &Witness) -> Vec<Broken> {
    let [.., value_in, value_out, public_asset, fee, _context] = public;
    let (mut asset_sum, mut native_sum) = (*value_in - value_out, -*fee);
    for input in &witness.inputs {
        *(if input.native {
            &mut native_sum
        } else {
            &mut asset_sum
        }) += input.value;
    }
    for output in &witness.outputs {
        *(if output.native {
            &mut native_sum
        } else {
            &mut asset_sum
        }) -= output.value;
    }
    let zero = |element: F| element.is_zero_vartime();
    let mut found = Vec::new();
    found.extend((!zero(asset_sum + native_sum)).then_some(Broken::Balance));
    found.extend((!zero(witness.asset * asset_sum)).then_some(Broken::Assets));
    let crossing = *value_in + value_out;
    let public = crossing * (witness.asset - public_asset);
    found.extend((!zero(public)).then_some(Broken::PublicAsset));
    found
}
