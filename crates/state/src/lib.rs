#![doc = include_str!("../README.md")]
// The tests await whole database lives in one future.
#![cfg_attr(test, recursion_limit = "256")]

pub mod history;
pub mod prefetch;
pub mod proof;
mod reader;
pub mod replay;
pub mod tree;
pub mod window;

pub use history::{History, HistoryConfig, HistoryError, RecordedBlock, Undo};
pub use prefetch::{CodeBatch, CodeState, Known, KnownState};
pub use proof::{ProvenAccount, Prover, StateProver, prove};
pub use reader::{AppliedState, AsyncState, BatchState, Bridge, SyncState};
pub use window::{Window, WindowError};
