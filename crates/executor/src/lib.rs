#![doc = include_str!("../README.md")]

mod block;
mod check;
mod env;
mod error;
mod fee;
mod overlay;
pub mod simulate;
mod transaction;

pub use block::{BlockExecutor, Executed, execute_block};
pub use check::{StaticError, check_static};
pub use env::BlockEnv;
pub use error::{ExecutionError, InvalidTransaction, TransactionError};
pub use fee::next_base_fee;
pub use transaction::Transaction;
