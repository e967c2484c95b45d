//! Answers, as JSON-RPC 2.0 (section 5) wants them.

use super::{
    budget::{Budget, Held, Lease},
    request::NULL_ID,
};
use crate::RpcError;
use bytes::Bytes;
use serde_json::value::RawValue;

/// The result of one call.
pub(crate) type CallResult = Result<Box<RawValue>, RpcError>;

/// The bytes of an answer while it is written: one response, or a list of them.
pub(super) struct Answer {
    bytes: Vec<u8>,
    lease: Lease,
    limit_bytes: usize,
    batch: bool,
    responses: usize,
}

impl Answer {
    /// An answer whose results may have `limit_bytes` in all, paid from `budget`.
    pub(super) fn new(batch: bool, limit_bytes: usize, budget: &Budget) -> Self {
        let lease = budget.lease(Budget::FREE_BYTES);
        Self {
            bytes: Vec::new(),
            lease,
            limit_bytes,
            batch,
            responses: 0,
        }
    }

    /// Whether the limit is reached, so that nothing more should be run for this answer.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= self.limit_bytes
    }

    /// Appends the response to the request with this id. A result that does not fit becomes an error (NET-1).
    pub(super) fn push(&mut self, id: &str, result: &CallResult) {
        match result {
            Ok(result) => match self.admit(result.get().len()) {
                Ok(()) => self.write(id, "result", result.get()),
                Err(error) => self.push_error(id, &error),
            },
            Err(error) => self.push_error(id, error),
        }
    }

    /// Appends a response that fits the limit or not, because what it reports has happened.
    pub(super) fn push_done(&mut self, id: &str, result: &CallResult) {
        match result {
            Ok(result) => self.write(id, "result", result.get()),
            Err(error) => self.push_error(id, error),
        }
    }

    /// Appends the error that stands for everything not run because the answer is full.
    pub(super) fn push_unanswered(&mut self, id: &str) {
        let error = RpcError::limit_exceeded(format!(
            "the answers before this one reach the limit of {} bytes per batch; this request was not answered",
            self.limit_bytes
        ));
        self.push_error(id, &error);
    }

    /// The finished bytes; `None` when there is nothing to answer (notifications only).
    pub(super) fn finish(mut self) -> Option<Bytes> {
        if self.responses == 0 {
            return None;
        }
        if self.batch {
            self.bytes.push(b']');
        }
        Some(Held::into_bytes(self.bytes, self.lease))
    }

    fn admit(&mut self, result_bytes: usize) -> Result<(), RpcError> {
        let total = self.bytes.len() + result_bytes;
        if total > self.limit_bytes {
            let (what, limit) = if self.batch {
                ("batch answer", "batch")
            } else {
                ("result", "response")
            };
            return Err(RpcError::limit_exceeded(format!(
                "{what} of {total} bytes exceeds the limit of {} bytes per {limit}",
                self.limit_bytes
            )));
        }
        if !self.lease.grow(total) {
            let budget = self.lease.budget_bytes();
            return Err(RpcError::limit_exceeded(format!(
                "the node is busy: requests and responses in flight reach its limit of {budget} bytes; try again"
            )));
        }
        Ok(())
    }

    fn push_error(&mut self, id: &str, error: &RpcError) {
        let text = serde_json::to_string(error).expect("an error object has only JSON values");
        self.write(id, "error", &text);
    }

    fn write(&mut self, id: &str, member: &str, value: &str) {
        if self.batch {
            self.bytes
                .push(if self.responses == 0 { b'[' } else { b',' });
        }
        self.responses += 1;
        let parts = [
            r#"{"jsonrpc":"2.0","id":"#,
            id,
            ",\"",
            member,
            "\":",
            value,
            "}",
        ];
        self.bytes
            .reserve(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
        }
    }
}

/// The answer to something that is not a request.
pub(super) fn error_body(error: &RpcError) -> Bytes {
    let text = serde_json::to_string(error).expect("an error object has only JSON values");
    format!(r#"{{"jsonrpc":"2.0","id":{NULL_ID},"error":{text}}}"#).into()
}
