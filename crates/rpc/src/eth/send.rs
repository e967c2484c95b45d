//! Taking signed transactions.
//!
//! `eth_sendRawTransactionSync` (EIP-7966) waits for the receipt. It subscribes to blocks before it submits, so that no
//! block is missed, and looks the transaction up again after it fell behind. A client that goes away drops the wait;
//! the transaction stays in the pool.

use super::{RpcResult, json};
use crate::{ModuleContext, Params, RpcError, convert};
use alloy_consensus::{TxEnvelope, transaction::Recovered};
use alloy_primitives::{B256, Bytes, U64, keccak256};
use alloy_rpc_types_eth::Index;
use serde::Serialize;
use serde_json::value::RawValue;
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use trellis_module::Chain;
use trellis_state::history::RecordedBlock;

/// How long to wait for a receipt when the client does not say (EIP-7966 recommends 2 seconds).
const SYNC_TIMEOUT: Duration = Duration::from_secs(2);

/// EIP-7966: the receipt did not come in time; the transaction stays in the pool.
const CODE_TIMEOUT: i64 = 4;
/// EIP-7966: the transaction is not going to be processed and the reason is not known.
const CODE_UNREADY: i64 = 5;
/// EIP-7966: nonces before the transaction's are missing; the error's data is the next nonce expected.
const CODE_NONCE_GAP: i64 = 6;

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    Some(match method {
        "eth_sendRawTransaction" => send(module, params).await,
        "eth_sendRawTransactionSync" => send_sync(module, params).await,
        _ => return None,
    })
}

async fn send(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let raw = raw_param(params)?;
    let chain = Arc::clone(&module.chain);
    module.blocking(move || json(&chain.submit(raw)?)).await
}

/// Answers a run of `eth_sendRawTransaction` calls of one batch together, in order; their signatures are
/// recovered in parallel.
pub(crate) async fn send_many(module: &Arc<ModuleContext>, calls: Vec<Params>) -> Vec<RpcResult> {
    let raws: Vec<Result<Bytes, RpcError>> = calls.iter().map(raw_param).collect();
    let good: Vec<Bytes> = raws.iter().flatten().cloned().collect();
    let chain = Arc::clone(&module.chain);
    let submitted = module.blocking(move || Ok(chain.submit_many(good))).await;
    let mut submitted = match submitted {
        Ok(results) => results.into_iter(),
        Err(error) => {
            return raws
                .into_iter()
                .map(|raw| Err(raw.err().unwrap_or_else(|| error.clone())))
                .collect();
        }
    };
    let mut answer = |_: Bytes| match submitted.next() {
        Some(result) => json(&result?),
        None => Err(RpcError::internal("transaction was not submitted")),
    };
    raws.into_iter()
        .map(|raw| raw.and_then(&mut answer))
        .collect()
}

fn raw_param(params: &Params) -> Result<Bytes, RpcError> {
    let mut params = params.positional()?;
    let raw = params.required("signed transaction")?;
    params.finish()?;
    Ok(raw)
}

async fn send_sync(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let mut params = params.positional()?;
    let raw: Bytes = params.required("signed transaction")?;
    let timeout: Option<Index> = params.optional("timeout in milliseconds")?;
    params.finish()?;
    let timeout = sync_timeout(timeout, module.limits.send_sync_timeout);
    let blocks = module.chain.subscribe_blocks();
    let chain = Arc::clone(&module.chain);
    let hash = match module.blocking(move || submit_or_find(&chain, raw)).await? {
        Submitted::Final(receipt) => return Ok(receipt),
        Submitted::Waiting(hash) => hash,
    };
    let waited = tokio::time::timeout(timeout, receipt(module, blocks, hash)).await;
    waited.unwrap_or_else(|_| Err(not_in_time(hash, timeout)))
}

/// How long to wait: what the client asks for, at most `max`; [`SYNC_TIMEOUT`] if it asks for nothing or for zero.
pub(super) fn sync_timeout(asked: Option<Index>, max: Duration) -> Duration {
    match asked {
        None | Some(Index(0)) => SYNC_TIMEOUT.min(max),
        Some(Index(milliseconds)) => Duration::from_millis(milliseconds as u64).min(max),
    }
}

enum Submitted {
    Waiting(B256),
    Final(Box<RawValue>),
}

/// Submits a transaction. One that was sent before is no error here: the client gets the receipt it asks for.
fn submit_or_find(chain: &Chain, raw: Bytes) -> Result<Submitted, RpcError> {
    let hash = keccak256(&raw);
    let refused = chain.submit(raw).err();
    let Some(pooled) = chain.pooled(hash) else {
        // In a block already, or never taken.
        return match (find(chain, hash)?, refused) {
            (Some(receipt), _) => Ok(Submitted::Final(receipt)),
            (None, Some(error)) => Err(error.into()),
            (None, None) => Err(left_pool(hash)),
        };
    };
    let next = chain.pending_nonce(pooled.sender())?;
    if pooled.nonce() > next {
        return Err(nonce_gap(hash, pooled.nonce(), next));
    }
    Ok(Submitted::Waiting(hash))
}

/// Waits for the block with the transaction and answers its receipt.
pub(super) async fn receipt(
    module: &Arc<ModuleContext>,
    mut blocks: Receiver<Arc<RecordedBlock>>,
    hash: B256,
) -> RpcResult {
    loop {
        let block = match blocks.recv().await {
            Ok(block) => Some(block),
            Err(RecvError::Lagged(_)) => None,
            Err(RecvError::Closed) => return Err(RpcError::internal("the node is shutting down")),
        };
        // Pool and head change together: what still waits is in no block so far.
        if module.chain.pooled(hash).is_some() {
            continue;
        }
        let is_it = |tx: &Recovered<TxEnvelope>| *tx.tx_hash() == hash;
        let place = block
            .as_ref()
            .and_then(|block| block.transactions.iter().position(is_it));
        if let (Some(block), Some(index)) = (block, place) {
            return json(&convert::receipt(&block, index));
        }
        let chain = Arc::clone(&module.chain);
        let found = module.blocking(move || find(&chain, hash)).await?;
        return found.ok_or_else(|| left_pool(hash));
    }
}

/// The receipt of a finalized transaction.
fn find(chain: &Chain, hash: B256) -> Result<Option<Box<RawValue>>, RpcError> {
    match chain.locate(hash)? {
        Some((block, index)) => json(&convert::receipt(&block, index)).map(Some),
        None => Ok(None),
    }
}

fn nonce_gap(hash: B256, nonce: u64, next: u64) -> RpcError {
    let message = format!(
        "the transaction {hash} waits in the pool: its nonce is {nonce}, the next nonce of its sender is {next}"
    );
    with_data(CODE_NONCE_GAP, message, U64::from(next))
}

fn left_pool(hash: B256) -> RpcError {
    let message =
        "the transaction left the pool without being processed: it was replaced or evicted";
    with_data(CODE_UNREADY, message.to_owned(), hash)
}

fn not_in_time(hash: B256, timeout: Duration) -> RpcError {
    let message =
        format!("the transaction was added to the pool but was not processed in {timeout:?}");
    with_data(CODE_TIMEOUT, message, hash)
}

fn with_data(code: i64, message: String, data: impl Serialize) -> RpcError {
    RpcError {
        data: serde_json::to_value(data).ok(),
        ..RpcError::new(code, message)
    }
}
