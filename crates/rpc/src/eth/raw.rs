//! Blocks and receipts in their consensus encoding (`debug_getRaw*`, as the execution API specifies).

use super::{RpcResult, blocks, json, transactions};
use crate::{ModuleContext, Params, convert};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::Bytes;
use std::sync::Arc;
use trellis_state::history::RecordedBlock;

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    let show: fn(&RecordedBlock) -> RpcResult = match method {
        "debug_getRawTransaction" => return Some(transactions::raw_by_hash(module, params).await),
        "debug_getRawHeader" => |block| json(&Bytes::from(alloy_rlp::encode(block.block.header()))),
        "debug_getRawBlock" => |block| json(&convert::raw_block(block)),
        "debug_getRawReceipts" => |block| {
            json(
                &block
                    .receipts
                    .iter()
                    .map(|receipt| Bytes::from(receipt.encoded_2718()))
                    .collect::<Vec<_>>(),
            )
        },
        _ => return None,
    };
    Some(match blocks::id_param(params) {
        Ok(id) => blocks::of_block(module, id, show).await,
        Err(error) => Err(error),
    })
}
