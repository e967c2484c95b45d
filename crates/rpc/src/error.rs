use alloy_primitives::{Bytes, hex};
use core::fmt;
use serde_json::Value;

/// Longest message an error carries, in bytes: texts may quote what a client sent (NET-1).
const MESSAGE_BYTES_MAX: usize = 1024;

/// Most edits between an unknown method name and the known one its error suggests.
const SUGGESTION_EDITS_MAX: usize = 3;

/// Methods an unknown name is compared with. A name absent from this list may still work: the list only feeds hints.
pub(crate) const KNOWN_METHODS: &[&str] = &[
    "debug_getRawBlock",
    "debug_getRawHeader",
    "debug_getRawReceipts",
    "debug_getRawTransaction",
    "eth_accounts",
    "eth_blobBaseFee",
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_createAccessList",
    "eth_estimateGas",
    "eth_feeHistory",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getBlockTransactionCountByHash",
    "eth_getBlockTransactionCountByNumber",
    "eth_getCode",
    "eth_getFilterChanges",
    "eth_getFilterLogs",
    "eth_getHeaderByHash",
    "eth_getHeaderByNumber",
    "eth_getLogs",
    "eth_getRawTransactionByBlockHashAndIndex",
    "eth_getRawTransactionByBlockNumberAndIndex",
    "eth_getRawTransactionByHash",
    "eth_getStorageAt",
    "eth_getTransactionByBlockHashAndIndex",
    "eth_getTransactionByBlockNumberAndIndex",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_getUncleByBlockHashAndIndex",
    "eth_getUncleByBlockNumberAndIndex",
    "eth_getUncleCountByBlockHash",
    "eth_getUncleCountByBlockNumber",
    "eth_maxPriorityFeePerGas",
    "eth_newBlockFilter",
    "eth_newFilter",
    "eth_newPendingTransactionFilter",
    "eth_protocolVersion",
    "eth_sendRawTransaction",
    "eth_sendRawTransactionSync",
    "eth_subscribe",
    "eth_syncing",
    "eth_uninstallFilter",
    "eth_unsubscribe",
    "net_listening",
    "net_peerCount",
    "net_version",
    "rpc_modules",
    "trellis_getFinality",
    "trellis_getMessage",
    "trellis_getMessageProof",
    "trellis_getMessagesOf",
    "trellis_getProof",
    "trellis_networkInfo",
    "trellis_supply",
    "txpool_status",
    "web3_clientVersion",
    "web3_sha3",
];

/// A JSON-RPC 2.0 error object (section 5.1), with the codes Ethereum clients use (EIP-1474).
#[derive(Clone, Debug, PartialEq)]
pub struct RpcError {
    /// What kind of failure this is.
    pub code: i64,
    /// What went wrong, naming the rule and the values.
    pub message: String,
    /// Machine-readable detail: revert data as hex for code 3.
    pub data: Option<Value>,
}

impl RpcError {
    /// The body is not JSON (JSON-RPC 2.0).
    pub const PARSE_ERROR: i64 = -32700;
    /// The JSON is not a request (JSON-RPC 2.0).
    pub const INVALID_REQUEST: i64 = -32600;
    /// No such method (JSON-RPC 2.0).
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The arguments do not fit the method (JSON-RPC 2.0).
    pub const INVALID_PARAMS: i64 = -32602;
    /// A defect of this node (JSON-RPC 2.0).
    pub const INTERNAL: i64 = -32603;
    /// The request is well-formed and refused (EIP-1474 "invalid input"; geth's general code).
    pub const INVALID_INPUT: i64 = -32000;
    /// What the request names does not exist here (EIP-1474).
    pub const RESOURCE_NOT_FOUND: i64 = -32001;
    /// A limit of this node is reached (EIP-1474).
    pub const LIMIT_EXCEEDED: i64 = -32005;
    /// Execution reverted; `data` holds the revert data (geth).
    pub const EXECUTION_REVERTED: i64 = 3;

    /// An error with this code and no data. Messages longer than 1,024 bytes are cut (NET-1).
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: shorten(message.into()),
            data: None,
        }
    }

    /// The body is not JSON.
    pub fn parse_error(message: impl Into<String>) -> Self {
        Self::new(Self::PARSE_ERROR, message)
    }

    /// The JSON is not a request object.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_REQUEST, message)
    }

    /// No method has this name; suggests the closest known one when it is a few letters away.
    pub fn method_not_found(name: &str) -> Self {
        let shown: String = name.chars().take(64).collect();
        let mut message = format!("the method {shown} does not exist or is not available");
        if let Some(known) = closest_method(name) {
            message.push_str(&format!("; did you mean {known}?"));
        }
        Self::new(Self::METHOD_NOT_FOUND, message)
    }

    /// The arguments do not fit the method.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_PARAMS, message)
    }

    /// A defect of this node.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Self::INTERNAL, message)
    }

    /// The request is well-formed and refused.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_INPUT, message)
    }

    /// What the request names does not exist here.
    pub fn resource_not_found(message: impl Into<String>) -> Self {
        Self::new(Self::RESOURCE_NOT_FOUND, message)
    }

    /// A limit of this node is reached; the message names the limit and the value.
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(Self::LIMIT_EXCEEDED, message)
    }

    /// Execution reverted, in the form every Ethereum client decodes: code 3, reason in the text, data as hex.
    pub fn execution_reverted(reason: Option<String>, data: Bytes) -> Self {
        let message = match reason {
            Some(reason) => format!("execution reverted: {reason}"),
            None => "execution reverted".to_owned(),
        };
        let data = Value::String(hex::encode_prefixed(data));
        Self {
            data: Some(data),
            ..Self::new(Self::EXECUTION_REVERTED, message)
        }
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

impl core::error::Error for RpcError {}

impl serde::Serialize for RpcError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", &self.code)?;
        map.serialize_entry("message", &self.message)?;
        if let Some(data) = &self.data {
            map.serialize_entry("data", data)?;
        }
        map.end()
    }
}

/// The known method nearest to `name`, if it is near; ties go to the first in alphabetical order.
fn closest_method(name: &str) -> Option<&'static str> {
    // The distance costs the product of the lengths: a long name is nobody's typing error (NET-1).
    if name.len() > 64 {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    KNOWN_METHODS
        .iter()
        .map(|known| {
            (
                strsim::levenshtein(&lower, &known.to_ascii_lowercase()),
                *known,
            )
        })
        .min()
        .filter(|(edits, known)| *edits <= SUGGESTION_EDITS_MAX && *known != name)
        .map(|(_, known)| known)
}

fn shorten(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let mut end = MESSAGE_BYTES_MAX;
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        message.truncate(end);
        message.push_str("...");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_method_names_itself_and_the_nearest_known_one() {
        let near = RpcError::method_not_found("eth_getblockbynumer");
        assert_eq!(near.code, -32601);
        assert!(near.message.contains("eth_getblockbynumer"), "{near}");
        assert!(
            near.message.ends_with("did you mean eth_getBlockByNumber?"),
            "{near}"
        );
        let far = RpcError::method_not_found("foo_bar");
        assert!(
            far.message.contains("foo_bar") && !far.message.contains("mean"),
            "{far}"
        );
    }

    #[test]
    fn hostile_names_and_texts_are_cut() {
        let name = "é".repeat(1_000_000);
        assert!(RpcError::method_not_found(&name).message.len() < 300);
        assert!(RpcError::invalid_params(name).message.len() <= MESSAGE_BYTES_MAX + 3);
    }

    #[test]
    fn revert_carries_reason_and_data() {
        let data = Bytes::from_static(&[0x08, 0xc3]);
        let error = RpcError::execution_reverted(Some("no".into()), data);
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(
            json,
            r#"{"code":3,"message":"execution reverted: no","data":"0x08c3"}"#
        );
        let bare = RpcError::execution_reverted(None, Bytes::new());
        assert_eq!(bare.message, "execution reverted");
        assert_eq!(bare.data, Some(Value::String("0x".into())));
    }

    #[test]
    fn known_methods_are_sorted() {
        assert!(KNOWN_METHODS.is_sorted());
    }
}
