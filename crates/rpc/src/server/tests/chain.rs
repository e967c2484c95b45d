//! The whole server over a real chain: that the parts are wired to each other.

use super::{http::post_json, sockets::Client, *};
use crate::{
    NetworkInfo, error,
    eth::testing::{TestChain, raw, sign},
    server::{module::ModuleService, router},
};
use serde_json::json;

/// A server of one module whose head is block 2.
async fn start() -> (SocketAddr, oneshot::Sender<()>) {
    let module = TestChain::new().block(vec![]).block(vec![]).open(128);
    let network: NetworkInfo = (*module.network).clone();
    let ready = Arc::new(AtomicBool::new(true));
    let router = router(
        network,
        vec![module.chain.clone()],
        RpcLimits::default(),
        ready,
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(serve(listener, router, async {
        stopped.await.unwrap_or(())
    }));
    (address, stop)
}

#[tokio::test]
async fn a_module_answers_over_http() {
    let (address, _stop) = start().await;
    let body = json!([
        {"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"},
        {"jsonrpc":"2.0","id":2,"method":"eth_newBlockFilter","params":[]},
        {"jsonrpc":"2.0","id":3,"method":"eth_sendRawTransaction","params":[raw(&sign(0, 0, |_| {}))]},
        {"jsonrpc":"2.0","id":4,"method":"eth_sendRawTransaction","params":["0x00"]},
        {"jsonrpc":"2.0","id":5,"method":"eth_subscribe","params":["newHeads"]},
        {"jsonrpc":"2.0","id":6,"method":"eth_getBlockByNumbr","params":["latest",false]}
    ]);
    let answer = post_json(format!("http://{address}/pay"), body).await;
    assert_eq!(answer[0]["result"], "0x2");
    assert_eq!(answer[1]["result"].as_str().unwrap().len(), 34);
    assert_eq!(answer[2]["result"], json!(sign(0, 0, |_| {}).tx_hash()));
    assert!(answer[3]["error"]["message"].is_string());
    let needs_socket = answer[4]["error"]["message"].as_str().unwrap();
    assert!(
        needs_socket.contains("WebSocket") && needs_socket.ends_with("/pay"),
        "{needs_socket}"
    );
    let unknown = answer[5]["error"]["message"].as_str().unwrap();
    assert!(
        unknown.ends_with("did you mean eth_getBlockByNumber?"),
        "{unknown}"
    );
}

#[tokio::test]
async fn pending_transactions_are_announced_by_hash_and_in_full() {
    let (address, _stop) = start().await;
    let mut client = Client::open(address, "/").await;
    let kinds = [
        json!(["newPendingTransactions"]),
        json!(["newPendingTransactions", true]),
    ];
    let mut ids = Vec::new();
    for kind in kinds {
        ids.push(client.call("eth_subscribe", kind).await["result"].clone());
    }
    let transaction = sign(0, 0, |_| {});
    client
        .send(json!({"id":7,"method":"eth_sendRawTransaction","params":[raw(&transaction)]}))
        .await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(client.next().await);
    }
    let event = |id: &Value| {
        seen.iter()
            .find(|m| m["params"]["subscription"] == *id)
            .unwrap()
    };
    let hash = json!(transaction.tx_hash());
    assert_eq!(event(&ids[0])["params"]["result"], hash);
    let full = &event(&ids[1])["params"]["result"];
    assert_eq!((&full["hash"], &full["blockHash"]), (&hash, &Value::Null));
}

#[tokio::test]
async fn subscriptions_check_their_arguments() {
    let (address, _stop) = start().await;
    let mut client = Client::open(address, "/").await;
    for good in [
        json!(["newHeads"]),
        json!(["logs"]),
        json!(["logs", {}]),
        json!(["logs", {"address":null,"topics":[null,[B256::ZERO]],"fromBlock":"0x1"}]),
    ] {
        let answer = client.call("eth_subscribe", good.clone()).await;
        assert!(answer["result"].is_string(), "{good}: {answer}");
    }
    for (bad, word) in [
        (json!([]), "subscription kind"),
        (json!(["newHeads", 1]), "too many"),
        (json!(["logs", 7]), "filter"),
        (
            json!(["newPendingTransactions", "yes"]),
            "full transactions",
        ),
        (json!(["alerts"]), "newHeads"),
    ] {
        let answer = client.call("eth_subscribe", bad.clone()).await;
        assert_eq!(answer["error"]["code"], -32602, "{bad}: {answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(word),
            "{answer}"
        );
    }
    let unknown = client
        .call("eth_unsubscribe", json!([format!("0x{}", "11".repeat(16))]))
        .await;
    assert_eq!(unknown["result"], false);
}

#[tokio::test]
async fn every_suggested_method_exists() {
    let service = ModuleService(TestChain::new().open(128));
    for method in error::KNOWN_METHODS {
        let result = service.call(method, Params::default()).await;
        let unknown = result.is_err_and(|error| error.code == RpcError::METHOD_NOT_FOUND);
        assert_eq!(unknown, method.ends_with("subscribe"), "{method}");
    }
}
