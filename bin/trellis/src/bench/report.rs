//! The result of a run: the values that are written as JSON, and that [`print`] shows to a person.

mod print;

use super::{
    args::LoadArgs,
    machine::{Machine, Usage},
    stats::{Fill, Percentiles},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything a run has to say.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) version: &'static str,
    /// Commit of this program; the server names its own in `client_version`.
    pub(crate) commit: &'static str,
    /// Whether this program is optimized; a debug build signs, sends and reads more slowly.
    pub(crate) build: &'static str,
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) workload: Workload,
    pub(crate) network: Side,
    pub(crate) baseline: Option<Side>,
    /// Total of the network by total of the baseline: included tx/s, or median finality latency.
    pub(crate) ratio: Option<f64>,
}

/// What was sent.
#[derive(Debug, Serialize)]
pub(crate) struct Workload {
    pub(crate) mode: &'static str,
    pub(crate) transactions_per_module: u64,
    pub(crate) warmup: u64,
    pub(crate) rate: u64,
    pub(crate) batch: u64,
    pub(crate) connections: u64,
    pub(crate) accounts: u64,
    pub(crate) recipients: u64,
}

impl Workload {
    /// The workload `args` describe.
    pub(crate) fn of(args: &LoadArgs) -> Self {
        Self {
            mode: if args.light { "light" } else { "load" },
            transactions_per_module: args.transfers(),
            warmup: args.warmup,
            rate: args.rate,
            batch: args.batch,
            connections: args.connections.min(args.accounts),
            accounts: args.accounts,
            recipients: args.recipients,
        }
    }
}

/// What one network did under the workload.
#[derive(Debug, Serialize)]
pub(crate) struct Side {
    pub(crate) url: String,
    pub(crate) client_version: Option<String>,
    #[serde(flatten)]
    pub(crate) result: RunResult,
    pub(crate) server: Option<Usage>,
    /// Processor time of this program, which shares the machine with a local server.
    pub(crate) load_generator_cpu_seconds: Option<f64>,
}

/// The two kinds of run.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum RunResult {
    /// As many transfers as possible.
    Load(LoadRun),
    /// One at a time.
    Light { modules: Vec<LightReport> },
}

/// A load on all modules at once.
#[derive(Debug, Serialize)]
pub(crate) struct LoadRun {
    pub(crate) modules: Vec<LoadReport>,
    pub(crate) total: LoadTotal,
}

/// What one module did under load.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadReport {
    pub(crate) module: String,
    pub(crate) chain_id: u64,
    pub(crate) url: String,
    pub(crate) transactions: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) sent_again: u64,
    pub(crate) included: u64,
    pub(crate) missing: u64,
    pub(crate) duplicates: u64,
    /// From the first send to the last inclusion seen.
    pub(crate) seconds: f64,
    pub(crate) tx_per_second: f64,
    /// Most transfers in one second; absent when the blocks span less.
    pub(crate) peak_second: Option<u64>,
    /// Whether the peak is by the chain's millisecond times, and not by when blocks were seen.
    pub(crate) peak_by_block_time: bool,
    /// Blocks from the first to the last with one of the transfers.
    pub(crate) blocks: u64,
    pub(crate) fill: Option<Fill>,
    pub(crate) latency: Option<Percentiles>,
    pub(crate) errors: BTreeMap<String, u64>,
}

/// All modules together, over the time from the first send on any to the last inclusion on any.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadTotal {
    pub(crate) transactions: u64,
    pub(crate) included: u64,
    pub(crate) missing: u64,
    pub(crate) duplicates: u64,
    pub(crate) seconds: f64,
    pub(crate) tx_per_second: f64,
}

impl LoadTotal {
    /// The sum of `modules`, which took `seconds` together.
    pub(crate) fn of(modules: &[LoadReport], seconds: f64) -> Self {
        let sum = |count: fn(&LoadReport) -> u64| modules.iter().map(count).sum();
        let included = sum(|module| module.included);
        Self {
            transactions: sum(|module| module.transactions),
            included,
            missing: sum(|module| module.missing),
            duplicates: sum(|module| module.duplicates),
            seconds,
            tx_per_second: per_second(included, seconds),
        }
    }
}

/// What one module did with one transfer at a time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LightReport {
    pub(crate) module: String,
    pub(crate) chain_id: u64,
    pub(crate) url: String,
    /// Until the announcement of the block that holds the transfer.
    pub(crate) new_heads: LightSeries,
    /// Until the answer of `eth_sendRawTransactionSync`; absent if the server does not have it.
    pub(crate) sync: Option<LightSeries>,
}

/// One way of knowing that a transfer is final.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LightSeries {
    pub(crate) transactions: u64,
    pub(crate) missing: u64,
    /// Until the server had taken the transfer.
    pub(crate) answered: Option<Percentiles>,
    pub(crate) finality: Option<Percentiles>,
    pub(crate) errors: BTreeMap<String, u64>,
}

/// `count` in `seconds`; 0 when there was no time.
pub(crate) fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

impl RunResult {
    /// Transfers that are in no block, and transfers that are in two.
    pub(crate) fn lost_and_doubled(&self) -> (u64, u64) {
        match self {
            Self::Load(run) => (run.total.missing, run.total.duplicates),
            Self::Light { modules } => {
                let series = modules
                    .iter()
                    .flat_map(|module| [Some(&module.new_heads), module.sync.as_ref()]);
                (series.flatten().map(|series| series.missing).sum(), 0)
            }
        }
    }

    /// The figure two runs are compared by: included tx/s, or the median of the modules' median finality latency.
    pub(crate) fn figure(&self) -> Option<f64> {
        match self {
            Self::Load(run) => Some(run.total.tx_per_second),
            Self::Light { modules } => {
                let medians = modules
                    .iter()
                    .filter_map(|module| Some(module.new_heads.finality.as_ref()?.p50_ms));
                let mut medians: Vec<f64> = medians.collect();
                medians.sort_by(f64::total_cmp);
                medians.get(medians.len() / 2).copied()
            }
        }
    }
}
