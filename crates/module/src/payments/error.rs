use alloy_primitives::B256;
use trellis_primitives::Class;
use trellis_shielded::TransactionError;

/// Why a private transfer is not taken (docs/spec/payments.md, 11.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// Its form or its fee is wrong.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// This module has no pool.
    #[error("private transfer: this module has no private payments")]
    NoPool,
    /// Its circuit is paused.
    #[error("private transfer: circuit {0} is paused by the network's governance")]
    Paused(u32),
    /// Its last block is past.
    #[error("private transfer: it expired with block {expiry}, the next is {next}")]
    Expired {
        /// The last block that may include it.
        expiry: u64,
        /// The next block.
        next: u64,
    },
    /// Its last block is too far ahead.
    #[error(
        "private transfer: its expiry, block {expiry}, is more than {limit} blocks ahead of {next}"
    )]
    TooLong {
        /// The last block that may include it.
        expiry: u64,
        /// The next block.
        next: u64,
        /// How far it may lie ahead.
        limit: u64,
    },
    /// No root of the tree, as far as is known here.
    #[error("private transfer: the anchor is no root of this module's tree of notes")]
    UnknownAnchor,
    /// A root that is too old.
    #[error(
        "private transfer: the anchor is older than the last {0} roots; prove against a newer one"
    )]
    OldAnchor(u64),
    /// It spends one note twice.
    #[error("private transfer: both nullifiers are the same (PAY-2)")]
    SameNullifier,
    /// It spends a note that was spent before.
    #[error("private transfer: nullifier {0} was spent before (PAY-2)")]
    Spent(B256),
    /// Another transfer that waits spends the same note.
    #[error("private transfer: nullifier {0} is spent by another transfer that waits")]
    Waiting(B256),
    /// No such asset.
    #[error("private transfer: asset {0} does not exist")]
    Asset(u32),
    /// Somebody signed it.
    #[error("private transfer: a transfer has a proof and no signature")]
    Signed,
    /// The proof does not hold.
    #[error(
        "private transfer: the proof is wrong, or for another transfer, module or network (PAY-3)"
    )]
    Proof,
}

impl PaymentError {
    /// What the refusal says about the transfer (EXE-2).
    pub const fn class(&self) -> Class {
        match self {
            Self::Paused(_)
            | Self::TooLong { .. }
            | Self::UnknownAnchor
            | Self::Waiting(_)
            | Self::Asset(_) => Class::Unavailable,
            _ => Class::Invalid,
        }
    }
}
