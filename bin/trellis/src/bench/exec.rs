//! `trellis bench exec`: how fast blocks execute, in every way this project has, beside plain revm in the same run.

use super::machine::Machine;
use crate::{
    args::{COMMIT, VERSION},
    error::CliError,
    output,
};
use clap::Args;
use serde::Serialize;
use std::{path::PathBuf, process::ExitCode, time::Duration};
use trellis_blocks::{
    RecordedBlock, Sample, directory,
    measure::{Measured, Times, Way, measure},
    workload::Workload,
};
use trellis_executor::{Engine, Workers};

/// Blocks with at least this much gas are added up; smaller ones take no time worth saving.
const SUMMED_GAS: u64 = 4_000_000;

pub(crate) const EXEC_EXAMPLES: &str = "What is measured:
  From decoded transactions and a state in memory to results, logs, state difference and access list;
  without signatures, blooms and roots. plain is revm's transact_commit on one EVM over a CacheDB;
  sequential, build (optimistic) and check (with the access list) are this program's. All take turns,
  round by round. Ratios are of medians, to plain. Every outcome is compared: one that differs is
  told, and the exit code is 1. More workers than cores are not used, unless --exact says so.

Examples:
  trellis bench exec                              every generated workload that needs nothing else
  trellis bench exec --workload tokens -n 20000
  trellis bench exec --workload uniswap -n 500    published contracts, after npm ci in tests/clients
  trellis bench exec --blocks DIR --threads 1,2   recorded blocks, DIR/*.json.gz";

/// `trellis bench exec`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExecArgs {
    /// Directory with recorded blocks, NUMBER.json.gz
    #[arg(long, value_name = "DIR")]
    blocks: Option<PathBuf>,
    /// Generated workloads [default: all that need no npm packages; none if --blocks is given]
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = Workload::ALL.map(Workload::name))]
    workload: Vec<String>,
    /// Transactions in a generated block
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5_000)]
    transactions: usize,
    /// Numbers of workers
    #[arg(long, value_name = "N,M", value_delimiter = ',', default_value = "2", value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Vec<u16>,
    /// Use exactly that many workers, whatever the machine has
    #[arg(long)]
    exact: bool,
    /// Measured rounds, after one that warms up
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repetitions: u16,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// One way's figures for one block.
#[derive(Serialize)]
struct Figures {
    way: &'static str,
    threads: usize,
    min_us: f64,
    median_us: f64,
    max_us: f64,
    ratio_to_plain: f64,
}

/// One block's line in `--json`.
#[derive(Serialize)]
struct Row {
    block: String,
    transactions: usize,
    gas_used: u64,
    figures: Vec<Figures>,
    differences: Vec<String>,
}

/// Sums over blocks, in the order of the ways.
#[derive(Default)]
struct Sum {
    medians: Vec<(&'static str, usize, f64)>,
    worst: Vec<(f64, String)>,
    blocks: usize,
}

/// Runs the measurement and prints it.
pub(crate) fn run(args: &ExecArgs) -> Result<ExitCode, CliError> {
    let one = Engine::new(Workers::exactly(1));
    let workers = |count: &u16| {
        let count = usize::from(*count);
        let workers = if args.exact {
            Workers::exactly(count)
        } else {
            Workers::new(count)
        };
        one.with_workers(workers)
    };
    let engines: Vec<_> = args.threads.iter().map(workers).collect();
    announce(args, &engines);
    let mut sum = Sum::default();
    let mut differ = false;
    for source in sources(args)? {
        let (sample, expected) = source()?;
        let mut measured = measure(&sample, &engines, usize::from(args.repetitions));
        if let Some(expected) = expected {
            measured.differences.extend(expected.compare(&measured));
        }
        differ |= !measured.differences.is_empty();
        show(args, &measured);
        sum.add(&measured);
    }
    if !args.json {
        sum.show();
    }
    if differ {
        return Err(CliError::new("outcomes differ; see above"));
    }
    Ok(ExitCode::SUCCESS)
}

type Source = Box<dyn FnOnce() -> Result<(Sample, Option<Expected>), CliError>>;

/// What a recorded block's header says.
struct Expected(trellis_blocks::Expected);

impl Expected {
    fn compare(&self, measured: &Measured) -> Vec<String> {
        let (expected, executed) = (&self.0, &measured.executed);
        let mut wrong = Vec::new();
        if executed.gas_used != expected.gas_used {
            let (found, expected) = (executed.gas_used, expected.gas_used);
            wrong.push(format!("gas used {found}, the header says {expected}"));
        }
        if executed.logs_bloom != expected.logs_bloom {
            wrong.push("logs bloom differs from the header".into());
        }
        let root = expected.receipts_root;
        if root.is_some_and(|root| root != executed.receipts_root) {
            wrong.push("receipts root differs from the header".into());
        }
        wrong
    }
}

/// The blocks to measure, read or made one at a time.
fn sources(args: &ExecArgs) -> Result<Vec<Source>, CliError> {
    let mut sources: Vec<Source> = Vec::new();
    if let Some(path) = &args.blocks {
        let paths = directory(path).map_err(|error| CliError::from_error("", &error))?;
        if paths.is_empty() {
            let path = path.display();
            return Err(CliError::new(format!("no *.json.gz in {path}")));
        }
        for path in paths {
            sources.push(Box::new(move || {
                let block = RecordedBlock::read(&path);
                let block = block.map_err(|error| CliError::from_error("", &error))?;
                Ok((block.sample, Some(Expected(block.expected))))
            }));
        }
    }
    let named = args.workload.iter().filter_map(|name| Workload::find(name));
    let mut workloads: Vec<_> = named.collect();
    if workloads.is_empty() && args.blocks.is_none() {
        let own = |workload: &Workload| !workload.needs_packages();
        workloads = Workload::ALL.into_iter().filter(own).collect();
    }
    let count = args.transactions;
    for workload in workloads {
        sources.push(Box::new(move || {
            let sample = workload.block(count);
            let sample = sample.map_err(|error| CliError::from_error("", &error))?;
            Ok((sample, None))
        }));
    }
    Ok(sources)
}

fn announce(args: &ExecArgs, engines: &[Engine]) {
    if args.json {
        return;
    }
    let machine = Machine::read();
    let command = std::env::args().collect::<Vec<_>>().join(" ");
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let (cpu, cores) = (machine.cpu.unwrap_or_default(), machine.cores);
    output::line(format_args!("command   {command}"));
    output::line(format_args!(
        "program   trellis {VERSION} ({COMMIT}), {build} build"
    ));
    output::line(format_args!(
        "machine   {cores} cores, {cpu}, {}",
        machine.os
    ));
    output::line(format_args!(
        "baseline  plain revm: transact_commit, CacheDB, one EVM; one thread"
    ));
    for (asked, engine) in args.threads.iter().zip(engines) {
        if usize::from(*asked) != engine.workers() {
            let workers = engine.workers();
            output::line(format_args!(
                "note      {asked} threads: {workers} workers, one a core"
            ));
        }
    }
    output::line(format_args!(
        "{:<20} {:>6} {:>7} {:>10}   ratios of medians to plain, above 1 is faster",
        "block", "txs", "Mgas", "plain ms"
    ));
}

const fn name(way: Way) -> &'static str {
    match way {
        Way::Plain => "plain",
        Way::Sequential => "sequential",
        Way::Build => "build",
        Way::Check => "check",
    }
}

fn micros(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e8).round() / 100.0
}

fn plain(measured: &Measured) -> f64 {
    let plain = measured.of(Way::Plain, 1);
    plain.map_or(0.0, |times| times.median().as_secs_f64())
}

fn ratio(measured: &Measured, times: &Times) -> f64 {
    let median = times.median().as_secs_f64();
    if median > 0.0 {
        plain(measured) / median
    } else {
        0.0
    }
}

fn show(args: &ExecArgs, measured: &Measured) {
    if args.json {
        let figures = measured.times.iter().map(|times| Figures {
            way: name(times.way),
            threads: times.threads,
            min_us: micros(times.min()),
            median_us: micros(times.median()),
            max_us: micros(times.all.iter().max().copied().unwrap_or_default()),
            ratio_to_plain: (ratio(measured, times) * 1e3).round() / 1e3,
        });
        let row = Row {
            block: measured.name.clone(),
            transactions: measured.transactions,
            gas_used: measured.gas_used,
            figures: figures.collect(),
            differences: measured.differences.clone(),
        };
        output::json(&serde_json::json!(row));
        return;
    }
    let mut text = format!(
        "{:<20} {:>6} {:>7.2} {:>10.3}  ",
        measured.name,
        measured.transactions,
        measured.gas_used as f64 / 1e6,
        plain(measured) * 1e3
    );
    for times in &measured.times[1..] {
        let ratio = ratio(measured, times);
        text.push_str(&format!(
            " {}/{} {ratio:.2}x",
            name(times.way),
            times.threads
        ));
    }
    output::line(format_args!("{text}"));
    for difference in &measured.differences {
        output::line(format_args!("  DIFFERS  {difference}"));
    }
}

impl Sum {
    fn add(&mut self, measured: &Measured) {
        if self.medians.is_empty() {
            let zero = |times: &Times| (name(times.way), times.threads, 0.0);
            self.medians = measured.times.iter().map(zero).collect();
            self.worst = vec![(f64::INFINITY, String::new()); self.medians.len()];
        }
        let summed = measured.gas_used >= SUMMED_GAS;
        self.blocks += usize::from(summed);
        for (at, times) in measured.times.iter().enumerate() {
            if summed {
                self.medians[at].2 += times.median().as_secs_f64();
            }
            let ratio = ratio(measured, times);
            if ratio < self.worst[at].0 {
                self.worst[at] = (ratio, measured.name.clone());
            }
        }
    }

    fn show(&self) {
        let Some((_, _, plain)) = self.medians.first().copied() else {
            return;
        };
        output::line(format_args!(
            "\nsum of the medians of {} blocks with at least {} Mgas, and each way's worst block",
            self.blocks,
            SUMMED_GAS / 1_000_000
        ));
        for ((way, threads, total), (worst, block)) in self.medians.iter().zip(&self.worst) {
            let ratio = if *total > 0.0 { plain / total } else { 0.0 };
            output::line(format_args!(
                "  {:<13} {:>9.2} ms  {ratio:>5.2}x   worst {worst:.2}x ({block})",
                format!("{way}/{threads}"),
                total * 1e3
            ));
        }
    }
}
