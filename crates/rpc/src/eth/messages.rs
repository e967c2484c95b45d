//! Messages between modules and proofs: `trellis_getMessage`, `trellis_getMessagesOf`, `trellis_getMessageProof`, `trellis_getProof`, `trellis_getFinality`, `trellis_supply`.
//!
//! Every module answers for all messages of the network: this process follows all modules.

mod proof;
mod supply;
mod updates;
mod view;

pub(crate) use updates::updates;

use super::{RpcResult, json};
use crate::{ModuleContext, Params, RpcError};
use alloy_primitives::{B256, Bytes, U64};
use serde::Serialize;
use std::sync::Arc;
use trellis_light::{Evidence, Message, tree::Lane};
use trellis_module::Chain;

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    let chain = module.chain.clone();
    Some(match method {
        "trellis_getMessage" => match id(params) {
            Ok(id) => {
                module
                    .blocking(move || json(&view::find(&chain, id)?))
                    .await
            }
            Err(error) => Err(error),
        },
        "trellis_getMessagesOf" => match id(params) {
            Ok(hash) => {
                module
                    .blocking(move || json(&view::of(&chain, hash)?))
                    .await
            }
            Err(error) => Err(error),
        },
        "trellis_getMessageProof" => match id(params) {
            Ok(id) => module.blocking(move || json(&proof(&chain, id)?)).await,
            Err(error) => Err(error),
        },
        "trellis_getFinality" => params
            .positional()
            .and_then(|params| params.finish())
            .and_then(|()| json(&finality(&chain))),
        "trellis_getProof" => proof::get(&chain, params).await,
        "trellis_supply" => match params.positional().and_then(|params| params.finish()) {
            Ok(()) => module.blocking(move || json(&supply::of(&chain)?)).await,
            Err(error) => Err(error),
        },
        _ => return None,
    })
}

fn id(params: &Params) -> Result<B256, RpcError> {
    let mut params = params.positional()?;
    let id = params.required("message id")?;
    params.finish()?;
    Ok(id)
}

/// The newest block of a module that has a certificate of its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finality {
    network_id: U64,
    /// Verifies the certificates of every module.
    network_key: Bytes,
    module: u32,
    number: U64,
    hash: B256,
    /// Encoded certificate.
    finalization: Bytes,
    /// RLP of the header.
    header: Bytes,
    /// Encoded header extension.
    extension: Bytes,
}

fn finality(chain: &Chain) -> Option<Finality> {
    use commonware_codec::Encode as _;
    let module = chain.spec().id;
    let (finalization, block) = chain.exchange().newest(module)?;
    let network = chain.exchange().network();
    Some(Finality {
        network_id: U64::from(network.id),
        network_key: network.key.encode().to_vec().into(),
        module: module.index(),
        number: U64::from(block.number()),
        hash: block.hash(),
        finalization: finalization.encode().to_vec().into(),
        header: alloy_rlp::encode(block.header()).into(),
        extension: block.extension().encode().to_vec().into(),
    })
}

/// What proves that a message was finally sent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    network_id: U64,
    network_key: Bytes,
    /// Index of the module that sent it.
    source: u32,
    source_chain_id: U64,
    destination_chain_id: U64,
    lane: u32,
    sequence: U64,
    message: view::Content,
    finalization: Bytes,
    header: Bytes,
    extension: Bytes,
    /// Number of messages in the lane.
    count: U64,
    /// Range proof of this one message.
    range: Vec<B256>,
    path: Vec<B256>,
    /// All of it as imports carry it.
    evidence: Bytes,
}

/// The proof of a message. `None` if no module here sent it, or if the block that did has no certificate yet.
fn proof(chain: &Chain, id: B256) -> Result<Option<Proof>, RpcError> {
    use commonware_codec::Encode as _;
    let Some((source, lane, sequence, place)) = view::sent(chain, id) else {
        return Ok(None);
    };
    let exchange = chain.exchange();
    let module = source.spec().id;
    let Some(evidence) = exchange.evidence(module, lane, sequence..sequence + 1) else {
        return Ok(None);
    };
    let message = source.message_at(place)?;
    let destination = view::destination(&source, place)?;
    let network = exchange.network();
    let all = evidence.to_bytes();
    let Evidence {
        finalization,
        header,
        extension,
        count,
        range,
        path,
    } = evidence;
    Ok(Some(Proof {
        network_id: U64::from(network.id),
        network_key: network.key.encode().to_vec().into(),
        source: module.index(),
        source_chain_id: U64::from(source.spec().chain_id()),
        destination_chain_id: U64::from(destination),
        lane: lane.index(),
        sequence: U64::from(sequence),
        message: message.into(),
        finalization: finalization.encode().to_vec().into(),
        header,
        extension,
        count: U64::from(count),
        range,
        path: path.to_vec(),
        evidence: all,
    }))
}
