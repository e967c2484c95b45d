//! Sending, and the pool.

use super::*;
use crate::eth::{send::receipt, send_many};
use tokio::sync::broadcast;

#[tokio::test]
async fn sent_transactions_wait_in_the_pool() {
    let module = open();
    let sender = signer(0).address();
    let (next, later) = (sign(0, 3, |_| {}), sign(0, 7, |_| {}));
    for transaction in [&next, &later] {
        let hash = call(&module, "eth_sendRawTransaction", json!([raw(transaction)]))
            .await
            .unwrap();
        assert_eq!(hash, json!(transaction.tx_hash()));
    }
    let nonce = json!([sender, "pending"]);
    assert_eq!(
        call(&module, "eth_getTransactionCount", nonce)
            .await
            .unwrap(),
        "0x4"
    );
    let nonce = json!([sender, "latest"]);
    assert_eq!(
        call(&module, "eth_getTransactionCount", nonce)
            .await
            .unwrap(),
        "0x3"
    );
    let hash = json!([next.tx_hash()]);
    let shown = call(&module, "eth_getTransactionByHash", hash.clone())
        .await
        .unwrap();
    assert_eq!(
        (&shown["blockHash"], &shown["from"]),
        (&Value::Null, &json!(sender))
    );
    assert_eq!(
        call(&module, "eth_getRawTransactionByHash", hash.clone())
            .await
            .unwrap(),
        raw(&next)
    );
    assert_eq!(
        call(&module, "eth_getTransactionReceipt", hash)
            .await
            .unwrap(),
        Value::Null
    );

    let status = call(&module, "txpool_status", json!([])).await.unwrap();
    assert_eq!(status, json!({"pending": "0x1", "queued": "0x1"}));
    let content = call(&module, "txpool_content", json!([])).await.unwrap();
    let by_nonce = call(&module, "txpool_contentFrom", json!([sender]))
        .await
        .unwrap();
    assert_eq!(
        content["pending"][sender.to_string().to_lowercase()],
        by_nonce["pending"]
    );
    assert_eq!(by_nonce["pending"]["3"], shown);
    assert_eq!(by_nonce["queued"]["7"]["nonce"], "0x7");
    let lines = call(&module, "txpool_inspect", json!([])).await.unwrap();
    let line = lines["pending"][sender.to_string().to_lowercase()]["3"]
        .as_str()
        .unwrap();
    assert!(
        line.ends_with(": 1000000000 wei + 21000 gas × 20000000000 wei"),
        "{line}"
    );
}

#[tokio::test]
async fn refused_transactions_say_why_in_words_clients_know() {
    let module = open();
    let send = async |transaction| {
        fails(
            &module,
            "eth_sendRawTransaction",
            json!([raw(&transaction)]),
        )
        .await
    };
    for (transaction, words) in [
        (sign(0, 0, |_| {}), "nonce too low"),
        (
            sign(0, 3, |tx| tx.value = BALANCE),
            "insufficient funds for gas * price + value",
        ),
        (sign(0, 3, |tx| tx.chain_id = 1), "chain"),
        (sign(0, 3, |tx| tx.gas_limit = 20_000), "intrinsic gas"),
    ] {
        let error = send(transaction).await;
        assert_eq!(error.code, RpcError::INVALID_INPUT, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let known = sign(0, 3, |_| {});
    call(&module, "eth_sendRawTransaction", json!([raw(&known)]))
        .await
        .unwrap();
    assert_eq!(send(known).await.message, "already known");
    let cheaper = send(sign(0, 3, |tx| tx.value = U256::ZERO)).await;
    assert!(
        cheaper
            .message
            .starts_with("replacement transaction underpriced"),
        "{cheaper}"
    );
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
    assert_eq!(
        answers[1].as_ref().unwrap_err().code,
        RpcError::INVALID_PARAMS
    );
    assert_eq!(
        answers[2].as_ref().unwrap_err().code,
        RpcError::INVALID_INPUT
    );
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
    let error = fails(
        &module,
        method,
        json!([raw(&sign(0, 0, |tx| tx.value = BALANCE))]),
    )
    .await;
    assert!(error.message.starts_with("nonce too low"), "{error}");
    let mined = &module.chain.block(1).unwrap().unwrap().transactions[0];
    let receipt = call(&module, method, json!([raw(mined)])).await.unwrap();
    assert_eq!(receipt["transactionHash"], json!(mined.tx_hash()));
}

#[tokio::test]
async fn receipt_comes_with_the_block() {
    // EIP-7966
    let module = open();
    let (announce, blocks) = broadcast::channel(1);
    let block = |number| module.chain.block(number).unwrap().unwrap();
    let mined = *block(1).transactions[0].tx_hash();
    let shown = |answer: super::super::RpcResult| -> Value {
        serde_json::from_str(answer.unwrap().get()).unwrap()
    };

    let waiting = receipt(&module, announce.subscribe(), mined);
    announce.send(block(1)).unwrap();
    assert_eq!(shown(waiting.await)["transactionHash"], json!(mined));

    // A listener that fell behind finds the block in the history.
    announce.send(block(2)).unwrap();
    announce.send(block(3)).unwrap();
    assert_eq!(
        shown(receipt(&module, blocks, mined).await)["blockNumber"],
        "0x1"
    );

    // What is neither in the pool nor in a block was replaced or evicted.
    let waiting = receipt(&module, announce.subscribe(), topic(9));
    announce.send(block(3)).unwrap();
    let error = waiting.await.unwrap_err();
    assert_eq!((error.code, error.data), (5, Some(json!(topic(9)))));

    // A block without the transaction is not the end.
    let pooled = sign(0, 3, |_| {});
    call(&module, "eth_sendRawTransaction", json!([raw(&pooled)]))
        .await
        .unwrap();
    let waiting = receipt(&module, announce.subscribe(), *pooled.tx_hash());
    announce.send(block(3)).unwrap();
    drop(announce);
    assert_eq!(waiting.await.unwrap_err().code, RpcError::INTERNAL);
}
