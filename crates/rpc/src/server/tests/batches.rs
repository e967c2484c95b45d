use super::*;
use serde_json::json;

async fn batch(fake: &Fake, body: Value, limits: &RpcLimits) -> Value {
    process(fake, body.to_string(), limits)
        .await
        .expect("an answer")
}

fn call(id: u64, method: &str, param: impl Into<Value>) -> Value {
    json!({"jsonrpc":"2.0","id":id,"method":method,"params":[param.into()]})
}

fn ids(answer: &Value) -> Vec<u64> {
    answer
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["id"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn answers_keep_the_order_of_the_requests() {
    let (fake, limits) = (Fake::new(), RpcLimits::default());
    let body = json!([
        call(1, "sleep", 60), call(2, "sleep", 1), 5, call(3, "echo", "x"),
        {"method":"echo"}, call(4, "missing", 1), call(5, "panic", 1)
    ]);
    let answer = batch(&fake, body, &limits).await;
    let codes: Vec<_> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["error"]["code"].as_i64())
        .collect();
    assert_eq!(
        codes,
        [None, None, Some(-32600), None, Some(-32601), Some(-32603)]
    );
    assert_eq!(answer[2]["id"], Value::Null);
    assert_eq!(answer[3], json!({"jsonrpc":"2.0","id":3,"result":"x"}));
}

#[tokio::test]
async fn calls_run_concurrently_within_the_bound() {
    let fake = Fake::new();
    let limits = RpcLimits {
        batch_concurrency: 4,
        ..RpcLimits::default()
    };
    let body: Vec<_> = (0..40).map(|id| call(id, "sleep", 5)).collect();
    let answer = batch(&fake, body.into(), &limits).await;
    assert_eq!(ids(&answer), (0..40).collect::<Vec<_>>());
    assert_eq!(fake.running_max.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn consecutive_sends_run_as_one_and_before_what_follows() {
    let (fake, limits) = (Fake::new(), RpcLimits::default());
    let send = |id| call(id, "eth_sendRawTransaction", format!("0x{id:02}"));
    let mut unanswered = send(3);
    unanswered.as_object_mut().unwrap().remove("id");
    let bad = json!({"id":4,"method":"eth_sendRawTransaction","params":[7]});
    let body = json!([
        call(0, "sleep", 30),
        send(1),
        send(2),
        unanswered,
        bad,
        call(5, "echo", 1),
        send(6)
    ]);
    let answer = batch(&fake, body, &limits).await;
    assert_eq!(*fake.log.lock(), ["sleep", "send*4", "echo", "send*1"]);
    assert_eq!(ids(&answer), [0, 1, 2, 4, 5, 6]);
    assert_eq!(answer[1]["result"], "sent 0x01");
    assert_eq!(answer[3]["error"]["code"], -32602);
    assert_eq!(answer[5]["result"], "sent 0x06");
}

#[tokio::test]
async fn a_thousand_transactions_pass_and_one_above_the_limit_is_refused() {
    let (fake, limits) = (Fake::new(), RpcLimits::default());
    let sends = |n| {
        (0..n)
            .map(|id| call(id, "eth_sendRawTransaction", "0x00"))
            .collect::<Vec<_>>()
    };
    let answer = batch(&fake, sends(1_000).into(), &limits).await;
    assert_eq!(answer.as_array().unwrap().len(), 1_000);
    assert_eq!(fake.log.lock().drain(..).collect::<Vec<_>>(), ["send*1000"]);
    let answer = batch(&fake, sends(2_001).into(), &limits).await;
    assert_eq!(answer["error"]["code"], -32005);
    assert_eq!(
        answer["error"]["message"],
        "batch of 2001 requests exceeds the limit of 2000 requests"
    );
    assert!(fake.log.lock().is_empty(), "nothing of it ran");
}

#[tokio::test]
async fn a_full_answer_stops_the_batch_and_says_so() {
    // NET-1
    let fake = Fake::new();
    let limits = RpcLimits {
        response_bytes: 1_000,
        batch_concurrency: 1,
        ..RpcLimits::default()
    };
    let mut body: Vec<_> = (0..3).map(|id| call(id, "big", 400)).collect();
    body.extend((3..30).map(|id| call(id, "echo", "small")));
    body.push(call(30, "eth_sendRawTransaction", "0x00"));
    let answer = batch(&fake, body.into(), &limits).await;
    assert_eq!(ids(&answer), (0..31).collect::<Vec<_>>());
    assert!(answer[0]["result"].is_string() && answer[1]["result"].is_string());
    let too_big = answer[2]["error"]["message"].as_str().unwrap();
    assert!(
        too_big.contains("exceeds the limit of 1000 bytes per batch"),
        "{too_big}"
    );
    let last = answer[30]["error"]["message"].as_str().unwrap();
    assert!(
        last.contains("limit of 1000 bytes") && last.contains("not answered"),
        "{last}"
    );
    assert!(
        !fake.log.lock().contains(&"send*1".to_owned()),
        "nothing runs for an answer that is full"
    );
}

#[tokio::test]
async fn what_was_sent_is_reported_even_when_the_answer_is_large() {
    let fake = Fake::new();
    let limits = RpcLimits {
        response_bytes: 500,
        ..RpcLimits::default()
    };
    let sends: Vec<_> = (0..100)
        .map(|id| call(id, "eth_sendRawTransaction", "0x00"))
        .collect();
    let answer = batch(&fake, sends.into(), &limits).await;
    assert!(
        answer
            .as_array()
            .unwrap()
            .iter()
            .all(|a| a["result"] == "sent 0x00")
    );
}
