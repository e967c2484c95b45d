use alloy_primitives::B256;
use serde::Serialize;

/// A network as its clients see it. Serializes to the answer of `trellis_network`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkInfo {
    /// The network's name.
    pub name: String,
    /// The network's id.
    pub network_id: u64,
    /// Name and version of this node, as `web3_clientVersion` answers.
    pub client_version: String,
    /// Every module, the hub first.
    pub modules: Vec<ModuleInfo>,
}

/// A module as its clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModuleInfo {
    /// Position in the network's module list; 0 is the hub.
    pub id: u32,
    /// The module's name.
    pub name: String,
    /// EIP-155 chain id.
    #[serde(with = "alloy_serde::quantity")]
    pub chain_id: u64,
    /// Path on the RPC port: `/` and the name.
    pub path: String,
    /// Hash of block 0.
    pub genesis_hash: B256,
    /// What the module offers beyond a plain EVM chain.
    pub features: Vec<String>,
}
