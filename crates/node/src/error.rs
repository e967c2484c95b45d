use std::{io, path::PathBuf};
use trellis_module::ChainError;
use trellis_primitives::StateError;
use trellis_state::HistoryError;

/// Why a node does not run. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Another process listens there.
    #[error("port {port} on {host} is in use; stop the other process or choose another --port")]
    PortInUse {
        /// Address asked for.
        host: std::net::IpAddr,
        /// Port asked for.
        port: u16,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Address asked for.
        address: std::net::SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process runs on the data directory.
    #[error(
        "data directory {path} is in use by another process; stop it or choose another --data-dir"
    )]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// The data directory holds a network that differs from the one asked for.
    #[error(
        "data directory {path} holds a network with {field} {found}, asked for {asked}; give the same, choose another --data-dir, or start over with --reset"
    )]
    OtherNetwork {
        /// The data directory.
        path: PathBuf,
        /// What differs.
        field: &'static str,
        /// What the directory has.
        found: String,
        /// What was asked for.
        asked: String,
    },
    /// The data directory was written by another version.
    #[error(
        "data directory {path} has format version {found}, this program reads version {expected}; use the program that wrote it, or start over with --reset"
    )]
    Version {
        /// The data directory.
        path: PathBuf,
        /// Version found.
        found: u64,
        /// Version this program reads.
        expected: u64,
    },
    /// A file in the data directory cannot be read as what it should be.
    #[error("{path} is damaged: {reason}; restore it from a copy, or start over with --reset")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The directory is not a data directory, so it is not deleted.
    #[error(
        "{path} is not empty and holds no network of this program; nothing was deleted. Choose another --data-dir"
    )]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },
    /// A part of the data directory was written by another network.
    #[error(
        "{path} belongs to another network than the network.json beside it; restore it from a copy, or start over with --reset"
    )]
    OtherPart {
        /// The part.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {what} {path}: {source}{}", disk_hint(source))]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The configuration contradicts itself.
    #[error("{0}")]
    Config(String),
    /// A history failed.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A chain failed.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A state database failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// A part of the node stopped.
    #[error("the node stopped: {0}")]
    Stopped(String),
}

fn disk_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => {
            "; free some space and start again, nothing finalized is lost"
        }
        io::ErrorKind::PermissionDenied => "; check the owner and mode of the directory",
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "; it is no directory, choose another --data-dir"
        }
        _ => "",
    }
}
