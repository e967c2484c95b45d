//! Vulnerability class 1: a constraint that is missing (the break of Orchard in 2026).
//!
//! Every cell of the circuit is changed, and everything that can be recomputed from it is, as a dishonest prover would. Where
//! all constraints then hold, the twin is asked about the public inputs and the witness that stand in the cells: what the
//! circuit accepts, the relation must.

mod cases;
mod places;
mod system;

use super::Transfer;
use crate::field::F;
use crate::instance::{Instance, PUBLIC_INPUTS};
use crate::native::broken;
use crate::proof::ROWS_LOG2;
use crate::witness::Witness;
use cases::{unshield, with_a_dummy};
use ff::Field;
use midnight_proofs::circuit::Value;
use midnight_proofs::dev::MockProver;
use midnight_zk_stdlib::MidnightCircuit;
use places::{Places, public};
use rand_08::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use system::{Class, Rejected, System};

type Case = (Instance, Witness);

fn system((instance, witness): &Case) -> System {
    assert_eq!(broken(instance, witness), []);
    let known = (
        Value::known(instance.clone()),
        Value::known(witness.clone()),
    );
    let circuit = MidnightCircuit::new(&Transfer, known.0, known.1, Some(ROWS_LOG2));
    let inputs = instance.public_inputs().to_vec();
    let mock = MockProver::run(&circuit, vec![vec![], inputs]).unwrap();
    let system = System::new(&mock);
    assert!(system.satisfied(&system.values));
    system
}

static UNSHIELD: LazyLock<(Case, System, Places)> = LazyLock::new(|| {
    let case = unshield();
    let system = system(&case);
    let places = Places::find(&system, &case.1);
    (case, system, places)
});

/// The witness is found in the cells: reading it back gives what was put in.
#[test]
fn cells_say_what_the_witness_says() {
    let ((instance, witness), system, places) = &*UNSHIELD;
    let read = places.witness(&system.values);
    assert_eq!(read.nullifiers(), witness.nullifiers());
    assert_eq!(read.commitments(), witness.commitments());
    assert_eq!(read.key.element(), witness.key.element());
    assert_eq!(public(system, &system.values), instance.public_inputs());
    assert_eq!(places.bits().len(), 69);
    assert_eq!(places.broken(system, &system.values), []);
}

#[test]
fn no_cell_can_be_changed_but_to_another_witness() {
    let (_, system, places) = &*UNSHIELD;
    let accepted = change_all(system, places, &system.variables());
    let chosen = places.outputs.each_ref().map(|output| output.inner);
    assert!(
        chosen.iter().all(|class| accepted.contains(class)),
        "what may change can"
    );
    assert!(!accepted.contains(&places.key));
}

/// What the test above does not reach: cells that say something only where a note has no value.
#[test]
fn no_cell_can_be_changed_beside_a_dummy() {
    let (_, unshield, places) = &*UNSHIELD;
    let system = system(&with_a_dummy());
    let free = |class: &Class| unshield.is_free(*class);
    let variables: Vec<_> = system.variables().into_iter().filter(free).collect();
    let accepted = change_all(&system, places, &variables);
    let siblings = &places.inputs[1].siblings;
    assert!(siblings.iter().all(|class| accepted.contains(class)));
}

/// Changes variables one by one, and answers which can be; whatever the circuit accepts must hold in the relation.
fn change_all(system: &System, places: &Places, variables: &[Class]) -> BTreeSet<Class> {
    let changes = |class| changes(system, class).map(move |value| (class, value));
    let tried = variables.par_iter().copied().flat_map_iter(changes);
    let results: Vec<_> = tried
        .map_init(
            || system.values.clone(),
            |values, change| {
                let broken = |values: &[F]| places.broken(system, values);
                (change.0, system.try_in(values, &[change], broken))
            },
        )
        .collect();
    let mut rejected: BTreeMap<&Rejected, usize> = BTreeMap::new();
    let mut accepted = BTreeSet::new();
    for (class, result) in &results {
        match result {
            Ok(broken) => {
                assert_eq!(broken, &[], "variable {class}");
                accepted.insert(*class);
            }
            Err(reason) => *rejected.entry(reason).or_default() += 1,
        }
    }
    let (all, changed, some) = (variables.len(), results.len(), accepted.len());
    println!("{all} variables, {changed} changes, accepted in {some}; rejected: {rejected:?}");
    accepted
}

/// A little more; and a little less and something else where it is not computed from others anyway.
fn changes(system: &System, class: Class) -> impl Iterator<Item = F> + use<> {
    let value = system.values[class];
    let other = F::random(StdRng::seed_from_u64(class as u64));
    let count = if system.is_free(class) { 3 } else { 1 };
    [value + F::ONE, value - F::ONE, other]
        .into_iter()
        .take(count)
}

/// That the test above would have found the break of Orchard, where a gadget took a value instead of a cell. It is not found at
/// every cell: some copies are held by the rest of the relation, and a cell may need others to change with it.
#[test]
fn a_missing_copy_is_found() {
    let ((_, witness), system, places) = &*UNSHIELD;
    let computed = |value: F| {
        let variables = system.variables();
        let found = variables
            .into_iter()
            .find(|class| system.values[*class] == value);
        found.expect("it is computed")
    };
    let nullifier_key = witness.key.nullifier_key();
    let leaf = witness.inputs[0].commitment(witness.asset);
    let copied = [
        ("nullifier key", computed(nullifier_key)),
        ("commitment of an input", computed(leaf)),
        ("value of an input", places.inputs[0].value),
        ("value of an output", places.outputs[0].value),
        ("native", places.outputs[0].native),
        ("asset", places.asset),
        ("bit of a position", places.inputs[0].position[3]),
    ];
    for (what, class) in copied {
        let cells = system.cells(class);
        let found = cells
            .par_iter()
            .filter(|cell| is_found(system, places, **cell))
            .count();
        println!("{what}: {found} of {} cells", cells.len());
        assert!(found > 0, "{what}");
    }
}

/// Whether some change of a cell that is no copy any more is accepted by the circuit and not by the relation.
fn is_found(system: &System, places: &Places, cell: (usize, usize)) -> bool {
    let mut system = system.clone();
    let class = system.cut(cell);
    changes(&system, class).any(|value| {
        let result = system.propagate(&[(class, value)]);
        result.is_ok_and(|values| !places.broken(&system, &values).is_empty())
    })
}

/// 7.5, in every bit of the relation.
#[test]
fn bits_are_0_or_1() {
    let (_, system, places) = &*UNSHIELD;
    let half = F::from(2).invert().unwrap();
    for class in places.bits() {
        for value in [F::from(2), -F::ONE, half] {
            assert!(system.propagate(&[(class, value)]).is_err());
        }
    }
}

/// 7.5, and nothing else: an output that is native by a fraction turns native coin into an asset.
#[test]
fn a_fraction_of_native_breaks_only_the_bits() {
    let (_, system, places) = &*UNSHIELD;
    let (asset, native) = (&places.outputs[0], &places.outputs[2]);
    let four = F::from(4);
    let more = system.values[asset.value] + four;
    let changes = [
        (asset.value, more),
        (asset.native, four * more.invert().unwrap()),
        (native.value, system.values[native.value] - four),
    ];
    assert!(system.propagate(&changes).is_err());

    let mut without = system.clone();
    without.without_bits();
    let values = without
        .propagate(&changes)
        .expect("nothing else refuses it");
    let (before, after) = (public(system, &system.values), public(system, &values));
    let same: Vec<_> = (0..PUBLIC_INPUTS)
        .filter(|n| before[*n] == after[*n])
        .collect();
    assert_eq!(
        same,
        [0, 1, 2, 4, 6, 7, 8, 9, 10],
        "all but the two commitments"
    );
}

/// 7.5, and nothing else: with a bit that is none, a dummy has as many nullifiers as there are numbers.
#[test]
fn a_fraction_of_a_position_breaks_only_the_bits() {
    let (_, _, places) = &*UNSHIELD;
    let system = system(&with_a_dummy());
    // The other bits stay what they are.
    let mut change: Vec<_> = places
        .bits()
        .into_iter()
        .map(|class| (class, system.values[class]))
        .collect();
    change.retain(|(class, _)| *class != places.inputs[1].position[5]);
    change.push((places.inputs[1].position[5], F::from(2)));
    assert!(system.propagate(&change).is_err());
    let mut without = system.clone();
    without.without_bits();
    let values = without.propagate(&change).expect("nothing else refuses it");
    let (before, after) = (public(&system, &system.values), public(&system, &values));
    let changed: Vec<_> = (0..PUBLIC_INPUTS)
        .filter(|n| before[*n] != after[*n])
        .collect();
    assert_eq!(changed, [2]);
}
