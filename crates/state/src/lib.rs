#![doc = include_str!("../README.md")]

pub mod history;
pub mod reader;
pub mod replay;
pub mod tree;
pub mod window;

pub use history::{History, HistoryConfig, HistoryError, RecordedBlock, Undo};
pub use reader::{AppliedState, AsyncState, BatchState, Bridge, SyncState};
pub use window::{Window, WindowError};
