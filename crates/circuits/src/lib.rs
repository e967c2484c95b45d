#![doc = include_str!("../README.md")]

pub mod field;
pub mod hash;
mod instance;
mod native;
mod parameters;
mod proof;
#[cfg(test)]
mod testing;
mod transfer;
mod witness;

pub use instance::{Context, INPUTS, Instance, OUTPUTS, PUBLIC_INPUTS, Public};
pub use native::Broken;
pub use parameters::{PARAMETERS_HASH, Parameters, ParametersError};
pub use proof::{
    Invalid, KeyError, PROOF_BYTES, PROVING_KEY_HASH, Proof, ProofLength, ProveError, Prover,
    ROWS_LOG2, VERIFYING_KEY_HASH, Verifier,
};
pub use transfer::Transfer;
pub use witness::{Input, Output, SpendingKey, Witness};
