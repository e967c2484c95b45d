//! `trellis bench payments`: how many private transfers per second a running network includes, and how long one takes.
//!
//! Everything is real: notes are shielded on the chain first, each transfer spends one of them, and its proof is made here, before
//! the clock starts. *Throughput*: from the first request until the last transfer is in a block. *Latency*: one at a time, from before the
//! proof is begun until the client knows that the block is final.

mod payer;

use super::{
    feature::{self, Call, Setting, failed, senders},
    progress::Progress,
    stats::Percentiles,
    target::{Target, discover},
};
use crate::{error::CliError, output, values};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{B256, U64, hex};
use clap::Args;
use core::time::Duration;
use payer::Payer;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    process::ExitCode,
    time::Instant,
};
use trellis_shielded::{ProvenTransfer, pool::POOL};

pub(crate) const PAYMENTS_EXAMPLES: &str = "Proofs are made before the clock starts, one per core at a time: a thousand take minutes. Each transfer is looked for; one that
is not included makes the exit code 1.

Example:
  trellis bench payments -n 1000 --light 10";

/// Gas limit of a shield.
const SHIELD_GAS: u64 = 150_000;
/// Transactions in one request.
const BATCH: usize = 64;

/// `trellis bench payments`.
#[derive(Args, Clone, Debug)]
pub(crate) struct PaymentsArgs {
    /// URL of the network
    #[arg(long, value_name = "URL", value_parser = values::url, default_value = "http://127.0.0.1:8545")]
    pub(crate) url: String,
    /// Module with private payments
    #[arg(long, value_name = "NAME", default_value = "pay")]
    pub(crate) module: String,
    /// Transfers sent as fast as possible
    #[arg(long, short = 'n', value_name = "N", value_parser = values::positive, default_value = "500")]
    pub(crate) transfers: u64,
    /// Transfers made one at a time
    #[arg(long, value_name = "N", value_parser = values::positive, default_value = "10")]
    pub(crate) light: u64,
    /// Give up after this long without progress
    #[arg(long, value_name = "TIME", value_parser = values::duration, default_value = "60s")]
    pub(crate) timeout: Duration,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What was measured.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    setting: Setting,
    module: String,
    /// Of a transfer's transaction.
    bytes: usize,
    /// Proofs made here, on all cores together.
    proofs_per_second: f64,
    /// From before the proof is begun until the transfer is known to be final.
    latency: Option<Percentiles>,
    transfers: u64,
    seconds: f64,
    included_per_second: f64,
    /// Most transfers in one block.
    fullest_block: usize,
    /// Orchard's figures (docs/benchmarks.md), measured on another 2-core machine.
    orchard: &'static str,
}

/// Runs the measurement and prints it.
pub(crate) fn run_payments(args: &PaymentsArgs) -> Result<ExitCode, CliError> {
    feature::run(args.json, measure(args))
}

impl feature::Report for Report {
    fn show(&self) {
        self.setting.show();
        output::line(format_args!("size          {} bytes", self.bytes));
        output::line(format_args!(
            "proving       {:.2} proofs/s on all cores",
            self.proofs_per_second
        ));
        if let Some(latency) = &self.latency {
            output::line(format_args!(
                "latency       median {:.0} ms, p90 {:.0} ms, worst {:.0} ms, proof included ({} transfers, one at a time)",
                latency.p50_ms, latency.p90_ms, latency.max_ms, latency.count
            ));
        }
        output::line(format_args!(
            "throughput    {:.0} included transfers/s ({} in {:.2} s, at most {} in a block)",
            self.included_per_second, self.transfers, self.seconds, self.fullest_block
        ));
        output::line(format_args!("baseline      {}", self.orchard));
    }
}

const ORCHARD: &str =
    "Zcash Orchard, 2 cores: prove 1.9 s, 9,137 bytes, check 1.8 to 2.9 ms each in a batch";

async fn measure(args: &PaymentsArgs) -> Result<Report, CliError> {
    let targets = discover(&args.url, std::slice::from_ref(&args.module)).await?;
    let target = targets.into_iter().next();
    let target = target.ok_or_else(|| CliError::usage("the network has no such module"))?;
    let genesis: Value = call(&target, "eth_getBlockByNumber", json!(["0x0", false])).await?;
    let genesis = serde_json::from_value(genesis["hash"].clone());
    let genesis = genesis.map_err(|error| CliError::from_error("cannot read block 0", &error))?;
    let mut payer = Payer::new(target.chain_id, genesis)?;
    payer.follow(&target).await?;
    let count = args.transfers + args.light;
    shield(&target, &mut payer, count, args.timeout).await?;

    let price = price(&target).await?;
    let progress = Progress::new("proving", args.transfers);
    let start = Instant::now();
    let notes = payer.take(args.transfers)?;
    let proven: Result<Vec<ProvenTransfer>, CliError> = notes
        .par_iter()
        .map(|held| {
            let proven = payer.spend(held, price);
            progress.add(1);
            proven
        })
        .collect();
    let proven = proven?;
    let proofs_per_second = args.transfers as f64 / start.elapsed().as_secs_f64();
    progress.finish();
    let raws: Vec<_> = proven
        .iter()
        .map(|p| p.transaction(target.chain_id))
        .collect();

    let (seconds, fullest_block) = send_all(&target, &raws, args.timeout).await?;
    let latency = one_by_one(&target, &mut payer, args).await?;
    Ok(Report {
        setting: Setting::read(),
        module: args.module.clone(),
        bytes: raws.first().map_or(0, Vec::len),
        proofs_per_second,
        latency: Percentiles::of(latency),
        transfers: args.transfers,
        seconds,
        included_per_second: args.transfers as f64 / seconds,
        fullest_block,
        orchard: ORCHARD,
    })
}

async fn call<T: serde::de::DeserializeOwned>(
    target: &Target,
    method: &str,
    params: Value,
) -> Result<T, CliError> {
    let answer = target.client.call(method, params).await;
    answer.map_err(|error| CliError::from_error("the node does not answer", &error))
}

async fn price(target: &Target) -> Result<u128, CliError> {
    feature::price(&target.client, 100_000_000_000).await
}

/// Shields a note for each transfer, and waits until all are in the tree.
async fn shield(
    target: &Target,
    payer: &mut Payer,
    count: u64,
    patience: Duration,
) -> Result<(), CliError> {
    let mut senders = senders(&target.client).await?;
    let max_fee = price(target).await?;
    let progress = Progress::new("shielding", count);
    let mut raws = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or(usize::MAX) {
        let (value, input) = payer.shield();
        let lane = index % senders.len();
        let call = Call {
            chain_id: target.chain_id,
            gas_limit: SHIELD_GAS,
            max_fee,
            to: POOL,
            value,
            input,
        };
        let tx = call.sign(&mut senders[lane]);
        raws.push(hex::encode_prefixed(tx.encoded_2718()));
    }
    for batch in raws.chunks(BATCH) {
        send(target, batch).await?;
    }
    let mut last = (Instant::now(), 0);
    loop {
        payer.follow(target).await?;
        let found = payer.len() as u64;
        if found >= count {
            progress.add(count);
            progress.finish();
            return Ok(());
        }
        if found > last.1 {
            last = (Instant::now(), found);
        } else if last.0.elapsed() > patience {
            return Err(CliError::new(format!(
                "{} notes were not shielded",
                count - found
            )));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn send(target: &Target, raws: &[String]) -> Result<Vec<B256>, CliError> {
    let raws: Vec<&str> = raws.iter().map(String::as_str).collect();
    let results = target.client.send_raw(&raws).await;
    let results = results.map_err(failed("cannot send"))?;
    let results: Result<Vec<_>, _> = results.into_iter().collect();
    results.map_err(|text| CliError::new(format!("a transaction was refused: {text}")))
}

/// Sends transfers over several connections, and waits until all are in blocks. Returns the time, and the most in one block.
async fn send_all(
    target: &Target,
    raws: &[Vec<u8>],
    patience: Duration,
) -> Result<(f64, usize), CliError> {
    let raws: Vec<String> = raws.iter().map(hex::encode_prefixed).collect();
    let first = target.client.block_number().await;
    let first = first.map_err(failed("cannot read a block"))? + 1;
    let start = Instant::now();
    let sending = raws.chunks(BATCH).map(|batch| send(target, batch));
    let sent = futures::future::try_join_all(sending).await?;
    let mut waiting: HashSet<B256> = sent.into_iter().flatten().collect();
    let mut per_block = BTreeMap::new();
    let (mut next, mut last) = (first, Instant::now());
    while !waiting.is_empty() {
        let block = target.client.block(next).await;
        let Some(block) = block.map_err(failed("cannot read a block"))? else {
            if last.elapsed() > patience {
                let left = waiting.len();
                return Err(CliError::new(format!("{left} transfers were not included")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let before = waiting.len();
        block.transactions.iter().for_each(|hash| {
            waiting.remove(hash);
        });
        per_block.insert(next, before - waiting.len());
        (next, last) = (next + 1, Instant::now());
    }
    let fullest = per_block.values().copied().max().unwrap_or_default();
    Ok((start.elapsed().as_secs_f64(), fullest))
}

/// Proves and sends one transfer after the other.
async fn one_by_one(
    target: &Target,
    payer: &mut Payer,
    args: &PaymentsArgs,
) -> Result<Vec<Duration>, CliError> {
    let progress = Progress::new("one at a time", args.light);
    let mut latencies = Vec::new();
    for held in payer.take(args.light)? {
        let price = price(target).await?;
        let start = Instant::now();
        let proven = payer.spend(&held, price)?;
        let raw = hex::encode_prefixed(proven.transaction(target.chain_id));
        let receipt: Value = call(
            target,
            "eth_sendRawTransactionSync",
            json!([raw, U64::from(30_000)]),
        )
        .await?;
        if receipt["status"] != "0x1" {
            return Err(CliError::new("a transfer failed"));
        }
        latencies.push(start.elapsed());
        progress.add(1);
    }
    progress.finish();
    Ok(latencies)
}
