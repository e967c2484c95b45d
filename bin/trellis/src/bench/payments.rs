//! `trellis bench payments`: how many private transfers per second a running network includes, and how long one takes.
//!
//! Everything is real: notes are shielded on the chain first, each transfer spends one of them, and its proof is made here, before
//! the clock starts. *Throughput*: from the first request until the last transfer is in a block. *Latency*: one at a time, from before the
//! proof is begun until the client knows that the block is final.

mod purse;

use super::{
    machine::Machine,
    progress::Progress,
    rpc::RpcError,
    stats::Percentiles,
    target::{Target, discover},
    workload::{Sender, derive, with_nonces},
};
use crate::{
    args::{COMMIT, VERSION},
    error::CliError,
    output, values,
};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{B256, Bytes, TxKind, U64, U256, hex};
use alloy_signer::SignerSync as _;
use clap::Args;
use core::time::Duration;
use purse::Purse;
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

/// The mnemonic of the accounts every development chain funds.
const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// Accounts that shield.
const SENDERS: u64 = 10;
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
    version: &'static str,
    commit: &'static str,
    machine: Machine,
    command: String,
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::from_error("cannot start the runtime", &error))?;
    let report = runtime.block_on(measure(args))?;
    if args.json {
        let value = serde_json::to_value(&report)
            .map_err(|error| CliError::from_error("cannot write the result", &error))?;
        output::json(&value);
    } else {
        show(&report);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(report: &Report) {
    let machine = &report.machine;
    let cpu = machine.cpu.as_deref().unwrap_or_default();
    output::line(format_args!(
        "machine       {} cores, {cpu}, {}",
        machine.cores, machine.os
    ));
    output::line(format_args!("command       {}", report.command));
    output::line(format_args!("size          {} bytes", report.bytes));
    output::line(format_args!(
        "proving       {:.2} proofs/s on all cores",
        report.proofs_per_second
    ));
    if let Some(latency) = &report.latency {
        output::line(format_args!(
            "latency       median {:.0} ms, p90 {:.0} ms, worst {:.0} ms, proof included ({} transfers, one at a time)",
            latency.p50_ms, latency.p90_ms, latency.max_ms, latency.count
        ));
    }
    output::line(format_args!(
        "throughput    {:.0} included transfers/s ({} in {:.2} s, at most {} in a block)",
        report.included_per_second, report.transfers, report.seconds, report.fullest_block
    ));
    output::line(format_args!("baseline      {}", report.orchard));
}

const ORCHARD: &str =
    "Zcash Orchard, 2 cores: prove 1.9 s, 9,137 bytes, check 1.8 to 2.9 ms each in a batch";

fn failed(what: &str) -> impl Fn(RpcError) -> CliError + '_ {
    move |error| CliError::from_error(what, &error)
}

async fn measure(args: &PaymentsArgs) -> Result<Report, CliError> {
    let targets = discover(&args.url, std::slice::from_ref(&args.module)).await?;
    let target = targets.into_iter().next();
    let target = target.ok_or_else(|| CliError::usage("the network has no such module"))?;
    let genesis: Value = call(&target, "eth_getBlockByNumber", json!(["0x0", false])).await?;
    let genesis = serde_json::from_value(genesis["hash"].clone());
    let genesis = genesis.map_err(|error| CliError::from_error("cannot read block 0", &error))?;
    let mut purse = Purse::new(target.chain_id, genesis)?;
    purse.follow(&target).await?;
    let count = args.transfers + args.light;
    shield(&target, &mut purse, count, args.timeout).await?;

    let price = price(&target).await?;
    let progress = Progress::new("proving", args.transfers);
    let start = Instant::now();
    let notes = purse.take(args.transfers)?;
    let proven: Result<Vec<ProvenTransfer>, CliError> = notes
        .par_iter()
        .map(|held| {
            let proven = purse.spend(held, price);
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
    let latency = one_by_one(&target, &mut purse, args).await?;
    Ok(Report {
        version: VERSION,
        commit: COMMIT,
        machine: Machine::read(),
        command: std::env::args().collect::<Vec<_>>().join(" "),
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

/// A gas price that every block of the run accepts.
async fn price(target: &Target) -> Result<u128, CliError> {
    let block = target.client.latest_block().await;
    let block = block.map_err(failed("cannot read a block"))?;
    let base_fee: u64 = block.base_fee_per_gas.map_or(0, |fee| fee.to());
    Ok((u128::from(base_fee) * 10).max(100_000_000_000))
}

/// Shields a note for each transfer, and waits until all are in the tree.
async fn shield(
    target: &Target,
    purse: &mut Purse,
    count: u64,
    patience: Duration,
) -> Result<(), CliError> {
    let signers = derive(MNEMONIC, SENDERS)?;
    let mut senders = with_nonces(&target.client, &signers).await?;
    let max_fee = price(target).await?;
    let progress = Progress::new("shielding", count);
    let mut raws = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or(usize::MAX) {
        let (value, input) = purse.shield();
        let lane = index % senders.len();
        raws.push(sign_shield(
            target,
            &mut senders[lane],
            max_fee,
            value,
            input,
        ));
    }
    for batch in raws.chunks(BATCH) {
        send(target, batch).await?;
    }
    let mut last = (Instant::now(), 0);
    loop {
        purse.follow(target).await?;
        let found = purse.len() as u64;
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

fn sign_shield(
    target: &Target,
    sender: &mut Sender,
    max_fee: u128,
    value: u128,
    input: Bytes,
) -> String {
    let tx = TxEip1559 {
        chain_id: target.chain_id,
        nonce: sender.nonce,
        gas_limit: SHIELD_GAS,
        max_fee_per_gas: max_fee,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(POOL),
        value: U256::from(value),
        input,
        ..TxEip1559::default()
    };
    sender.nonce += 1;
    let signature = sender
        .signer
        .sign_hash_sync(&tx.signature_hash())
        .expect("signing a 32-byte hash with a local key cannot fail");
    let envelope: TxEnvelope = tx.into_signed(signature).into();
    hex::encode_prefixed(envelope.encoded_2718())
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
    purse: &mut Purse,
    args: &PaymentsArgs,
) -> Result<Vec<Duration>, CliError> {
    let progress = Progress::new("one at a time", args.light);
    let mut latencies = Vec::new();
    for held in purse.take(args.light)? {
        let price = price(target).await?;
        let start = Instant::now();
        let proven = purse.spend(&held, price)?;
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
