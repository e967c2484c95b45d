//! `eth_subscribe`: newHeads, logs, newPendingTransactions, messages.
//!
//! A finalized block is final, so a log is announced once and never removed.

mod feed;
mod registry;

pub(crate) use feed::Feed;
#[cfg(test)]
pub(crate) use feed::blocks;
pub(crate) use registry::{SubscriptionId, Subscriptions};

use crate::{
    ModuleContext, Params, RpcError, convert,
    eth::{
        logs::{LogFilter, block_logs, check},
        messages::updates,
    },
    server::Budget,
};
use alloy_primitives::B256;
use alloy_rpc_types_eth::{Filter, Log};
use futures::{StreamExt as _, stream::select_all};
use std::sync::Arc;
use trellis_module::Chain;
use trellis_state::history::RecordedBlock;

/// Opens the feed that the arguments of `eth_subscribe` name.
///
/// # Errors
/// Invalid params for an unknown kind or wrong arguments; limit exceeded for a log filter with too many criteria.
pub(crate) fn open(
    module: &Arc<ModuleContext>,
    budget: &Budget,
    params: &Params,
) -> Result<Feed, RpcError> {
    let mut params = params.positional()?;
    let kind: String = params.required("subscription kind")?;
    match kind.as_str() {
        "newHeads" => {
            params.finish()?;
            Ok(of_blocks(module, budget, |block| {
                vec![convert::header(block)]
            }))
        }
        "logs" => {
            // Of the filter's block range nothing is used: a subscription is about every block from now on.
            let LogFilter(filter) = params.optional("filter")?.unwrap_or_default();
            params.finish()?;
            check(&filter, module.limits.filter_criteria)?;
            Ok(of_blocks(module, budget, move |block| {
                matching(block, &filter)
            }))
        }
        "messages" => {
            let id = params.optional("message id")?;
            params.finish()?;
            Ok(of_messages(module, budget, id))
        }
        "newPendingTransactions" => {
            let full = params.optional("full transactions")?.unwrap_or(false);
            params.finish()?;
            let receiver = module.chain.subscribe_pending();
            Ok(if full {
                feed::each(receiver, |pooled| convert::pending_transaction(pooled))
            } else {
                feed::each(receiver, |pooled| pooled.hash)
            })
        }
        other => {
            let shown: String = other.chars().take(64).collect();
            Err(RpcError::invalid_params(format!(
                "unknown subscription {shown}; known are newHeads, logs, newPendingTransactions, messages"
            )))
        }
    }
}

fn matching(block: &RecordedBlock, filter: &Filter) -> Vec<Log> {
    if !filter.matches_bloom(block.block.header().logs_bloom) {
        return Vec::new();
    }
    block_logs(block, filter)
}

/// What the blocks of all modules say about messages: a message gets further in two of them.
fn of_messages(module: &ModuleContext, budget: &Budget, id: Option<B256>) -> Feed {
    let chains = module.chain.exchange().chains().into_iter();
    let feeds = chains.map(|chain| {
        let of = chain.clone();
        of_chain(&of, budget, move |block| updates(&chain, block, id))
    });
    select_all(feeds).boxed()
}

fn of_blocks<T: serde::Serialize + Send + 'static>(
    module: &ModuleContext,
    budget: &Budget,
    expand: impl FnMut(&RecordedBlock) -> Vec<T> + Send + 'static,
) -> Feed {
    of_chain(&module.chain, budget, expand)
}

fn of_chain<T: serde::Serialize + Send + 'static>(
    chain: &Chain,
    budget: &Budget,
    mut expand: impl FnMut(&RecordedBlock) -> Vec<T> + Send + 'static,
) -> Feed {
    // In this order: a block that becomes the head in between is in the channel.
    let receiver = chain.subscribe_blocks();
    let next = chain.head().block.number() + 1;
    let number = |block: &Arc<RecordedBlock>| block.block.number();
    feed::blocks(receiver, next, number, budget.clone(), move |block| {
        expand(block)
    })
}
