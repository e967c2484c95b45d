//! Runs scenarios of the deterministic simulation: `sim SEED [--scenario NAME]`.

use clap::Parser;
use std::{fmt, process::ExitCode};
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
};
use trellis_simulation::{
    catalog,
    run::{run, virtual_time},
};

/// Runs every scenario, or one, with a seed. Exits with 1 if a property does not hold.
///
/// The same seed always gives the same run. RUST_LOG=debug shows what happens, in virtual time.
#[derive(Debug, Parser)]
struct Arguments {
    /// Draws who is hit, when, and in which order everything happens.
    seed: u64,
    /// One scenario instead of all.
    #[arg(long, value_parser = catalog::NAMES)]
    scenario: Option<String>,
    /// How many seeds to run, counting up from the first.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
}

/// Stamps log lines with the time in the simulation.
struct VirtualTime;

impl FormatTime for VirtualTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{:9.3}", virtual_time().as_secs_f64())
    }
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_timer(VirtualTime)
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into()))
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let only = arguments.scenario.as_deref();
    let mut code = ExitCode::SUCCESS;
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.seeds) {
        for name in catalog::NAMES {
            if only.is_some_and(|only| only != name) {
                continue;
            }
            let Some(scenario) = catalog::scenario(name, seed) else {
                continue;
            };
            match run(&scenario, seed) {
                Ok(report) => println!("{report}"),
                Err(violation) => {
                    println!("{violation}");
                    code = ExitCode::FAILURE;
                }
            }
        }
    }
    code
}
