//! JSON-RPC over HTTP, or HTTPS with the certificates that the system trusts, and with bounds on everything that comes back.

use crate::node::NodeError;
use reqwest::blocking::Client;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};
use std::{io::Read as _, time::Duration};

/// Longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer: more than a node of this network gives.
const ANSWER_MAX: u64 = 192 << 20;
/// Longest text of a node that a person gets to see.
const REASON_MAX: usize = 300;

#[derive(Debug)]
pub(super) struct Transport {
    http: Client,
    url: String,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    #[serde(default)]
    message: String,
}

impl Transport {
    pub(super) fn new(url: &str) -> Result<Self, NodeError> {
        // A wallet's questions go to the node that its owner names and nowhere else.
        let mut http = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT);
        if !reqwest::Url::parse(url).is_ok_and(|url| url.scheme() == "https") {
            // Without TLS there is nobody to believe: a system that has no certificates will do.
            http = http.tls_certs_only([]);
        }
        Ok(Self {
            http: http.build().map_err(|error| unreachable(url, &error))?,
            url: url.to_owned(),
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, NodeError> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.http.post(&self.url).json(&body).send();
        let answer = answer.map_err(|error| unreachable(&self.url, &error))?;
        let mut bytes = Vec::new();
        let read = answer.take(ANSWER_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|error| unreachable(&self.url, &error))?;
        if bytes.len() as u64 > ANSWER_MAX {
            return Err(super::malformed(method, "it is endless"));
        }
        let malformed = |error: serde_json::Error| super::malformed(method, error);
        let reply: Reply<'_> = serde_json::from_slice(&bytes).map_err(malformed)?;
        if let Some(ReplyError {
            message: mut reason,
        }) = reply.error
        {
            shorten(&mut reason);
            return Err(NodeError::Refused { method, reason });
        }
        serde_json::from_str(reply.result.map_or("null", RawValue::get)).map_err(malformed)
    }
}

fn unreachable(url: &str, error: &dyn std::error::Error) -> NodeError {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = cause.to_string();
        source = cause.source();
    }
    shorten(&mut reason);
    NodeError::Unreachable {
        url: url.to_owned(),
        reason,
    }
}

/// Makes a text of a stranger fit for a terminal.
pub(super) fn shorten(text: &mut String) {
    *text = text
        .chars()
        .filter(|c| !c.is_control())
        .take(REASON_MAX)
        .collect();
}
