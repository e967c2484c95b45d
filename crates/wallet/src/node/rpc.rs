//! A node over JSON-RPC: standard methods of Ethereum clients, and `trellis_network`.

mod logs;
mod transport;

use super::{Head, Identity, Latest, Node, NodeError, PoolLog, Receipt, Record, Token};
use alloy_primitives::{Address as Account, B256, Bytes, U64, U128, hex};
use alloy_sol_types::{SolCall, sol};
use serde::Deserialize;
use serde_json::json;
use transport::Transport;
use trellis_circuits::field;
use trellis_shielded::pool::{POOL, abi};

sol! {
    function roots() returns (uint64);
    function rootNumber(bytes32 root) returns (uint64);
    function symbol() returns (string);
    function decimals() returns (uint8);
}

/// What stands in a refusal that is none: the node has the transaction.
const KNOWN: [&str; 2] = ["already known", "already imported"];

/// A node by its URL.
#[derive(Debug)]
pub struct RpcNode {
    transport: Transport,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkView {
    network_id: u64,
    modules: Vec<ModuleView>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ModuleView {
    id: u32,
    chain_id: U64,
    genesis_hash: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockView {
    number: U64,
    timestamp: U64,
    base_fee_per_gas: Option<U128>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptView {
    block_number: U64,
    status: U64,
}

#[derive(Deserialize)]
struct TransactionView {
    input: Bytes,
}

impl RpcNode {
    /// A node. Nothing is sent yet.
    ///
    /// # Errors
    /// [`NodeError::Unreachable`] if the URL is none.
    pub fn new(url: &str) -> Result<Self, NodeError> {
        let transport = Transport::new(url)?;
        Ok(Self { transport })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.transport.url()
    }

    /// Any method, for what a wallet does not need and its owner's other accounts do.
    ///
    /// # Errors
    /// Whatever went wrong.
    pub fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &'static str,
        params: serde_json::Value,
    ) -> Result<T, NodeError> {
        self.transport.call(method, params)
    }

    fn block(&self, tag: serde_json::Value) -> Result<BlockView, NodeError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let block: Option<BlockView> = self.call(METHOD, json!([tag, false]))?;
        block.ok_or_else(|| malformed(METHOD, "there is no such block"))
    }

    fn view<C: SolCall>(
        &self,
        to: Account,
        call: &C,
        block: Option<u64>,
    ) -> Result<C::Return, NodeError> {
        const METHOD: &str = "eth_call";
        let tag = block.map_or_else(|| json!("latest"), |number| json!(U64::from(number)));
        let data = Bytes::from(call.abi_encode());
        let answer: Bytes = self.call(METHOD, json!([{ "to": to, "data": data }, tag]))?;
        if answer.is_empty() && to == POOL {
            return Err(NodeError::NoPool);
        }
        C::abi_decode_returns_validate(&answer).map_err(|error| malformed(METHOD, error))
    }
}

impl Node for RpcNode {
    fn identity(&self) -> Result<Identity, NodeError> {
        const METHOD: &str = "trellis_network";
        let chain_id: U64 = self.call("eth_chainId", json!([]))?;
        let network: NetworkView = self.call(METHOD, json!([]))?;
        let mut modules = network.modules.iter();
        let module = modules.find(|module| module.chain_id == chain_id);
        let module = module
            .ok_or_else(|| malformed(METHOD, "its own module is not among those of the network"))?;
        Ok(Identity {
            network: network.network_id,
            chain_id: chain_id.to(),
            module: module.id,
            genesis: module.genesis_hash,
        })
    }

    fn head(&self) -> Result<Head, NodeError> {
        let block = self.block(json!("latest"))?;
        Ok(Head {
            number: block.number.to(),
            timestamp: block.timestamp.to(),
        })
    }

    fn latest(&self, block: u64) -> Result<Latest, NodeError> {
        let latest = self.view(POOL, &abi::latestCall {}, Some(block))?;
        let root = field::decode(&latest.root.0);
        Ok(Latest {
            root: root.map_err(|error| malformed("latest", error))?,
            size: latest.size,
            number: self.view(POOL, &rootsCall {}, Some(block))?,
        })
    }

    fn events(&self, from: u64, to: u64) -> Result<Vec<PoolLog>, NodeError> {
        self.read_events(from, to)
    }

    fn record(&self, block: u64) -> Result<Option<Record>, NodeError> {
        let Some(log) = self.last_record(block)? else {
            return Ok(None);
        };
        const METHOD: &str = "eth_getTransactionByHash";
        let transaction: Option<TransactionView> = self.call(METHOD, json!([log.transaction]))?;
        let transaction =
            transaction.ok_or_else(|| malformed(METHOD, "the record of the root is gone"))?;
        let call = abi::appendCall::abi_decode_validate(&transaction.input);
        let call = call.map_err(|error| malformed(METHOD, error))?;
        let root = field::decode(&call.root.0).map_err(|error| malformed(METHOD, error))?;
        let number = self.view(POOL, &rootNumberCall { root: call.root }, None)?;
        Ok(Some(Record {
            block: log.block,
            latest: Latest {
                root,
                size: call.size,
                number,
            },
            frontier: call.frontier,
        }))
    }

    fn base_fee(&self) -> Result<u128, NodeError> {
        let block = self.block(json!("latest"))?;
        match block.base_fee_per_gas {
            Some(fee) => Ok(fee.to()),
            None => self
                .call::<U128>("eth_gasPrice", json!([]))
                .map(|price| price.to()),
        }
    }

    fn send(&self, raw: &[u8]) -> Result<B256, NodeError> {
        let hash = alloy_primitives::keccak256(raw);
        let sent = self.call::<B256>("eth_sendRawTransaction", json!([hex::encode_prefixed(raw)]));
        match sent {
            Err(NodeError::Refused { reason, .. })
                if KNOWN.iter().any(|known| reason.contains(known)) =>
            {
                Ok(hash)
            }
            Err(error) => Err(error),
            Ok(_) => Ok(hash),
        }
    }

    fn receipt(&self, hash: B256) -> Result<Option<Receipt>, NodeError> {
        let receipt: Option<ReceiptView> = self.call("eth_getTransactionReceipt", json!([hash]))?;
        Ok(receipt.map(|receipt| Receipt {
            block: receipt.block_number.to(),
            success: receipt.status == U64::from(1),
        }))
    }

    fn token(&self, asset: u32) -> Result<Option<Token>, NodeError> {
        let contract = self.view(POOL, &abi::tokenOfCall { asset }, None)?;
        if contract == Account::ZERO {
            return Ok(None);
        }
        // A token may lack either; what it is worth nobody knows then, and it is shown in smallest units.
        let symbol = self.view(contract, &symbolCall {}, None);
        let decimals = self.view(contract, &decimalsCall {}, None);
        match (symbol, decimals) {
            (Err(error @ NodeError::Unreachable { .. }), _)
            | (_, Err(error @ NodeError::Unreachable { .. })) => Err(error),
            (symbol, decimals) => Ok(Some(Token {
                contract,
                symbol: symbol.unwrap_or_default(),
                decimals: decimals.unwrap_or_default(),
            })),
        }
    }

    fn asset_of(&self, token: Account) -> Result<Option<u32>, NodeError> {
        let asset = self.view(POOL, &abi::assetOfCall { token }, None)?;
        Ok((asset != 0).then_some(asset))
    }
}

pub(super) fn malformed(method: &'static str, reason: impl std::fmt::Display) -> NodeError {
    let mut reason = reason.to_string();
    transport::shorten(&mut reason);
    NodeError::Malformed { method, reason }
}

#[cfg(test)]
mod tests;
