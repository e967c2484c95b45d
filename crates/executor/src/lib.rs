#![doc = include_str!("../README.md")]

mod block;
mod book;
mod check;
mod closing;
mod engine;
mod env;
mod error;
mod evm;
mod fee;
mod fill;
mod hints;
mod journal;
mod kept;
mod ledger;
mod listed;
mod optimistic;
mod outcome;
mod overlay;
mod results;
mod rules;
pub mod simulate;
mod slots;
mod transaction;
mod transfer;
mod verify;

/// One account of an access list.
pub use alloy_eip7928::AccountChanges;
pub use block::{BlockExecutor, execute_block};
pub use check::{StaticError, check_static};
pub use engine::Engine;
pub use env::{BlockEnv, Setting};
pub use error::{ExecutionError, InvalidTransaction, TransactionError};
pub use fee::next_base_fee;
pub use fill::{Candidate, Filled, Room};
pub use results::{Executed, Outcomes, Ran};
pub use transaction::{Transaction, evm_transaction};
/// The threads an [`Engine`] executes on.
pub use trellis_stm::Workers;
pub use verify::{
    AccessList, ListError, VerifyError, check_structure, claimed_difference, decode_access_list,
    encode_access_list,
};
