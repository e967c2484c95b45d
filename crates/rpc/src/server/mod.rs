//! The server: paths to modules, HTTP and WebSocket to JSON-RPC, and what bounds them.
//!
//! | request | answer |
//! |---|---|
//! | POST `/`, `/<module>` | JSON-RPC, single or batch |
//! | GET `/`, `/<module>` with `Upgrade: websocket` | the same methods, and subscriptions |
//! | GET `/`, `/<module>` | which module this is and how to talk to it |
//! | GET `/ready` | 200 or 503 |
//! | anything else | 404 or 405, naming the modules or the methods |

mod answer;
mod budget;
mod close;
mod engine;
mod http;
mod listener;
mod module;
mod queue;
mod request;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use answer::CallResult;
pub(crate) use budget::{Budget, Lease};
pub(crate) use close::{Close, Closing};
pub(crate) use engine::Handler;
pub use listener::serve;
pub(crate) use queue::{Queue, QueueError};

use crate::{ModuleContext, ModuleInfo, NetworkInfo, Params, RpcError, RpcLimits, subscribe::Feed};
use axum::{
    Router,
    extract::{FromRequestParts, Request, State, ws::WebSocketUpgrade},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::get,
};
use core::time::Duration;
use http::{Refusal, json_response};
use listener::Shutdown;
use serde::Serialize;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Semaphore;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use trellis_module::Chain;

/// What the server needs of a module: answers, and feeds for subscriptions.
pub(crate) trait Service: Handler + 'static {
    /// Opens the feed that the arguments of `eth_subscribe` name.
    fn subscribe(&self, budget: &Budget, params: &Params) -> Result<Feed, RpcError>;
}

/// A module on its path.
struct Endpoint {
    info: ModuleInfo,
    service: Arc<dyn Service>,
}

/// What all connections share.
struct Shared {
    network: String,
    endpoints: Vec<Endpoint>,
    limits: RpcLimits,
    budget: Budget,
    sockets: Arc<Semaphore>,
    ready: Arc<AtomicBool>,
}

/// The RPC server of a network: every module on its path, the first (the hub) also on `/`.
///
/// `modules` are in the order of `network.modules`. `ready` is what `GET /ready` answers. Serve the result with
/// [`serve`], or merge it into a larger router; only with [`serve`] do WebSocket clients learn that the node shuts down.
///
/// # Panics
/// If `modules` and `network.modules` differ in length.
pub fn router(
    network: NetworkInfo,
    modules: Vec<Arc<Chain>>,
    limits: RpcLimits,
    ready: Arc<AtomicBool>,
) -> Router {
    assert_eq!(
        modules.len(),
        network.modules.len(),
        "one chain for each module of the network"
    );
    let network = Arc::new(network);
    let context = |chain| Arc::new(ModuleContext::new(chain, network.clone(), limits.clone()));
    let services = modules.into_iter().map(|chain| {
        let service: Arc<dyn Service> = Arc::new(module::ModuleService(context(chain)));
        service
    });
    let endpoints = network.modules.iter().cloned().zip(services);
    let endpoints = endpoints
        .map(|(info, service)| Endpoint { info, service })
        .collect();
    router_of(network.name.clone(), endpoints, limits.clone(), ready)
}

fn router_of(
    network: String,
    endpoints: Vec<Endpoint>,
    limits: RpcLimits,
    ready: Arc<AtomicBool>,
) -> Router {
    let shared = Shared {
        network,
        endpoints,
        budget: Budget::new(limits.held_bytes),
        sockets: Arc::new(Semaphore::new(limits.sockets)),
        limits,
        ready,
    };
    // Wallets and explorers are pages of other origins, some of them public ones that talk to a node on this machine.
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_private_network(true)
        .max_age(Duration::from_secs(24 * 60 * 60));
    Router::new()
        .route("/ready", get(readiness))
        .fallback(entry)
        .layer(cors)
        .with_state(Arc::new(shared))
}

async fn readiness(State(shared): State<Arc<Shared>>) -> Response {
    let ready = shared.ready.load(Ordering::Acquire);
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    json_response(
        status,
        json!({ "ready": ready, "network": shared.network })
            .to_string()
            .into(),
    )
}

async fn entry(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(endpoint) = shared.endpoint(request.uri().path()) else {
        return shared.no_such_path(request.uri().path()).into_response();
    };
    let (mut parts, body) = request.into_parts();
    match parts.method {
        Method::POST => http::post(&shared, &*endpoint.service, &parts.headers, body).await,
        Method::GET if wants_socket(&parts) => {
            let service = endpoint.service.clone();
            upgrade(&mut parts, service, shared)
                .await
                .unwrap_or_else(IntoResponse::into_response)
        }
        Method::GET | Method::HEAD => {
            json_response(StatusCode::OK, shared.describe(endpoint).into())
        }
        _ => wrong_method().into_response(),
    }
}

fn wants_socket(parts: &Parts) -> bool {
    let upgrade = parts
        .headers
        .get(header::UPGRADE)
        .map(HeaderValue::as_bytes);
    upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
}

async fn upgrade(
    parts: &mut Parts,
    service: Arc<dyn Service>,
    shared: Arc<Shared>,
) -> Result<Response, Refusal> {
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
    let upgrade = upgrade.map_err(|rejection| Refusal {
        status: StatusCode::BAD_REQUEST,
        error: RpcError::invalid_request(format!("WebSocket upgrade refused: {rejection}")),
    })?;
    let Ok(permit) = shared.sockets.clone().try_acquire_owned() else {
        let message = format!(
            "the node has its limit of {} WebSocket connections",
            shared.limits.sockets
        );
        let error = RpcError::limit_exceeded(message);
        return Err(Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error,
        });
    };
    let shutdown = parts
        .extensions
        .get::<Shutdown>()
        .cloned()
        .unwrap_or_default();
    // The library's buffer of 128 KiB per connection is meant for few connections.
    let upgrade = upgrade
        .read_buffer_size(16 * 1024)
        .max_message_size(shared.limits.socket_message_bytes)
        .max_frame_size(shared.limits.socket_message_bytes);
    Ok(upgrade.on_upgrade(move |connection| async move {
        socket::run(connection, service, shared, shutdown).await;
        drop(permit);
    }))
}

fn wrong_method() -> impl IntoResponse {
    const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
    let error =
        RpcError::invalid_request("use POST for JSON-RPC, or GET for a WebSocket connection");
    let refusal = Refusal {
        status: StatusCode::METHOD_NOT_ALLOWED,
        error,
    };
    ([(header::ALLOW, ALLOWED)], refusal)
}

impl Shared {
    /// The module a path names; `/` is the hub.
    fn endpoint(&self, path: &str) -> Option<&Endpoint> {
        match path.trim_matches('/') {
            "" => self.endpoints.first(),
            name => self
                .endpoints
                .iter()
                .find(|endpoint| endpoint.info.name == name),
        }
    }

    fn no_such_path(&self, path: &str) -> Refusal {
        let shown: String = path.chars().take(64).collect();
        let paths: Vec<_> = self
            .endpoints
            .iter()
            .map(|e| format!("/{}", e.info.name))
            .collect();
        let message = format!("no module at {shown}; modules are at {}", paths.join(", "));
        let modules: Vec<_> = self
            .endpoints
            .iter()
            .map(|endpoint| &endpoint.info)
            .collect();
        let error = RpcError {
            data: Some(json!({ "modules": modules })),
            ..RpcError::resource_not_found(message)
        };
        Refusal {
            status: StatusCode::NOT_FOUND,
            error,
        }
    }

    fn describe(&self, endpoint: &Endpoint) -> String {
        let paths: Vec<_> = self
            .endpoints
            .iter()
            .map(|e| format!("/{}", e.info.name))
            .collect();
        let usage = "POST JSON-RPC 2.0 here, or connect a WebSocket to the same URL for the same methods and eth_subscribe";
        let description = json!({
            "network": self.network,
            "module": endpoint.info,
            "usage": usage,
            "modules": paths,
        });
        description.to_string()
    }
}

/// A small result.
fn raw<T: Serialize>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("texts and booleans serialize")
}
