//! What goes into a block: chosen from the pool by a leader, decoded from the body by everybody else.

use crate::{Chain, submit};
use alloy_primitives::{Address, B256};
use rayon::prelude::*;
use std::{collections::HashSet, sync::Arc};
use trellis_executor::{
    BlockEnv, BlockExecutor, Executed, ExecutionError, InvalidTransaction, Transaction,
    TransactionError,
};
use trellis_primitives::{
    Block, StateReader,
    limits::{BODY_BYTES_MAX, TRANSACTIONS_MAX},
};
use trellis_txpool::PooledTransaction;

/// A block's content before its post-state is known.
pub(crate) struct Content {
    pub(crate) transactions: Vec<Arc<PooledTransaction>>,
    pub(crate) executed: Executed,
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

/// Executes candidates in order and keeps those that fit. A candidate that does not fit here costs its sender the
/// rest of this block, never its place in the pool.
///
/// # Errors
/// [`ExecutionError`] when the state cannot be read; nothing is lost by running it again.
pub(crate) fn fill<R: StateReader>(
    env: BlockEnv,
    state: R,
    candidates: &[Arc<PooledTransaction>],
    mut expired: impl FnMut() -> bool,
) -> Result<Content, ExecutionError> {
    let mut executor = BlockExecutor::new(env, state)?;
    let mut skipped: HashSet<Address> = HashSet::new();
    let mut transactions = Vec::new();
    let mut bytes = 0;
    for (index, pooled) in candidates.iter().enumerate() {
        if index % 64 == 63 && expired() {
            break;
        }
        let oversized = bytes + pooled.encoded.len() > BODY_BYTES_MAX;
        if skipped.contains(&pooled.sender()) {
            continue;
        }
        if oversized || pooled.gas_limit() > executor.gas_left() {
            skipped.insert(pooled.sender());
            continue;
        }
        match executor.execute(&pooled.transaction) {
            Ok(()) => {
                bytes += pooled.encoded.len();
                transactions.push(pooled.clone());
            }
            // Already in a block this one builds on.
            Err(TransactionError::Invalid(InvalidTransaction::NonceTooLow { .. })) => {}
            Err(TransactionError::Invalid(_)) => {
                skipped.insert(pooled.sender());
            }
            Err(TransactionError::State(error)) => return Err(error.into()),
            Err(TransactionError::Internal(reason)) => {
                return Err(ExecutionError::Internal(reason));
            }
        }
    }
    Ok(Content {
        transactions,
        executed: executor.finish(),
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
            None => submit::decode(raw).map_err(|error| (index, error.to_string())),
        })
        .collect()
}

#[cfg(test)]
mod tests;
