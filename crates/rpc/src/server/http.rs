//! JSON-RPC over HTTP POST.
//!
//! The content type is not looked at: wallets send several, and the body says enough. Whatever the outcome of a call the
//! status is 200, as Ethereum clients expect; other statuses mean that no call was made, and their body is a JSON-RPC
//! error all the same.

use super::{
    Shared,
    answer::error_body,
    budget::{Budget, Lease},
    engine::{Handler, process},
};
use crate::{RpcError, RpcLimits};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use core::time::Duration;
use futures::StreamExt;

/// How many times the limit of an oversized body is read and thrown away, so that the client gets to read the refusal
/// instead of a reset connection.
const DISCARD_FACTOR: usize = 4;

/// Time spent on that.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// An answer with a status of its own, in place of a call.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: RpcError,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        json_response(self.status, error_body(&self.error))
    }
}

/// A response with a JSON body.
pub(super) fn json_response(status: StatusCode, body: Bytes) -> Response {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, JSON)], body).into_response()
}

/// Answers one POST.
pub(super) async fn post(
    shared: &Shared,
    handler: &dyn Handler,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    let read = read_body(headers, body, &shared.limits, &shared.budget);
    let (body, _lease) = match tokio::time::timeout(shared.limits.body_timeout, read).await {
        Ok(Ok(read)) => read,
        Ok(Err(refusal)) => return refusal.into_response(),
        Err(_) => return too_slow(shared.limits.body_timeout).into_response(),
    };
    match process(&body, handler, &shared.limits, &shared.budget).await {
        Some(answer) => json_response(StatusCode::OK, answer),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// The whole body, and the lease that pays for it.
async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limits: &RpcLimits,
    budget: &Budget,
) -> Result<(Vec<u8>, Lease), Refusal> {
    let limit = limits.request_bytes;
    let announced = content_length(headers);
    let mut chunks = body.into_data_stream();
    if let Some(announced) = announced.filter(|announced| *announced > limit) {
        // A client that asks first (RFC 9110, section 10.1.1) has sent nothing to throw away.
        if !headers.contains_key(header::EXPECT) {
            discard(chunks, limit.saturating_mul(DISCARD_FACTOR)).await;
        }
        return Err(too_large(announced, limit));
    }
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(Budget::FREE_BYTES));
    let mut lease = budget.lease(Budget::FREE_BYTES);
    let mut total = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| incomplete(&error))?;
        total += chunk.len();
        let refusal = match total {
            total if total > limit => too_large(total, limit),
            _ if !lease.grow(total) => busy(&lease),
            _ => {
                bytes.extend_from_slice(&chunk);
                continue;
            }
        };
        drop((bytes, lease));
        discard(chunks, limit.saturating_mul(DISCARD_FACTOR)).await;
        return Err(refusal);
    }
    Ok((bytes, lease))
}

/// Reads what is left of a body, within bounds, and keeps nothing of it.
async fn discard(mut chunks: axum::body::BodyDataStream, bytes_max: usize) {
    let read = async {
        let mut total = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            total += chunk.len();
            if total > bytes_max {
                break;
            }
        }
    };
    // Running out of time is one more way to be done with this body.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, read).await;
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn too_large(bytes: usize, limit: usize) -> Refusal {
    let message = format!("request body of {bytes} bytes exceeds the limit of {limit} bytes");
    Refusal {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        error: RpcError::limit_exceeded(message),
    }
}

fn busy(lease: &Lease) -> Refusal {
    let message = format!(
        "the node is busy: requests and responses in flight reach its limit of {} bytes; try again",
        lease.budget_bytes()
    );
    Refusal {
        status: StatusCode::SERVICE_UNAVAILABLE,
        error: RpcError::limit_exceeded(message),
    }
}

fn too_slow(limit: Duration) -> Refusal {
    let message = format!(
        "the request body did not arrive within the limit of {} s",
        limit.as_secs()
    );
    Refusal {
        status: StatusCode::REQUEST_TIMEOUT,
        error: RpcError::limit_exceeded(message),
    }
}

fn incomplete(error: &axum::Error) -> Refusal {
    let error = RpcError::parse_error(format!("the request body could not be read: {error}"));
    Refusal {
        status: StatusCode::BAD_REQUEST,
        error,
    }
}
