#![doc = include_str!("../README.md")]

mod artifact;
mod assembler;
mod chain;
mod made_up;
pub mod measure;
mod memory;
mod plain;
mod published;
mod recorded;
mod senders;
mod token;
mod uniswap;
pub mod workload;

pub use artifact::ArtifactError;
pub use assembler::assemble;
pub use memory::Memory;
pub use plain::{PlainResult, Prepared, run_plain};
pub use recorded::{Expected, RecordedBlock, RecordedError, directory};

use trellis_executor::{Setting, Transaction};

/// A block to execute, and the state before it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it is called in a report.
    pub name: String,
    /// The block's environment.
    pub setting: Setting,
    /// Its transactions, with their senders.
    pub transactions: Vec<Transaction>,
    /// The state before it.
    pub state: Memory,
}
