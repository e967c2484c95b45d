//! Accounts that the protocol itself knows (docs/spec/messages.md).

use alloy_primitives::{Address, address};

/// The gateway of every module: contracts send messages to it, and it delivers what other modules sent.
pub const GATEWAY: Address = address!("0x0000000000000000000000000000000000007786");

/// Sender of imports. Nobody has its key: a transaction from it has no signature, pays no fee, and stands in a block only if
/// the messages it delivers are proven.
pub const IMPORTER: Address = address!("0x0000000000000000000000000000000000007787");
