//! Latency mode: one transfer at a time, from before it is sent until the client knows that it is final.
//!
//! Two ways of knowing are measured apart: the answer of `eth_sendRawTransactionSync` (EIP-7966), and the `newHeads`
//! announcement of the block that holds the transfer. Before each transfer there is a pause of a different length, spread
//! evenly, so that transfers do not fall into step with the blocks.

use super::{
    args::LoadArgs,
    funding::fund,
    heads::Heads,
    progress::Progress,
    report::{LightReport, LightSeries},
    rpc::{ReceiptView, RpcClient, RpcError},
    stats::{Percentiles, normalized},
    target::Target,
    workload::{Presigned, Terms, derive, presign, with_nonces},
};
use crate::error::CliError;
use core::time::Duration;
use serde_json::json;
use std::{collections::BTreeMap, time::Instant};

/// Measures `targets` one after the other, so that none disturbs another.
pub(crate) async fn run(args: &LoadArgs, targets: &[Target]) -> Result<Vec<LightReport>, CliError> {
    let mut reports = Vec::with_capacity(targets.len());
    for target in targets {
        reports.push(measure(args, target).await?);
    }
    Ok(reports)
}

async fn measure(args: &LoadArgs, target: &Target) -> Result<LightReport, CliError> {
    let client = &target.client;
    let block = client.latest_block().await;
    let block =
        block.map_err(|error| CliError::from_error("cannot read the newest block", &error))?;
    let max_fee = args.max_fee_wei(block.base_fee_per_gas.map_or(0, |fee| fee.to()));
    let terms = Terms {
        chain_id: target.chain_id,
        max_fee,
        recipients: args.recipients,
    };
    // One sender: a transfer is only sent when the one before is final.
    let signers = derive(&args.mnemonic, 1)?;
    let mut senders = with_nonces(client, &signers).await?;
    let transfers = args.transfers();
    fund(
        client,
        &terms,
        &mut senders,
        &[2 * transfers + args.warmup],
        args.timeout,
    )
    .await?;
    let progress = Progress::new(
        &format!("{}: signed", target.name),
        2 * transfers + args.warmup,
    );
    let mut sign = |count| {
        presign(&terms, &mut senders, count, 1, &progress)
            .lanes
            .concat()
    };
    let (warmup, first, second) = (sign(args.warmup), sign(transfers), sign(transfers));
    progress.finish();

    let mut heads = Heads::subscribe(client.url()).await?;
    by_heads(client, &mut heads, &warmup, args, &Progress::hidden()).await?;
    let label = |way: &str| Progress::new(&format!("{}: {way}", target.name), transfers);
    let new_heads = by_heads(client, &mut heads, &first, args, &label("newHeads")).await?;
    let sync = by_sync(client, &second, args, &label("sendRawTransactionSync")).await?;
    Ok(LightReport {
        module: target.name.clone(),
        chain_id: target.chain_id,
        url: client.url().to_owned(),
        new_heads,
        sync,
    })
}

/// The pause before transfer `index`: multiples of the golden ratio modulo `longest` cover it evenly.
fn pause(index: u32, longest: Duration) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    longest.mul_f64((f64::from(index) * GOLDEN).fract())
}

#[derive(Default)]
struct Series {
    answered: Vec<Duration>,
    is_final: Vec<Duration>,
    errors: BTreeMap<String, u64>,
}

impl Series {
    fn fail(&mut self, text: &str) {
        *self.errors.entry(normalized(text)).or_default() += 1;
    }

    fn finish(self, transfers: &[Presigned]) -> LightSeries {
        LightSeries {
            transactions: transfers.len() as u64,
            missing: transfers.len().saturating_sub(self.is_final.len()) as u64,
            answered: Percentiles::of(self.answered),
            finality: Percentiles::of(self.is_final),
            errors: self.errors,
        }
    }
}

/// Sends each transfer and waits for the announcement of a block that holds it.
async fn by_heads(
    client: &RpcClient,
    heads: &mut Heads,
    transfers: &[Presigned],
    args: &LoadArgs,
    progress: &Progress,
) -> Result<LightSeries, CliError> {
    let mut series = Series::default();
    for transfer in transfers {
        tokio::time::sleep(pause(transfer.index, args.pause)).await;
        heads.clear();
        let start = Instant::now();
        let sent = client.send_raw(&[&transfer.raw]).await;
        let sent = sent.map_err(|error| CliError::from_error("cannot send a transfer", &error))?;
        if let Some(Err(text)) = sent.first() {
            series.fail(text);
            break;
        }
        series.answered.push(start.elapsed());
        let found = tokio::time::timeout(args.timeout, find(client, heads, transfer)).await;
        match found {
            Ok(at) => series.is_final.push(at?.duration_since(start)),
            // The next nonce cannot be included before this one.
            Err(_) => {
                series.fail(&format!("not in a block after {:?}", args.timeout));
                break;
            }
        }
        progress.add(1);
    }
    progress.finish();
    Ok(series.finish(transfers))
}

/// When the block that holds `transfer` was announced.
async fn find(
    client: &RpcClient,
    heads: &mut Heads,
    transfer: &Presigned,
) -> Result<Instant, CliError> {
    loop {
        let Some(head) = heads.next().await else {
            return Err(CliError::new(
                "the server ended the subscription to new blocks",
            ));
        };
        let block = client.block_by_hash(head.hash).await;
        let block = block
            .map_err(|error| CliError::from_error("cannot read an announced block", &error))?;
        let block = block.ok_or_else(|| {
            CliError::new(format!("announced block {} cannot be read", head.hash))
        })?;
        if block.transactions.contains(&transfer.hash) {
            return Ok(head.at);
        }
    }
}

/// Sends each transfer with `eth_sendRawTransactionSync`, then checks that the block it names holds it. `None` if the
/// server does not have the method.
async fn by_sync(
    client: &RpcClient,
    transfers: &[Presigned],
    args: &LoadArgs,
    progress: &Progress,
) -> Result<Option<LightSeries>, CliError> {
    let mut series = Series::default();
    for transfer in transfers {
        tokio::time::sleep(pause(transfer.index, args.pause)).await;
        let start = Instant::now();
        let result: Result<ReceiptView, RpcError> = client
            .call("eth_sendRawTransactionSync", json!([transfer.raw]))
            .await;
        let took = start.elapsed();
        let receipt = match result {
            Ok(receipt) => receipt,
            Err(error) if error.is_method_not_found() => return Ok(None),
            Err(error) => {
                series.fail(&error.to_string());
                break;
            }
        };
        let block = client.block_by_hash(receipt.block_hash).await;
        let block = block
            .map_err(|error| CliError::from_error("cannot read the receipt's block", &error))?;
        let holds = block.is_some_and(|block| block.transactions.contains(&transfer.hash));
        if holds && receipt.transaction_hash == transfer.hash && receipt.status.to::<u64>() == 1 {
            series.is_final.push(took);
        } else {
            series.fail("the receipt does not match the block it names");
        }
        progress.add(1);
    }
    progress.finish();
    Ok(Some(series.finish(transfers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_cover_the_interval_evenly() {
        let longest = Duration::from_millis(100);
        let mut tenths = [0_u32; 10];
        for index in 0..100 {
            let pause = pause(index, longest);
            assert!(pause < longest);
            tenths[pause.as_millis() as usize / 10] += 1;
        }
        assert!(
            tenths.iter().all(|count| (8..=12).contains(count)),
            "{tenths:?}"
        );
    }
}
