use crate::check::StaticError;
use alloy_primitives::{Address, U256};
use trellis_primitives::{Class, StateError};

/// Which rule a transaction breaks at its place in a block.
///
/// At that place the verdict is final. [`Self::GasLeft`], [`Self::NonceTooHigh`], [`Self::InsufficientFunds`] and
/// [`Self::FeeBelowBaseFee`] may hold elsewhere: a builder keeps the transaction, a checker refuses the block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTransaction {
    /// It is invalid whatever the state holds.
    #[error(transparent)]
    Static(#[from] StaticError),
    /// Its gas limit exceeds what earlier transactions left of the block's.
    #[error("gas limit {got} exceeds the {left} gas left in the block")]
    GasLeft {
        /// Gas the block has left.
        left: u64,
        /// Gas limit of the transaction.
        got: u64,
    },
    /// It does not pay the block's base fee (EIP-1559), in wei per gas.
    #[error("max fee per gas less than block base fee: max fee {max_fee}, base fee {base_fee}")]
    FeeBelowBaseFee {
        /// Base fee of the block.
        base_fee: u64,
        /// Most the transaction pays.
        max_fee: u128,
    },
    /// Its nonce was used already.
    #[error("nonce too low: next nonce {expected}, tx nonce {got}")]
    NonceTooLow {
        /// Next nonce of the sender.
        expected: u64,
        /// Nonce of the transaction.
        got: u64,
    },
    /// An earlier nonce of the sender is missing.
    #[error("nonce too high: next nonce {expected}, tx nonce {got}")]
    NonceTooHigh {
        /// Next nonce of the sender.
        expected: u64,
        /// Nonce of the transaction.
        got: u64,
    },
    /// The sender cannot pay value plus gas limit times max fee, in wei.
    #[error("insufficient funds for gas * price + value: balance {balance}, cost {cost}")]
    InsufficientFunds {
        /// Balance of the sender.
        balance: U256,
        /// Most the transaction may spend.
        cost: U256,
    },
    /// The sender is a contract (EIP-3607).
    #[error("sender not an eoa: {sender} has code that is no delegation (EIP-3607)")]
    SenderHasCode {
        /// The sender.
        sender: Address,
    },
    /// Another rule of the EVM, in its own words.
    #[error("{0}")]
    Other(String),
}

/// Why [`crate::BlockExecutor::execute`] applied nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// The transaction breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidTransaction),
    /// The state could not be read; says nothing about the transaction.
    #[error(transparent)]
    State(#[from] StateError),
    /// The EVM failed in a way no input may cause (a precompile's setup).
    #[error("evm failed: {0}")]
    Internal(String),
}

impl From<StaticError> for TransactionError {
    fn from(error: StaticError) -> Self {
        Self::Invalid(error.into())
    }
}

impl TransactionError {
    /// What the failure says about the transaction (EXE-2).
    pub fn class(&self) -> Class {
        match self {
            Self::Invalid(_) => Class::Invalid,
            Self::State(error) => state_class(error),
            Self::Internal(_) => Class::Fatal,
        }
    }
}

/// Why a block could not be executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecutionError {
    /// A transaction breaks a rule, so the block is invalid.
    #[error("transaction {index}: {rule}")]
    Invalid {
        /// Position in the block, from 0.
        index: usize,
        /// The rule.
        rule: InvalidTransaction,
    },
    /// The state could not be read; says nothing about the block. Run the block again once it can be.
    #[error(transparent)]
    State(#[from] StateError),
    /// The EVM failed in a way no input may cause.
    #[error("evm failed: {0}")]
    Internal(String),
}

impl ExecutionError {
    /// What the failure says about the block (EXE-2).
    pub fn class(&self) -> Class {
        match self {
            Self::Invalid { .. } => Class::Invalid,
            Self::State(error) => state_class(error),
            Self::Internal(_) => Class::Fatal,
        }
    }

    /// The failure of the transaction at `index` as one of its block.
    pub(crate) fn at(index: usize, error: TransactionError) -> Self {
        match error {
            TransactionError::Invalid(rule) => Self::Invalid { index, rule },
            TransactionError::State(error) => Self::State(error),
            TransactionError::Internal(reason) => Self::Internal(reason),
        }
    }
}

/// A reader that cannot answer here and now blames nobody; a failed database must stop the process.
pub(crate) fn state_class(error: &StateError) -> Class {
    match error {
        StateError::Pending | StateError::Stale => Class::Unavailable,
        StateError::Storage(_) => Class::Fatal,
    }
}
