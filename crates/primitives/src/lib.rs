#![doc = include_str!("../README.md")]

mod account;
mod block;
mod error;
mod extension;
pub mod limits;
mod module;
pub mod system;
#[cfg(test)]
mod testing;

pub use account::{Account, Change, StateDiff, StateError, StateReader};
pub use block::{
    Block, BlockError, Digest, EMPTY_WITHDRAWALS_ROOT, header_template, transactions_root,
};
pub use error::Class;
pub use extension::{Context, EMPTY_OUTBOX, Extension, StateCommitment, TreeCommitment};
pub use module::{ModuleId, ModuleName, ModuleNameError};
