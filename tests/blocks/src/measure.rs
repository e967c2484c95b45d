//! Measures the ways to execute a block against plain revm, and that all of them come to the same.

use crate::{Prepared, Sample, run_plain};
use alloy_primitives::B256;
use std::time::{Duration, Instant};
use trellis_executor::{Engine, Executed, Outcomes};
use trellis_stm::{Report, Workers};

/// A way to execute a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// revm with `transact_commit` over a `CacheDB`.
    Plain,
    /// This project's, one transaction after the other.
    Sequential,
    /// Optimistic, as a leader builds.
    Build,
    /// With the access list, as everybody else checks.
    Check,
}

/// Times of one way with one number of workers.
#[derive(Clone, Debug)]
pub struct Times {
    /// Which way.
    pub way: Way,
    /// Workers.
    pub threads: usize,
    /// Of each repetition, in order.
    pub all: Vec<Duration>,
    /// What speculation did, of the last repetition.
    pub report: Report,
}

impl Times {
    /// The shortest.
    pub fn min(&self) -> Duration {
        self.all.iter().min().copied().unwrap_or_default()
    }

    /// The median.
    pub fn median(&self) -> Duration {
        let mut sorted = self.all.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

/// Everything measured of one block.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The block's name.
    pub name: String,
    /// Its transactions.
    pub transactions: usize,
    /// Gas they used.
    pub gas_used: u64,
    /// Plain revm first.
    pub times: Vec<Times>,
    /// What differs between the ways; empty if nothing does.
    pub differences: Vec<String>,
    /// The outcome.
    pub executed: Executed,
}

impl Measured {
    /// Times of a way with a number of workers.
    pub fn of(&self, way: Way, threads: usize) -> Option<&Times> {
        self.times
            .iter()
            .find(|times| times.way == way && times.threads == threads)
    }
}

/// Measures a block in every way, with each number of workers, taking turns so that all meet the same conditions.
///
/// # Panics
/// If the block is invalid, or there is no engine.
pub fn measure(sample: &Sample, engines: &[Engine], repetitions: usize) -> Measured {
    let bench = Bench::new(sample, engines);
    let mut differences = Vec::new();
    let plain = run_plain(sample, bench.prepared.clone());
    compare_plain(&bench.reference, &plain, &mut differences);
    let mut arms: Vec<Times> = vec![arm(Way::Plain, 1), arm(Way::Sequential, 1)];
    for engine in engines {
        arms.push(arm(Way::Build, engine.workers()));
        arms.push(arm(Way::Check, engine.workers()));
    }
    // With more workers it would close the block on all of them.
    let alone = engines[0].with_workers(Workers::exactly(1));
    for repetition in 0..=repetitions {
        for (number, arm) in arms.iter_mut().enumerate() {
            let engine = match arm.way {
                Way::Plain | Way::Sequential => &alone,
                Way::Build | Way::Check => &engines[(number - 2) / 2],
            };
            let (time, outcome) = bench.run(arm, engine);
            // The first round warms up.
            if repetition > 0 {
                arm.all.push(time);
            }
            if let Some(outcome) = outcome {
                compare(arm, &bench.reference, &outcome, &mut differences);
            }
        }
    }
    let executed = bench.reference.seal();
    Measured {
        name: sample.name.clone(),
        transactions: sample.transactions.len(),
        gas_used: executed.gas_used,
        times: arms,
        differences,
        executed,
    }
}

/// A sample, ready to be executed in every way.
struct Bench<'a> {
    sample: &'a Sample,
    reference: Outcomes,
    prepared: Prepared,
}

impl<'a> Bench<'a> {
    fn new(sample: &'a Sample, engines: &[Engine]) -> Self {
        let (setting, state) = (&sample.setting, &sample.state);
        let reference = engines[0].sequential(setting, state, &sample.transactions);
        Self {
            sample,
            reference: valid(sample, reference),
            prepared: Prepared::new(sample),
        }
    }

    /// One repetition of one way.
    fn run(&self, arm: &mut Times, engine: &Engine) -> (Duration, Option<Outcomes>) {
        let Sample {
            setting,
            transactions,
            state,
            ..
        } = self.sample;
        let prepared = (arm.way == Way::Plain).then(|| self.prepared.clone());
        let list = (arm.way == Way::Check).then(|| self.reference.access_list.clone());
        let start = Instant::now();
        match arm.way {
            Way::Plain => {
                let result = prepared.map(|prepared| run_plain(self.sample, prepared));
                let time = start.elapsed();
                drop(result);
                (time, None)
            }
            Way::Sequential => {
                let outcome = engine.sequential(setting, state, transactions);
                (start.elapsed(), Some(valid(self.sample, outcome)))
            }
            Way::Build => {
                let outcome = engine.build(setting, state, transactions);
                let time = start.elapsed();
                let (outcome, report) = valid(self.sample, outcome);
                arm.report = report;
                (time, Some(outcome))
            }
            Way::Check => {
                let list = list.unwrap_or_default();
                let outcome = engine.check(setting, state, transactions, list);
                (start.elapsed(), Some(valid(self.sample, outcome)))
            }
        }
    }
}

fn valid<T, E: std::fmt::Display>(sample: &Sample, outcome: Result<T, E>) -> T {
    outcome.unwrap_or_else(|error| panic!("block {}: {error}", sample.name))
}

fn arm(way: Way, threads: usize) -> Times {
    Times {
        way,
        threads,
        all: Vec::new(),
        report: Report::default(),
    }
}

/// EXE-1, for one repetition.
fn compare(arm: &Times, reference: &Outcomes, outcome: &Outcomes, differences: &mut Vec<String>) {
    let mut check = |same: bool, what: &str| {
        if !same && differences.len() < 20 {
            differences.push(format!(
                "{:?} with {} workers: {what}",
                arm.way, arm.threads
            ));
        }
    };
    check(outcome.ran == reference.ran, "results differ");
    check(outcome.diff == reference.diff, "state differs");
    check(
        outcome.access_list == reference.access_list,
        "access list differs",
    );
}

fn compare_plain(reference: &Outcomes, plain: &crate::PlainResult, differences: &mut Vec<String>) {
    for (index, (ours, theirs)) in reference.ran.iter().zip(&plain.results).enumerate() {
        let logs = if theirs.is_success() {
            theirs.logs()
        } else {
            &[]
        };
        if ours.gas_used != theirs.gas().tx_gas_used()
            || ours.success != theirs.is_success()
            || ours.logs != logs
        {
            differences.push(format!(
                "transaction {index}: gas {} success {}, plain revm gas {} success {}",
                ours.gas_used,
                ours.success,
                theirs.gas().tx_gas_used(),
                theirs.is_success()
            ));
            break;
        }
    }
    for (address, change) in &reference.diff.accounts {
        let after = change.after.unwrap_or_default();
        let plain = plain.account(*address);
        let (balance, nonce, code) = plain.map_or_else(
            || (alloy_primitives::U256::ZERO, 0, B256::ZERO),
            |info| (info.balance, info.nonce, info.code_hash),
        );
        let same_code = code == after.code_hash || (code.is_zero() && !after.has_code());
        if (balance, nonce) != (after.balance, after.nonce) || !same_code {
            differences.push(format!("account {address} differs from plain revm"));
            break;
        }
    }
}
