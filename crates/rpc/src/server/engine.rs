//! From the bytes of a request to the bytes of its answer; knows neither HTTP nor methods.

use super::{
    answer::{Answer, CallResult, error_body},
    budget::Budget,
    request::{Body, Rejected, Request, split},
};
use crate::{Params, RpcError, RpcLimits};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::value::RawValue;
use std::panic::AssertUnwindSafe;

/// The method whose consecutive calls in a batch run as one [`Handler::send_many`].
const SEND: &str = "eth_sendRawTransaction";

/// Answers calls.
pub(crate) trait Handler: Send + Sync {
    /// Answers one call; an unknown method is an error. Dropping the future abandons the call.
    fn call<'a>(&'a self, method: &'a str, params: Params) -> BoxFuture<'a, CallResult>;

    /// Answers many `eth_sendRawTransaction` calls at once: one result for each, in order.
    fn send_many(&self, params: Vec<Params>) -> BoxFuture<'_, Vec<CallResult>>;
}

type Item<'a> = Result<Request<'a>, Rejected<'a>>;

/// Answers a body; `None` when nothing is to be answered (notifications only).
///
/// Requests of a batch that send transactions run in order and before whatever follows them; the others run
/// concurrently. Responses are in the order of the requests. NET-1: whatever the bytes, there is an answer and no panic.
pub(crate) async fn process(
    body: &[u8],
    handler: &dyn Handler,
    limits: &RpcLimits,
    budget: &Budget,
) -> Option<Bytes> {
    match split(body, limits.batch_requests) {
        Err(error) => Some(error_body(&error)),
        Ok(Body::Single(raw)) => {
            let mut answer = Answer::new(false, limits.response_bytes, budget);
            run_one(&mut answer, Request::parse(raw), handler).await;
            answer.finish()
        }
        Ok(Body::Batch(raws)) => {
            let answer = Answer::new(true, limits.response_bytes, budget);
            run_batch(answer, &raws, handler, limits.batch_concurrency).await
        }
    }
}

async fn run_one(answer: &mut Answer, item: Item<'_>, handler: &dyn Handler) {
    if let (Some(id), result) = run(item, handler).await {
        answer.push(id, &result);
    }
}

async fn run_batch<'a>(
    mut answer: Answer,
    raws: &[&'a RawValue],
    handler: &'a dyn Handler,
    concurrency: usize,
) -> Option<Bytes> {
    for run in runs(raws) {
        match run {
            _ if answer.is_full() => skip(&mut answer, run),
            Run::Sends(requests) => run_sends(&mut answer, requests, handler).await,
            Run::Others(items) => run_others(&mut answer, items, handler, concurrency).await,
        }
    }
    answer.finish()
}

/// A stretch of a batch that is run as one.
enum Run<'a> {
    Sends(Vec<Request<'a>>),
    Others(Vec<Item<'a>>),
}

fn runs<'a>(raws: &[&'a RawValue]) -> Vec<Run<'a>> {
    let mut runs = Vec::new();
    for raw in raws {
        match (Request::parse(raw), runs.last_mut()) {
            (Ok(send), Some(Run::Sends(sends))) if send.method == SEND => sends.push(send),
            (Ok(send), _) if send.method == SEND => runs.push(Run::Sends(vec![send])),
            (item, Some(Run::Others(others))) => others.push(item),
            (item, _) => runs.push(Run::Others(vec![item])),
        }
    }
    runs
}

async fn run_sends(answer: &mut Answer, requests: Vec<Request<'_>>, handler: &dyn Handler) {
    let params = requests.iter().map(|request| own(request.params)).collect();
    let send = async { handler.send_many(params).await };
    let results = AssertUnwindSafe(send).catch_unwind().await;
    let mut results = results.unwrap_or_default().into_iter();
    for request in requests {
        let result = results.next().unwrap_or_else(|| Err(defect(SEND)));
        if let Some(id) = request.id {
            answer.push_done(id, &result);
        }
    }
}

async fn run_others<'a>(
    answer: &mut Answer,
    items: Vec<Item<'a>>,
    handler: &'a dyn Handler,
    concurrency: usize,
) {
    let ids: Vec<_> = items.iter().map(id_of).collect();
    // Boxed and collected: the compiler cannot prove a stream of borrowing closures `Send`.
    let calls: Vec<_> = items
        .into_iter()
        .map(|item| run(item, handler).boxed())
        .collect();
    let mut results = stream::iter(calls).buffered(concurrency.max(1));
    for id in ids {
        // Leaving results behind cancels what is still running.
        if answer.is_full() {
            id.into_iter().for_each(|id| answer.push_unanswered(id));
        } else if let Some((Some(id), result)) = results.next().await {
            answer.push(id, &result);
        }
    }
}

fn skip(answer: &mut Answer, run: Run<'_>) {
    match run {
        Run::Sends(requests) => {
            requests
                .iter()
                .filter_map(|request| request.id)
                .for_each(|id| answer.push_unanswered(id));
        }
        Run::Others(items) => items
            .iter()
            .filter_map(id_of)
            .for_each(|id| answer.push_unanswered(id)),
    }
}

/// The id to answer with; `None` for a notification.
fn id_of<'a>(item: &Item<'a>) -> Option<&'a str> {
    match item {
        Ok(request) => request.id,
        Err(rejected) => Some(rejected.id),
    }
}

async fn run<'a>(item: Item<'a>, handler: &dyn Handler) -> (Option<&'a str>, CallResult) {
    let request = match item {
        Ok(request) => request,
        Err(rejected) => return (Some(rejected.id), Err(rejected.error)),
    };
    let call = async { handler.call(&request.method, own(request.params)).await };
    let result = AssertUnwindSafe(call).catch_unwind().await;
    (
        request.id,
        result.unwrap_or_else(|_| Err(defect(&request.method))),
    )
}

fn own(params: Option<&RawValue>) -> Params {
    Params::new(params.map(RawValue::to_owned))
}

/// The answer to a call whose code panicked (NET-1); the panic hook has logged where.
fn defect(method: &str) -> RpcError {
    tracing::error!(method, "a method failed inside the node");
    RpcError::internal(format!(
        "{method} failed inside the node; its log has the cause"
    ))
}
