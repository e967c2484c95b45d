//! Many proofs at a time (payments.md, 10.4).

use super::{Equation, Invalid, Proof, Verifier};
use crate::field::F;
use crate::instance::Instance;
use ff::Field;
use midnight_proofs::transcript::{CircuitTranscript, Transcript};
use rayon::prelude::*;

/// A prepared proof and its place in the batch.
type Prepared = (usize, Equation);

impl Verifier {
    /// Checks many proofs for little more than the work that each needs on its own. Each has its own answer, whatever its
    /// neighbours are.
    pub fn verify_batch(&self, batch: &[(Instance, Proof)]) -> Vec<Result<(), Invalid>> {
        let prepared: Vec<_> = batch
            .par_iter()
            .map(|(instance, proof)| self.prepare(instance, proof))
            .collect();
        let mut answers = vec![Err(Invalid); batch.len()];
        let Some(challenge) = common_challenge(&prepared) else {
            return answers;
        };

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
        let Some(sum) = sum(equations) else {
            return Vec::new();
        };
        if sum.check(&self.parameters) {
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

fn sum(equations: &[Prepared]) -> Option<Equation> {
    let ((_, first), rest) = equations.split_first()?;
    Some(rest.iter().fold(first.clone(), |mut sum, (_, equation)| {
        sum.add_msm(equation.clone());
        sum
    }))
}

/// A challenge drawn after every proof is fixed: nobody can choose two wrong ones that cancel out.
fn common_challenge(prepared: &[Result<(Equation, F), Invalid>]) -> Option<F> {
    let mut transcript = CircuitTranscript::<blake2b_simd::State>::init();
    for (_, challenge) in prepared.iter().flatten() {
        transcript.common(challenge).ok()?;
    }
    Some(transcript.squeeze_challenge())
}
