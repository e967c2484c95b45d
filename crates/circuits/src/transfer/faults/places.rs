//! Where the witness and the public inputs stand among the cells.

use super::system::{Class, System};
use crate::field::F;
use crate::hash::DEPTH;
use crate::instance::PUBLIC_INPUTS;
use crate::native::{Broken, broken_elements};
use crate::witness::{Input, Output, SpendingKey, Witness};
use ff::Field;
use std::collections::BTreeSet;

/// The variables that are the witness.
pub(super) struct Places {
    pub(super) key: Class,
    pub(super) asset: Class,
    pub(super) inputs: [InputPlaces; 2],
    pub(super) outputs: [OutputPlaces; 3],
}

pub(super) struct InputPlaces {
    pub(super) owner: Class,
    pub(super) diversifier: Class,
    pub(super) randomness: Class,
    pub(super) value: Class,
    pub(super) native: Class,
    pub(super) position: Vec<Class>,
    pub(super) siblings: Vec<Class>,
}

pub(super) struct OutputPlaces {
    pub(super) inner: Class,
    pub(super) value: Class,
    pub(super) native: Class,
}

impl Places {
    /// By the values of a witness that has none twice: the first cell with the value is where it was assigned. Bits are known by their order.
    pub(super) fn find(system: &System, witness: &Witness) -> Self {
        let public: BTreeSet<_> = system.instance.iter().collect();
        let variables = system.variables();
        let place = |value: F| {
            let mut given: Vec<_> = variables
                .iter()
                .copied()
                .filter(|class| system.is_assigned(*class) && system.values[*class] == value)
                .filter(|class| !public.contains(class))
                .collect();
            // A top sibling is computed elsewhere too; an owner is both given and computed.
            given.sort_by_key(|class| !system.is_free(*class));
            *given.first().expect("the value stands somewhere")
        };
        let mut bits = system.bits().into_iter();
        let mut bit = || bits.next().expect("as many bits as the relation has");
        let inputs = witness.inputs.each_ref().map(|input| InputPlaces {
            owner: place(input.owner),
            diversifier: place(input.diversifier),
            randomness: place(input.randomness),
            value: place(input.value),
            native: bit(),
            position: (0..DEPTH).map(|_| bit()).collect(),
            siblings: input.siblings.iter().map(|s| place(*s)).collect(),
        });
        let outputs = witness.outputs.each_ref().map(|output| OutputPlaces {
            inner: place(output.inner),
            value: place(output.value),
            native: bit(),
        });
        assert_eq!(bits.next(), None, "and no more");
        Self {
            key: place(witness.key.element()),
            asset: place(witness.asset),
            inputs,
            outputs,
        }
    }

    pub(super) fn bits(&self) -> Vec<Class> {
        let inputs = self
            .inputs
            .iter()
            .flat_map(|input| input.position.iter().chain([&input.native]));
        let outputs = self.outputs.iter().map(|output| &output.native);
        inputs.chain(outputs).copied().collect()
    }

    /// What the cells say.
    pub(super) fn witness(&self, values: &[F]) -> Witness {
        let bit = |class: Class| {
            assert!(values[class] == F::ZERO || values[class] == F::ONE);
            values[class] == F::ONE
        };
        let inputs = self.inputs.each_ref().map(|input| Input {
            owner: values[input.owner],
            diversifier: values[input.diversifier],
            randomness: values[input.randomness],
            value: values[input.value],
            native: bit(input.native),
            position: (0..DEPTH)
                .map(|n| u32::from(bit(input.position[n])) << n)
                .sum(),
            siblings: std::array::from_fn(|level| values[input.siblings[level]]),
        });
        let outputs = self.outputs.each_ref().map(|output| Output {
            inner: values[output.inner],
            value: values[output.value],
            native: bit(output.native),
        });
        Witness {
            key: SpendingKey::new(values[self.key]),
            asset: values[self.asset],
            inputs,
            outputs,
        }
    }

    /// What the relation says of an assignment.
    pub(super) fn broken(&self, system: &System, values: &[F]) -> Vec<Broken> {
        broken_elements(&public(system, values), &self.witness(values))
    }
}

pub(super) fn public(system: &System, values: &[F]) -> [F; PUBLIC_INPUTS] {
    assert_eq!(system.instance.len(), PUBLIC_INPUTS);
    std::array::from_fn(|n| values[system.instance[n]])
}
