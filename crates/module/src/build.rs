//! What goes into a block: chosen from the pool by a leader, decoded from the body by everybody else.

use crate::{Chain, imports, payments};
use alloy_primitives::{B256, Bytes};
use rayon::prelude::*;
use std::{collections::HashSet, sync::Arc};
use trellis_executor::{
    BlockEnv, Candidate, Engine, Executed, ExecutionError, Room, Setting, Transaction,
    encode_access_list,
};
use trellis_primitives::{
    Block, StateReader,
    limits::{ACCESS_LIST_BYTES_MAX, BODY_BYTES_MAX, TRANSACTIONS_MAX},
    system::{IMPORTER, POOL},
};
use trellis_txpool::PooledTransaction;

/// A block's content before its post-state is known.
pub(crate) struct Content {
    pub(crate) transactions: Vec<Transaction>,
    /// The transactions, encoded.
    pub(crate) encoded: Vec<Bytes>,
    pub(crate) executed: Executed,
    /// Everything the block touches, encoded.
    pub(crate) access_list: Bytes,
}

/// Transactions worth trying on top of blocks that hold `in_flight`, best first, within one block's limits.
pub(crate) fn select(chain: &Chain, in_flight: &HashSet<B256>) -> Vec<Arc<PooledTransaction>> {
    let gas_limit = chain.spec().gas_limit;
    chain.with_pool(|pool, _| {
        let (mut gas, mut bytes) = (0_u64, 0_usize);
        let mut selected = Vec::new();
        for pooled in pool.best() {
            if in_flight.contains(&pooled.hash) {
                continue;
            }
            gas = gas.saturating_add(pooled.gas_limit());
            bytes += pooled.encoded.len();
            // Gas limits overstate gas used, so twice the limit is offered to the builder.
            if gas > gas_limit.saturating_mul(2)
                || bytes > 2 * BODY_BYTES_MAX
                || selected.len() == TRANSACTIONS_MAX
            {
                break;
            }
            selected.push(pooled.clone());
        }
        selected
    })
}

/// Imports what waits behind the record of the parent's root, executes candidates in order behind it, and keeps those that fit (see [`Engine::fill`]).
///
/// # Errors
/// [`ExecutionError`] when the state cannot be read; nothing is lost by running it again.
pub(crate) fn fill<R: StateReader + Sync>(
    chain: &Chain,
    engine: &Engine,
    env: &BlockEnv,
    state: &R,
    candidates: &[Arc<PooledTransaction>],
    expired: &(dyn Fn() -> bool + Sync),
) -> Result<Content, ExecutionError> {
    let parent = (env.number.saturating_sub(1), env.parent_hash);
    let mut front = Vec::from_iter(payments::record(chain, parent));
    let records = front.len();
    front.extend(imports::make(chain, env.number, state)?);
    let content = fill_behind(&front, engine, env, state, candidates, expired)?;
    let taken = content.transactions.iter();
    let imported = taken.filter(|tx| tx.signer() == IMPORTER).count();
    let fees = payments::fees(&content.transactions);
    if fees != 0 {
        let pool = payments::pool_after(&content.executed.diff, state.account(POOL)?);
        if let Err(rule) = payments::check_fees(fees, pool) {
            tracing::error!(module = %chain.spec().name, number = env.number, rule, "taking no transfers");
            let signed =
                |pooled: &&Arc<PooledTransaction>| !payments::is_transfer(&pooled.transaction);
            let signed: Vec<_> = candidates.iter().filter(signed).cloned().collect();
            return fill_behind(&front, engine, env, state, &signed, expired);
        }
    }
    if let Err(rule) = imports::check_outcome(records, imported, &content.executed.receipts) {
        // Nobody would vote for it. Without imports the block is sound, and the next leader tries again.
        tracing::error!(module = %chain.spec().name, number = env.number, rule, "importing nothing");
        return fill_behind(&front[..records], engine, env, state, candidates, expired);
    }
    Ok(content)
}

/// Fills a block with the protocol's own transactions and then candidates.
fn fill_behind<R: StateReader + Sync>(
    front: &[(Transaction, Bytes)],
    engine: &Engine,
    env: &BlockEnv,
    state: &R,
    candidates: &[Arc<PooledTransaction>],
    expired: &(dyn Fn() -> bool + Sync),
) -> Result<Content, ExecutionError> {
    let front = front.iter().map(|(tx, encoded)| (tx, encoded));
    let pooled = candidates.iter().map(|p| (&p.transaction, &p.encoded));
    let offered: Vec<(&Transaction, &Bytes)> = front.chain(pooled).collect();
    let offers: Vec<_> = offered
        .iter()
        .map(|(transaction, encoded)| Candidate {
            transaction,
            bytes: encoded.len(),
        })
        .collect();
    let room = Room {
        body_bytes: BODY_BYTES_MAX,
        transactions: TRANSACTIONS_MAX,
        access_list_bytes: ACCESS_LIST_BYTES_MAX,
        is_over: expired,
    };
    let filled = engine.fill(&Setting::new(env), state, &offers, room)?;
    let taken = filled.taken.iter().map(|index| offered[*index]);
    let (transactions, encoded) = taken.map(|(tx, raw)| (tx.clone(), raw.clone())).unzip();
    let executed = filled.outcomes.seal();
    Ok(Content {
        transactions,
        encoded,
        access_list: encode_access_list(&executed.access_list),
        executed,
    })
}

/// Decodes a block's transactions and finds their senders: from the pool where it knows them, otherwise by recovery,
/// in parallel.
///
/// # Errors
/// Position and rule of the first transaction that does not decode or recover.
pub(crate) fn recover(chain: &Chain, block: &Block) -> Result<Vec<Transaction>, (usize, String)> {
    let hashes: Vec<B256> = block
        .transactions()
        .par_iter()
        .map(alloy_primitives::keccak256)
        .collect();
    let known: Vec<Option<Arc<PooledTransaction>>> =
        chain.with_pool(|pool, _| hashes.iter().map(|hash| pool.get(hash).cloned()).collect());
    block
        .transactions()
        .par_iter()
        .zip(known)
        .enumerate()
        .map(|(index, (raw, known))| match known {
            Some(pooled) => Ok(pooled.transaction.clone()),
            None => imports::decode(chain.spec(), raw).map_err(|error| (index, error.to_string())),
        })
        .collect()
}

#[cfg(test)]
mod tests;
