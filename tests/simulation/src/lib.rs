#![doc = include_str!("../README.md")]
// The future of a whole validator nests deeply.
#![recursion_limit = "256"]

mod boot;
pub mod byzantine;
pub mod catalog;
pub mod disk;
pub mod engine;
pub mod ledger;
pub mod machine;
pub mod mail;
pub mod observer;
mod panics;
pub mod payer;
pub mod properties;
pub mod report;
pub mod roles;
pub mod run;
pub mod scenario;
pub mod votes;
pub mod wallet;
pub mod wire;
pub mod workload;
pub mod world;

pub use report::{Report, Violation};
pub use run::run;
pub use scenario::Scenario;
