//! Which block a client means (EIP-1898).
//!
//! A finalized block is final, so `latest`, `safe` and `finalized` name the same block, every block is canonical, and
//! `pending` reads the head's state.

use crate::RpcError;
use alloy_rpc_types_eth::{BlockId, BlockNumberOrTag};
use std::sync::Arc;
use trellis_module::Chain;
use trellis_state::history::RecordedBlock;

/// The block, or `None` if there is none with that number or hash. May read the disk.
pub(super) fn find(chain: &Chain, id: BlockId) -> Result<Option<Arc<RecordedBlock>>, RpcError> {
    match id {
        BlockId::Hash(hash) => Ok(chain.block_by_hash(hash.block_hash)?),
        BlockId::Number(tag) => find_tag(chain, tag),
    }
}

/// Like [`find`], for methods that take no hash.
pub(super) fn find_tag(
    chain: &Chain,
    tag: BlockNumberOrTag,
) -> Result<Option<Arc<RecordedBlock>>, RpcError> {
    let head = chain.head();
    match tag_number(tag, head.number()) {
        number if number == head.number() => Ok(Some(head)),
        number => Ok(chain.block(number)?),
    }
}

/// Like [`find`], but a block that does not exist is an error.
pub(super) fn require(chain: &Chain, id: BlockId) -> Result<Arc<RecordedBlock>, RpcError> {
    find(chain, id)?.ok_or_else(|| unknown(chain, id))
}

/// The number of an existing block, without reading the block where its number is given.
pub(super) fn number(chain: &Chain, id: BlockId) -> Result<u64, RpcError> {
    let BlockId::Number(tag) = id else {
        return Ok(require(chain, id)?.number());
    };
    let head = chain.head().number();
    let number = tag_number(tag, head);
    if number > head {
        return Err(unknown(chain, id));
    }
    Ok(number)
}

/// The number a tag stands for while the head is at `head`.
pub(super) fn tag_number(tag: BlockNumberOrTag, head: u64) -> u64 {
    match tag {
        BlockNumberOrTag::Number(number) => number,
        BlockNumberOrTag::Earliest => 0,
        BlockNumberOrTag::Latest
        | BlockNumberOrTag::Safe
        | BlockNumberOrTag::Finalized
        | BlockNumberOrTag::Pending => head,
    }
}

fn unknown(chain: &Chain, id: BlockId) -> RpcError {
    let head = chain.head().number();
    match id {
        BlockId::Number(tag) => {
            let number = tag_number(tag, head);
            RpcError::resource_not_found(format!(
                "block {number} not found: the head is block {head}"
            ))
        }
        BlockId::Hash(hash) => {
            RpcError::resource_not_found(format!("block with hash {} not found", hash.block_hash))
        }
    }
}
