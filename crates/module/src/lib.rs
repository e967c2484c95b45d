#![doc = include_str!("../README.md")]
// The tests await whole block lives in one future.
#![cfg_attr(test, recursion_limit = "256")]

mod application;
mod build;
mod chain;
mod exchange;
pub mod genesis;
mod imports;
mod pace;
mod payments;
pub mod rules;
mod spec;
mod submit;
#[cfg(test)]
mod testing;

pub use application::{Module, Runtime, Timing, genesis_digest, unix_ms};
pub use chain::{Chain, ChainError, Demand, StateView};
pub use exchange::Exchange;
pub use payments::{PaymentError, Payments};
pub use spec::{Allocation, ChainSpec};
pub use submit::{BASE_FEE_MIN, SubmitError, decode};
pub use trellis_light::Scheme;
