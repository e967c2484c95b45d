//! The transport, driven from outside with a module that is not a chain.

mod batches;
mod chain;
mod http;
mod requests;
mod sockets;

use super::{Budget, CallResult, Endpoint, Handler, Service, engine, router_of, serve};
use crate::{
    ModuleInfo, Params, RpcError, RpcLimits,
    subscribe::{self, Feed},
};
use alloy_primitives::B256;
use futures::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use serde_json::{Value, value::to_raw_value};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{broadcast, oneshot},
    task::JoinHandle,
};

/// Answers a few methods, and publishes "blocks" that are only numbers.
struct Fake {
    /// What ran, in the order it began: method names, and `send*n` for a run of n transactions.
    log: Mutex<Vec<String>>,
    running: AtomicUsize,
    running_max: AtomicUsize,
    head: AtomicUsize,
    blocks: broadcast::Sender<u64>,
}

impl Fake {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::default(),
            running: AtomicUsize::new(0),
            running_max: AtomicUsize::new(0),
            head: AtomicUsize::new(0),
            blocks: broadcast::channel(8).0,
        })
    }

    /// Publishes the next block.
    fn publish(&self) {
        let number = self.head.fetch_add(1, Ordering::SeqCst) + 1;
        let _ = self.blocks.send(number as u64);
    }

    async fn answer(&self, method: &str, params: Params) -> CallResult {
        self.log.lock().push(method.to_owned());
        let mut list = params.positional()?;
        let value = match method {
            "echo" => list.optional::<Value>("value")?.unwrap_or(Value::Null),
            "count" => Value::from(list.required::<u64>("count")?),
            "big" => Value::from("x".repeat(list.required("size")?)),
            "panic" => panic!("a defect, on purpose"),
            "sleep" => {
                let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
                self.running_max.fetch_max(running, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(list.required("milliseconds")?)).await;
                self.running.fetch_sub(1, Ordering::SeqCst);
                Value::from("slept")
            }
            _ => return Err(RpcError::method_not_found(method)),
        };
        list.finish()?;
        Ok(to_raw_value(&value).unwrap())
    }
}

impl Handler for Fake {
    fn call<'a>(&'a self, method: &'a str, params: Params) -> BoxFuture<'a, CallResult> {
        self.answer(method, params).boxed()
    }

    fn send_many(&self, params: Vec<Params>) -> BoxFuture<'_, Vec<CallResult>> {
        self.log.lock().push(format!("send*{}", params.len()));
        let send = |params: Params| {
            let mut list = params.positional()?;
            let raw: String = list.required("signed transaction")?;
            Ok(to_raw_value(&format!("sent {raw}")).unwrap())
        };
        async move { params.into_iter().map(send).collect() }.boxed()
    }
}

impl Service for Fake {
    fn subscribe(&self, budget: &Budget, params: &Params) -> Result<Feed, RpcError> {
        let mut list = params.positional()?;
        let size: Option<usize> = match list.required::<String>("kind")?.as_str() {
            "numbers" => None,
            "padded" => list.required("size").map(Some)?,
            kind => {
                return Err(RpcError::invalid_params(format!(
                    "unknown subscription {kind}"
                )));
            }
        };
        let receiver = self.blocks.subscribe();
        let next = self.head.load(Ordering::SeqCst) as u64 + 1;
        let expand = move |number: &u64| vec![(*number, "x".repeat(size.unwrap_or(0)))];
        Ok(subscribe::blocks(
            receiver,
            next,
            |number| *number,
            budget.clone(),
            expand,
        ))
    }
}

/// A server on a port of its own, with modules `hub` and `pay`.
struct Server {
    address: SocketAddr,
    hub: Arc<Fake>,
    pay: Arc<Fake>,
    ready: Arc<AtomicBool>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Server {
    async fn start(limits: RpcLimits) -> Self {
        let (hub, pay) = (Fake::new(), Fake::new());
        let ready = Arc::new(AtomicBool::new(false));
        let endpoints = vec![
            endpoint(0, "hub", hub.clone()),
            endpoint(1, "pay", pay.clone()),
        ];
        let router = router_of("testnet".into(), endpoints, limits, ready.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, router, async {
            stopped.await.unwrap_or(())
        }));
        Self {
            address,
            hub,
            pay,
            ready,
            stop,
            served,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Shuts down and waits for the end.
    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}

fn endpoint(id: u32, name: &str, fake: Arc<Fake>) -> Endpoint {
    let info = ModuleInfo {
        id,
        name: name.into(),
        chain_id: 900_000 + u64::from(id),
        path: format!("/{name}"),
        genesis_hash: B256::ZERO,
        features: Vec::new(),
    };
    Endpoint {
        info,
        service: fake,
    }
}

/// Answers a body without a network; `None` if nothing is answered.
async fn process(fake: &Fake, body: impl AsRef<[u8]>, limits: &RpcLimits) -> Option<Value> {
    let budget = Budget::new(limits.held_bytes);
    let answer = engine::process(body.as_ref(), fake, limits, &budget).await?;
    Some(serde_json::from_slice(&answer).expect("every answer is JSON"))
}
