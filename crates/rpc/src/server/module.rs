//! A module's methods, as the server calls them.

use super::{Budget, CallResult, Handler, Service};
use crate::{ModuleContext, Params, RpcError, eth, filters, subscribe};
use futures::{FutureExt, future::BoxFuture};
use std::sync::Arc;

/// The methods of one module.
pub(super) struct ModuleService(pub(super) Arc<ModuleContext>);

impl Handler for ModuleService {
    fn call<'a>(&'a self, method: &'a str, params: Params) -> BoxFuture<'a, CallResult> {
        async move {
            if let Some(result) = filters::dispatch(&self.0, method, &params).await {
                return result;
            }
            if matches!(method, "eth_subscribe" | "eth_unsubscribe") {
                return Err(needs_socket(method, &self.0));
            }
            let result = eth::dispatch(&self.0, method, params).await;
            result.unwrap_or_else(|| Err(RpcError::method_not_found(method)))
        }
        .boxed()
    }

    fn send_many(&self, params: Vec<Params>) -> BoxFuture<'_, Vec<CallResult>> {
        eth::send_many(&self.0, params).boxed()
    }
}

impl Service for ModuleService {
    fn subscribe(&self, budget: &Budget, params: &Params) -> Result<subscribe::Feed, RpcError> {
        subscribe::open(&self.0, budget, params)
    }
}

fn needs_socket(method: &str, module: &ModuleContext) -> RpcError {
    let mut error = RpcError::method_not_found(method);
    error.message = format!(
        "{method} needs a WebSocket connection: connect to ws://<this host and port>/{}",
        module.chain.spec().name
    );
    error
}
