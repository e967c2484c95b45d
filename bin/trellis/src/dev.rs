//! `trellis dev`: a whole network in this process.
//!
//! ```text
//! starting ── start() returns ──► running ── signal ──► stopping ──► exit 0
//!     │                              │                      │
//!     └── start() fails: exit 1      └── a part fails: 1    └── second signal: exit at once, 130
//! ```
//! A signal while starting is kept until the network has started, then stops it. What is durable is the node's concern:
//! a forced exit loses nothing that was finalized (STA-1).

use crate::{
    args::{COMMIT, VERSION},
    config::Settings,
    error::CliError,
    output,
    status::StatusDisplay,
};
use core::time::Duration;
use serde_json::json;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;
use trellis_node::{DevNetwork, NodeError};

/// How often the status is looked at: the live line's transactions per second are over this time.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// Exit code after a second signal, as a shell reports an interrupted command.
const EXIT_FORCED: i32 = 130;

/// Runs the network until a signal or a failure.
pub(crate) fn run(settings: &Settings) -> Result<(), CliError> {
    let display = StatusDisplay::new(settings.json.value);
    start_logging(settings, &display)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::from_error("cannot start the runtime", &error))?;
    runtime.block_on(supervise(settings, display))
}

async fn supervise(settings: &Settings, display: StatusDisplay) -> Result<(), CliError> {
    // Before the network starts, so that a signal at any time is an orderly stop.
    let mut signals = Signals::new()
        .map_err(|error| CliError::from_error("cannot listen for signals", &error))?;
    let config = settings.dev_config();
    let starting = tokio::task::spawn_blocking(move || DevNetwork::start(config));
    let network = finish_or_exit(starting, &mut signals)
        .await?
        .map_err(|error| node_error(&error))?;
    announce(&network, settings);

    let ended = watch(&network, display, &mut signals).await;
    let stopping = tokio::task::spawn_blocking(move || network.shutdown());
    let stopped = finish_or_exit(stopping, &mut signals).await?;
    ended.and(stopped).map_err(|error| node_error(&error))?;
    if settings.json.value {
        output::json(&json!({ "event": "stopped" }));
    } else {
        output::line(format_args!("stopped"));
    }
    Ok(())
}

/// Shows the status until a signal (`Ok`) or until a part of the node fails.
async fn watch(
    network: &DevNetwork,
    mut display: StatusDisplay,
    signals: &mut Signals,
) -> Result<(), NodeError> {
    let mut ticks = tokio::time::interval(STATUS_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let stopped = network.stopped();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            biased;
            () = signals.received() => return Ok(()),
            result = &mut stopped => return result,
            _ = ticks.tick() => display.update(&network.status()),
        }
    }
}

/// Waits for `task`. One signal is remembered, a second ends the process.
async fn finish_or_exit<T>(
    task: tokio::task::JoinHandle<T>,
    signals: &mut Signals,
) -> Result<T, CliError> {
    tokio::pin!(task);
    loop {
        tokio::select! {
            biased;
            result = &mut task => {
                return result.map_err(|error| CliError::new(format!("the node panicked: {error}")));
            }
            () = signals.next() => {
                if signals.count > 1 {
                    eprintln!("error: stopped by a second signal before the node had finished");
                    std::process::exit(EXIT_FORCED);
                }
            }
        }
    }
}

/// SIGINT and SIGTERM, counted.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    count: u32,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            count: 0,
        })
    }

    /// The next signal.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        self.count += 1;
        if self.count == 1 {
            eprintln!("stopping; send the signal again to stop at once");
        }
    }

    /// Returns at once if there was a signal, otherwise with the next.
    async fn received(&mut self) {
        if self.count == 0 {
            self.next().await;
        }
    }
}

/// Prints everything a user needs to begin, `ready` last.
fn announce(network: &DevNetwork, settings: &Settings) {
    if settings.json.value {
        announce_json(network);
    } else {
        announce_text(network, settings);
    }
}

fn announce_json(network: &DevNetwork) {
    let accounts: Vec<_> = network
        .accounts()
        .iter()
        .map(|account| {
            json!({
                "address": account.address.to_string(),
                "secret_key": account.secret_key_hex,
                "balance_ether": account.balance_ether,
            })
        })
        .collect();
    let modules: Vec<_> = network
        .modules()
        .iter()
        .map(|module| {
            json!({
                "name": module.name.as_str(),
                "chain_id": module.chain_id,
                "url": module.url,
                "genesis_hash": module.genesis_hash.to_string(),
            })
        })
        .collect();
    output::json(&json!({
        "event": "start",
        "version": VERSION,
        "commit": COMMIT,
        "url": network.url(),
        "data_dir": network.data_dir(),
        "mnemonic": network.mnemonic(),
        "public_test_keys": true,
        "accounts": accounts,
        "modules": modules,
    }));
    output::json(&json!({ "event": "ready" }));
}

fn announce_text(network: &DevNetwork, settings: &Settings) {
    let data = network.data_dir().map_or_else(
        || "ephemeral: nothing is kept on disk".to_owned(),
        |path| format!("data in {}", path.display()),
    );
    output::line(format_args!("trellis {VERSION}, {data}\n"));
    output::line(format_args!(
        "Accounts, in every module. PUBLIC TEST KEYS: anyone can spend from them, never use them with real value."
    ));
    for (index, account) in network.accounts().iter().enumerate() {
        output::line(format_args!(
            "  {index}  {}  {}  {} ether",
            account.address, account.secret_key_hex, account.balance_ether
        ));
    }
    output::line(format_args!("  mnemonic: {}\n", network.mnemonic()));
    let modules = network.modules();
    let width = modules
        .iter()
        .map(|module| module.name.as_str().len())
        .max()
        .unwrap_or(0)
        .max("module".len());
    output::line(format_args!(
        "  {:<width$}  {:<12}  url",
        "module", "chain id"
    ));
    for module in &modules {
        output::line(format_args!(
            "  {:<width$}  {:<12}  {}",
            module.name.as_str(),
            module.chain_id,
            module.url
        ));
    }
    output::line(format_args!(
        "\n  HTTP and WebSocket on the same URL; {0} is the hub; probe {0}/ready",
        network.url()
    ));
    let (validators, port) = (settings.validators.value, u32::from(settings.port.value));
    if validators > 1 && port != 0 {
        output::line(format_args!(
            "  {validators} validators; each serves the same modules, on ports {port} to {}",
            port + validators - 1
        ));
    }
    // A drawn network id gives new chain ids, which no wallet has a history of.
    let new_genesis = settings.reset.value || settings.ephemeral.value;
    if new_genesis && settings.network_id.value.is_some() {
        output::line(format_args!(
            "  New genesis with known chain ids: a wallet may need its activity data cleared (nonce too high)"
        ));
    }
    output::line(format_args!("\nready"));
}

/// Logs to stderr, around the live status lines.
fn start_logging(settings: &Settings, display: &StatusDisplay) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(&settings.log.value).map_err(|error| {
        CliError::usage(format!("`{}` is not a log filter: {error}", settings.log.value))
            .hint("write a level (error, warn, info, debug, trace) or targets, such as warn,trellis_rpc=debug")
    })?;
    let writer = display.log_writer();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || writer.clone());
    let started = if settings.json.value {
        subscriber.json().try_init()
    } else {
        subscriber.with_ansi(output::is_interactive()).try_init()
    };
    started.map_err(|error| CliError::new(format!("cannot start logging: {error}")))
}

/// The node's error. What to do about it is the last part of its text.
fn node_error(error: &NodeError) -> CliError {
    if let NodeError::Config(text) = error {
        return CliError::usage(text.as_str());
    }
    let says_what_to_do = matches!(
        error,
        NodeError::PortInUse { .. }
            | NodeError::Locked { .. }
            | NodeError::OtherNetwork { .. }
            | NodeError::OtherPart { .. }
            | NodeError::Version { .. }
            | NodeError::Damaged { .. }
            | NodeError::NotOurs { .. }
            | NodeError::Io { .. }
    );
    match error.to_string().rsplit_once("; ") {
        Some((what, hint)) if says_what_to_do => CliError::new(what).hint(hint),
        _ => CliError::from_error("", error),
    }
}
