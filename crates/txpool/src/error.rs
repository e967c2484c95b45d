use alloy_primitives::U256;
use core::fmt;
use trellis_primitives::Class;

/// Why the pool refuses a transaction. The wording is what Ethereum clients recognise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The pool holds this very transaction.
    #[error("already known")]
    AlreadyKnown,
    /// The nonce is used on chain.
    #[error("nonce too low: next nonce {next}, tx nonce {got}")]
    NonceTooLow {
        /// The account's nonce at the head.
        next: u64,
        /// The transaction's nonce.
        got: u64,
    },
    /// The nonce 2^64-1 can never be used (EIP-2681).
    #[error("nonce has max value: tx nonce {}, limit {}", u64::MAX, u64::MAX - 1)]
    NonceMax,
    /// The encoding is larger than a block or the pool takes.
    #[error("oversized data: transaction size {size} bytes, limit {limit}")]
    TooLarge {
        /// Bytes of the encoding.
        size: usize,
        /// [`trellis_primitives::limits::TRANSACTION_BYTES_MAX`].
        limit: usize,
    },
    /// The sender cannot pay for this transaction alone.
    #[error("insufficient funds for gas * price + value: balance {balance}, cost {cost}")]
    InsufficientFunds {
        /// The sender's balance at the head, in wei.
        balance: U256,
        /// Value plus gas limit times maximum fee, in wei.
        cost: U256,
    },
    /// The pool holds a transaction of this sender and nonce, and the new one does not pay enough more.
    #[error(
        "replacement transaction underpriced: {field} {got} wei, needs at least {needed} ({bump}% more than {old})"
    )]
    Underpriced {
        /// Which fee is too low: `max fee` or `priority fee`.
        field: &'static str,
        /// The new transaction's fee per gas, in wei.
        got: u128,
        /// The least that replaces, in wei; `u128::MAX` also when nothing does.
        needed: u128,
        /// The fee per gas of the transaction in the pool, in wei.
        old: u128,
        /// [`crate::Limits::replacement_bump`].
        bump: u64,
    },
    /// A limit is reached, and everything that could make room ranks as high as this transaction or higher.
    #[error("txpool is full: {0}")]
    Full(FullLimit),
}

/// The limit that keeps a transaction out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullLimit {
    /// [`crate::Limits::count`].
    Count(usize),
    /// [`crate::Limits::bytes`].
    Bytes(usize),
    /// [`crate::Limits::per_sender`].
    Sender(usize),
}

impl fmt::Display for FullLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(limit) => write!(f, "limit of {limit} transactions reached"),
            Self::Bytes(limit) => write!(f, "limit of {limit} bytes reached"),
            Self::Sender(limit) => write!(f, "limit of {limit} transactions of one sender reached"),
        }
    }
}

impl PoolError {
    /// Invalid only for what the transaction alone proves. All else depends on this node's head and pool, so an
    /// honest peer may have sent it.
    pub fn class(&self) -> Class {
        match self {
            Self::NonceMax | Self::TooLarge { .. } => Class::Invalid,
            Self::AlreadyKnown
            | Self::NonceTooLow { .. }
            | Self::InsufficientFunds { .. }
            | Self::Underpriced { .. }
            | Self::Full(_) => Class::Unavailable,
        }
    }
}
