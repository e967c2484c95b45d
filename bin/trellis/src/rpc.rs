//! A JSON-RPC client that does no more than the commands need.

use alloy_primitives::{Address, B256, U64, U256};
use core::time::Duration;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

/// Longest time for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// JSON-RPC code of a method the server does not have.
const METHOD_NOT_FOUND: i64 = -32_601;

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RpcError {
    /// The server was not reached, or the answer did not arrive.
    #[error("cannot talk to {url}")]
    Transport {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    /// The server refused the request.
    #[error("{method}: {message} (code {code})")]
    Refused {
        method: String,
        code: i64,
        message: String,
    },
    /// The answer is not what the method returns.
    #[error("{url} answered {method} with something else: {reason}")]
    Malformed {
        url: String,
        method: String,
        reason: String,
    },
}

impl RpcError {
    /// Whether the server does not have the method.
    pub(crate) fn is_method_not_found(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: METHOD_NOT_FOUND,
                ..
            }
        )
    }
}

/// The fields of a block the measurement reads; the transactions are hashes.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlockView {
    pub(crate) number: U64,
    pub(crate) gas_used: U64,
    pub(crate) gas_limit: U64,
    /// Milliseconds, on chains that say so.
    #[serde(default, alias = "timestampMillis", alias = "timestampMs")]
    pub(crate) milli_timestamp: Option<U64>,
    #[serde(default)]
    pub(crate) base_fee_per_gas: Option<U64>,
    pub(crate) transactions: Vec<B256>,
}

/// The fields of a receipt the measurement reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptView {
    pub(crate) transaction_hash: B256,
    pub(crate) block_hash: B256,
    pub(crate) status: U64,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

/// One server, over one connection unless requests overlap.
#[derive(Clone, Debug)]
pub(crate) struct RpcClient {
    http: reqwest::Client,
    url: String,
}

impl RpcClient {
    /// A client for `url`. Nothing is sent yet.
    pub(crate) fn new(url: &str) -> Result<Self, RpcError> {
        let mut http = reqwest::Client::builder()
            .no_proxy()
            .timeout(REQUEST_TIMEOUT)
            .pool_max_idle_per_host(1);
        if !reqwest::Url::parse(url).is_ok_and(|url| url.scheme() == "https") {
            // Without TLS there is nobody to believe: a system that has no certificates will do.
            http = http.tls_certs_only([]);
        }
        let http = http.build().map_err(|source| RpcError::Transport {
            url: url.to_owned(),
            source,
        })?;
        Ok(Self {
            http,
            url: url.to_owned(),
        })
    }

    /// The server's URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Calls `method`. A JSON `null` result is an error unless `T` allows it.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, RpcError> {
        let body =
            json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let answer = self.post(body).await?;
        let malformed = |error: serde_json::Error| self.malformed(method, &error.to_string());
        let reply: Reply<'_> = serde_json::from_slice(&answer).map_err(malformed)?;
        if let Some(error) = reply.error {
            return Err(RpcError::Refused {
                method: method.to_owned(),
                code: error.code,
                message: error.message,
            });
        }
        serde_json::from_str(reply.result.map_or("null", RawValue::get)).map_err(malformed)
    }

    /// Sends raw transactions in one request. One result for each, in order: the hash, or the server's text.
    pub(crate) async fn send_raw(
        &self,
        raws: &[&str],
    ) -> Result<Vec<Result<B256, String>>, RpcError> {
        const METHOD: &str = "eth_sendRawTransaction";
        let mut body = String::with_capacity(raws.iter().map(|raw| raw.len() + 90).sum());
        for (id, raw) in raws.iter().enumerate() {
            body.push(if id == 0 { '[' } else { ',' });
            body.push_str(r#"{"jsonrpc":"2.0","id":"#);
            body.push_str(&id.to_string());
            body.push_str(r#","method":"eth_sendRawTransaction","params":[""#);
            body.push_str(raw);
            body.push_str(r#""]}"#);
        }
        body.push(']');
        let answer = self.post(body).await?;
        let malformed = |error: serde_json::Error| self.malformed(METHOD, &error.to_string());
        if answer.first() == Some(&b'{') {
            let reply: Reply<'_> = serde_json::from_slice(&answer).map_err(malformed)?;
            let error = reply.error.unwrap_or(ReplyError {
                code: 0,
                message: "one answer to a batch".to_owned(),
            });
            return Err(RpcError::Refused {
                method: METHOD.to_owned(),
                code: error.code,
                message: error.message,
            });
        }
        let replies: Vec<Reply<'_>> = serde_json::from_slice(&answer).map_err(malformed)?;
        let mut results =
            vec![Err("no answer for this transaction in the batch".to_owned()); raws.len()];
        for reply in replies {
            let slot = reply
                .id
                .as_u64()
                .and_then(|id| results.get_mut(usize::try_from(id).ok()?));
            let Some(slot) = slot else {
                return Err(self.malformed(METHOD, "an answer with an unknown id"));
            };
            *slot = match (reply.error, reply.result) {
                (Some(error), _) => Err(error.message),
                (None, Some(result)) => {
                    serde_json::from_str(result.get()).map_err(|error| error.to_string())
                }
                (None, None) => Err("an answer without a result".to_owned()),
            };
        }
        Ok(results)
    }

    /// Number of the newest block.
    pub(crate) async fn block_number(&self) -> Result<u64, RpcError> {
        self.number("eth_blockNumber", json!([])).await
    }

    /// Chain id of the server.
    pub(crate) async fn chain_id(&self) -> Result<u64, RpcError> {
        self.number("eth_chainId", json!([])).await
    }

    /// The next nonce of `address`, what waits in the pool included.
    pub(crate) async fn pending_nonce(&self, address: Address) -> Result<u64, RpcError> {
        self.number("eth_getTransactionCount", json!([address, "pending"]))
            .await
    }

    /// Nonce of `address` at the newest block.
    pub(crate) async fn latest_nonce(&self, address: Address) -> Result<u64, RpcError> {
        self.number("eth_getTransactionCount", json!([address, "latest"]))
            .await
    }

    /// Balance of `address` in wei at the newest block.
    pub(crate) async fn balance(&self, address: Address) -> Result<U256, RpcError> {
        self.call("eth_getBalance", json!([address, "latest"]))
            .await
    }

    /// Block `number`, or `None` if the chain is not that long.
    pub(crate) async fn block(&self, number: u64) -> Result<Option<BlockView>, RpcError> {
        self.call("eth_getBlockByNumber", json!([U64::from(number), false]))
            .await
    }

    /// The block with `hash`, or `None`.
    pub(crate) async fn block_by_hash(&self, hash: B256) -> Result<Option<BlockView>, RpcError> {
        self.call("eth_getBlockByHash", json!([hash, false])).await
    }

    /// The newest block.
    pub(crate) async fn latest_block(&self) -> Result<BlockView, RpcError> {
        self.call("eth_getBlockByNumber", json!(["latest", false]))
            .await
    }

    /// Name and version of the server, as it gives them.
    pub(crate) async fn client_version(&self) -> Option<String> {
        self.call("web3_clientVersion", json!([])).await.ok()
    }

    async fn number(&self, method: &str, params: Value) -> Result<u64, RpcError> {
        self.call::<U64>(method, params)
            .await
            .map(|number| number.to())
    }

    async fn post(&self, body: String) -> Result<Vec<u8>, RpcError> {
        let transport = |source| RpcError::Transport {
            url: self.url.clone(),
            source,
        };
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .body(body);
        let answer = request.send().await.map_err(transport)?;
        // Servers answer JSON-RPC errors with other codes than 200 too; a body that is not JSON-RPC is refused later.
        Ok(answer.bytes().await.map_err(transport)?.to_vec())
    }

    /// An error that says that `method` was answered with something else.
    pub(crate) fn malformed(&self, method: &str, reason: &str) -> RpcError {
        RpcError::Malformed {
            url: self.url.clone(),
            method: method.to_owned(),
            reason: reason.to_owned(),
        }
    }
}
