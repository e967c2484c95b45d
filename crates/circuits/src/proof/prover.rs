//! Making proofs.

use super::keys::{self, KeyError};
use super::tables::{Tabled, Tables};
use super::{Proof, ProofLength, ROWS_LOG2, cache};
use crate::field::F;
use crate::instance::Instance;
use crate::native::Broken;
use crate::parameters::Parameters;
use crate::transfer::Transfer;
use crate::witness::Witness;
use blake2b_simd::State;
use midnight_proofs::circuit::Value;
use midnight_proofs::plonk::{Error, ProvingKey, create_proof, keygen_pk};
use midnight_proofs::transcript::{CircuitTranscript, Transcript};
use midnight_zk_stdlib::MidnightCircuit;
use rand_08::{CryptoRng, RngCore, rngs::OsRng};
use std::path::Path;

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
    pub(super) tables: Tables,
    pub(super) key: ProvingKey<F, Tabled>,
}

/// The circuit of an instance and a witness, or of none.
pub(super) fn circuit(known: Option<(&Instance, Witness)>) -> MidnightCircuit<'static, Transfer> {
    let (instance, witness) = match known {
        Some((instance, witness)) => (Value::known(instance.clone()), Value::known(witness)),
        None => (Value::unknown(), Value::unknown()),
    };
    MidnightCircuit::new(&Transfer, instance, witness, Some(ROWS_LOG2))
}

impl Prover {
    /// Derives the proving key from the relation and the published parameters, which takes a moment.
    pub fn new() -> Result<Self, KeyError> {
        let parameters = Parameters::ethereum(ROWS_LOG2)?;
        let verifying = keys::derived(&parameters)?;
        let tables = Tables::new(parameters);
        let key = keygen_pk(keys::tabled(&verifying)?, &circuit(None));
        let key = key.map_err(|_| KeyError::Fingerprint)?;
        Ok(Self { tables, key })
    }

    /// Reads the proving key from a file of this directory. If there is none, or it is damaged or of another build, derives
    /// it and writes it there for the next time. Where nothing can be written the next time takes as long; that is all.
    pub fn cached(directory: &Path) -> Result<Self, KeyError> {
        if let Some(prover) = cache::load(directory) {
            return Ok(prover);
        }
        let prover = Self::new()?;
        cache::store(directory, &prover).ok();
        Ok(prover)
    }

    /// The proving key as [`cached`](Self::cached) keeps it, for where there are no files.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail.
        cache::encode(self).expect("a vector takes all bytes")
    }

    /// Reads [`to_bytes`](Self::to_bytes): nothing if it is not what this build would derive.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        cache::decode(bytes)
    }

    /// A proof that somebody knows a witness for the instance. Two proofs of one transfer differ.
    pub fn prove(&self, instance: &Instance, witness: Witness) -> Result<Proof, ProveError> {
        self.prove_with(instance, witness, OsRng)
    }

    /// The same with randomness of the caller's, where the system has none. What blinds two proofs must not be the same.
    pub fn prove_with(
        &self,
        instance: &Instance,
        witness: Witness,
        random: impl RngCore + CryptoRng,
    ) -> Result<Proof, ProveError> {
        Transfer::check(instance, &witness)?;
        self.prove_unchecked(instance, witness, random)
    }

    pub(super) fn prove_unchecked(
        &self,
        instance: &Instance,
        witness: Witness,
        random: impl RngCore + CryptoRng,
    ) -> Result<Proof, ProveError> {
        let inputs = instance.public_inputs();
        let circuit = circuit(Some((instance, witness)));
        let mut transcript = CircuitTranscript::<State>::init();
        // The library's circuits have an instance column for commitments first, of which this one has none.
        create_proof(
            &self.tables,
            &self.key,
            std::slice::from_ref(&circuit),
            1,
            &[&[&[], &inputs]],
            &mut transcript,
            random,
        )
        .map_err(|error| circuit.take_error().unwrap_or(error))?;
        Ok(Proof::decode(&transcript.finalize())?)
    }
}
