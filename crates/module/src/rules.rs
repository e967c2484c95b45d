//! What a header must say, given its parent: shared by building and checking, so that they cannot disagree.

use crate::ChainSpec;
use alloy_primitives::{B256, b256, keccak256};
use trellis_executor::{BlockEnv, next_base_fee};
use trellis_primitives::Block;

/// Root of an empty trie.
pub const EMPTY_ROOT: B256 =
    b256!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Which header rule a block breaks. All are permanent (EXE-2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The block is for another module.
    #[error("block is for module {got}, this is module {expected}")]
    Module {
        /// Module in the extension.
        got: u32,
        /// This module.
        expected: u32,
    },
    /// Height is not the parent's plus one.
    #[error("block number {got} does not follow parent {parent}")]
    Number {
        /// Number in the header.
        got: u64,
        /// Number of the parent.
        parent: u64,
    },
    /// The parent is another block.
    #[error("parent hash does not name the parent")]
    Parent,
    /// Time must increase, in milliseconds.
    #[error("timestamp {got} ms is not after parent {parent} ms")]
    Timestamp {
        /// Time in the extension.
        got: u64,
        /// Time of the parent.
        parent: u64,
    },
    /// The gas limit is fixed by the genesis.
    #[error("gas limit {got} differs from the module's {expected}")]
    GasLimit {
        /// Limit in the header.
        got: u64,
        /// Limit in the genesis.
        expected: u64,
    },
    /// EIP-1559.
    #[error("base fee {got} differs from {expected} (EIP-1559)")]
    BaseFee {
        /// Fee in the header.
        got: u64,
        /// Fee the parent implies.
        expected: u64,
    },
    /// prevRandao is a function of the parent.
    #[error("prevRandao does not follow from the parent")]
    Randao,
    /// parentBeaconBlockRoot is the parent's extension hash.
    #[error("parentBeaconBlockRoot is not the hash of the parent's extension")]
    BeaconRoot,
}

/// Base fee of the block after `parent`.
pub fn base_fee_after(parent: &Block) -> u64 {
    let header = parent.header();
    next_base_fee(
        header.gas_used,
        header.gas_limit,
        header.base_fee_per_gas.unwrap_or_default(),
    )
}

/// `prevRandao` of the block after `parent`: unbiasable by its proposer, but predictable one block ahead.
pub fn randao_after(parent: &Block) -> B256 {
    let mut preimage = b"trellis/randao/1".to_vec();
    preimage.extend_from_slice(parent.hash().as_slice());
    keccak256(preimage)
}

/// What EIP-4788 stores for the block after `parent`: there is no beacon chain, so the root is the hash of the
/// parent's header extension, which lets a contract verify consensus metadata of recent blocks.
pub fn beacon_root_after(parent: &Block) -> B256 {
    parent.extension().hash()
}

/// The environment a block executes in.
pub fn env_of(spec: &ChainSpec, block: &Block) -> BlockEnv {
    let header = block.header();
    BlockEnv {
        chain_id: spec.chain_id(),
        number: header.number,
        timestamp: header.timestamp,
        beneficiary: header.beneficiary,
        gas_limit: header.gas_limit,
        base_fee: header.base_fee_per_gas.unwrap_or_default(),
        prev_randao: header.mix_hash,
        parent_hash: header.parent_hash,
        parent_beacon_root: header.parent_beacon_block_root.unwrap_or_default(),
    }
}

/// Checks everything in a header that its parent and the spec decide. Execution decides the rest.
///
/// # Errors
/// The first rule that does not hold.
pub fn check_header(spec: &ChainSpec, parent: &Block, block: &Block) -> Result<(), HeaderError> {
    let (header, extension) = (block.header(), block.extension());
    if extension.module != spec.id {
        let (got, expected) = (extension.module.index(), spec.id.index());
        return Err(HeaderError::Module { got, expected });
    }
    if header.parent_hash != parent.hash() {
        return Err(HeaderError::Parent);
    }
    if parent.number().checked_add(1) != Some(header.number) {
        return Err(HeaderError::Number {
            got: header.number,
            parent: parent.number(),
        });
    }
    let (got, before) = (extension.timestamp_ms, parent.extension().timestamp_ms);
    if got <= before {
        return Err(HeaderError::Timestamp {
            got,
            parent: before,
        });
    }
    if header.gas_limit != spec.gas_limit {
        return Err(HeaderError::GasLimit {
            got: header.gas_limit,
            expected: spec.gas_limit,
        });
    }
    let (got, expected) = (
        header.base_fee_per_gas.unwrap_or_default(),
        base_fee_after(parent),
    );
    if got != expected {
        return Err(HeaderError::BaseFee { got, expected });
    }
    if header.mix_hash != randao_after(parent) {
        return Err(HeaderError::Randao);
    }
    if header.parent_beacon_block_root != Some(beacon_root_after(parent)) {
        return Err(HeaderError::BeaconRoot);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
