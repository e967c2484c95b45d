//! A JSON-RPC client of one module at one validator. Whatever keeps a call from succeeding is an error in words.

use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};
use std::time::Duration;

/// Most requests in one batch.
const BATCH: usize = 400;

/// Longest a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client.
#[derive(Clone)]
pub(crate) struct Rpc {
    http: reqwest::Client,
    address: String,
}

impl Rpc {
    /// A client of `host:port/module`.
    pub(crate) fn new(address: &str) -> Self {
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .build()
            .expect("a client");
        Self {
            http,
            address: address.to_owned(),
        }
    }

    /// URL for subscriptions.
    pub(crate) fn socket_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// One call.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Result<Value, String> {
        let answer = self.post(&request(0, method, &params)).await?;
        result(answer)
    }

    /// Many calls of one method; each must succeed.
    pub(crate) async fn many(
        &self,
        method: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Value>, String> {
        let mut results = Vec::with_capacity(params.len());
        for chunk in params.chunks(BATCH) {
            for result in self.batch(method, chunk).await? {
                results.push(result?);
            }
        }
        Ok(results)
    }

    /// One batch of calls of one method, each with a result of its own.
    pub(crate) async fn batch(
        &self,
        method: &str,
        params: &[Value],
    ) -> Result<Vec<Result<Value, String>>, String> {
        let requests: Vec<Value> = params
            .iter()
            .enumerate()
            .map(|(id, params)| request(id, method, params))
            .collect();
        let answer = self.post(&json!(requests)).await?;
        let Value::Array(answers) = answer else {
            return Err(format!("{method}: a batch was answered with {answer}"));
        };
        if answers.len() != params.len() {
            return Err(format!(
                "{method}: {} answers to {}",
                answers.len(),
                params.len()
            ));
        }
        Ok(answers.into_iter().map(result).collect())
    }

    async fn post(&self, body: &Value) -> Result<Value, String> {
        let url = format!("http://{}", self.address);
        let response = self.http.post(url).json(body).send().await;
        let answer = response.map_err(|error| format!("{error:?}"))?.json().await;
        answer.map_err(|error| format!("{error:?}"))
    }

    /// Number of the newest block.
    pub(crate) async fn height(&self) -> Result<u64, String> {
        number(&self.call("eth_blockNumber", json!([])).await?)
    }

    /// Balances at the state of block `at`.
    pub(crate) async fn balances(&self, of: &[Address], at: u64) -> Result<Vec<U256>, String> {
        let params = of.iter().map(|address| json!([address, hex(at)])).collect();
        let values = self.many("eth_getBalance", params).await?;
        values.iter().map(quantity).collect()
    }

    /// Transaction counts at `tag`.
    pub(crate) async fn nonces(&self, of: &[Address], tag: &str) -> Result<Vec<u64>, String> {
        let params = of.iter().map(|address| json!([address, tag])).collect();
        let values = self.many("eth_getTransactionCount", params).await?;
        values.iter().map(number).collect()
    }
}

fn request(id: usize, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn result(mut answer: Value) -> Result<Value, String> {
    match answer.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(answer.to_string()),
    }
}

/// A number as Ethereum clients write it.
pub(crate) fn hex(number: u64) -> String {
    format!("{number:#x}")
}

/// A hex quantity.
pub(crate) fn quantity(value: &Value) -> Result<U256, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("{value}: {error}"))
}

/// A hex quantity of at most 64 bits.
pub(crate) fn number(value: &Value) -> Result<u64, String> {
    quantity(value)?
        .try_into()
        .map_err(|_| format!("{value} has more than 64 bits"))
}

/// A hash.
pub(crate) fn hash(value: &Value) -> Result<B256, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("{value}: {error}"))
}
