//! Logs and fees.

use super::*;

#[tokio::test]
async fn logs_are_found_by_range_hash_address_and_topic() {
    let module = open();
    let find = async |filter: Value| {
        let logs = call(&module, "eth_getLogs", json!([filter])).await.unwrap();
        logs.as_array()
            .unwrap()
            .iter()
            .map(|log| log["topics"][0].clone())
            .collect::<Vec<_>>()
    };
    let (one, two) = (json!(topic(1)), json!(topic(2)));
    let all = vec![one.clone(), two.clone()];
    assert_eq!(
        find(json!({"fromBlock": "0x0", "toBlock": "latest"})).await,
        all
    );
    assert_eq!(find(json!({})).await, all);
    assert_eq!(
        find(json!({"fromBlock": "0x0", "toBlock": "0x2"})).await,
        Vec::<Value>::new()
    );
    assert_eq!(
        find(json!({"fromBlock": "0x0", "topics": [two]})).await,
        all[1..]
    );
    assert_eq!(
        find(json!({"fromBlock": "0x0", "topics": [[one, two]], "address": contract()})).await,
        all
    );
    assert_eq!(
        find(json!({"fromBlock": "0x0", "address": Address::ZERO})).await,
        Vec::<Value>::new()
    );
    assert_eq!(
        find(json!({"blockHash": module.chain.head().hash()})).await,
        all
    );
    let error = fails(&module, "eth_getLogs", json!([{"blockHash": topic(9)}])).await;
    assert_eq!(error.code, RpcError::RESOURCE_NOT_FOUND);
    let error = fails(
        &module,
        "eth_getLogs",
        json!([{"fromBlock": "0x2", "toBlock": "0x1"}]),
    )
    .await;
    assert_eq!(error.code, RpcError::INVALID_PARAMS);
}

#[tokio::test]
async fn too_many_logs_say_how_to_narrow() {
    // NET-1
    let limits = RpcLimits {
        log_results: 1,
        log_blocks: 4,
        ..RpcLimits::default()
    };
    let module = chain().open_with(128, limits);
    let error = fails(&module, "eth_getLogs", json!([{"fromBlock": "0x0"}])).await;
    assert_eq!(error.code, RpcError::LIMIT_EXCEEDED);
    assert_eq!(
        error.message,
        "query exceeds max results 1, retry with the range 0-2"
    );
    // One block cannot be narrowed.
    let logs = call(&module, "eth_getLogs", json!([{"fromBlock": "0x3"}]))
        .await
        .unwrap();
    assert_eq!(logs.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn fees_follow_recent_blocks() {
    let module = open();
    let tip = call(&module, "eth_maxPriorityFeePerGas", json!([]))
        .await
        .unwrap();
    assert_eq!(tip, format!("0x{:x}", 3_000_000_000_u64));
    let base_fee = module.chain.next_env().base_fee;
    let price = call(&module, "eth_gasPrice", json!([])).await.unwrap();
    assert_eq!(price, format!("0x{:x}", 3_000_000_000 + base_fee));

    let history = call(
        &module,
        "eth_feeHistory",
        json!(["0x2", "latest", [0, 50, 100]]),
    )
    .await
    .unwrap();
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

    let all = call(&module, "eth_feeHistory", json!([1_000_000, "pending"]))
        .await
        .unwrap();
    assert_eq!(all["gasUsedRatio"].as_array().unwrap().len(), 4);
    assert_eq!(all.get("reward"), None);
    let error = fails(&module, "eth_feeHistory", json!(["0x1", "0x9"])).await;
    assert_eq!(error.code, RpcError::RESOURCE_NOT_FOUND);
}
