//! Accounts that the protocol itself knows (docs/spec/messages.md, docs/spec/payments.md).

use alloy_consensus::TxEnvelope;
use alloy_primitives::{Address, address};

/// The gateway of every module: contracts send messages to it, and it delivers what other modules sent.
pub const GATEWAY: Address = address!("0x0000000000000000000000000000000000007786");

/// Sender of imports. Nobody has its key: a transaction from it has no signature, pays no fee, and stands in a block only if
/// the messages it delivers are proven.
pub const IMPORTER: Address = address!("0x0000000000000000000000000000000000007787");

/// The pool of private payments, in modules that have one.
pub const POOL: Address = address!("0x0000000000000000000000000000000000007788");

/// Sender of the transaction that records the root of the pool's tree. Nobody has its key: its only transaction in a block
/// stands first, pays no fee, and follows from the parent.
pub const KEEPER: Address = address!("0x0000000000000000000000000000000000007789");

/// Whether a transaction has no signature, so that its sender is one of the protocol's: nobody can sign like this.
pub fn is_unsigned(tx: &TxEnvelope) -> bool {
    let signature = tx.signature();
    tx.is_legacy() && signature.r().is_zero() && signature.s().is_zero()
}
