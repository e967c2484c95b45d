#![doc = include_str!("../README.md")]

mod context;
mod convert;
mod error;
mod eth;
mod filters;
mod limits;
mod network;
mod params;
mod server;
mod subscribe;

/// What [`serve`] serves.
pub use axum::Router;
pub(crate) use context::ModuleContext;
pub use error::RpcError;
pub use limits::RpcLimits;
pub use network::{ModuleInfo, NetworkInfo};
pub(crate) use params::Params;
pub use server::{router, serve};
