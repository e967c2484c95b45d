//! Proofs of the transfer relation: made, checked alone, checked many at a time (payments.md, 10).

mod batch;
mod buckets;
mod cache;
mod equation;
mod keys;
mod multiply;
mod prover;
mod subgroup;
mod tables;
mod unchecked;

use equation::Shared;
use keys::LibraryKey;

pub use cache::PROVING_KEY_HASH;
pub use keys::{KeyError, VERIFYING_KEY_HASH};
pub use prover::{ProveError, Prover};

use crate::field::F;
use crate::instance::{Instance, PUBLIC_INPUTS};
use crate::parameters;
use blake2b_simd::State;
use group::Group;
use midnight_curves::{Bls12, G1Projective};
use midnight_proofs::plonk::prepare;
use midnight_proofs::poly::kzg::KZGCommitmentScheme;
use midnight_proofs::poly::kzg::msm::DualMSM;
use midnight_proofs::poly::kzg::params::ParamsVerifierKZG;
use midnight_proofs::transcript::{
    CircuitTranscript, Hashable, Sampleable, Transcript, TranscriptHash,
};
use midnight_zk_stdlib::MidnightVK;

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 2_912;
/// The circuit has `2^11` rows.
pub const ROWS_LOG2: u32 = 11;

/// A proof that may be wrong, of the right length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof(Box<[u8; PROOF_BYTES]>);

impl Proof {
    /// From bytes of outside: any of exactly [`PROOF_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofLength> {
        let exact = bytes.try_into().map_err(|_| ProofLength(bytes.len()))?;
        Ok(Self(Box::new(exact)))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; PROOF_BYTES] {
        &self.0
    }
}

/// Bytes that are too few or too many for a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proof has {PROOF_BYTES} bytes, not {0}")]
pub struct ProofLength(pub usize);

/// The proof does not show the instance. For ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof is wrong, or for another transfer")]
pub struct Invalid;

/// Checks proofs. It is made in milliseconds, and one serves all threads.
pub struct Verifier {
    parameters: ParamsVerifierKZG<Bls12>,
    key: MidnightVK,
    shared: Shared,
}

impl Verifier {
    /// Reads the verifying key that comes with this crate, if it is the pinned one. Tests derive it from the relation.
    pub fn new() -> Result<Self, KeyError> {
        let key = keys::shipped()?;
        Ok(Self {
            parameters: parameters::for_verifier()?,
            shared: Shared::new(key.vk()),
            key,
        })
    }

    /// Checks one proof.
    pub fn verify(&self, instance: &Instance, proof: &Proof) -> Result<(), Invalid> {
        let (sums, _) = self.prepare::<State>(instance, proof)?;
        if sums.check(&self.parameters) {
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    /// All of the check but the pairing, and a challenge that depends on all of the instance and the proof.
    fn prepare<H>(&self, instance: &Instance, proof: &Proof) -> Result<(DualMSM<Bls12>, F), Invalid>
    where
        H: TranscriptHash,
        F: Hashable<H> + Sampleable<H>,
        G1Projective: Hashable<H>,
    {
        let inputs: [F; PUBLIC_INPUTS] = instance.public_inputs();
        let mut transcript = CircuitTranscript::<H>::init_from_bytes(proof.as_bytes());
        let sums = prepare::<F, KZGCommitmentScheme<Bls12>, CircuitTranscript<H>>(
            self.key.vk(),
            &[&[G1Projective::identity()]],
            &[&[&inputs]],
            &mut transcript,
        )
        .map_err(|_| Invalid)?;
        let challenge = transcript.squeeze_challenge();
        transcript.assert_empty().map_err(|_| Invalid)?;
        Ok((sums, challenge))
    }
}

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;
