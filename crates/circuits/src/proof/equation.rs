//! What is left of a proof once its polynomial identities hold: two sums of points that a pairing compares.
//!
//! Half of a sum's points are of the verifying key. In a batch they stand once, and all proofs' points are multiplied together.

use super::LibraryKey;
use super::multiply::multiply;
use crate::field::F;
use ff::Field;
use group::Group;
use midnight_curves::{Bls12, G1Affine, G1Projective};
use midnight_proofs::poly::CommitmentLabel;
use midnight_proofs::poly::kzg::msm::{DualMSM, MSMKZG};
use midnight_proofs::poly::kzg::params::ParamsVerifierKZG;

/// The points of a verifying key that every proof's sum has, in one order.
pub(super) struct Shared {
    points: Vec<G1Projective>,
    fixed: usize,
}

impl Shared {
    /// The generator as the library has it, negated; the fixed columns, the columns of the permutation.
    pub(super) fn new(key: &LibraryKey) -> Self {
        let fixed = key.fixed_commitments();
        let permutation = key.permutation().commitments();
        let generator = [-G1Projective::generator()];
        Self {
            points: [&generator, &fixed[..], &permutation[..]].concat(),
            fixed: fixed.len(),
        }
    }

    /// Where a term's point stands, if it is one of these. What the library calls it is a hint; the point itself decides.
    fn place(&self, label: &CommitmentLabel, point: &G1Projective) -> Option<usize> {
        let place = match label {
            CommitmentLabel::Fixed(n) => 1 + n,
            CommitmentLabel::Permutation(n) => 1 + self.fixed + n,
            _ => 0,
        };
        (self.points.get(place) == Some(point)).then_some(place)
    }
}

/// One proof's sums, or those of many with weights.
#[derive(Clone)]
pub(super) struct Equation {
    /// Factors of [`Shared`] on the right.
    shared: Vec<F>,
    right: Terms,
    left: Terms,
}

#[derive(Clone, Default)]
struct Terms {
    factors: Vec<F>,
    points: Vec<G1Projective>,
}

impl Equation {
    pub(super) fn new(shared: &Shared, sums: &DualMSM<Bls12>) -> Self {
        let (left, right) = sums.split();
        let mut equation = Self {
            shared: vec![F::ZERO; shared.points.len()],
            right: Terms::default(),
            left: Terms::default(),
        };
        for (_, factor, point) in left {
            equation.left.push(*factor, *point);
        }
        for (label, factor, point) in right {
            match shared.place(label, point) {
                Some(place) => equation.shared[place] += factor,
                None => equation.right.push(*factor, *point),
            }
        }
        equation
    }

    /// The points that the proof brought.
    pub(super) fn own_points(&self) -> impl Iterator<Item = G1Affine> {
        let points = self.right.points.iter().chain(&self.left.points);
        points.map(G1Affine::from)
    }

    pub(super) fn scale(&mut self, weight: F) {
        let factors = self.shared.iter_mut().chain(&mut self.right.factors);
        for factor in factors.chain(&mut self.left.factors) {
            *factor *= weight;
        }
    }

    /// The sum of several.
    pub(super) fn sum<'a>(shared: &Shared, equations: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self {
            shared: vec![F::ZERO; shared.points.len()],
            right: Terms::default(),
            left: Terms::default(),
        };
        for equation in equations {
            for (total, factor) in sum.shared.iter_mut().zip(&equation.shared) {
                *total += factor;
            }
            sum.right.extend(&equation.right);
            sum.left.extend(&equation.left);
        }
        sum
    }

    pub(super) fn holds(mut self, shared: &Shared, parameters: &ParamsVerifierKZG<Bls12>) -> bool {
        self.right.factors.append(&mut self.shared);
        self.right.points.extend_from_slice(&shared.points);
        let (left, right) = (self.left.sum(), self.right.sum());
        DualMSM::new(MSMKZG::from_base(&left), MSMKZG::from_base(&right)).check(parameters)
    }
}

impl Terms {
    /// The identity, which stands for the committed instance that the circuit does not have, adds nothing.
    fn push(&mut self, factor: F, point: G1Projective) {
        if !bool::from(point.is_identity()) {
            self.factors.push(factor);
            self.points.push(point);
        }
    }

    fn extend(&mut self, other: &Self) {
        self.factors.extend_from_slice(&other.factors);
        self.points.extend_from_slice(&other.points);
    }

    fn sum(&self) -> G1Projective {
        multiply(&self.factors, &self.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::tests::{KEYS, PAYMENT};
    use blake2b_simd::State;

    /// Vulnerability class 23: what is wrong in one proof and the opposite in another.
    #[test]
    fn errors_cancel_only_without_weights() {
        let verifier = &KEYS.1;
        let (instance, proof) = &*PAYMENT;
        let (sums, challenge) = verifier.prepare::<State>(instance, proof).unwrap();
        let right = Equation::new(&verifier.shared, &sums);
        let (mut more, mut less) = (right.clone(), right.clone());
        more.right.push(F::ONE, G1Projective::generator());
        less.right.push(-F::ONE, G1Projective::generator());
        let hold = |equations: &[&Equation]| {
            Equation::sum(&verifier.shared, equations.iter().copied())
                .holds(&verifier.shared, &verifier.parameters)
        };
        assert!(hold(&[&right]));
        assert!(!hold(&[&more]) && !hold(&[&less]));
        assert!(hold(&[&more, &less]), "which is why each has a weight");
        less.scale(challenge);
        assert!(!hold(&[&more, &less]));
    }

    /// Half of the points are shared: the 24 of a proof are left, and its last one stands on both sides.
    #[test]
    fn a_proof_has_few_points_of_its_own() {
        let verifier = &KEYS.1;
        let (instance, proof) = &*PAYMENT;
        let (sums, _) = verifier.prepare::<State>(instance, proof).unwrap();
        let equation = Equation::new(&verifier.shared, &sums);
        let (left, right) = sums.split();
        let own = equation.right.points.len();
        println!(
            "{own} of {} points, {} shared",
            right.len(),
            verifier.shared.points.len()
        );
        assert_eq!((left.len(), equation.left.points.len()), (1, 1));
        assert!(own < 26, "{own}");
        assert!(equation.shared.iter().all(|factor| *factor != F::ZERO));
    }
}
