//! `trellis bench messages`: how fast messages get from one module to another.
//!
//! Two measurements. *Latency*: one message at a time, from before its transaction is sent until the client knows that the
//! block which delivers it is final. *Throughput*: many presigned messages as fast as possible, from the first request
//! until the destination has received the last one.

use super::{
    feature::{self, Call, Setting, failed, price, senders},
    progress::Progress,
    rpc::RpcClient,
    stats::Percentiles,
    target::{Target, discover},
    workload::Sender,
};
use crate::{error::CliError, output, values};
use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, U64, U256, hex, keccak256};
use clap::Args;
use core::time::Duration;
use serde::Serialize;
use serde_json::{Value, json};
use std::{process::ExitCode, time::Instant};
use trellis_messaging::gateway::{self, received_slot};
use trellis_primitives::{ModuleId, system::GATEWAY};

pub(crate) const MESSAGES_EXAMPLES: &str = "Every message carries 1 wei to an account of its own, without payload, and pays for 21,000 gas of delivery. Each is looked
for; one that is not delivered makes the exit code 1.

Example:
  trellis bench messages --source hub --destination pay -n 20000";

/// Gas limit of a transaction that sends one message, its delivery included.
const SEND_GAS: u64 = 150_000;
/// Gas of a delivery.
const DELIVERY_GAS: u64 = 21_000;
/// Transactions in one request.
const BATCH: usize = 100;

/// `trellis bench messages`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MessagesArgs {
    /// URL of the network
    #[arg(long, value_name = "URL", value_parser = values::url, default_value = "http://127.0.0.1:8545")]
    pub(crate) url: String,
    /// Module that sends
    #[arg(long, value_name = "NAME", default_value = "hub")]
    pub(crate) source: String,
    /// Module that receives
    #[arg(long, value_name = "NAME", default_value = "market")]
    pub(crate) destination: String,
    /// Messages sent as fast as possible
    #[arg(long, short = 'n', value_name = "N", value_parser = values::positive, default_value = "10000")]
    pub(crate) messages: u64,
    /// Messages sent one at a time
    #[arg(long, value_name = "N", value_parser = values::positive, default_value = "50")]
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
    source: String,
    destination: String,
    /// From before the transaction is sent until the delivery is known to be final.
    latency: Option<Percentiles>,
    messages: u64,
    seconds: f64,
    delivered_per_second: f64,
}

/// Runs the measurement and prints it.
pub(crate) fn run_messages(args: &MessagesArgs) -> Result<ExitCode, CliError> {
    feature::run(args.json, measure(args))
}

impl feature::Report for Report {
    fn show(&self) {
        self.setting.show();
        output::line(format_args!(
            "from, to      {}, {}",
            self.source, self.destination
        ));
        if let Some(latency) = &self.latency {
            output::line(format_args!(
                "latency       median {:.1} ms, p90 {:.1} ms, worst {:.1} ms ({} messages, one at a time)",
                latency.p50_ms, latency.p90_ms, latency.max_ms, latency.count
            ));
        }
        output::line(format_args!(
            "throughput    {:.0} delivered messages/s ({} in {:.2} s)",
            self.delivered_per_second, self.messages, self.seconds
        ));
    }
}

/// The two ends.
struct Route {
    source: Target,
    destination: Target,
    /// Slot of the destination's gateway that counts what it received.
    received: U256,
    max_fee: u128,
}

impl Route {
    async fn find(args: &MessagesArgs) -> Result<Self, CliError> {
        let wanted = [args.source.clone(), args.destination.clone()];
        let targets = discover(&args.url, &wanted).await?;
        let end = |name: &str| {
            let found = targets.iter().find(|target| target.name == name).cloned();
            found.ok_or_else(|| {
                CliError::usage("the source and the destination are two modules of one network")
            })
        };
        let (source, destination) = (end(&args.source)?, end(&args.destination)?);
        let index = u32::try_from(source.chain_id % 1000)
            .ok()
            .and_then(ModuleId::new);
        let index = index.ok_or_else(|| CliError::new("the chain id is not one of a module"))?;
        let max_fee = price(&source.client, 1_000_000_000_000).await?;
        Ok(Self {
            source,
            destination,
            received: received_slot(index),
            max_fee,
        })
    }

    /// How many messages the destination has received.
    async fn received(&self) -> Result<u64, CliError> {
        let params = json!([GATEWAY, self.received, "latest"]);
        let client = &self.destination.client;
        let value: B256 = client
            .call("eth_getStorageAt", params)
            .await
            .map_err(failed("cannot read the gateway"))?;
        Ok(gateway::counts(value.into()).0)
    }

    /// A transaction that sends one message.
    fn sign(&self, sender: &mut Sender) -> TxEnvelope {
        let (from, nonce) = (sender.signer.address(), sender.nonce);
        let preimage = [from.as_slice(), &nonce.to_be_bytes()].concat();
        let recipient = Address::from_slice(&keccak256(preimage)[12..]);
        let destination = self.destination.chain_id;
        let call = Call {
            chain_id: self.source.chain_id,
            gas_limit: SEND_GAS,
            max_fee: self.max_fee,
            to: GATEWAY,
            value: 1,
            input: gateway::send(destination, recipient, Bytes::new(), DELIVERY_GAS),
        };
        call.sign(sender)
    }
}

fn raw(tx: &TxEnvelope) -> String {
    hex::encode_prefixed(tx.encoded_2718())
}

async fn measure(args: &MessagesArgs) -> Result<Report, CliError> {
    let route = Route::find(args).await?;
    let mut senders = senders(&route.source.client).await?;
    let progress = Progress::new("one at a time", args.light);
    let mut latencies = Vec::new();
    for _ in 0..args.light {
        let tx = route.sign(&mut senders[0]);
        latencies.push(one(&route, *tx.tx_hash(), &raw(&tx), args.timeout).await?);
        progress.add(1);
    }
    progress.finish();
    let mut lanes = vec![Vec::new(); senders.len()];
    for index in 0..usize::try_from(args.messages).unwrap_or(usize::MAX) {
        let lane = index % senders.len();
        lanes[lane].push(raw(&route.sign(&mut senders[lane])));
    }
    let before = route.received().await?;
    let start = Instant::now();
    let sending = lanes.iter().map(|lane| send(&route.source.client, lane));
    let receiving = receive(&route, before + args.messages, args.timeout);
    let (_, last) = futures::try_join!(futures::future::try_join_all(sending), receiving)?;
    let seconds = last.duration_since(start).as_secs_f64();
    Ok(Report {
        setting: Setting::read(),
        source: args.source.clone(),
        destination: args.destination.clone(),
        latency: Percentiles::of(latencies),
        messages: args.messages,
        seconds,
        delivered_per_second: args.messages as f64 / seconds,
    })
}

/// Sends one message and waits for its delivery.
async fn one(
    route: &Route,
    hash: B256,
    raw: &str,
    patience: Duration,
) -> Result<Duration, CliError> {
    let client = &route.source.client;
    let start = Instant::now();
    let sent: Value = client
        .call(
            "eth_sendRawTransactionSync",
            json!([raw, U64::from(30_000)]),
        )
        .await
        .map_err(failed("cannot send a message"))?;
    if sent["status"] != "0x1" {
        return Err(CliError::new(format!("transaction {hash} failed")));
    }
    let ids: Vec<B256> = client
        .call("trellis_getMessagesOf", json!([hash]))
        .await
        .map_err(failed("cannot follow a message"))?;
    loop {
        let message: Value = client
            .call("trellis_getMessage", json!(ids))
            .await
            .map_err(failed("cannot follow a message"))?;
        if message["status"] == "delivered" {
            return Ok(start.elapsed());
        }
        if start.elapsed() > patience {
            return Err(CliError::new(format!(
                "message of {hash} is {}",
                message["status"]
            )));
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn send(client: &RpcClient, raws: &[String]) -> Result<(), CliError> {
    for batch in raws.chunks(BATCH) {
        let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
        let results = client
            .send_raw(&batch)
            .await
            .map_err(failed("cannot send messages"))?;
        if let Some(Err(text)) = results.into_iter().find(Result::is_err) {
            return Err(CliError::new(format!("a message was refused: {text}")));
        }
    }
    Ok(())
}

/// Waits until the destination has received `count` messages.
async fn receive(route: &Route, count: u64, patience: Duration) -> Result<Instant, CliError> {
    let mut last = (Instant::now(), 0);
    loop {
        let received = route.received().await?;
        if received >= count {
            return Ok(Instant::now());
        }
        if received > last.1 {
            last = (Instant::now(), received);
        } else if last.0.elapsed() > patience {
            let left = count - received;
            return Err(CliError::new(format!("{left} messages were not delivered")));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
