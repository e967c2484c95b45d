//! What is known without reading a block: the node and the network.

use super::{RpcResult, json};
use crate::{ModuleContext, NetworkInfo, Params};
use alloy_primitives::{Address, B256, Bytes, U64, keccak256};
use serde::Serialize;
use serde_json::json as object;
use trellis_module::{ChainSpec, genesis};

/// The `eth` wire protocol version clients of this method expect to see; Trellis does not speak it.
const PROTOCOL_VERSION: u64 = 68;

pub(super) fn dispatch(module: &ModuleContext, method: &str, params: &Params) -> Option<RpcResult> {
    if method == "web3_sha3" {
        return Some(sha3(params));
    }
    let answer = answer(module, method)?;
    // These methods take nothing; wallets call some of them with arguments of older versions, which do no harm.
    Some(params.positional().and(answer))
}

fn answer(module: &ModuleContext, method: &str) -> Option<RpcResult> {
    let chain = &module.chain;
    Some(match method {
        "eth_chainId" => json(&U64::from(chain.spec().chain_id())),
        "eth_blockNumber" => json(&U64::from(chain.head().number())),
        "eth_syncing" => json(&false),
        "eth_accounts" => json::<[Address]>(&[]),
        "eth_protocolVersion" => json(&U64::from(PROTOCOL_VERSION)),
        "net_version" => json(&chain.spec().chain_id().to_string()),
        "net_listening" => json(&true),
        // Peers are validators of the network, not Ethereum peers.
        "net_peerCount" => json(&U64::ZERO),
        "web3_clientVersion" => json(&module.network.client_version),
        "rpc_modules" => json(&object!({
            "debug": "1.0", "eth": "1.0", "net": "1.0", "rpc": "1.0", "trellis": "1.0", "txpool": "1.0", "web3": "1.0",
        })),
        "trellis_network" | "trellis_networkInfo" => json(&network(&module.network, chain.spec())),
        _ => return None,
    })
}

fn sha3(params: &Params) -> RpcResult {
    let data = {
        let mut params = params.positional()?;
        let data: Bytes = params.required("data")?;
        params.finish()?;
        data
    };
    json::<B256>(&keccak256(data))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Network<'a> {
    #[serde(flatten)]
    network: &'a NetworkInfo,
    system_contracts: serde_json::Map<String, serde_json::Value>,
}

/// The network with all its modules, and the contracts this one has from its genesis.
fn network<'a>(network: &'a NetworkInfo, spec: &ChainSpec) -> Network<'a> {
    let system_contracts = genesis::predeploys(spec)
        .into_iter()
        .map(|(name, address, _)| (name.to_owned(), address.to_string().into()))
        .collect();
    Network {
        network,
        system_contracts,
    }
}
