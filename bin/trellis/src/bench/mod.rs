//! `trellis bench load`: an honest measurement of a running network from outside, over the same JSON-RPC everyone uses.
//! `trellis bench exec` ([`exec`]) executes blocks in this process, `trellis bench messages` ([`messages`]) sends messages,
//! `trellis bench payments` ([`payments`]) pays privately.

mod args;
mod exec;
mod feature;
mod follow;
mod funding;
mod heads;
mod light;
mod load;
mod machine;
mod messages;
mod payments;
mod progress;
mod report;
mod send;
mod stats;
mod tally;
mod target;
mod workload;

use crate::{
    args::{COMMIT, VERSION},
    error::CliError,
    output, rpc,
};
pub(crate) use args::{LOAD_EXAMPLES, LoadArgs};
pub(crate) use exec::{EXEC_EXAMPLES, ExecArgs, run as run_exec};
use machine::{Machine, Watch, cpu_seconds, listener};
pub(crate) use messages::{MESSAGES_EXAMPLES, MessagesArgs, run_messages};
pub(crate) use payments::{PAYMENTS_EXAMPLES, PaymentsArgs, run_payments};
use report::{Report, RunResult, Side, Workload};
use std::process::ExitCode;

/// Runs the measurement and prints it. The exit code says whether every transfer was included exactly once.
pub(crate) fn run(args: LoadArgs) -> Result<ExitCode, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::from_error("cannot start the runtime", &error))?;
    let report = runtime.block_on(measure(&args))?;
    if args.json {
        let text = serde_json::to_string(&report)
            .map_err(|error| CliError::from_error("cannot write the result", &error))?;
        output::line(format_args!("{text}"));
    } else {
        output::text(&report.to_string());
    }
    for side in [Some(&report.network), report.baseline.as_ref()]
        .into_iter()
        .flatten()
    {
        verdict(side)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(args: &LoadArgs) -> Result<Report, CliError> {
    let network = one_side(args, &args.url, &args.modules, args.pid).await?;
    let baseline = match &args.baseline {
        Some(url) => Some(one_side(args, url, &[], None).await?),
        None => None,
    };
    let other = baseline
        .as_ref()
        .and_then(|side| side.result.figure())
        .filter(|figure| *figure > 0.0);
    let ratio = network
        .result
        .figure()
        .zip(other)
        .map(|(ours, theirs)| ours / theirs);
    Ok(Report {
        version: VERSION,
        commit: COMMIT,
        build: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
        command: std::env::args().collect::<Vec<_>>().join(" "),
        machine: Machine::read(),
        workload: Workload::of(args),
        network,
        baseline,
        ratio,
    })
}

async fn one_side(
    args: &LoadArgs,
    url: &str,
    modules: &[String],
    pid: Option<u32>,
) -> Result<Side, CliError> {
    let targets = target::discover(url, modules).await?;
    let client_version = match targets.first() {
        Some(target) => target.client.client_version().await,
        None => None,
    };
    let watch = pid.or_else(|| listener(url)).and_then(Watch::start);
    let own = std::process::id();
    let before = cpu_seconds(own);
    let result = if args.light {
        RunResult::Light {
            modules: light::run(args, &targets).await?,
        }
    } else {
        RunResult::Load(load::run(args, &targets).await?)
    };
    Ok(Side {
        url: url.to_owned(),
        client_version,
        result,
        server: watch.and_then(Watch::stop),
        load_generator_cpu_seconds: before
            .zip(cpu_seconds(own))
            .map(|(before, after)| after - before),
    })
}

fn verdict(side: &Side) -> Result<(), CliError> {
    match side.result.lost_and_doubled() {
        (0, 0) => Ok(()),
        (0, doubled) => Err(CliError::new(format!(
            "{}: {doubled} transfers are in more than one block",
            side.url
        ))),
        (missing, _) => Err(CliError::new(format!(
            "{}: {missing} signed transfers are in no block",
            side.url
        ))
        .hint("the error lines above say what the server answered; none means that it lost them")),
    }
}
