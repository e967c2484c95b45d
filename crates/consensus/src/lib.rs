#![doc = include_str!("../README.md")]
// The tests await whole block lives in one future.
#![cfg_attr(test, recursion_limit = "256")]

pub mod blocker;
pub mod engine;
pub mod gate;
pub mod gossip;
mod module;
pub mod network;

pub use blocker::{Filtered, ModuleBlocker, Offences};
pub use engine::{Channels, Config, Engine, Timeouts};
pub use gate::{Gate, Pace};
pub use module::{HistoryReporter, PoolRelay, certify};
