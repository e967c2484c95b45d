#![doc = include_str!("../README.md")]
// The future of a validator holds those of all its parts.
#![recursion_limit = "256"]

mod accounts;
mod config;
mod dev;
mod error;
mod keys;
mod layout;
mod validator;

pub use accounts::{DevAccount, MNEMONIC, dev_accounts};
pub use config::DevConfig;
pub use dev::{DevNetwork, ModuleStatus, ModuleSummary};
pub use error::NodeError;
