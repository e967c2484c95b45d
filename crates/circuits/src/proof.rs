//! Proofs of the transfer relation: made, checked alone, checked many at a time (payments.md, 10).

mod batch;

use crate::field::F;
use crate::instance::{Instance, PUBLIC_INPUTS};
use crate::native::Broken;
use crate::parameters::{Parameters, ParametersError};
use crate::transfer::Transfer;
use crate::witness::Witness;
use blake2b_simd::State;
use group::Group;
use midnight_curves::{Bls12, G1Projective};
use midnight_proofs::plonk::{Error, prepare};
use midnight_proofs::poly::kzg::KZGCommitmentScheme;
use midnight_proofs::poly::kzg::msm::DualMSM;
use midnight_proofs::poly::kzg::params::{ParamsKZG, ParamsVerifierKZG};
use midnight_proofs::transcript::{CircuitTranscript, Transcript};
use midnight_proofs::utils::SerdeFormat;
use midnight_zk_stdlib::{MidnightPK, MidnightVK, setup_pk, setup_vk};
use rand_08::rngs::OsRng;
use sha2::{Digest, Sha256};

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 2_912;
/// The circuit has `2^11` rows.
pub const ROWS_LOG2: u32 = 11;
/// SHA-256 of the verifying key (payments.md, 10.1).
pub const VERIFYING_KEY_HASH: [u8; 32] = [
    0xed, 0x4f, 0x09, 0x50, 0xf7, 0x0a, 0xd4, 0xc7, 0xf8, 0x8d, 0xad, 0x62, 0x67, 0x0f, 0x9f, 0x5e,
    0x2e, 0x8f, 0x97, 0x8f, 0x19, 0x1c, 0xc0, 0x31, 0x55, 0x73, 0x7d, 0x7b, 0x34, 0x1c, 0xa2, 0x3b,
];

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

/// Why keys were not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The parameters are not the published ones.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// This build has another circuit than the one whose key is pinned: its proofs would convince nobody.
    #[error("the verifying key of this build is not the pinned one")]
    Fingerprint,
}

/// Why no proof was made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// There is nothing to prove.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The library failed, which a witness that holds does not make it do.
    #[error("the proving library failed: {0}")]
    Library(#[from] Error),
    /// The library made a proof of another length.
    #[error(transparent)]
    Length(#[from] ProofLength),
}

/// Makes proofs.
pub struct Prover {
    parameters: ParamsKZG<Bls12>,
    key: MidnightPK<Transfer>,
}

impl Prover {
    /// Derives the proving key from the relation and the published parameters, which takes a moment.
    pub fn new() -> Result<Self, KeyError> {
        let parameters = Parameters::ethereum(ROWS_LOG2)?;
        let verifying = verifying_key(&parameters)?;
        let key = setup_pk(&Transfer, &verifying);
        Ok(Self {
            parameters: parameters.inner().clone(),
            key,
        })
    }

    /// A proof that somebody knows a witness for the instance. Two proofs of one transfer differ.
    pub fn prove(&self, instance: &Instance, witness: Witness) -> Result<Proof, ProveError> {
        Transfer::check(instance, &witness)?;
        self.prove_unchecked(instance, witness)
    }

    fn prove_unchecked(&self, instance: &Instance, witness: Witness) -> Result<Proof, ProveError> {
        let bytes = midnight_zk_stdlib::prove::<Transfer, State>(
            &self.parameters,
            &self.key,
            &Transfer,
            instance,
            witness,
            OsRng,
        )?;
        Ok(Proof::decode(&bytes)?)
    }
}

/// Checks proofs.
pub struct Verifier {
    parameters: ParamsVerifierKZG<Bls12>,
    key: MidnightVK,
}

/// A proof whose polynomial identities hold if one equation of points does.
type Equation = DualMSM<Bls12>;

impl Verifier {
    /// Derives the verifying key from the relation and the published parameters.
    pub fn new() -> Result<Self, KeyError> {
        let parameters = Parameters::ethereum(ROWS_LOG2)?;
        let key = verifying_key(&parameters)?;
        Ok(Self {
            parameters: parameters.inner().verifier_params(),
            key,
        })
    }

    /// Checks one proof.
    pub fn verify(&self, instance: &Instance, proof: &Proof) -> Result<(), Invalid> {
        let (equation, _) = self.prepare(instance, proof)?;
        if equation.check(&self.parameters) {
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    /// All of the check but the pairing, and a challenge that depends on all of the instance and the proof.
    fn prepare(&self, instance: &Instance, proof: &Proof) -> Result<(Equation, F), Invalid> {
        let inputs: [F; PUBLIC_INPUTS] = instance.public_inputs();
        let mut transcript = CircuitTranscript::<State>::init_from_bytes(proof.as_bytes());
        let equation = prepare::<F, KZGCommitmentScheme<Bls12>, CircuitTranscript<State>>(
            self.key.vk(),
            &[&[G1Projective::identity()]],
            &[&[&inputs]],
            &mut transcript,
        )
        .map_err(|_| Invalid)?;
        let challenge = transcript.squeeze_challenge();
        transcript.assert_empty().map_err(|_| Invalid)?;
        Ok((equation, challenge))
    }
}

/// The verifying key, if it is the pinned one.
fn verifying_key(parameters: &Parameters) -> Result<MidnightVK, KeyError> {
    let key = setup_vk(parameters.inner(), &Transfer);
    if fingerprint(&key) == Some(VERIFYING_KEY_HASH) {
        Ok(key)
    } else {
        Err(KeyError::Fingerprint)
    }
}

/// SHA-256 of a verifying key in the library's raw encoding.
fn fingerprint(key: &MidnightVK) -> Option<[u8; 32]> {
    let mut bytes = Vec::new();
    key.write(&mut bytes, SerdeFormat::RawBytes).ok()?;
    Some(Sha256::digest(&bytes).into())
}

#[cfg(test)]
mod tests;
