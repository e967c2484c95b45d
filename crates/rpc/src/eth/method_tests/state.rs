//! Accounts and calls.

use super::*;

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
        let got = call(&module, "eth_getTransactionCount", json!([payer, block]))
            .await
            .unwrap();
        assert_eq!(got, nonce, "{block}");
    }
    let receiver = json!([Address::repeat_byte(0x77)]);
    assert_eq!(
        call(&module, "eth_getBalance", receiver).await.unwrap(),
        "0x3b9aca00"
    );
    let before = call(&module, "eth_getBalance", json!([payer, "0x0"]))
        .await
        .unwrap();
    assert_eq!(before, json!(BALANCE));
    let code = call(&module, "eth_getCode", json!([contract(), "latest"]))
        .await
        .unwrap();
    assert_eq!(code, json!(Bytes::from_static(&CONTRACT[10..])));
    assert_eq!(
        call(&module, "eth_getCode", json!([contract(), "0x0"]))
            .await
            .unwrap(),
        "0x"
    );
    let full = format!("0x{:064x}", 0);
    for slot in ["0x0", "0x", full.as_str()] {
        let arguments = json!([contract(), slot, "latest"]);
        let value = call(&module, "eth_getStorageAt", arguments).await.unwrap();
        assert_eq!(value, json!(B256::with_last_byte(42)), "{slot}");
    }
    let value = call(
        &module,
        "eth_getStorageAt",
        json!([contract(), "0x0", "0x2"]),
    )
    .await
    .unwrap();
    assert_eq!(value, json!(B256::ZERO));
}

#[tokio::test]
async fn old_state_names_the_oldest_block_and_the_flag() {
    let module = chain().open(2);
    let oldest = module.chain.oldest_state();
    let ask = |block: u64| json!([signer(0).address(), format!("0x{block:x}")]);
    assert!(call(&module, "eth_getBalance", ask(oldest)).await.is_ok());
    let error = fails(&module, "eth_getBalance", ask(oldest - 1)).await;
    assert!(
        error
            .message
            .contains(&format!("oldest block with state is {oldest}")),
        "{error}"
    );
    assert!(error.message.contains("--history"), "{error}");
    // Blocks, receipts and logs do not need state.
    assert!(
        call(&module, "eth_getBlockByNumber", json!(["0x0", false]))
            .await
            .unwrap()
            .is_object()
    );
}

#[tokio::test]
async fn calls_return_revert_or_fail_like_geth() {
    let module = open();
    let to = contract();
    let good = json!({"to": to, "data": topic(5)});
    let word = json!(B256::with_last_byte(42));
    for block in ["latest", "pending", "0x1"] {
        assert_eq!(
            call(&module, "eth_call", json!([good, block]))
                .await
                .unwrap(),
            word,
            "{block}"
        );
    }
    assert_eq!(
        call(&module, "eth_call", json!([good, "0x0"]))
            .await
            .unwrap(),
        "0x"
    );
    let with_input =
        json!({"to": to, "input": topic(5), "from": signer(0).address(), "gas": "0x186a0"});
    assert_eq!(
        call(&module, "eth_call", json!([with_input]))
            .await
            .unwrap(),
        word
    );

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
    assert_eq!(
        fails(&module, "eth_call", both).await.code,
        RpcError::INVALID_PARAMS
    );
}

#[tokio::test]
async fn calls_take_overrides() {
    let module = open();
    let target = Address::repeat_byte(0x99);
    // Returns the block number.
    let overrides = json!({target.to_string(): {"code": "0x435f5260205ff3"}});
    let call_it = json!({"to": target});
    let number = call(&module, "eth_call", json!([call_it, "latest", overrides]))
        .await
        .unwrap();
    assert_eq!(number, json!(B256::with_last_byte(3)));
    let number = call(&module, "eth_call", json!([call_it, "pending", overrides]))
        .await
        .unwrap();
    assert_eq!(number, json!(B256::with_last_byte(4)));
    let arguments = json!([call_it, "latest", overrides, {"number": "0x63"}]);
    assert_eq!(
        call(&module, "eth_call", arguments).await.unwrap(),
        json!(B256::with_last_byte(99))
    );
    let rich = json!({target.to_string(): {"balance": "0xde0b6b3a7640000"}});
    let pay = json!({"from": target, "to": Address::ZERO, "value": "0x1"});
    assert_eq!(
        call(&module, "eth_estimateGas", json!([pay, "latest", rich]))
            .await
            .unwrap(),
        "0x5208"
    );
    let error = fails(&module, "eth_estimateGas", json!([pay])).await;
    assert!(error.message.contains("insufficient funds"), "{error}");
}

#[tokio::test]
async fn gas_of_calls_is_capped() {
    // NET-1: an endless loop ends.
    let limits = RpcLimits {
        call_gas: 100_000,
        ..RpcLimits::default()
    };
    let module = chain().open_with(128, limits);
    let target = Address::repeat_byte(0x99);
    let overrides = json!({target.to_string(): {"code": "0x5b5f56"}});
    let endless = json!([{"to": target, "gas": "0xffffffff"}, "latest", overrides]);
    let error = fails(&module, "eth_call", endless.clone()).await;
    assert!(error.message.to_lowercase().contains("gas"), "{error}");
    let error = fails(&module, "eth_estimateGas", endless).await;
    assert!(
        error
            .message
            .contains("gas required exceeds allowance (100000)"),
        "{error}"
    );
}

#[tokio::test]
async fn access_lists_are_created() {
    let module = open();
    let arguments =
        json!([{"to": contract(), "from": signer(0).address(), "data": topic(5)}, "latest"]);
    let list = call(&module, "eth_createAccessList", arguments)
        .await
        .unwrap();
    assert_eq!(list["accessList"][0]["address"], json!(contract()));
    assert_eq!(list["accessList"][0]["storageKeys"], json!([B256::ZERO]));
    assert!(list["gasUsed"].as_str().unwrap().starts_with("0x"));
}
