use trellis_primitives::{Class, StateError};
use trellis_state::{HistoryError, WindowError};

/// Why a chain has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The history failed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The records of recent changes do not fit together.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// The state failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The state of that block is no longer, or not yet, kept.
    #[error(
        "state of block {requested} is not available: the oldest block with state is {oldest}, the newest {newest} (a node keeps `--history` recent blocks)"
    )]
    StateWindow {
        /// Block asked for.
        requested: u64,
        /// Oldest block whose state is served.
        oldest: u64,
        /// Newest block.
        newest: u64,
    },
    /// This build cannot check the proofs of private payments.
    #[error("private payments: {0}")]
    Circuit(String),
    /// The node is starting.
    #[error("the node is still starting; try again when /ready answers 200")]
    Starting,
}

impl ChainError {
    /// What the failure says about the request.
    pub fn class(&self) -> Class {
        match self {
            Self::History(error) => error.class(),
            Self::Window(_) | Self::Circuit(_) | Self::State(StateError::Storage(_)) => {
                Class::Fatal
            }
            Self::State(_) | Self::StateWindow { .. } | Self::Starting => Class::Unavailable,
        }
    }
}
