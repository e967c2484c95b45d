//! A whole development network in this process.
//!
//! ```text
//! start ──► thread: runtime ──► validators ──► RPC servers ──► ready ──► shutdown or failure ──► stopped
//! ```
//! Everything runs on one thread pool that [`DevNetwork`] owns. A panic or a failed part ends all of it: the other
//! parts could not know what they may still trust.
//!
//! What is kept goes on after a restart where it stopped; [`Layout`] says what a data directory holds.

mod ports;
mod rules;
mod run;

use crate::{
    DevAccount, DevConfig, MNEMONIC, NodeError, dev_accounts,
    keys::Keys,
    layout::{Layout, is_full},
    validator::Plan,
};
use alloy_primitives::B256;
use commonware_cryptography::Signer as _;
use commonware_p2p::Address;
use commonware_runtime::{Runner as _, tokio::Config};
use commonware_utils::TryCollect as _;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::{oneshot, watch};
use trellis_executor::{Engine as Executor, Workers};
use trellis_module::Chain;
use trellis_primitives::ModuleName;

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
    counters: Vec<Arc<AtomicU64>>,
}

impl DevNetwork {
    /// Starts the network and returns once it is ready.
    ///
    /// # Errors
    /// [`NodeError`], which says what to do.
    pub fn start(config: DevConfig) -> Result<Self, NodeError> {
        rules::check(&config)?;
        let listeners = (0..config.validators)
            .map(|index| ports::listen(&config, index))
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
                    runner.start(|context| run::run(context, plan, listeners, started, stopping))
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
        let status = |(chain, counter): (&Arc<Chain>, &Arc<AtomicU64>)| {
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

fn plan(config: &DevConfig, layout: Layout, keys: Keys) -> Result<Plan, NodeError> {
    let listen = ports::free(keys.validators.len())?;
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
        executor: Executor::new(Workers::new(1)),
    })
}

#[cfg(test)]
mod tests;
