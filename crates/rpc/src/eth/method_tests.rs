//! Methods against a real chain, called the way the transport calls them.

use super::{send_many, testing::*};
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
        ("eth_chainId", json!("0x75bc9c1")),
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
            assert_eq!(call(&module, method, arguments).await.unwrap(), expected, "{method}");
        }
    }
    let hash = call(&module, "web3_sha3", json!(["0x68656c6c6f"])).await.unwrap();
    assert_eq!(hash, "0x1c8aff950685c2ed4bc3174f3472287b56d9517b9c948127319a09a7a36deac8");
    assert!(super::dispatch(&module, "eth_foo", params(&json!([]))).await.is_none());
}

#[tokio::test]
async fn describes_the_network() {
    let module = open();
    let network = call(&module, "trellis_network", json!([])).await.unwrap();
    assert_eq!(network["networkId"], 123_456);
    assert_eq!(network["modules"][0]["path"], "/pay");
    assert_eq!(network["modules"][0]["chainId"], "0x75bc9c1");
    assert_eq!(network["modules"][0]["genesisHash"], json!(module.chain.genesis_hash()));
    let contracts = network["systemContracts"].as_object().unwrap();
    let addresses: Vec<&str> = contracts.values().map(|value| value.as_str().unwrap()).collect();
    for address in [
        "0x0000F90827F1C53a10cb7A02335B175320002935",
        "0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02",
        "0x4e59b44847b379578588920cA78FbF26c0B4956C",
        "0xcA11bde05977b3631167028862bE2a173976CA11",
    ] {
        assert!(addresses.contains(&address), "{address}");
        let code = call(&module, "eth_getCode", json!([address, "earliest"])).await.unwrap();
        assert!(code.as_str().unwrap().len() > 4, "{address}");
    }
}

#[tokio::test]
async fn reads_accounts_at_any_kept_block() {
    let module = open();
    let payer = signer(0).address();
    let head = module.chain.head().hash();
    for (block, nonce) in [
        (json!("earliest"), "0x0"),
        (json!("0x1"), "0x1"),
        (json!("0x2"), "0x1"),
        (json!("latest"), "0x3"),
        (json!("finalized"), "0x3"),
        (json!("pending"), "0x3"),
        (json!(head), "0x3"),
        (json!({"blockHash": head, "requireCanonical": true}), "0x3"),
        (json!({"blockNumber": "0x1"}), "0x1"),
    ] {
        let got = call(&module, "eth_getTransactionCount", json!([payer, block])).await.unwrap();
        assert_eq!(got, nonce, "{block}");
    }
    let receiver = json!([Address::repeat_byte(0x77)]);
    assert_eq!(call(&module, "eth_getBalance", receiver).await.unwrap(), "0x3b9aca00");
    let before = call(&module, "eth_getBalance", json!([payer, "0x0"])).await.unwrap();
    assert_eq!(before, json!(BALANCE));
    let code = call(&module, "eth_getCode", json!([contract(), "latest"])).await.unwrap();
    assert_eq!(code, json!(Bytes::from_static(&CONTRACT[10..])));
    assert_eq!(call(&module, "eth_getCode", json!([contract(), "0x0"])).await.unwrap(), "0x");
    let full = format!("0x{:064x}", 0);
    for slot in ["0x0", "0x", full.as_str()] {
        let arguments = json!([contract(), slot, "latest"]);
        let value = call(&module, "eth_getStorageAt", arguments).await.unwrap();
        assert_eq!(value, json!(B256::with_last_byte(42)), "{slot}");
    }
    let value = call(&module, "eth_getStorageAt", json!([contract(), "0x0", "0x2"])).await.unwrap();
    assert_eq!(value, json!(B256::ZERO));
}

#[tokio::test]
async fn old_state_names_the_oldest_block_and_the_flag() {
    let module = chain().open(2);
    let oldest = module.chain.oldest_state();
    let ask = |block: u64| json!([signer(0).address(), format!("0x{block:x}")]);
    assert!(call(&module, "eth_getBalance", ask(oldest)).await.is_ok());
    let error = fails(&module, "eth_getBalance", ask(oldest - 1)).await;
    assert!(error.message.contains(&format!("oldest block with state is {oldest}")), "{error}");
    assert!(error.message.contains("--history"), "{error}");
    // Blocks, receipts and logs do not need state.
    assert!(call(&module, "eth_getBlockByNumber", json!(["0x0", false])).await.unwrap().is_object());
}

#[tokio::test]
async fn unknown_blocks_are_errors_for_state_and_null_for_blocks() {
    let module = open();
    let error = fails(&module, "eth_getBalance", json!([signer(0).address(), "0x9"])).await;
    assert_eq!(error.code, RpcError::RESOURCE_NOT_FOUND);
    assert!(error.message.contains("block 9 not found: the head is block 3"), "{error}");
    let error = fails(&module, "eth_call", json!([{}, {"blockHash": topic(9)}])).await;
    assert_eq!(error.code, RpcError::RESOURCE_NOT_FOUND);
    for (method, arguments) in [
        ("eth_getBlockByNumber", json!(["0x9", true])),
        ("eth_getBlockByHash", json!([topic(9), false])),
        ("eth_getHeaderByNumber", json!(["0x9"])),
        ("eth_getHeaderByHash", json!([topic(9)])),
        ("eth_getBlockReceipts", json!(["0x9"])),
        ("eth_getBlockTransactionCountByNumber", json!(["0x9"])),
        ("eth_getUncleCountByBlockHash", json!([topic(9)])),
        ("eth_getTransactionByHash", json!([topic(9)])),
        ("eth_getTransactionReceipt", json!([topic(9)])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x9", "0x0"])),
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x2"])),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x1", "0x0"])),
    ] {
        assert_eq!(call(&module, method, arguments).await.unwrap(), Value::Null, "{method}");
    }
}

#[tokio::test]
async fn wrong_arguments_are_named() {
    let module = open();
    for (method, arguments, part) in [
        ("eth_getBalance", json!([]), "address"),
        ("eth_getBalance", json!(["0x12"]), "address"),
        ("eth_getBalance", json!([Address::ZERO, "newest"]), "block"),
        ("eth_getBalance", json!([Address::ZERO, "latest", 1]), "too many arguments"),
        ("eth_getBlockByHash", json!(["0x1"]), "block hash"),
        ("eth_getTransactionByHash", json!([5]), "transaction hash"),
        ("eth_getStorageAt", json!([Address::ZERO, format!("0x{}", "1".repeat(65))]), "slot"),
        ("eth_call", json!([{"to": "me"}]), "transaction"),
        ("eth_sendRawTransaction", json!(["zz"]), "signed transaction"),
        ("eth_feeHistory", json!(["0x1", "latest", [101]]), "percentile"),
        ("eth_chainId", json!("x"), "params"),
    ] {
        let error = fails(&module, method, arguments).await;
        assert_eq!(error.code, RpcError::INVALID_PARAMS, "{method}: {error}");
        assert!(error.message.contains(part), "{method}: {error}");
    }
}

#[tokio::test]
async fn blocks_are_found_by_number_and_hash() {
    let module = open();
    let block = module.chain.block(3).unwrap().unwrap();
    let by_number = call(&module, "eth_getBlockByNumber", json!(["latest", true])).await.unwrap();
    let by_hash = call(&module, "eth_getBlockByHash", json!([block.hash(), true])).await.unwrap();
    assert_eq!(by_number, by_hash);
    assert_eq!(by_number["transactions"][1]["hash"], json!(block.transactions[1].tx_hash()));
    let header = call(&module, "eth_getHeaderByHash", json!([block.hash()])).await.unwrap();
    assert_eq!(header["stateRoot"], by_hash["stateRoot"]);
    let short = call(&module, "eth_getBlockByNumber", json!(["0x3"])).await.unwrap();
    assert_eq!(short["transactions"][1], json!(block.transactions[1].tx_hash()));
    for tag in [json!(["0x3"]), json!(["latest"])] {
        let count = call(&module, "eth_getBlockTransactionCountByNumber", tag).await.unwrap();
        assert_eq!(count, "0x2");
    }
    let uncles = call(&module, "eth_getUncleCountByBlockNumber", json!(["0x3"])).await.unwrap();
    assert_eq!(uncles, "0x0");
    let raw = call(&module, "debug_getRawHeader", json!(["0x3"])).await.unwrap();
    assert_eq!(raw, json!(Bytes::from(alloy_rlp::encode(block.block.header()))));
    let raw = call(&module, "debug_getRawReceipts", json!(["0x3"])).await.unwrap();
    assert_eq!(raw.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn pending_block_has_no_hash_and_no_transactions() {
    let module = open();
    let head = module.chain.head();
    let pending = call(&module, "eth_getBlockByNumber", json!(["pending", true])).await.unwrap();
    assert_eq!(pending["number"], "0x4");
    assert_eq!(pending["parentHash"], json!(head.hash()));
    assert_eq!(pending["transactions"], json!([]));
    assert_eq!((&pending["hash"], &pending["nonce"]), (&Value::Null, &Value::Null));
    let fee = module.chain.next_env().base_fee;
    assert_eq!(pending["baseFeePerGas"], format!("0x{fee:x}"));
    let latest = call(&module, "eth_getBlockByNumber", json!(["latest", true])).await.unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&pending), keys(&latest));
    let header = call(&module, "eth_getHeaderByNumber", json!(["pending"])).await.unwrap();
    assert_eq!(header["hash"], Value::Null);
    let count = call(&module, "eth_getBlockTransactionCountByNumber", json!(["pending"])).await;
    assert_eq!(count.unwrap(), "0x0");
    assert_eq!(call(&module, "eth_getBlockReceipts", json!(["pending"])).await.unwrap(), json!([]));
}

#[tokio::test]
async fn transactions_and_receipts_are_found() {
    let module = open();
    let block = module.chain.block(1).unwrap().unwrap();
    let hash = block.transactions[0].tx_hash();
    let shown = call(&module, "eth_getTransactionByHash", json!([hash])).await.unwrap();
    assert_eq!(shown["blockNumber"], "0x1");
    for (method, arguments) in [
        ("eth_getTransactionByBlockNumberAndIndex", json!(["0x1", "0x0"])),
        ("eth_getTransactionByBlockHashAndIndex", json!([block.hash(), "0x0"])),
    ] {
        assert_eq!(call(&module, method, arguments).await.unwrap(), shown, "{method}");
    }
    for (method, arguments) in [
        ("eth_getRawTransactionByHash", json!([hash])),
        ("debug_getRawTransaction", json!([hash])),
        ("eth_getRawTransactionByBlockNumberAndIndex", json!(["0x1", "0x0"])),
    ] {
        assert_eq!(call(&module, method, arguments).await.unwrap(), raw(&block.transactions[0]), "{method}");
    }
    let receipt = call(&module, "eth_getTransactionReceipt", json!([hash])).await.unwrap();
    assert_eq!(receipt["contractAddress"], json!(contract()));
    assert_eq!(receipt["status"], "0x1");
    let all = call(&module, "eth_getBlockReceipts", json!([block.hash()])).await.unwrap();
    assert_eq!(all[0], receipt);
    assert_eq!(all[1]["gasUsed"], "0x5208");
}

#[tokio::test]
async fn calls_return_revert_or_fail_like_geth() {
    let module = open();
    let to = contract();
    let good = json!({"to": to, "data": topic(5)});
    let word = json!(B256::with_last_byte(42));
    for block in ["latest", "pending", "0x1"] {
        assert_eq!(call(&module, "eth_call", json!([good, block])).await.unwrap(), word, "{block}");
    }
    assert_eq!(call(&module, "eth_call", json!([good, "0x0"])).await.unwrap(), "0x");
    let with_input = json!({"to": to, "input": topic(5), "from": signer(0).address(), "gas": "0x186a0"});
    assert_eq!(call(&module, "eth_call", json!([with_input])).await.unwrap(), word);

    let reverting = json!([{"to": to, "data": "0x"}]);
    for method in ["eth_call", "eth_estimateGas"] {
        let error = fails(&module, method, reverting.clone()).await;
        assert_eq!(error.code, RpcError::EXECUTION_REVERTED, "{method}");
        assert_eq!(error.message, "execution reverted: no topic", "{method}");
        let data = error.data.unwrap();
        assert!(data.as_str().unwrap().starts_with("0x08c379a0"), "{method}");
    }
    let starved = json!([{"to": to, "data": topic(5), "gas": "0x5e00"}]);
    let error = fails(&module, "eth_call", starved).await;
    assert_eq!(error.code, RpcError::INVALID_INPUT);
    let foreign = json!([{"to": to, "chainId": "0x1"}]);
    let error = fails(&module, "eth_call", foreign).await;
    assert_eq!(error.code, RpcError::INVALID_INPUT);
    let both = json!([{"to": to, "data": "0x01", "input": "0x02"}]);
    assert_eq!(fails(&module, "eth_call", both).await.code, RpcError::INVALID_PARAMS);
}

#[tokio::test]
async fn calls_take_overrides() {
    let module = open();
    let target = Address::repeat_byte(0x99);
    // Returns the block number.
    let overrides = json!({target.to_string(): {"code": "0x435f5260205ff3"}});
    let call_it = json!({"to": target});
    let number = call(&module, "eth_call", json!([call_it, "latest", overrides])).await.unwrap();
    assert_eq!(number, json!(B256::with_last_byte(3)));
    let number = call(&module, "eth_call", json!([call_it, "pending", overrides])).await.unwrap();
    assert_eq!(number, json!(B256::with_last_byte(4)));
    let arguments = json!([call_it, "latest", overrides, {"number": "0x63"}]);
    assert_eq!(call(&module, "eth_call", arguments).await.unwrap(), json!(B256::with_last_byte(99)));
    let rich = json!({target.to_string(): {"balance": "0xde0b6b3a7640000"}});
    let pay = json!({"from": target, "to": Address::ZERO, "value": "0x1"});
    assert_eq!(call(&module, "eth_estimateGas", json!([pay, "latest", rich])).await.unwrap(), "0x5208");
    let error = fails(&module, "eth_estimateGas", json!([pay])).await;
    assert!(error.message.contains("insufficient funds"), "{error}");
}

#[tokio::test]
async fn gas_of_calls_is_capped() {
    // NET-1: an endless loop ends.
    let limits = RpcLimits { call_gas: 100_000, ..RpcLimits::default() };
    let module = chain().open_with(128, limits);
    let target = Address::repeat_byte(0x99);
    let overrides = json!({target.to_string(): {"code": "0x5b5f56"}});
    let endless = json!([{"to": target, "gas": "0xffffffff"}, "latest", overrides]);
    let error = fails(&module, "eth_call", endless.clone()).await;
    assert!(error.message.to_lowercase().contains("gas"), "{error}");
    let error = fails(&module, "eth_estimateGas", endless).await;
    assert!(error.message.contains("gas required exceeds allowance (100000)"), "{error}");
}

#[tokio::test]
async fn access_lists_are_created() {
    let module = open();
    let arguments = json!([{"to": contract(), "from": signer(0).address(), "data": topic(5)}, "latest"]);
    let list = call(&module, "eth_createAccessList", arguments).await.unwrap();
    assert_eq!(list["accessList"][0]["address"], json!(contract()));
    assert_eq!(list["accessList"][0]["storageKeys"], json!([B256::ZERO]));
    assert!(list["gasUsed"].as_str().unwrap().starts_with("0x"));
}

#[tokio::test]
async fn logs_are_found_by_range_hash_address_and_topic() {
    let module = open();
    let find = async |filter: Value| {
        let logs = call(&module, "eth_getLogs", json!([filter])).await.unwrap();
        logs.as_array().unwrap().iter().map(|log| log["topics"][0].clone()).collect::<Vec<_>>()
    };
    let (one, two) = (json!(topic(1)), json!(topic(2)));
    let all = vec![one.clone(), two.clone()];
    assert_eq!(find(json!({"fromBlock": "0x0", "toBlock": "latest"})).await, all);
    assert_eq!(find(json!({})).await, all);
    assert_eq!(find(json!({"fromBlock": "0x0", "toBlock": "0x2"})).await, Vec::<Value>::new());
    assert_eq!(find(json!({"fromBlock": "0x0", "topics": [two]})).await, [two.clone()]);
    assert_eq!(find(json!({"fromBlock": "0x0", "topics": [[one, two]], "address": contract()})).await, all);
    assert_eq!(find(json!({"fromBlock": "0x0", "address": Address::ZERO})).await, Vec::<Value>::new());
    assert_eq!(find(json!({"blockHash": module.chain.head().hash()})).await, all);
    let error = fails(&module, "eth_getLogs", json!([{"blockHash": topic(9)}])).await;
    assert_eq!(error.code, RpcError::RESOURCE_NOT_FOUND);
    let error = fails(&module, "eth_getLogs", json!([{"fromBlock": "0x2", "toBlock": "0x1"}])).await;
    assert_eq!(error.code, RpcError::INVALID_PARAMS);
}

#[tokio::test]
async fn too_many_logs_say_how_to_narrow() {
    // NET-1
    let limits = RpcLimits { log_results: 1, log_blocks: 4, ..RpcLimits::default() };
    let module = chain().open_with(128, limits);
    let error = fails(&module, "eth_getLogs", json!([{"fromBlock": "0x0"}])).await;
    assert_eq!(error.code, RpcError::LIMIT_EXCEEDED);
    assert_eq!(error.message, "query exceeds max results 1, retry with the range 0-2");
    // One block cannot be narrowed.
    let logs = call(&module, "eth_getLogs", json!([{"fromBlock": "0x3"}])).await.unwrap();
    assert_eq!(logs.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn fees_follow_recent_blocks() {
    let module = open();
    let tip = call(&module, "eth_maxPriorityFeePerGas", json!([])).await.unwrap();
    assert_eq!(tip, format!("0x{:x}", 3_000_000_000_u64));
    let base_fee = module.chain.next_env().base_fee;
    let price = call(&module, "eth_gasPrice", json!([])).await.unwrap();
    assert_eq!(price, format!("0x{:x}", 3_000_000_000 + base_fee));

    let history = call(&module, "eth_feeHistory", json!(["0x2", "latest", [0, 50, 100]])).await.unwrap();
    assert_eq!(history["oldestBlock"], "0x2");
    let fees = history["baseFeePerGas"].as_array().unwrap();
    assert_eq!(fees.len(), 3);
    assert_eq!(fees[2], format!("0x{base_fee:x}"));
    let zeros = json!(["0x0", "0x0", "0x0"]);
    let paid = json!(["0xb2d05e00", "0xb2d05e00", "0xb2d05e00"]);
    assert_eq!(history["reward"], json!([zeros, paid]));
    assert_eq!(history["gasUsedRatio"][0], 0.0);
    assert!(history["gasUsedRatio"][1].as_f64().unwrap() > 0.0);
    assert_eq!(history["baseFeePerBlobGas"], json!(["0x1", "0x1", "0x1"]));
    assert_eq!(history["blobGasUsedRatio"], json!([0.0, 0.0]));

    let all = call(&module, "eth_feeHistory", json!([1_000_000, "pending"])).await.unwrap();
    assert_eq!(all["gasUsedRatio"].as_array().unwrap().len(), 4);
    assert_eq!(all.get("reward"), None);
    let error = fails(&module, "eth_feeHistory", json!(["0x1", "0x9"])).await;
    assert_eq!(error.code, RpcError::RESOURCE_NOT_FOUND);
}

#[tokio::test]
async fn sent_transactions_wait_in_the_pool() {
    let module = open();
    let sender = signer(0).address();
    let (next, later) = (sign(0, 3, |_| {}), sign(0, 7, |_| {}));
    for transaction in [&next, &later] {
        let hash = call(&module, "eth_sendRawTransaction", json!([raw(transaction)])).await.unwrap();
        assert_eq!(hash, json!(transaction.tx_hash()));
    }
    let nonce = json!([sender, "pending"]);
    assert_eq!(call(&module, "eth_getTransactionCount", nonce).await.unwrap(), "0x4");
    let nonce = json!([sender, "latest"]);
    assert_eq!(call(&module, "eth_getTransactionCount", nonce).await.unwrap(), "0x3");
    let hash = json!([next.tx_hash()]);
    let shown = call(&module, "eth_getTransactionByHash", hash.clone()).await.unwrap();
    assert_eq!((&shown["blockHash"], &shown["from"]), (&Value::Null, &json!(sender)));
    assert_eq!(call(&module, "eth_getRawTransactionByHash", hash.clone()).await.unwrap(), raw(&next));
    assert_eq!(call(&module, "eth_getTransactionReceipt", hash).await.unwrap(), Value::Null);

    let status = call(&module, "txpool_status", json!([])).await.unwrap();
    assert_eq!(status, json!({"pending": "0x1", "queued": "0x1"}));
    let content = call(&module, "txpool_content", json!([])).await.unwrap();
    let by_nonce = call(&module, "txpool_contentFrom", json!([sender])).await.unwrap();
    assert_eq!(content["pending"][sender.to_string().to_lowercase()], by_nonce["pending"]);
    assert_eq!(by_nonce["pending"]["3"], shown);
    assert_eq!(by_nonce["queued"]["7"]["nonce"], "0x7");
    let lines = call(&module, "txpool_inspect", json!([])).await.unwrap();
    let line = lines["pending"][sender.to_string().to_lowercase()]["3"].as_str().unwrap();
    assert!(line.ends_with(": 1000000000 wei + 21000 gas × 20000000000 wei"), "{line}");
}

#[tokio::test]
async fn refused_transactions_say_why_in_words_clients_know() {
    let module = open();
    let send = async |transaction| fails(&module, "eth_sendRawTransaction", json!([raw(&transaction)])).await;
    for (transaction, words) in [
        (sign(0, 0, |_| {}), "nonce too low"),
        (sign(0, 3, |tx| tx.value = BALANCE), "insufficient funds for gas * price + value"),
        (sign(0, 3, |tx| tx.chain_id = 1), "chain"),
        (sign(0, 3, |tx| tx.gas_limit = 20_000), "intrinsic gas"),
    ] {
        let error = send(transaction).await;
        assert_eq!(error.code, RpcError::INVALID_INPUT, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let known = sign(0, 3, |_| {});
    call(&module, "eth_sendRawTransaction", json!([raw(&known)])).await.unwrap();
    assert_eq!(send(known).await.message, "already known");
    let cheaper = send(sign(0, 3, |tx| tx.value = U256::ZERO)).await;
    assert!(cheaper.message.starts_with("replacement transaction underpriced"), "{cheaper}");
    let error = fails(&module, "eth_sendRawTransaction", json!(["0x02c0"])).await;
    assert_eq!(error.code, RpcError::INVALID_INPUT);
}

#[tokio::test]
async fn batches_answer_in_order() {
    let module = open();
    let (first, second) = (sign(0, 3, |_| {}), sign(0, 4, |_| {}));
    let calls = [
        json!([raw(&first)]),
        json!(["zz"]),
        json!(["0x"]),
        json!([raw(&second)]),
        json!([raw(&first)]),
    ];
    let answers = send_many(&module, calls.iter().map(params).collect()).await;
    let hash = |answer: &Result<Box<serde_json::value::RawValue>, RpcError>| {
        answer.as_ref().unwrap().get().to_owned()
    };
    assert_eq!(answers.len(), 5);
    assert_eq!(hash(&answers[0]), format!("\"{}\"", first.tx_hash()));
    assert_eq!(answers[1].as_ref().unwrap_err().code, RpcError::INVALID_PARAMS);
    assert_eq!(answers[2].as_ref().unwrap_err().code, RpcError::INVALID_INPUT);
    assert_eq!(hash(&answers[3]), format!("\"{}\"", second.tx_hash()));
    assert_eq!(answers[4].as_ref().unwrap_err().message, "already known");
}

#[tokio::test]
async fn waiting_for_a_receipt_ends_as_the_standard_says() {
    // EIP-7966
    let module = open();
    let method = "eth_sendRawTransactionSync";
    let waiting = sign(0, 3, |_| {});
    // The second time the transaction is known, which is no reason not to wait for it.
    for _ in 0..2 {
        let error = fails(&module, method, json!([raw(&waiting), 5])).await;
        assert_eq!(error.code, 4, "{error}");
        assert_eq!(error.data, Some(json!(waiting.tx_hash())));
    }
    let error = fails(&module, method, json!([raw(&sign(0, 9, |_| {})), "0x5"])).await;
    assert_eq!((error.code, error.data), (6, Some(json!("0x4"))));
    let error = fails(&module, method, json!([raw(&sign(0, 0, |_| {}))])).await;
    assert!(error.message.starts_with("nonce too low"), "{error}");
    let mined = &module.chain.block(1).unwrap().unwrap().transactions[0];
    let receipt = call(&module, method, json!([raw(mined)])).await.unwrap();
    assert_eq!(receipt["transactionHash"], json!(mined.tx_hash()));
}
