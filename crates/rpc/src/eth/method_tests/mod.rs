//! Methods against a real chain, called the way the transport calls them.

mod blocks;
mod queries;
mod sending;
mod state;

use super::testing::*;
use crate::{ModuleContext, RpcError, RpcLimits};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where the first transaction of `signer(1)` puts [`CONTRACT`].
fn contract() -> Address {
    signer(1).address().create(0)
}

/// Logs its first word as a topic, writes 42 to slot 0 and returns it; reverts with "no topic" if that word is zero.
const CONTRACT: &[u8] = &hex!(
    "6085600a5f3960855ff3"
    "5f358015601657"
    "5f5fa1602a5f55602a5f5260205ff3"
    "5b606460215f3960645ffd"
    "08c379a0"
    "0000000000000000000000000000000000000000000000000000000000000020"
    "0000000000000000000000000000000000000000000000000000000000000008"
    "6e6f20746f706963000000000000000000000000000000000000000000000000"
);

fn topic(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

/// Block 1 deploys the contract and pays, block 2 is empty, block 3 calls the contract twice.
fn chain() -> TestChain {
    let mut chain = TestChain::new();
    let deploy = chain.transaction(1, |tx| {
        tx.to = TxKind::Create;
        tx.value = U256::ZERO;
        tx.gas_limit = 200_000;
        tx.input = CONTRACT.into();
    });
    let pay = chain.transaction(0, |_| {});
    let log = |chain: &mut TestChain, byte| {
        chain.transaction(0, |tx| {
            tx.to = contract().into();
            tx.value = U256::ZERO;
            tx.gas_limit = 100_000;
            tx.max_priority_fee_per_gas = 3_000_000_000;
            tx.input = topic(byte).into();
        })
    };
    let logs = vec![log(&mut chain, 1), log(&mut chain, 2)];
    chain.block(vec![deploy, pay]).block(vec![]).block(logs)
}

fn open() -> Arc<ModuleContext> {
    chain().open(128)
}

async fn fails(module: &Arc<ModuleContext>, method: &str, arguments: Value) -> RpcError {
    call(module, method, arguments).await.unwrap_err()
}

#[tokio::test]
async fn says_what_chain_it_is() {
    let module = open();
    for (method, expected) in [
        ("eth_chainId", json!("0x75bca01")),
        ("net_version", json!("123456001")),
        ("eth_blockNumber", json!("0x3")),
        ("eth_syncing", json!(false)),
        ("eth_accounts", json!([])),
        ("net_listening", json!(true)),
        ("net_peerCount", json!("0x0")),
        ("eth_protocolVersion", json!("0x44")),
        ("web3_clientVersion", json!("trellis/v0.1.0/test")),
        ("eth_blobBaseFee", json!("0x1")),
    ] {
        // Wallets send no params, null, or an empty list.
        for arguments in [json!(null), json!([])] {
            assert_eq!(
                call(&module, method, arguments).await.unwrap(),
                expected,
                "{method}"
            );
        }
    }
    let hash = call(&module, "web3_sha3", json!(["0x68656c6c6f"]))
        .await
        .unwrap();
    assert_eq!(
        hash,
        "0x1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8"
    );
    assert!(
        super::dispatch(&module, "eth_foo", params(&json!([])))
            .await
            .is_none()
    );
}

#[tokio::test]
async fn describes_the_network() {
    let module = open();
    let network = call(&module, "trellis_network", json!([])).await.unwrap();
    assert_eq!(network["networkId"], 123_456);
    assert_eq!(network["modules"][0]["path"], "/pay");
    assert_eq!(network["modules"][0]["chainId"], "0x75bca01");
    assert_eq!(
        network["modules"][0]["genesisHash"],
        json!(module.chain.genesis_hash())
    );
    let contracts = network["systemContracts"].as_object().unwrap();
    let addresses: Vec<&str> = contracts
        .values()
        .map(|value| value.as_str().unwrap())
        .collect();
    for address in [
        "0x0000F90827F1C53a10cb7A02335B175320002935",
        "0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02",
        "0x4e59b44847b379578588920cA78FbF26c0B4956C",
        "0xcA11bde05977b3631167028862bE2a173976CA11",
    ] {
        assert!(addresses.contains(&address), "{address}");
        let code = call(&module, "eth_getCode", json!([address, "earliest"]))
            .await
            .unwrap();
        assert!(code.as_str().unwrap().len() > 4, "{address}");
    }
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let module = open();
    for (method, arguments, part) in [
        ("eth_getBalance", json!([]), "address"),
        ("eth_getBalance", json!(["0x12"]), "address"),
        ("eth_getBalance", json!([Address::ZERO, "newest"]), "block"),
        (
            "eth_getBalance",
            json!([Address::ZERO, "latest", 1]),
            "too many arguments",
        ),
        ("eth_getBlockByHash", json!(["0x1"]), "block hash"),
        ("eth_getTransactionByHash", json!([5]), "transaction hash"),
        (
            "eth_getStorageAt",
            json!([Address::ZERO, format!("0x{}", "1".repeat(65))]),
            "slot",
        ),
        ("eth_call", json!([{"to": "me"}]), "transaction"),
        (
            "eth_sendRawTransaction",
            json!(["zz"]),
            "signed transaction",
        ),
        (
            "eth_feeHistory",
            json!(["0x1", "latest", [101]]),
            "percentile",
        ),
        ("eth_chainId", json!("x"), "params"),
    ] {
        let error = fails(&module, method, arguments).await;
        assert_eq!(error.code, RpcError::INVALID_PARAMS, "{method}: {error}");
        assert!(error.message.contains(part), "{method}: {error}");
    }
}
