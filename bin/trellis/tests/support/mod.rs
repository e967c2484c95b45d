//! What tests need that treat a node as its users and its machine do: a process to start and kill, a client, a load, and
//! a ledger that is computed from nothing but blocks.

pub(crate) mod ledger;
pub(crate) mod load;
pub(crate) mod network;
pub(crate) mod node;
pub(crate) mod rpc;
