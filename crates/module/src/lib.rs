#![doc = include_str!("../README.md")]
// The tests await whole block lives in one future.
#![cfg_attr(test, recursion_limit = "256")]

mod application;
mod build;
mod chain;
pub mod genesis;
mod pace;
pub mod rules;
mod spec;
mod submit;
#[cfg(test)]
mod testing;

pub use application::{Module, Runtime, Scheme, Timing, genesis_digest, unix_ms};
pub use chain::{Chain, ChainError, Demand, StateView};
pub use spec::{Allocation, ChainSpec};
pub use submit::{BASE_FEE_MIN, SubmitError, decode};
