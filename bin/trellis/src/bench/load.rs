//! The load itself: prepare every module, send to all of them at once, read their blocks meanwhile.

use super::{
    args::LoadArgs,
    follow::follow,
    funding::fund,
    progress::Progress,
    report::{LoadReport, LoadRun, LoadTotal, per_second},
    send::{Pace, SendLog, Shared, send_lane},
    stats::Percentiles,
    tally::Tally,
    target::Target,
    workload::{Phase, Terms, derive, presign, share, with_nonces},
};
use crate::error::CliError;
use alloy_signer_local::PrivateKeySigner;
use core::time::Duration;
use futures::future::{join_all, try_join_all};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

/// A module whose transfers are signed.
struct Prepared {
    target: Target,
    warmup: Phase,
    measured: Phase,
}

/// What one phase on one module gave.
struct Outcome {
    transfers: usize,
    tally: Tally,
    log: SendLog,
    accepted: u64,
}

/// Loads `targets` as `args` say.
pub(crate) async fn run(args: &LoadArgs, targets: &[Target]) -> Result<LoadRun, CliError> {
    let signers = derive(&args.mnemonic, args.accounts)?;
    let mut prepared = Vec::with_capacity(targets.len());
    for target in targets {
        prepared.push(prepare(args, target, &signers).await?);
    }
    let count = prepared.len();
    let rate = (args.rate > 0).then(|| args.rate as f64 / count as f64);
    let (mut warmups, mut loads) = (Vec::new(), Vec::new());
    for Prepared {
        target,
        warmup,
        measured,
    } in prepared
    {
        warmups.push((target.clone(), warmup));
        loads.push((target, measured));
    }
    if args.warmup > 0 {
        let outcomes = run_phase(args, "warm-up", warmups, None).await?;
        let missing: usize = outcomes
            .iter()
            .map(|(_, outcome)| outcome.tally.missing())
            .sum();
        if missing > 0 {
            return Err(CliError::new(format!(
                "{missing} transfers of the warm-up were not included"
            )));
        }
    }
    let outcomes = run_phase(args, "included", loads, rate).await?;
    let modules: Vec<LoadReport> = outcomes
        .iter()
        .map(|(target, outcome)| report(target, outcome))
        .collect();
    let first = outcomes
        .iter()
        .filter_map(|(_, outcome)| outcome.first_sent())
        .min();
    let last = outcomes
        .iter()
        .filter_map(|(_, outcome)| outcome.tally.last_seen())
        .max();
    let total = LoadTotal::of(&modules, seconds_between(first, last));
    Ok(LoadRun { modules, total })
}

async fn prepare(
    args: &LoadArgs,
    target: &Target,
    signers: &[PrivateKeySigner],
) -> Result<Prepared, CliError> {
    let block = target.client.latest_block().await;
    let block =
        block.map_err(|error| CliError::from_error("cannot read the newest block", &error))?;
    let base_fee = block.base_fee_per_gas.map_or(0, |fee| fee.to());
    let max_fee = args.max_fee_wei(base_fee);
    let terms = Terms {
        chain_id: target.chain_id,
        max_fee,
        recipients: args.recipients,
    };
    let mut senders = with_nonces(&target.client, signers).await?;
    let count = senders.len();
    let shares: Vec<u64> = (0..count)
        .map(|index| share(args.transfers(), count, index) + share(args.warmup, count, index))
        .collect();
    fund(&target.client, &terms, &mut senders, &shares, args.timeout).await?;
    // Signing occupies every core; nothing else is waiting on this runtime meanwhile.
    let progress = Progress::new(
        &format!("{}: signed", target.name),
        args.warmup + args.transfers(),
    );
    let connections = usize::try_from(args.connections).unwrap_or(usize::MAX);
    let warmup = presign(&terms, &mut senders, args.warmup, connections, &progress);
    let measured = presign(
        &terms,
        &mut senders,
        args.transfers(),
        connections,
        &progress,
    );
    progress.finish();
    Ok(Prepared {
        target: target.clone(),
        warmup,
        measured,
    })
}

/// Sends the phases of all modules at once.
async fn run_phase(
    args: &LoadArgs,
    label: &str,
    phases: Vec<(Target, Phase)>,
    rate: Option<f64>,
) -> Result<Vec<(Target, Outcome)>, CliError> {
    let total: usize = phases.iter().map(|(_, phase)| phase.len()).sum();
    let progress = Arc::new(Progress::new(label, total as u64));
    let mut heads = Vec::with_capacity(phases.len());
    for (target, _) in &phases {
        heads.push(
            target
                .client
                .block_number()
                .await
                .map_err(|error| CliError::from_error("", &error))?,
        );
    }
    let pace = Pace {
        start: Instant::now(),
        rate,
    };
    let batch = usize::try_from(args.batch).unwrap_or(usize::MAX);
    let runs = phases
        .into_iter()
        .zip(heads)
        .map(|((target, phase), head)| {
            let (progress, timeout) = (Arc::clone(&progress), args.timeout);
            async move {
                let run = run_module(target.clone(), phase, head, batch, pace, timeout, progress);
                let outcome = tokio::spawn(run)
                    .await
                    .map_err(|error| CliError::new(format!("the load panicked: {error}")));
                Ok::<_, CliError>((target, outcome??))
            }
        });
    let outcomes = try_join_all(runs).await?;
    progress.finish();
    Ok(outcomes)
}

async fn run_module(
    target: Target,
    phase: Phase,
    head: u64,
    batch: usize,
    pace: Pace,
    patience: Duration,
    progress: Arc<Progress>,
) -> Result<Outcome, CliError> {
    let shared = Arc::new(Shared::default());
    let transfers = phase.len();
    let mut tally = Tally::new(&phase);
    let mut lanes = Vec::with_capacity(phase.lanes.len());
    for lane in phase.lanes {
        // A client of its own is a connection of its own.
        let client = super::rpc::RpcClient::new(target.client.url())
            .map_err(|error| CliError::from_error("cannot open a connection", &error))?;
        let shared = Arc::clone(&shared);
        lanes.push(tokio::spawn(async move {
            send_lane(client, lane, batch, pace, &shared).await
        }));
    }
    let senders = {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let logs = join_all(lanes).await;
            shared.sent.store(true, Ordering::Release);
            logs
        })
    };
    let followed = follow(
        &target.client,
        &mut tally,
        head + 1,
        patience,
        &shared,
        &progress,
    )
    .await;
    shared.stop.store(
        followed.is_err() || shared.stop.load(Ordering::Relaxed),
        Ordering::Relaxed,
    );
    let panicked = |error| CliError::new(format!("a sender panicked: {error}"));
    let mut log = SendLog::default();
    for lane in senders.await.map_err(panicked)? {
        log.merge(lane.map_err(panicked)?);
    }
    followed.map_err(|error| CliError::from_error("cannot read blocks", &error))?;
    Ok(Outcome {
        transfers,
        tally,
        log,
        accepted: shared.accepted.load(Ordering::Relaxed),
    })
}

impl Outcome {
    fn first_sent(&self) -> Option<Instant> {
        self.log.sent.iter().map(|(_, at)| *at).min()
    }
}

fn seconds_between(first: Option<Instant>, last: Option<Instant>) -> f64 {
    first.zip(last).map_or(0.0, |(first, last)| {
        last.duration_since(first).as_secs_f64()
    })
}

fn report(target: &Target, outcome: &Outcome) -> LoadReport {
    let Outcome {
        transfers,
        tally,
        log,
        accepted,
    } = outcome;
    let seconds = seconds_between(outcome.first_sent(), tally.last_seen());
    let latencies = log
        .sent
        .iter()
        .filter_map(|(index, at)| Some(tally.seen(*index)?.duration_since(*at)))
        .collect();
    let peak = tally.peak();
    LoadReport {
        module: target.name.clone(),
        chain_id: target.chain_id,
        url: target.client.url().to_owned(),
        transactions: *transfers as u64,
        accepted: *accepted,
        rejected: log.rejected,
        sent_again: log.deferred,
        included: tally.included() as u64,
        missing: tally.missing() as u64,
        duplicates: tally.duplicates() as u64,
        seconds,
        tx_per_second: per_second(tally.included() as u64, seconds),
        peak_second: peak.map(|(count, _)| count),
        peak_by_block_time: peak.is_some_and(|(_, by_chain)| by_chain),
        blocks: tally.block_count() as u64,
        fill: tally.fill(),
        latency: Percentiles::of(latencies),
        errors: log.errors.clone(),
    }
}
