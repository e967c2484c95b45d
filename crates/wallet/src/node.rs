//! What a wallet needs from a chain.
//!
//! Nothing here is asked about one note: a node that is asked whether a nullifier is spent, or for one commitment, knows whose
//! it is. A wallet reads everything in order and finds its own.

#[cfg(feature = "native")]
mod rpc;

use alloy_primitives::{Address as Account, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use trellis_circuits::field::F;
use trellis_shielded::{Chain, Network, pool};

#[cfg(feature = "native")]
pub use rpc::RpcNode;

/// Which pool of which network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Of the network.
    pub network: u64,
    /// Of the module's chain (EIP-155).
    pub chain_id: u64,
    /// Of the module.
    pub module: u32,
    /// Hash of the module's first block.
    pub genesis: B256,
}

impl Identity {
    /// As keys and addresses know it.
    pub const fn network(&self) -> Network {
        Network(self.network)
    }

    /// As transfers are bound to it.
    pub fn chain(&self) -> Chain {
        Chain {
            chain_id: U256::from(self.chain_id),
            module: self.module,
            genesis: self.genesis,
        }
    }
}

/// The newest block. Blocks are final when a node tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
}

/// The newest recorded root (payments.md, 11.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// The root. 0 if none was recorded.
    pub root: F,
    /// Leaves below it.
    pub size: u64,
    /// Its number among all roots, from 1; 0 if there is none.
    pub number: u64,
}

/// The edge of the tree where a root was recorded: a wallet begins there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The block that recorded it. Its own leaves come after it.
    pub block: u64,
    /// What was recorded.
    pub latest: Latest,
    /// The edge: nodes, as payments.md, 11.3 says.
    pub frontier: Bytes,
}

/// What the pool logged, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolLog {
    /// The block.
    pub block: u64,
    /// Of the block, in seconds since 1970.
    pub timestamp: u64,
    /// The transaction.
    pub transaction: B256,
    /// Number of the log in its block.
    pub index: u64,
    /// What was logged.
    pub event: PoolEvent,
}

impl PoolLog {
    /// Leaves that it adds to the tree.
    pub fn leaves(&self) -> u64 {
        match &self.event {
            PoolEvent::Notes(event) => event.leaves().count() as u64,
            _ => 0,
        }
    }
}

/// What the pool logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoolEvent {
    /// Of notes and roots.
    Notes(pool::Event),
    /// Value went out.
    Unshielded(Unshielded),
    /// An asset has a number now.
    AssetAdded {
        /// The number.
        asset: u32,
        /// The token contract.
        token: Account,
    },
}

/// Value that went out to the public side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unshielded {
    /// Of this asset.
    pub asset: u32,
    /// To this account.
    pub recipient: Account,
    /// This much, in smallest units.
    #[serde(with = "crate::amounts::units")]
    pub value: u128,
    /// Whether it arrived; if not, it is owed.
    pub paid: bool,
    /// Whether it was called, and the call succeeded.
    pub called: bool,
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The block that holds it.
    pub block: u64,
    /// Whether it did what it says.
    pub success: bool,
}

/// An ERC-20 token, as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The contract.
    pub contract: Account,
    /// What it is called. Two may be called the same.
    pub symbol: String,
    /// Digits behind the point.
    pub decimals: u8,
}

/// Why a node did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Nobody answers there.
    #[error("cannot talk to {url}: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The node will not do it.
    #[error("the node refuses {method}: {reason}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// What it says.
        reason: String,
    },
    /// The node answers what no honest node does.
    #[error("the node's answer to {method} makes no sense: {reason}")]
    Malformed {
        /// What was asked.
        method: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There is no pool at this chain.
    #[error("this module has no private payments: its genesis does not enable them")]
    NoPool,
}

/// A node, or what stands for one. Everything it says may be wrong.
///
/// What a wallet does with lies: it may show money that is not there, or miss some, until it asks another node. It does not
/// send more than its owner asked for, pay a higher fee than its owner allows, or tell anybody a key.
pub trait Node: Send + Sync {
    /// Which pool it serves.
    fn identity(&self) -> Result<Identity, NodeError>;

    /// The newest block.
    fn head(&self) -> Result<Head, NodeError>;

    /// The newest recorded root as this block left it. The block is recent.
    fn latest(&self, block: u64) -> Result<Latest, NodeError>;

    /// What the pool logged in these blocks, both included, in order. A range may be long.
    fn events(&self, from: u64, to: u64) -> Result<Vec<PoolLog>, NodeError>;

    /// The newest record at or before a block, if there is one.
    fn record(&self, block: u64) -> Result<Option<Record>, NodeError>;

    /// Base fee of the next block, in wei.
    fn base_fee(&self) -> Result<u128, NodeError>;

    /// Sends a transaction and returns its hash. One that was sent before is no error.
    fn send(&self, raw: &[u8]) -> Result<B256, NodeError>;

    /// Where a transaction is, if in a block.
    fn receipt(&self, hash: B256) -> Result<Option<Receipt>, NodeError>;

    /// The token of an asset, if there is one. Not for 0.
    fn token(&self, asset: u32) -> Result<Option<Token>, NodeError>;

    /// The number of a token, if it has one.
    fn asset_of(&self, token: Account) -> Result<Option<u32>, NodeError>;
}
