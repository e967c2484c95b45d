//! Making proofs.

use super::keys::{self, KeyError};
use super::{Proof, ProofLength, ROWS_LOG2, cache};
use crate::instance::Instance;
use crate::native::Broken;
use crate::parameters::Parameters;
use crate::transfer::Transfer;
use crate::witness::Witness;
use blake2b_simd::State;
use midnight_curves::Bls12;
use midnight_proofs::plonk::Error;
use midnight_proofs::poly::kzg::params::ParamsKZG;
use midnight_zk_stdlib::{MidnightPK, setup_pk};
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
    pub(super) parameters: ParamsKZG<Bls12>,
    pub(super) key: MidnightPK<Transfer>,
}

impl Prover {
    /// Derives the proving key from the relation and the published parameters, which takes a moment.
    pub fn new() -> Result<Self, KeyError> {
        let parameters = Parameters::ethereum(ROWS_LOG2)?;
        let verifying = keys::derived(&parameters)?;
        let key = setup_pk(&Transfer, &verifying);
        Ok(Self {
            parameters: parameters.into_inner(),
            key,
        })
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
        let bytes = midnight_zk_stdlib::prove::<Transfer, State>(
            &self.parameters,
            &self.key,
            &Transfer,
            instance,
            witness,
            random,
        )?;
        Ok(Proof::decode(&bytes)?)
    }
}
