//! The sockets of a development network: one for the clients of each validator, one for its peers.

use crate::{DevConfig, NodeError};
use std::net::{SocketAddr, TcpListener};

/// Listens for the clients of validator `index`.
///
/// # Errors
/// [`NodeError::PortInUse`] and [`NodeError::Listen`].
pub(super) fn listen(config: &DevConfig, index: u32) -> Result<TcpListener, NodeError> {
    let offset = u16::try_from(index).unwrap_or(u16::MAX);
    // Port 0 asks the system for any free port, for every validator.
    let port = if config.port == 0 {
        0
    } else {
        config.port.saturating_add(offset)
    };
    let address = SocketAddr::new(config.host, port);
    TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => NodeError::PortInUse {
                host: config.host,
                port,
            },
            _ => NodeError::Listen { address, source },
        })
}

/// As many free loopback addresses, for the validators' connections among themselves. Nothing holds them until the
/// validators listen.
///
/// # Errors
/// [`NodeError::Listen`] if the system has none.
pub(super) fn free(count: usize) -> Result<Vec<SocketAddr>, NodeError> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let failed = |source| NodeError::Listen {
        address: loopback,
        source,
    };
    // All are held until all are found, so that they differ.
    let held = (0..count)
        .map(|_| TcpListener::bind(loopback).map_err(failed))
        .collect::<Result<Vec<_>, _>>()?;
    held.iter()
        .map(|listener| listener.local_addr().map_err(failed))
        .collect()
}
