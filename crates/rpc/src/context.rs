use crate::{NetworkInfo, RpcError, RpcLimits, filters::Filters};
use std::sync::Arc;
use tokio::sync::Semaphore;
use trellis_module::Chain;

/// What the methods of one module work with.
pub(crate) struct ModuleContext {
    /// The module.
    pub(crate) chain: Arc<Chain>,
    /// The network it belongs to.
    pub(crate) network: Arc<NetworkInfo>,
    /// What clients may ask for.
    pub(crate) limits: RpcLimits,
    /// Installed filters.
    pub(crate) filters: Filters,
    /// One permit per blocking call that may run.
    pub(crate) blocking: Arc<Semaphore>,
}

impl ModuleContext {
    pub(crate) fn new(chain: Arc<Chain>, network: Arc<NetworkInfo>, limits: RpcLimits) -> Self {
        let filters = Filters::new(&limits);
        let blocking = Arc::new(Semaphore::new(limits.blocking_calls));
        Self {
            chain,
            network,
            limits,
            filters,
            blocking,
        }
    }

    /// Runs `f` on a thread that may block, once one of the module's permits is free.
    ///
    /// When the caller goes away `f` still runs to its end and keeps its permit, so that abandoned requests cannot pile
    /// up work (NET-1).
    ///
    /// # Errors
    /// Whatever `f` answers; an internal error if it panics (NET-1).
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<T, RpcError> + Send + 'static,
    ) -> Result<T, RpcError> {
        run_blocking(self.blocking.clone(), f).await
    }
}

async fn run_blocking<T: Send + 'static>(
    permits: Arc<Semaphore>,
    f: impl FnOnce() -> Result<T, RpcError> + Send + 'static,
) -> Result<T, RpcError> {
    let permit = permits
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    let task = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        f()
    });
    task.await.unwrap_or_else(|failure| {
        tracing::error!(%failure, "a blocking call failed");
        Err(RpcError::internal(
            "the call failed inside the node; its log has the cause",
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_frees_its_permit() {
        // NET-1
        let permits = Arc::new(Semaphore::new(1));
        let error = run_blocking::<()>(permits.clone(), || panic!("defect"))
            .await
            .unwrap_err();
        assert_eq!(error.code, RpcError::INTERNAL);
        assert_eq!(run_blocking(permits, || Ok(7)).await, Ok(7));
    }
}
