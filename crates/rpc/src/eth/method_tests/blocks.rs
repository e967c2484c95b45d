//! Blocks, transactions and receipts.

use super::*;

#[tokio::test]
async fn unknown_blocks_are_errors_for_state_and_null_for_blocks() {
    let module = open();
    let error = fails(
        &module,
        "eth_getBalance",
        json!([signer(0).address(), "0x9"]),
    )
    .await;
    assert_eq!(error.code, RpcError::RESOURCE_NOT_FOUND);
    assert!(
        error
            .message
            .contains("block 9 not found: the head is block 3"),
        "{error}"
    );
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
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["0x9", "0x0"]),
        ),
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["0x1", "0x2"]),
        ),
        ("eth_getUncleByBlockNumberAndIndex", json!(["0x1", "0x0"])),
    ] {
        assert_eq!(
            call(&module, method, arguments).await.unwrap(),
            Value::Null,
            "{method}"
        );
    }
}

#[tokio::test]
async fn blocks_are_found_by_number_and_hash() {
    let module = open();
    let block = module.chain.block(3).unwrap().unwrap();
    let by_number = call(&module, "eth_getBlockByNumber", json!(["latest", true]))
        .await
        .unwrap();
    let by_hash = call(&module, "eth_getBlockByHash", json!([block.hash(), true]))
        .await
        .unwrap();
    assert_eq!(by_number, by_hash);
    assert_eq!(
        by_number["transactions"][1]["hash"],
        json!(block.transactions[1].tx_hash())
    );
    let header = call(&module, "eth_getHeaderByHash", json!([block.hash()]))
        .await
        .unwrap();
    assert_eq!(header["stateRoot"], by_hash["stateRoot"]);
    let short = call(&module, "eth_getBlockByNumber", json!(["0x3"]))
        .await
        .unwrap();
    assert_eq!(
        short["transactions"][1],
        json!(block.transactions[1].tx_hash())
    );
    for tag in [json!(["0x3"]), json!(["latest"])] {
        let count = call(&module, "eth_getBlockTransactionCountByNumber", tag)
            .await
            .unwrap();
        assert_eq!(count, "0x2");
    }
    let uncles = call(&module, "eth_getUncleCountByBlockNumber", json!(["0x3"]))
        .await
        .unwrap();
    assert_eq!(uncles, "0x0");
    let raw = call(&module, "debug_getRawHeader", json!(["0x3"]))
        .await
        .unwrap();
    assert_eq!(
        raw,
        json!(Bytes::from(alloy_rlp::encode(block.block.header())))
    );
    let raw = call(&module, "debug_getRawReceipts", json!(["0x3"]))
        .await
        .unwrap();
    assert_eq!(raw.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn pending_block_has_no_hash_and_no_transactions() {
    let module = open();
    let head = module.chain.head();
    let pending = call(&module, "eth_getBlockByNumber", json!(["pending", true]))
        .await
        .unwrap();
    assert_eq!(pending["number"], "0x4");
    assert_eq!(pending["parentHash"], json!(head.hash()));
    assert_eq!(pending["transactions"], json!([]));
    assert_eq!(
        (&pending["hash"], &pending["nonce"]),
        (&Value::Null, &Value::Null)
    );
    let fee = module.chain.next_env().base_fee;
    assert_eq!(pending["baseFeePerGas"], format!("0x{fee:x}"));
    let latest = call(&module, "eth_getBlockByNumber", json!(["latest", true]))
        .await
        .unwrap();
    let keys = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&pending), keys(&latest));
    let header = call(&module, "eth_getHeaderByNumber", json!(["pending"]))
        .await
        .unwrap();
    assert_eq!(header["hash"], Value::Null);
    let count = call(
        &module,
        "eth_getBlockTransactionCountByNumber",
        json!(["pending"]),
    )
    .await;
    assert_eq!(count.unwrap(), "0x0");
    assert_eq!(
        call(&module, "eth_getBlockReceipts", json!(["pending"]))
            .await
            .unwrap(),
        json!([])
    );
}

#[tokio::test]
async fn transactions_and_receipts_are_found() {
    let module = open();
    let block = module.chain.block(1).unwrap().unwrap();
    let hash = block.transactions[0].tx_hash();
    let shown = call(&module, "eth_getTransactionByHash", json!([hash]))
        .await
        .unwrap();
    assert_eq!(shown["blockNumber"], "0x1");
    for (method, arguments) in [
        (
            "eth_getTransactionByBlockNumberAndIndex",
            json!(["0x1", "0x0"]),
        ),
        (
            "eth_getTransactionByBlockHashAndIndex",
            json!([block.hash(), "0x0"]),
        ),
    ] {
        assert_eq!(
            call(&module, method, arguments).await.unwrap(),
            shown,
            "{method}"
        );
    }
    for (method, arguments) in [
        ("eth_getRawTransactionByHash", json!([hash])),
        ("debug_getRawTransaction", json!([hash])),
        (
            "eth_getRawTransactionByBlockNumberAndIndex",
            json!(["0x1", "0x0"]),
        ),
    ] {
        assert_eq!(
            call(&module, method, arguments).await.unwrap(),
            raw(&block.transactions[0]),
            "{method}"
        );
    }
    let receipt = call(&module, "eth_getTransactionReceipt", json!([hash]))
        .await
        .unwrap();
    assert_eq!(receipt["contractAddress"], json!(contract()));
    assert_eq!(receipt["status"], "0x1");
    let all = call(&module, "eth_getBlockReceipts", json!([block.hash()]))
        .await
        .unwrap();
    assert_eq!(all[0], receipt);
    assert_eq!(all[1]["gasUsed"], "0x5208");
}
