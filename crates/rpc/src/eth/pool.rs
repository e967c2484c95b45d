//! What waits in the pool (`txpool_*`, as geth shows it).
//!
//! Transactions the next block may take are `pending`; those behind a missing nonce, a low balance or a fee below the
//! base fee are `queued`.

use super::{RpcResult, json};
use crate::{ModuleContext, Params, RpcError, convert};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, U64};
use alloy_rpc_types_eth::Transaction;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use trellis_module::Chain;
use trellis_txpool::{PooledTransaction, Status};

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    Some(match method {
        "txpool_status" => status(module),
        "txpool_content" => content(module, params, convert::pending_transaction).await,
        "txpool_inspect" => content(module, params, summary).await,
        "txpool_contentFrom" => content_from(module, params).await,
        _ => return None,
    })
}

fn status(module: &ModuleContext) -> RpcResult {
    let stats = module.chain.pool_stats();
    json(&Split {
        pending: U64::from(stats.executable),
        queued: U64::from(stats.waiting()),
    })
}

#[derive(Debug, Default, Serialize)]
struct Split<T> {
    pending: T,
    queued: T,
}

impl<T> Split<T> {
    fn of(&mut self, status: Status) -> &mut T {
        if status == Status::Executable {
            &mut self.pending
        } else {
            &mut self.queued
        }
    }
}

/// Transactions by nonce.
type ByNonce<T> = BTreeMap<u64, T>;

async fn content<T: Serialize + 'static>(
    module: &Arc<ModuleContext>,
    params: &Params,
    show: fn(&PooledTransaction) -> T,
) -> RpcResult {
    params.positional()?.finish()?;
    let (chain, bytes_max) = (Arc::clone(&module.chain), module.limits.response_bytes);
    module
        .blocking(move || {
            let found = collect(&chain, None, bytes_max)?;
            let mut out = Split::<BTreeMap<Address, ByNonce<T>>>::default();
            for (status, pooled) in found {
                let of_sender = out.of(status).entry(pooled.sender()).or_default();
                of_sender.insert(pooled.nonce(), show(&pooled));
            }
            json(&out)
        })
        .await
}

async fn content_from(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let mut params = params.positional()?;
    let sender: Address = params.required("address")?;
    params.finish()?;
    let (chain, bytes_max) = (Arc::clone(&module.chain), module.limits.response_bytes);
    module
        .blocking(move || {
            let found = collect(&chain, Some(sender), bytes_max)?;
            let mut out = Split::<ByNonce<Transaction>>::default();
            for (status, pooled) in found {
                out.of(status)
                    .insert(pooled.nonce(), convert::pending_transaction(&pooled));
            }
            json(&out)
        })
        .await
}

type Found = Vec<(Status, Arc<PooledTransaction>)>;

/// Takes what the pool holds, of one sender or of all, out of its lock.
fn collect(chain: &Chain, sender: Option<Address>, bytes_max: usize) -> Result<Found, RpcError> {
    chain.with_pool(|pool, _| match sender {
        Some(sender) => take(pool.content_of(sender), bytes_max),
        None => take(pool.content(Address::ZERO), bytes_max),
    })
}

/// Refuses more than one response may hold (NET-1).
fn take<'a>(
    content: impl Iterator<Item = (Status, &'a Arc<PooledTransaction>)>,
    bytes_max: usize,
) -> Result<Found, RpcError> {
    /// A transaction in JSON without its input, in bytes.
    const FIXED: usize = 850;
    let (mut found, mut bytes) = (Vec::new(), 0);
    for (status, pooled) in content {
        bytes += FIXED + 2 * pooled.encoded.len();
        if bytes > bytes_max {
            return Err(RpcError::limit_exceeded(format!(
                "the pool's content exceeds max response size {bytes_max} bytes: use txpool_contentFrom or \
                 txpool_status"
            )));
        }
        found.push((status, Arc::clone(pooled)));
    }
    Ok(found)
}

/// One line for people, in the words of geth.
fn summary(pooled: &PooledTransaction) -> String {
    let transaction = &pooled.transaction;
    let to = transaction
        .to()
        .map_or_else(|| "contract creation".to_owned(), |to| to.to_string());
    format!(
        "{to}: {} wei + {} gas × {} wei",
        transaction.value(),
        transaction.gas_limit(),
        transaction.max_fee_per_gas()
    )
}
