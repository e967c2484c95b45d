//! Many proofs at a time (payments.md, 10.4).

use super::equation::Equation;
use super::unchecked::Unchecked;
use super::{Invalid, Proof, Verifier, subgroup};
use crate::field::F;
use crate::instance::Instance;
use ff::Field;
use midnight_curves::G1Affine;
use midnight_proofs::transcript::{CircuitTranscript, Transcript};
use rand_08::{RngCore, rngs::OsRng};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// A prepared proof and its place in the batch.
type Prepared = (usize, Equation);
/// A prepared proof and a challenge that depends on all of it, unless it is wrong already.
type Outcome = Result<(Equation, F), Invalid>;

impl Verifier {
    /// Checks many proofs for little more than the work that each needs on its own. Each has its own answer, whatever its
    /// neighbours are.
    pub fn verify_batch(&self, batch: &[(Instance, Proof)]) -> Vec<Result<(), Invalid>> {
        let mut prepared: Vec<_> = batch
            .par_iter()
            .map(|(instance, proof)| {
                let (sums, challenge) = self.prepare::<Unchecked>(instance, proof)?;
                Ok((Equation::new(&self.shared, &sums), challenge))
            })
            .collect();
        let mut answers = vec![Err(Invalid); batch.len()];
        let Some(challenge) = common_challenge(&prepared) else {
            return answers;
        };
        refuse_outside(&mut prepared, &challenge);

        let mut weight = F::ONE;
        let mut equations: Vec<(Prepared, F)> = Vec::with_capacity(batch.len());
        for (place, prepared) in prepared.into_iter().enumerate() {
            if let Ok((equation, _)) = prepared {
                equations.push(((place, equation), weight));
                weight *= challenge;
            }
        }
        let scaled: Vec<Prepared> = equations
            .into_par_iter()
            .map(|((place, mut equation), weight)| {
                equation.scale(weight);
                (place, equation)
            })
            .collect();
        for place in self.sound(&scaled) {
            answers[place] = Ok(());
        }
        answers
    }

    /// The places of those that hold: all if their sum does, else those of the two halves that do.
    fn sound(&self, equations: &[Prepared]) -> Vec<usize> {
        if equations.is_empty() {
            return Vec::new();
        }
        let sum = Equation::sum(&self.shared, equations.iter().map(|(_, equation)| equation));
        if sum.holds(&self.shared, &self.parameters) {
            return equations.iter().map(|(place, _)| *place).collect();
        }
        if equations.len() == 1 {
            return Vec::new();
        }
        let (left, right) = equations.split_at(equations.len() / 2);
        let (mut left, right) = rayon::join(|| self.sound(left), || self.sound(right));
        left.extend(right);
        left
    }
}

/// Makes up for what [`Unchecked`] leaves out: proofs with points outside of the subgroup are refused (payments.md, 10.2).
fn refuse_outside(prepared: &mut [Outcome], challenge: &F) {
    let points: Vec<G1Affine> = prepared
        .iter()
        .flatten()
        .flat_map(|(equation, _)| equation.own_points())
        .collect();
    if subgroup::all_inside(&points, &seed(challenge)) {
        return;
    }
    prepared.par_iter_mut().for_each(|outcome| {
        let inside = |(equation, _): &(Equation, F)| {
            equation
                .own_points()
                .all(|point| subgroup::is_inside(&point))
        };
        if !outcome.as_ref().is_ok_and(inside) {
            *outcome = Err(Invalid);
        }
    });
}

/// Nobody can know it before all proofs are fixed, nor, where the system has randomness, at all.
fn seed(challenge: &F) -> [u8; 32] {
    let mut random = [0; 32];
    OsRng.try_fill_bytes(&mut random).ok();
    let hash = Sha256::new().chain_update(crate::field::encode(challenge));
    hash.chain_update(random).finalize().into()
}

/// A challenge drawn after every proof is fixed: nobody can choose two wrong ones that cancel out.
fn common_challenge(prepared: &[Outcome]) -> Option<F> {
    let mut transcript = CircuitTranscript::<blake2b_simd::State>::init();
    for (_, challenge) in prepared.iter().flatten() {
        transcript.common(challenge).ok()?;
    }
    Some(transcript.squeeze_challenge())
}
