//! The transfer relation as a circuit (payments.md, 7), which accepts exactly what its twin [`crate::native`] does (PAY-1).
//!
//! No value enters twice: what is computed is computed from cells, and only the witness and the public inputs are assigned. A
//! gadget that took a value where it should take a cell would leave the prover free to choose it.

use crate::field::{F, power_of_two};
use crate::hash::{DEPTH, Tag};
use crate::instance::{INPUTS, Instance, OUTPUTS};
use crate::witness::{Input, Output, Witness};
use ff::Field;
use midnight_circuits::instructions::{
    ArithInstructions, AssertionInstructions, AssignmentInstructions, ControlFlowInstructions,
    PublicInputInstructions, RangeCheckInstructions, ZeroInstructions,
};
use midnight_circuits::types::{AssignedBit, AssignedNative};
use midnight_proofs::circuit::{Layouter, Value};
use midnight_proofs::plonk::Error;
use midnight_zk_stdlib::{Relation, ZkStdLib, ZkStdLibArch};
use num_bigint::BigUint;
use std::io;

type Cell = AssignedNative<F>;
type Bit = AssignedBit<F>;

/// Circuit 1: two notes become three, of one asset and native coin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transfer;

impl Relation for Transfer {
    type Instance = Instance;
    type Witness = Witness;
    type Error = Error;

    fn format_instance(instance: &Instance) -> Result<Vec<F>, Error> {
        Ok(instance.public_inputs().to_vec())
    }

    fn circuit(
        &self,
        std: &ZkStdLib,
        layouter: &mut impl Layouter<F>,
        instance: Value<Instance>,
        witness: Value<Witness>,
    ) -> Result<(), Error> {
        let circuit = Circuit {
            std,
            tags: Tags::assign(std, layouter)?,
        };
        let public = PublicCells::assign(std, layouter, &instance)?;
        let keys = circuit.keys(layouter, &witness)?;
        let asset: Cell = std.assign(layouter, witness.as_ref().map(|w| w.asset))?;
        std.assert_lower_than_fixed(layouter, &asset, &(BigUint::from(1_u8) << 32))?; // 7.7

        let mut nullifiers = Vec::with_capacity(INPUTS);
        let mut spent = Vec::with_capacity(INPUTS);
        for n in 0..INPUTS {
            let input = witness.as_ref().map(|w| w.inputs[n].clone());
            let (amount, nullifier) =
                circuit.input(layouter, &keys, &asset, &public.anchor, &input)?;
            spent.push(amount);
            nullifiers.push(nullifier);
        }
        let mut commitments = Vec::with_capacity(OUTPUTS);
        let mut made = Vec::with_capacity(OUTPUTS);
        for n in 0..OUTPUTS {
            let output = witness.as_ref().map(|w| w.outputs[n].clone());
            let (amount, commitment) = circuit.output(layouter, &asset, &output)?;
            made.push(amount);
            commitments.push(commitment);
        }
        circuit.sums(layouter, &public, &asset, &spent, &made)?;
        public.expose(std, layouter, &nullifiers, &commitments)
    }

    fn used_chips(&self) -> ZkStdLibArch {
        ZkStdLibArch {
            poseidon: true,
            nr_pow2range_cols: 1,
            ..ZkStdLibArch::default()
        }
    }

    fn write_relation<W: io::Write>(&self, _writer: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn read_relation<R: io::Read>(_reader: &mut R) -> io::Result<Self> {
        Ok(Self)
    }
}

/// What the equations need of the public inputs. Each becomes public in [`PublicCells::expose`].
struct PublicCells {
    anchor: Cell,
    value_in: Cell,
    value_out: Cell,
    asset: Cell,
    fee: Cell,
    context: Cell,
}

impl PublicCells {
    fn assign(
        std: &ZkStdLib,
        layouter: &mut impl Layouter<F>,
        instance: &Value<Instance>,
    ) -> Result<Self, Error> {
        let inputs = instance.as_ref().map(Instance::public_inputs);
        let mut next = |index: usize| std.assign(layouter, inputs.map(|inputs| inputs[index]));
        Ok(Self {
            anchor: next(0)?,
            value_in: next(6)?,
            value_out: next(7)?,
            asset: next(8)?,
            fee: next(9)?,
            context: next(10)?,
        })
    }

    /// 7.3, 7.4 and 7.11, in the order of [`Instance::public_inputs`].
    fn expose(
        &self,
        std: &ZkStdLib,
        layouter: &mut impl Layouter<F>,
        nullifiers: &[Cell],
        commitments: &[Cell],
    ) -> Result<(), Error> {
        let hashes = nullifiers.iter().chain(commitments);
        let rest = [
            &self.value_in,
            &self.value_out,
            &self.asset,
            &self.fee,
            &self.context,
        ];
        for cell in std::iter::once(&self.anchor).chain(hashes).chain(rest) {
            std.constrain_as_public_input(layouter, cell)?;
        }
        Ok(())
    }
}

/// Tags that stand alone as the input of a hash.
struct Tags {
    nullifier_key: Cell,
    viewing_key: Cell,
    inner: Cell,
    nullifier: Cell,
}

impl Tags {
    fn assign(std: &ZkStdLib, layouter: &mut impl Layouter<F>) -> Result<Self, Error> {
        let mut fixed = |tag: Tag| std.assign_fixed(layouter, tag.element());
        Ok(Self {
            nullifier_key: fixed(Tag::NullifierKey)?,
            viewing_key: fixed(Tag::ViewingKey)?,
            inner: fixed(Tag::Inner)?,
            nullifier: fixed(Tag::Nullifier)?,
        })
    }
}

/// `nk` and `ivk`.
struct Keys {
    nullifier: Cell,
    viewing: Cell,
}

/// A value in range, and the part of it that is native coin: all or nothing.
struct Amount {
    value: Cell,
    native: Cell,
}

struct Circuit<'a> {
    std: &'a ZkStdLib,
    tags: Tags,
}

impl Circuit<'_> {
    fn keys(
        &self,
        layouter: &mut impl Layouter<F>,
        witness: &Value<Witness>,
    ) -> Result<Keys, Error> {
        let key = self
            .std
            .assign(layouter, witness.as_ref().map(|w| w.key.element()))?;
        let nullifier = self
            .std
            .poseidon(layouter, &[key, self.tags.nullifier_key.clone()])?;
        let tag = self.tags.viewing_key.clone();
        let viewing = self.std.poseidon(layouter, &[nullifier.clone(), tag])?;
        Ok(Keys { nullifier, viewing })
    }

    /// 7.1, 7.2 and the nullifier of 7.3.
    fn input(
        &self,
        layouter: &mut impl Layouter<F>,
        keys: &Keys,
        asset: &Cell,
        anchor: &Cell,
        input: &Value<Input>,
    ) -> Result<(Amount, Cell), Error> {
        let std = self.std;
        let value = input.as_ref().map(|i| i.value);
        let native = input.as_ref().map(|i| i.native);
        let (amount, packed) = self.amount(layouter, asset, value, native)?;

        let owner: Cell = std.assign(layouter, input.as_ref().map(|i| i.owner))?;
        self.own(layouter, keys, &owner, input)?;
        let randomness: Cell = std.assign(layouter, input.as_ref().map(|i| i.randomness))?;
        let inner = std.poseidon(layouter, &[self.tags.inner.clone(), owner, randomness])?;
        let commitment = std.poseidon(layouter, &[inner, packed])?;

        let (root, position) = self.path(layouter, &commitment, input)?;
        let difference = std.sub(layouter, &root, anchor)?;
        let missed = std.mul(layouter, &difference, &amount.value, None)?;
        std.assert_zero(layouter, &missed)?;

        let tag = self.tags.nullifier.clone();
        let nullifier = std.poseidon(
            layouter,
            &[tag, keys.nullifier.clone(), position, commitment],
        )?;
        Ok((amount, nullifier))
    }

    /// 7.1.
    fn own(
        &self,
        layouter: &mut impl Layouter<F>,
        keys: &Keys,
        owner: &Cell,
        input: &Value<Input>,
    ) -> Result<(), Error> {
        let diversifier: Cell = self
            .std
            .assign(layouter, input.as_ref().map(|i| i.diversifier))?;
        let tagged = self
            .std
            .add_constant(layouter, &diversifier, Tag::Owner.element())?;
        let owned = self
            .std
            .poseidon(layouter, &[keys.viewing.clone(), tagged])?;
        self.std.assert_equal(layouter, &owned, owner)
    }

    /// The root above a commitment, and the position from the same bits that lead there.
    fn path(
        &self,
        layouter: &mut impl Layouter<F>,
        leaf: &Cell,
        input: &Value<Input>,
    ) -> Result<(Cell, Cell), Error> {
        let mut child = leaf.clone();
        let mut bits = Vec::with_capacity(DEPTH);
        let mut weight = F::ONE;
        for level in 0..DEPTH {
            let right = input.as_ref().map(|i| (i.position >> level) & 1 == 1);
            let bit: Bit = self.std.assign(layouter, right)?;
            let sibling = self
                .std
                .assign(layouter, input.as_ref().map(|i| i.siblings[level]))?;
            let (l, r) = self.std.cond_swap(layouter, &bit, &child, &sibling)?;
            child = self.std.poseidon(layouter, &[l, r])?;
            bits.push((weight, Cell::from(bit)));
            weight = weight.double();
        }
        let position = self.std.linear_combination(layouter, &bits, F::ZERO)?;
        Ok((child, position))
    }

    /// The commitment of 7.4.
    fn output(
        &self,
        layouter: &mut impl Layouter<F>,
        asset: &Cell,
        output: &Value<Output>,
    ) -> Result<(Amount, Cell), Error> {
        let value = output.as_ref().map(|o| o.value);
        let native = output.as_ref().map(|o| o.native);
        let (amount, packed) = self.amount(layouter, asset, value, native)?;
        let inner: Cell = self
            .std
            .assign(layouter, output.as_ref().map(|o| o.inner))?;
        let commitment = self.std.poseidon(layouter, &[inner, packed])?;
        Ok((amount, commitment))
    }

    /// 7.6, and asset and value as they stand in a commitment.
    fn amount(
        &self,
        layouter: &mut impl Layouter<F>,
        asset: &Cell,
        value: Value<F>,
        native: Value<bool>,
    ) -> Result<(Amount, Cell), Error> {
        let std = self.std;
        let value: Cell = std.assign(layouter, value)?;
        std.assert_lower_than_fixed(layouter, &value, &(BigUint::from(1_u8) << 128))?;
        let bit: Bit = std.assign(layouter, native)?;
        let bit = Cell::from(bit);
        let replaced = std.mul(layouter, &bit, asset, None)?;
        let shift = power_of_two(128);
        let terms = [
            (F::ONE, value.clone()),
            (shift, asset.clone()),
            (-shift, replaced),
        ];
        let packed = std.linear_combination(layouter, &terms, Tag::Commitment.element())?;
        let native = std.mul(layouter, &bit, &value, None)?;
        Ok((Amount { value, native }, packed))
    }

    /// 7.8, 7.9 and 7.10.
    fn sums(
        &self,
        layouter: &mut impl Layouter<F>,
        public: &PublicCells,
        asset: &Cell,
        spent: &[Amount],
        made: &[Amount],
    ) -> Result<(), Error> {
        let std = self.std;
        let (plus, minus) = (F::ONE, -F::ONE);
        let crossing = [
            (plus, public.value_in.clone()),
            (minus, public.value_out.clone()),
        ];
        let mut whole = crossing.to_vec();
        whole.push((minus, public.fee.clone()));
        let mut of_asset = crossing.to_vec();
        let signed = spent
            .iter()
            .map(|a| (plus, a))
            .chain(made.iter().map(|a| (minus, a)));
        for (sign, amount) in signed {
            whole.push((sign, amount.value.clone()));
            of_asset.push((sign, amount.value.clone()));
            of_asset.push((-sign, amount.native.clone()));
        }
        let whole = std.linear_combination(layouter, &whole, F::ZERO)?;
        std.assert_zero(layouter, &whole)?;
        let of_asset = std.linear_combination(layouter, &of_asset, F::ZERO)?;
        let changed = std.mul(layouter, asset, &of_asset, None)?;
        std.assert_zero(layouter, &changed)?;

        let crossing = std.add(layouter, &public.value_in, &public.value_out)?;
        let difference = std.sub(layouter, asset, &public.asset)?;
        let other = std.mul(layouter, &crossing, &difference, None)?;
        std.assert_zero(layouter, &other)
    }
}

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
