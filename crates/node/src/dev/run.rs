//! Body of the runtime thread: validators, then their RPC servers, then ready.

use super::Running;
use crate::{
    NodeError,
    validator::{Plan, Validator},
};
use commonware_runtime::{Spawner as _, Supervisor as _, tokio::Context};
use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{broadcast::error::RecvError, mpsc, oneshot, watch};
use trellis_module::Chain;
use trellis_rpc::{ModuleInfo, NetworkInfo, RpcLimits};

/// How long the validators' tasks may take to stop.
const TASKS_STOP_LIMIT: Duration = Duration::from_secs(5);

/// Where the outcome of the start goes.
pub(super) type Started = std::sync::mpsc::Sender<Result<Running, NodeError>>;

/// Runs a network until `stopping` resolves or a part fails. `Err` is why it stopped by itself.
pub(super) async fn run(
    context: Context,
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
        let info = network_info(&plan, &validator.chains);
        let chains = validator.chains.clone();
        let router = trellis_rpc::router(info, chains, RpcLimits::default(), ready.clone());
        let bound = serve(listener, router, failures.clone(), serving.clone());
        address = address.or(bound);
    }
    let address = address.ok_or("no RPC address")?;
    tokio::select! {
        () = all_current(&validators) => {}
        Some(reason) = failed.recv() => return Err(reason),
    }
    ready.store(true, Ordering::SeqCst);
    let first = validators.first().map(|first| first.chains.clone());
    let chains = first.unwrap_or_default();
    let counters = chains.iter().map(count_transactions).collect();
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
    let shutdown = context.child("shutdown");
    let _ = shutdown.stop(0, Some(TASKS_STOP_LIMIT)).await;
    result
}

async fn start_validators(
    context: &Context,
    plan: &Plan,
    failures: &mpsc::UnboundedSender<String>,
) -> Result<Vec<Validator>, NodeError> {
    let starts = (0..plan.keys.validators.len()).map(|index| {
        let context = context.child("validator").with_attribute("index", index);
        plan.start(context, index, failures.clone())
    });
    futures::future::try_join_all(starts).await
}

/// Serves one validator's clients until `serving` says otherwise. Returns where.
fn serve(
    listener: TcpListener,
    router: trellis_rpc::Router,
    failures: mpsc::UnboundedSender<String>,
    mut serving: watch::Receiver<bool>,
) -> Option<SocketAddr> {
    let bound = listener.local_addr().ok();
    tokio::spawn(async move {
        let stop = async move {
            let _ = serving.wait_for(|stop| *stop).await;
        };
        let served = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => trellis_rpc::serve(listener, router, stop).await,
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            let _ = failures.send(format!("rpc: {error}"));
        }
    });
    bound
}

/// Resolves when every validator's databases hold its newest blocks.
async fn all_current(validators: &[Validator]) {
    let current = || {
        let mut chains = validators.iter().flat_map(|validator| &validator.chains);
        chains.all(|chain| chain.is_current())
    };
    while !current() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Counts transactions of published blocks.
fn count_transactions(chain: &Arc<Chain>) -> Arc<AtomicU64> {
    let counter = Arc::new(AtomicU64::new(0));
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
