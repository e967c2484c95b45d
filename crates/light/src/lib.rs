#![doc = include_str!("../README.md")]

mod error;
mod evidence;
mod finality;
mod message;
pub mod state;
#[cfg(test)]
mod testing;
pub mod tree;
#[cfg(test)]
mod vectors;

pub use error::LightError;
pub use evidence::Evidence;
pub use finality::{
    FINALIZATION_BYTES_MAX, FinalBlock, Finalization, Network, NetworkKey, Scheme, namespace,
};
pub use message::Message;
pub use state::StateProof;
