use crate::ExecutionError;
use alloy_eip7928::BlockAccessListValidationError;
use alloy_primitives::{Address, U256};
use trellis_primitives::{Class, StateError};

/// How an access list is wrong. All are permanent: the block is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The bytes are no list.
    #[error("does not decode: {0}")]
    Encoding(alloy_rlp::Error),
    /// Its order, its indices, or an empty or repeated entry.
    #[error(transparent)]
    Structure(#[from] BlockAccessListValidationError),
    /// More accounts and slots than the block's gas could pay for.
    #[error("{items} accounts and slots, the gas limit allows {max}")]
    TooLarge {
        /// Accounts and slots listed.
        items: u64,
        /// Most the gas limit allows.
        max: u64,
    },
    /// A code change is no code.
    #[error("code of {0} is malformed")]
    Code(Address),
    /// A transaction looks at an account that is not listed.
    #[error("transaction {index} looks at account {address}, which is not listed")]
    MissingAccount {
        /// Position of the transaction; the number of transactions stands for the calls before them.
        index: usize,
        /// The account.
        address: Address,
    },
    /// A transaction looks at a slot that is not listed.
    #[error("transaction {index} looks at slot {slot:#x} of {address}, which is not listed")]
    MissingSlot {
        /// Position of the transaction.
        index: usize,
        /// The account.
        address: Address,
        /// The slot.
        slot: U256,
    },
    /// A transaction leaves something else than the list says.
    #[error("transaction {index} leaves another {what} of {address} than listed")]
    Mismatch {
        /// Position of the transaction.
        index: usize,
        /// Balance, nonce, code, or a slot.
        what: String,
        /// The account.
        address: Address,
    },
    /// An account or slot is listed that no transaction looks at.
    #[error("{}{address} is listed, but nothing looks at it", slot_text(.slot))]
    Unused {
        /// The account.
        address: Address,
        /// The slot, if it is one.
        slot: Option<U256>,
    },
    /// Changes are listed that no transaction makes.
    #[error("{claimed} changes are listed, {made} are made")]
    Unmade {
        /// Changes listed.
        claimed: usize,
        /// Changes made.
        made: usize,
    },
}

fn slot_text(slot: &Option<U256>) -> String {
    slot.map_or_else(String::new, |slot| format!("slot {slot:#x} of "))
}

/// Why a block does not pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It could not be executed.
    #[error(transparent)]
    Execution(#[from] ExecutionError),
    /// Its access list is wrong.
    #[error("access list: {0}")]
    List(#[from] ListError),
}

impl VerifyError {
    /// What the failure says about the block (EXE-2).
    pub fn class(&self) -> Class {
        match self {
            Self::Execution(error) => error.class(),
            Self::List(_) => Class::Invalid,
        }
    }

    pub(super) fn state(error: StateError) -> Self {
        Self::Execution(error.into())
    }
}
