//! What a transaction has to pay: base fee, suggested tip, fee history.
//!
//! The suggested tip is the median of the non-zero tips paid in the last blocks, and at least [`TIP_MIN`]. The gas
//! price is that tip plus the base fee of the next block.

use super::{RpcResult, json, select};
use crate::{ModuleContext, Params, RpcError};
use alloy_consensus::Transaction as _;
use alloy_primitives::U128;
use alloy_rpc_types_eth::{BlockNumberOrTag, FeeHistory, Index, TxGasAndReward};
use std::sync::Arc;
use trellis_module::Chain;
use trellis_state::history::RecordedBlock;

/// Smallest suggested tip in wei per gas: 0.001 gwei.
pub(crate) const TIP_MIN: u128 = 1_000_000;

/// How many recent blocks the suggested tip looks at.
const TIP_BLOCKS: u64 = 20;

/// Most tips sampled, in all and in one block: enough for a median, and the head alone gives them when it is full.
const TIP_SAMPLES: usize = 256;
const TIP_SAMPLES_PER_BLOCK: usize = 64;

/// Most transactions in the blocks read for one suggestion or one fee history. A longer history is cut at its old end.
const TRANSACTIONS_MAX: usize = 200_000;

/// Most reward percentiles in one fee history (the limit of geth).
const PERCENTILES_MAX: usize = 100;

/// The blob base fee of a header whose excess blob gas is zero (EIP-4844), as it is in every block: no module has
/// blobs.
const BLOB_BASE_FEE: u128 = 1;

pub(super) async fn dispatch(
    module: &Arc<ModuleContext>,
    method: &str,
    params: &Params,
) -> Option<RpcResult> {
    Some(match method {
        "eth_gasPrice" => gas_price(module).await,
        "eth_maxPriorityFeePerGas" => max_priority_fee(module).await,
        "eth_feeHistory" => fee_history(module, params).await,
        "eth_blobBaseFee" => json(&U128::from(BLOB_BASE_FEE)),
        _ => return None,
    })
}

async fn gas_price(module: &Arc<ModuleContext>) -> RpcResult {
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || {
            let base_fee = u128::from(chain.next_env().base_fee);
            json(&U128::from(base_fee + suggested_tip(&chain)?))
        })
        .await
}

async fn max_priority_fee(module: &Arc<ModuleContext>) -> RpcResult {
    let chain = Arc::clone(&module.chain);
    module
        .blocking(move || json(&U128::from(suggested_tip(&chain)?)))
        .await
}

/// The tip, in wei per gas, that recent blocks suggest.
pub(super) fn suggested_tip(chain: &Chain) -> Result<u128, RpcError> {
    let mut block = chain.head();
    let (mut samples, mut read) = (Vec::new(), 0);
    for _ in 0..TIP_BLOCKS {
        sample_tips(&block, &mut samples);
        read += block.transactions.len();
        let number = block.number();
        if number == 0 || samples.len() >= TIP_SAMPLES || read >= TRANSACTIONS_MAX {
            break;
        }
        match chain.block(number - 1)? {
            Some(parent) => block = parent,
            None => break,
        }
    }
    Ok(median_tip(samples))
}

/// Adds the non-zero tips of evenly spread transactions: a block is ordered by tip, so its beginning says too much.
fn sample_tips(block: &RecordedBlock, samples: &mut Vec<u128>) {
    let base_fee = block.block.header().base_fee_per_gas.unwrap_or_default();
    let step = block
        .transactions
        .len()
        .div_ceil(TIP_SAMPLES_PER_BLOCK)
        .max(1);
    let tips = block.transactions.iter().step_by(step);
    samples.extend(
        tips.filter_map(|tx| tx.effective_tip_per_gas(base_fee))
            .filter(|tip| *tip > 0),
    );
}

pub(super) fn median_tip(mut samples: Vec<u128>) -> u128 {
    samples.sort_unstable();
    samples
        .get(samples.len() / 2)
        .copied()
        .unwrap_or_default()
        .max(TIP_MIN)
}

async fn fee_history(module: &Arc<ModuleContext>, params: &Params) -> RpcResult {
    let mut params = params.positional()?;
    let count: Index = params.required("block count")?;
    let newest: BlockNumberOrTag = params.required("newest block")?;
    let percentiles: Option<Vec<f64>> = params.optional("reward percentiles")?;
    params.finish()?;
    let percentiles = percentiles.filter(|percentiles| !percentiles.is_empty());
    check_percentiles(percentiles.as_deref().unwrap_or_default())?;
    let (chain, blocks_max) = (Arc::clone(&module.chain), module.limits.fee_history_blocks);
    module
        .blocking(move || {
            let newest = select::number(&chain, newest.into())?;
            let count = (count.0 as u64).min(blocks_max).min(newest + 1);
            json(&history(&chain, newest, count, percentiles.as_deref())?)
        })
        .await
}

pub(super) fn check_percentiles(percentiles: &[f64]) -> Result<(), RpcError> {
    if percentiles.len() > PERCENTILES_MAX {
        return Err(RpcError::invalid_params(format!(
            "{} reward percentiles, the limit is {PERCENTILES_MAX}",
            percentiles.len()
        )));
    }
    let mut previous = 0.0;
    for percentile in percentiles {
        if !(0.0..=100.0).contains(percentile) {
            return Err(RpcError::invalid_params(format!(
                "reward percentile {percentile} is not between 0 and 100"
            )));
        }
        if *percentile < previous {
            return Err(RpcError::invalid_params(format!(
                "reward percentiles must increase: {percentile} follows {previous}"
            )));
        }
        previous = *percentile;
    }
    Ok(())
}

/// Fees of the `count` blocks up to `newest`, read from new to old.
fn history(
    chain: &Chain,
    newest: u64,
    count: u64,
    percentiles: Option<&[f64]>,
) -> Result<FeeHistory, RpcError> {
    let mut out = FeeHistory {
        reward: percentiles.map(|_| Vec::new()),
        ..FeeHistory::default()
    };
    let (mut oldest, mut read) = (newest + 1, 0);
    while newest + 1 - oldest < count && read < TRANSACTIONS_MAX {
        let Some(block) = block_at(chain, oldest - 1)? else {
            break;
        };
        oldest -= 1;
        read += block.transactions.len();
        let header = block.block.header();
        if out.base_fee_per_gas.is_empty() {
            let (used, limit, fee) = (
                header.gas_used,
                header.gas_limit,
                header.base_fee_per_gas.unwrap_or_default(),
            );
            out.base_fee_per_gas
                .push(trellis_executor::next_base_fee(used, limit, fee).into());
        }
        out.base_fee_per_gas
            .push(header.base_fee_per_gas.unwrap_or_default().into());
        out.gas_used_ratio
            .push(header.gas_used as f64 / header.gas_limit as f64);
        if let (Some(rewards), Some(percentiles)) = (&mut out.reward, percentiles) {
            rewards.push(rewards_of(&block, percentiles));
        }
    }
    out.base_fee_per_gas.reverse();
    out.gas_used_ratio.reverse();
    if let Some(rewards) = &mut out.reward {
        rewards.reverse();
    }
    out.oldest_block = if out.gas_used_ratio.is_empty() {
        0
    } else {
        oldest
    };
    out.base_fee_per_blob_gas = vec![BLOB_BASE_FEE; out.base_fee_per_gas.len()];
    out.blob_gas_used_ratio = vec![0.0; out.gas_used_ratio.len()];
    Ok(out)
}

fn block_at(chain: &Chain, number: u64) -> Result<Option<Arc<RecordedBlock>>, RpcError> {
    select::find_tag(chain, BlockNumberOrTag::Number(number))
}

fn rewards_of(block: &RecordedBlock, percentiles: &[f64]) -> Vec<u128> {
    let header = block.block.header();
    let base_fee = header.base_fee_per_gas.unwrap_or_default();
    let mut before = 0;
    let transactions = block
        .transactions
        .iter()
        .zip(&block.receipts)
        .map(|(tx, receipt)| {
            let gas_used = receipt.cumulative_gas_used() - before;
            before = receipt.cumulative_gas_used();
            TxGasAndReward {
                gas_used,
                reward: tx.effective_tip_per_gas(base_fee).unwrap_or_default(),
            }
        });
    reward_percentiles(transactions.collect(), header.gas_used, percentiles)
}

/// For each percentile, the tip at which that share of the block's gas paid as much or less (as geth computes it);
/// zeros for an empty block.
pub(super) fn reward_percentiles(
    mut transactions: Vec<TxGasAndReward>,
    block_gas_used: u64,
    percentiles: &[f64],
) -> Vec<u128> {
    transactions.sort();
    let (mut index, mut gas) = (0, transactions.first().map_or(0, |tx| tx.gas_used));
    let mut reward_at = |percentile: f64| {
        let threshold = (block_gas_used as f64 * percentile / 100.0) as u64;
        while gas < threshold && index + 1 < transactions.len() {
            index += 1;
            gas += transactions[index].gas_used;
        }
        transactions.get(index).map_or(0, |tx| tx.reward)
    };
    percentiles
        .iter()
        .map(|percentile| reward_at(*percentile))
        .collect()
}
