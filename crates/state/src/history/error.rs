use alloy_primitives::B256;
use std::path::PathBuf;
use trellis_primitives::Class;

/// Why the history cannot answer or cannot take a block.
///
/// None of these is a verdict about a block or a peer: each one says that this node's own store, or the code that
/// feeds it, cannot be trusted to go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// The directory holds another chain.
    #[error(
        "history at {path} belongs to another network (found {found}, expected {expected}); \
         choose another --data-dir or start with --reset"
    )]
    WrongIdentity {
        /// The directory.
        path: PathBuf,
        /// Identity stored there.
        found: B256,
        /// Identity of the chain being started.
        expected: B256,
    },
    /// The directory was written by another version of the format, or by something else.
    #[error(
        "history at {path} has unknown format {found}, this program reads format {supported}; \
         choose another --data-dir or start with --reset"
    )]
    UnknownFormat {
        /// The directory.
        path: PathBuf,
        /// What was found, for the operator.
        found: String,
        /// The format this program reads and writes.
        supported: u32,
    },
    /// Another process has the directory open.
    #[error("history at {path} is in use by another process")]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The device is full; what was acknowledged before is safe.
    #[error("disk full: history at {path} cannot be written; free some space and restart")]
    DiskFull {
        /// The directory.
        path: PathBuf,
    },
    /// The database failed, or refuses to go on after an earlier failure.
    #[error("history at {path} failed: {reason}")]
    Storage {
        /// The directory.
        path: PathBuf,
        /// The database's own words.
        reason: String,
    },
    /// A record is missing or does not decode.
    #[error(
        "history record {table}[{key}] is damaged: {reason}; start with --reset to rebuild the history"
    )]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which key, printable.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two different finalized blocks for one height (CON-1 broke, or the caller mixed chains).
    #[error("block {number} is recorded as another block than the offered {offered}")]
    Conflict {
        /// Height.
        number: u64,
        /// Hash of the offered block.
        offered: B256,
    },
    /// A block does not follow the last recorded one by number.
    #[error("history expects block {expected}, got block {number}")]
    Gap {
        /// Height that can be appended.
        expected: u64,
        /// Height that was offered.
        number: u64,
    },
    /// A block does not follow the last recorded one by hash.
    #[error("block {number} has parent {parent}, but block {} is {recorded}", number.saturating_sub(1))]
    Parent {
        /// Height of the offered block.
        number: u64,
        /// Its parent hash.
        parent: B256,
        /// Hash of the block below it.
        recorded: B256,
    },
    /// The parts of a recorded block do not belong together.
    #[error("record of block {number} is inconsistent: {reason}")]
    Inconsistent {
        /// Height.
        number: u64,
        /// Which parts disagree.
        reason: String,
    },
}

impl HistoryError {
    /// Always [`Class::Fatal`]: the node stops before it tells anybody anything else.
    pub const fn class(&self) -> Class {
        Class::Fatal
    }

    pub(super) fn corrupt(table: &'static str, key: impl ToString, reason: impl ToString) -> Self {
        Self::Corrupt {
            table,
            key: key.to_string(),
            reason: reason.to_string(),
        }
    }
}
