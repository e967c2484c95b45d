//! A whole development network in this process.
//!
//! ```text
//! start ──► thread: runtime ──► validators ──► RPC servers ──► ready ──► shutdown or failure ──► stopped
//! ```
//! Everything runs on one thread pool that [`DevNetwork`] owns. A panic or a failed part ends all of it: the other
//! parts could not know what they may still trust.

use crate::{
    DevAccount, DevConfig, MNEMONIC, NodeError, dev_accounts,
    keys::Keys,
    layout::{Layout, is_full},
    validator::{Plan, Validator},
};
use alloy_primitives::B256;
use commonware_cryptography::Signer as _;
use commonware_p2p::Address;
use commonware_runtime::{Runner as _, Spawner as _, Supervisor as _, tokio::Config};
use commonware_utils::TryCollect as _;
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::{mpsc, oneshot, watch};
use trellis_module::Chain;
use trellis_primitives::{
    ModuleName,
    limits::{GAS_LIMIT_RANGE, MODULES_MAX},
};
use trellis_rpc::{ModuleInfo, NetworkInfo, RpcLimits};

/// Most validators one process runs.
const VALIDATORS_MAX: u32 = 16;

/// Stack of each thread, in bytes: EVM calls nest 1,024 deep, and unoptimized futures are large. Untouched pages cost
/// nothing.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// How long the parts may take to stop before the process goes without them.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A module as the start-up table shows it.
#[derive(Clone, Debug)]
pub struct ModuleSummary {
    /// Name and path.
    pub name: ModuleName,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// HTTP and WebSocket URL.
    pub url: String,
    /// Hash of block 0.
    pub genesis_hash: B256,
}

/// A module's progress.
#[derive(Clone, Debug)]
pub struct ModuleStatus {
    /// Name.
    pub name: ModuleName,
    /// Newest block.
    pub height: u64,
    /// Newest finalized block: the same, because only finalized blocks are shown.
    pub finalized: u64,
    /// Transactions in blocks since this process started.
    pub transactions_total: u64,
    /// Transactions that wait.
    pub pool: usize,
    /// Time since the newest block.
    pub last_block_age: Duration,
}

/// A running development network.
#[derive(Debug)]
pub struct DevNetwork {
    running: Running,
    data_dir: Option<PathBuf>,
    stop: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<Option<String>>,
    thread: Option<JoinHandle<()>>,
    /// Last, so that the chains above have closed their files before the directory goes.
    _ephemeral: Option<tempfile::TempDir>,
}

/// What the runtime thread hands over once everything runs.
#[derive(Debug)]
struct Running {
    address: SocketAddr,
    chains: Vec<Arc<Chain>>,
    counters: Vec<Arc<std::sync::atomic::AtomicU64>>,
}

impl DevNetwork {
    /// Starts the network and returns once it is ready.
    ///
    /// # Errors
    /// [`NodeError`], which says what to do.
    pub fn start(config: DevConfig) -> Result<Self, NodeError> {
        check(&config)?;
        let listeners = (0..config.validators)
            .map(|index| listen(&config, index))
            .collect::<Result<Vec<_>, _>>()?;
        let mut layout = Layout::open(&config)?;
        let data_dir = layout.path().map(Path::to_owned);
        let ephemeral = layout.take_ephemeral();
        let keys = layout.load_keys()?;
        layout.claim_consensus(&keys)?;
        let plan = plan(&config, layout, keys)?;
        let root = plan.layout.root().to_owned();

        let (stop, stopping) = oneshot::channel();
        let (started, starting) = std::sync::mpsc::channel();
        let (end, ended) = watch::channel(None);
        let runner = commonware_runtime::tokio::Runner::new(
            Config::default()
                .with_thread_stack_size(STACK_BYTES)
                .with_storage_directory(plan.layout.consensus()),
        );
        let thread = std::thread::Builder::new()
            .name("trellis".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let run = std::panic::AssertUnwindSafe(|| {
                    runner.start(|context| run(context, plan, listeners, started, stopping))
                });
                let outcome = match std::panic::catch_unwind(run) {
                    Ok(Ok(())) => String::new(),
                    Ok(Err(reason)) => reason,
                    Err(_) if is_full(&root) => disk_full(&root),
                    Err(panic) => panic_text(&*panic),
                };
                let _ = end.send(Some(outcome));
            })
            .map_err(|source| NodeError::Io {
                what: "start a thread for",
                path: "trellis".into(),
                source,
            })?;
        match starting.recv() {
            Ok(Ok(running)) => Ok(Self {
                running,
                data_dir,
                stop: Some(stop),
                ended,
                thread: Some(thread),
                _ephemeral: ephemeral,
            }),
            Ok(Err(error)) => {
                let _ = thread.join();
                Err(error)
            }
            Err(_) => {
                let _ = thread.join();
                let reason = ended.borrow().clone().unwrap_or_default();
                Err(NodeError::Stopped(reason))
            }
        }
    }

    /// The modules, the hub first.
    pub fn modules(&self) -> Vec<ModuleSummary> {
        let summary = |chain: &Arc<Chain>| ModuleSummary {
            name: chain.spec().name.clone(),
            chain_id: chain.spec().chain_id(),
            url: format!("{}/{}", self.url(), chain.spec().name),
            genesis_hash: chain.genesis_hash(),
        };
        self.running.chains.iter().map(summary).collect()
    }

    /// The funded accounts.
    pub fn accounts(&self) -> Vec<DevAccount> {
        dev_accounts()
    }

    /// The mnemonic of the funded accounts.
    pub fn mnemonic(&self) -> &str {
        MNEMONIC
    }

    /// Progress of every module on the first validator.
    pub fn status(&self) -> Vec<ModuleStatus> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let status = |(chain, counter): (&Arc<Chain>, &Arc<std::sync::atomic::AtomicU64>)| {
            let head = chain.head();
            let time = Duration::from_millis(head.block.extension().timestamp_ms);
            ModuleStatus {
                name: chain.spec().name.clone(),
                height: head.number(),
                finalized: head.number(),
                transactions_total: counter.load(Ordering::Relaxed),
                pool: chain.with_pool(|pool, _| pool.len()),
                last_block_age: now.saturating_sub(time),
            }
        };
        self.running
            .chains
            .iter()
            .zip(&self.running.counters)
            .map(status)
            .collect()
    }

    /// URL of the hub on the first validator.
    pub fn url(&self) -> String {
        format!("http://{}", self.running.address)
    }

    /// Where the network is kept; `None` if it is not.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// Resolves when the network stops by itself.
    ///
    /// # Errors
    /// [`NodeError::Stopped`] with the reason.
    pub fn stopped(&self) -> impl Future<Output = Result<(), NodeError>> + Send + 'static {
        let mut ended = self.ended.clone();
        async move {
            let reason = ended
                .wait_for(Option::is_some)
                .await
                .map(|reason| reason.clone());
            outcome(reason.ok().flatten())
        }
    }

    /// Stops the network in order.
    ///
    /// # Errors
    /// [`NodeError::Stopped`] if it had failed before.
    pub fn shutdown(mut self) -> Result<(), NodeError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), NodeError> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let deadline = Instant::now() + STOP_LIMIT;
            while !thread.is_finished() {
                if Instant::now() > deadline {
                    let waited = STOP_LIMIT.as_secs();
                    let reason =
                        format!("it did not stop within {waited} s; nothing finalized is lost");
                    return Err(NodeError::Stopped(reason));
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            let _ = thread.join();
        }
        outcome(self.ended.borrow().clone())
    }
}

impl Drop for DevNetwork {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn outcome(reason: Option<String>) -> Result<(), NodeError> {
    match reason {
        Some(reason) if !reason.is_empty() => Err(NodeError::Stopped(reason)),
        _ => Ok(()),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a task panicked")
        .to_owned()
}

/// The parts of a network end with a panic when they cannot write, because nothing may be signed after that (STA-1);
/// what they say is not what the operator needs to know.
fn disk_full(root: &Path) -> String {
    let root = root.display();
    format!(
        "disk full: {root} cannot be written; free some space and start again, nothing finalized is lost"
    )
}

fn check(config: &DevConfig) -> Result<(), NodeError> {
    let rule = |holds: bool, text: String| {
        if holds {
            Ok(())
        } else {
            Err(NodeError::Config(text))
        }
    };
    let count = config.modules.len();
    rule(
        (1..=MODULES_MAX).contains(&count),
        format!("--modules: {count} modules, from 1 to {MODULES_MAX} are possible"),
    )?;
    let mut names = config.modules.clone();
    names.sort();
    names.dedup();
    rule(
        names.len() == count,
        "--modules: a name appears twice".into(),
    )?;
    let validators = config.validators;
    rule(
        (1..=VALIDATORS_MAX).contains(&validators),
        format!("--validators: {validators} validators, from 1 to {VALIDATORS_MAX} are possible"),
    )?;
    // Validator i listens on port + i.
    let last = u32::from(config.port) + validators - 1;
    rule(
        config.port == 0 || last <= u32::from(u16::MAX),
        format!("--port: {validators} validators need the ports up to {last}, there are 65535"),
    )?;
    let gas = config.gas_limit;
    rule(
        GAS_LIMIT_RANGE.contains(&gas),
        format!(
            "--gas-limit: {gas}, from {} to {} are possible",
            GAS_LIMIT_RANGE.start(),
            GAS_LIMIT_RANGE.end()
        ),
    )?;
    let id = config.network_id.unwrap_or(100_000);
    rule(
        (1..1_000_000_000).contains(&id),
        format!("--network-id: {id}, from 1 to 999999999 are possible"),
    )?;
    rule(config.history >= 1, "--history: at least 1 block".into())
}

fn listen(config: &DevConfig, index: u32) -> Result<TcpListener, NodeError> {
    let offset = u16::try_from(index).unwrap_or(u16::MAX);
    // Port 0 asks the system for any free port, for every validator.
    let port = if config.port == 0 {
        0
    } else {
        config.port.saturating_add(offset)
    };
    let address = SocketAddr::new(config.host, port);
    TcpListener::bind(address)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => NodeError::PortInUse {
                host: config.host,
                port,
            },
            _ => NodeError::Listen { address, source },
        })
}

/// Free loopback addresses for the validators' connections among themselves.
fn plan(config: &DevConfig, layout: Layout, keys: Keys) -> Result<Plan, NodeError> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let failed = |source| NodeError::Listen {
        address: loopback,
        source,
    };
    // All are held until all are found, so that they differ.
    let held = keys
        .validators
        .iter()
        .map(|_| TcpListener::bind(loopback).map_err(failed))
        .collect::<Result<Vec<_>, _>>()?;
    let listen = held
        .iter()
        .map(|listener| listener.local_addr().map_err(failed))
        .collect::<Result<Vec<_>, _>>()?;
    let addresses = keys
        .validators
        .iter()
        .zip(&listen)
        .map(|(keys, address)| (keys.identity.public_key(), Address::from(*address)))
        .try_collect()
        .map_err(|_| NodeError::Config("two validators have the same identity".into()))?;
    Ok(Plan {
        layout,
        keys,
        addresses,
        listen,
        modules: config.modules.clone(),
        block_time: config.block_time,
        history: config.history,
    })
}

type Started = std::sync::mpsc::Sender<Result<Running, NodeError>>;

/// Body of the runtime thread. `Err` is why the network stopped by itself.
async fn run(
    context: commonware_runtime::tokio::Context,
    plan: Plan,
    listeners: Vec<TcpListener>,
    started: Started,
    stopping: oneshot::Receiver<()>,
) -> Result<(), String> {
    let (failures, mut failed) = mpsc::unbounded_channel();
    let (stop_serving, serving) = watch::channel(false);
    let ready = Arc::new(AtomicBool::new(false));
    let validators = match start_validators(&context, &plan, &failures).await {
        Ok(validators) => validators,
        Err(error) => {
            let _ = started.send(Err(error));
            return Ok(());
        }
    };
    let mut address = None;
    for (listener, validator) in listeners.into_iter().zip(&validators) {
        let bound = listener.local_addr().ok();
        let router = trellis_rpc::router(
            network_info(&plan, &validator.chains),
            validator.chains.clone(),
            RpcLimits::default(),
            ready.clone(),
        );
        address = address.or(bound);
        let (failures, mut serving) = (failures.clone(), serving.clone());
        tokio::spawn(async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return drop(failures.send(format!("rpc: {error}"))),
            };
            let stop = async move {
                let _ = serving.wait_for(|stop| *stop).await;
            };
            if let Err(error) = trellis_rpc::serve(listener, router, stop).await {
                let _ = failures.send(format!("rpc: {error}"));
            }
        });
    }
    while !validators
        .iter()
        .flat_map(|v| &v.chains)
        .all(|chain| chain.is_current())
    {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
            Some(reason) = failed.recv() => return Err(reason),
        }
    }
    ready.store(true, Ordering::SeqCst);
    let chains = validators
        .first()
        .map(|v| v.chains.clone())
        .unwrap_or_default();
    let counters = chains.iter().map(count_transactions).collect();
    let address = address.ok_or("no RPC address")?;
    let _ = started.send(Ok(Running {
        address,
        chains,
        counters,
    }));
    let result = tokio::select! {
        _ = stopping => Ok(()),
        Some(reason) = failed.recv() => Err(reason),
    };
    ready.store(false, Ordering::SeqCst);
    let _ = stop_serving.send(true);
    let _ = context
        .child("shutdown")
        .stop(0, Some(Duration::from_secs(5)))
        .await;
    result
}

async fn start_validators(
    context: &commonware_runtime::tokio::Context,
    plan: &Plan,
    failures: &mpsc::UnboundedSender<String>,
) -> Result<Vec<Validator>, NodeError> {
    let starts = (0..plan.keys.validators.len()).map(|index| {
        let context = context.child("validator").with_attribute("index", index);
        plan.start(context, index, failures.clone())
    });
    futures::future::try_join_all(starts).await
}

/// Counts transactions of published blocks.
fn count_transactions(chain: &Arc<Chain>) -> Arc<std::sync::atomic::AtomicU64> {
    use tokio::sync::broadcast::error::RecvError;
    let counter = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (mut blocks, count) = (chain.subscribe_blocks(), counter.clone());
    tokio::spawn(async move {
        loop {
            match blocks.recv().await {
                Ok(block) => {
                    count.fetch_add(block.transactions.len() as u64, Ordering::Relaxed);
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    counter
}

fn network_info(plan: &Plan, chains: &[Arc<Chain>]) -> NetworkInfo {
    let module = |chain: &Arc<Chain>| ModuleInfo {
        id: chain.spec().id.index(),
        name: chain.spec().name.to_string(),
        chain_id: chain.spec().chain_id(),
        path: format!("/{}", chain.spec().name),
        genesis_hash: chain.genesis_hash(),
        features: vec!["evm".into()],
    };
    NetworkInfo {
        name: "dev".into(),
        network_id: plan.layout.network.network_id,
        client_version: concat!("trellis/v", env!("CARGO_PKG_VERSION")).into(),
        modules: chains.iter().map(module).collect(),
    }
}

#[cfg(test)]
mod tests;
