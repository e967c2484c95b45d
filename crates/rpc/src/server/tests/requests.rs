use super::*;
use proptest::prelude::*;
use serde_json::json;

async fn one(body: impl AsRef<[u8]>) -> Value {
    process(&Fake::new(), body, &RpcLimits::default())
        .await
        .expect("an answer")
}

fn code(answer: &Value) -> i64 {
    assert_eq!(answer["jsonrpc"], "2.0", "{answer}");
    answer["error"]["code"]
        .as_i64()
        .unwrap_or_else(|| panic!("no error in {answer}"))
}

#[tokio::test]
async fn answers_echo_the_id_byte_for_byte() {
    for id in [
        "1",
        "\"a\\u0062\"",
        "null",
        "-7",
        "1.50",
        "12345678901234567890123",
        "\"\"",
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"echo","params":[5]}}"#);
        let budget = Budget::new(0);
        let limits = RpcLimits::default();
        let fake = Fake::new();
        let answer = engine::process(body.as_bytes(), &*fake, &limits, &budget)
            .await
            .unwrap();
        let want = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":5}}"#);
        assert_eq!(answer, want);
    }
}

#[tokio::test]
async fn what_is_not_json_is_a_parse_error_with_a_null_id() {
    // NET-1
    for body in [
        &b""[..],
        b"{",
        b"nonsense",
        b"[1,",
        b"{\"id\":1}}",
        b"\xff\xfe",
        b"{\"a\":\"\x01\"}",
    ] {
        let answer = one(body).await;
        assert_eq!(
            (code(&answer), &answer["id"]),
            (-32700, &Value::Null),
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_a_request_is_invalid() {
    for (body, id) in [
        ("1", json!(null)),
        ("\"text\"", json!(null)),
        ("{}", json!(null)),
        ("[]", json!(null)),
        (r#"{"id":7}"#, json!(7)),
        (r#"{"id":7,"method":5}"#, json!(7)),
        (r#"{"id":7,"method":null}"#, json!(7)),
        (r#"{"id":7,"method":"echo","jsonrpc":"1.0"}"#, json!(7)),
        (r#"{"id":{},"method":"echo"}"#, json!(null)),
        (r#"{"id":[1],"method":"echo"}"#, json!(null)),
        (r#"{"id":true,"method":"echo"}"#, json!(null)),
    ] {
        let answer = one(body).await;
        assert_eq!((code(&answer), &answer["id"]), (-32600, &id), "{body}");
    }
}

#[tokio::test]
async fn sloppy_requests_of_wallets_are_answered() {
    for body in [
        r#"{"id":1,"method":"echo","params":["a"]}"#,
        r#"{"jsonrpc":null,"id":1,"method":"echo","params":["a"]}"#,
        r#" { "params" : [ "a" ] , "method":"ec\u0068o","id":1,"jsonrpc":"2.0" } "#,
        r#"{"jsonrpc":"2.0","id":0,"id":1,"method":"x","method":"echo","params":["a"],"extra":{"b":[]}}"#,
        r#"{"jsonrpc":"2.0","m\u0065thod":"echo","id":1,"params":["a",null]}"#,
    ] {
        assert_eq!(
            one(body).await,
            json!({"jsonrpc":"2.0","id":1,"result":"a"}),
            "{body}"
        );
    }
    for params in ["", r#","params":null"#, r#","params":[]"#] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"echo"{params}}}"#);
        assert_eq!(one(body).await["result"], Value::Null);
    }
    let object = one(r#"{"id":1,"method":"echo","params":{"to":"0x"}}"#).await;
    assert_eq!(object["result"], json!({"to":"0x"}));
}

#[tokio::test]
async fn wrong_arguments_and_methods_are_named() {
    let answer = one(r#"{"id":1,"method":"count","params":["x"]}"#).await;
    assert_eq!(code(&answer), -32602);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("invalid argument 0 (count): invalid type: string"),
        "{message}"
    );
    let answer = one(r#"{"id":1,"method":"count","params":[1,2,3]}"#).await;
    assert_eq!(
        answer["error"]["message"],
        "too many arguments, want at most 1, got 3"
    );
    let answer = one(r#"{"id":1,"method":"count"}"#).await;
    assert_eq!(
        answer["error"]["message"],
        "missing value for required argument 0 (count)"
    );
    let answer = one(r#"{"id":1,"method":"count","params":5}"#).await;
    assert_eq!(code(&answer), -32602);
    let answer = one(r#"{"id":1,"method":"eth_blockNumbr"}"#).await;
    assert_eq!(code(&answer), -32601);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("eth_blockNumbr") && message.contains("eth_blockNumber?"),
        "{message}"
    );
}

#[tokio::test]
async fn notifications_run_and_are_not_answered() {
    let fake = Fake::new();
    let limits = RpcLimits::default();
    for body in [
        r#"{"method":"echo"}"#,
        r#"{"jsonrpc":"2.0","method":"nothing"}"#,
        r#"[{"method":"echo"}]"#,
    ] {
        assert_eq!(process(&fake, body, &limits).await, None, "{body}");
    }
    assert_eq!(*fake.log.lock(), ["echo", "nothing", "echo"]);
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    // NET-1
    let answer = one(r#"{"id":"p","method":"panic"}"#).await;
    assert_eq!((code(&answer), &answer["id"]), (-32603, &json!("p")));
}

#[tokio::test]
async fn a_large_result_is_refused_with_the_limit() {
    let limits = RpcLimits {
        response_bytes: 1_000,
        ..RpcLimits::default()
    };
    let body = |size| format!(r#"{{"id":1,"method":"big","params":[{size}]}}"#);
    let answer = process(&Fake::new(), body(998), &limits).await.unwrap();
    assert_eq!(answer["result"].as_str().unwrap().len(), 998);
    let answer = process(&Fake::new(), body(999), &limits).await.unwrap();
    assert_eq!(code(&answer), -32005);
    assert_eq!(
        answer["error"]["message"],
        "result of 1001 bytes exceeds the limit of 1000 bytes per response"
    );
}

#[tokio::test]
async fn results_are_paid_from_the_shared_budget() {
    // NET-1
    let (fake, limits) = (Fake::new(), RpcLimits::default());
    let budget = Budget::new(100_000);
    let body = br#"{"id":1,"method":"big","params":[150000]}"#;
    let held = engine::process(body, &*fake, &limits, &budget)
        .await
        .unwrap();
    assert!(held.len() > 150_000);
    let refused = engine::process(body, &*fake, &limits, &budget)
        .await
        .unwrap();
    assert!(
        String::from_utf8_lossy(&refused).contains("the node is busy"),
        "{refused:?}"
    );
    let small = br#"{"id":1,"method":"big","params":[50000]}"#;
    assert!(
        engine::process(small, &*fake, &limits, &budget)
            .await
            .unwrap()
            .len()
            > 50_000
    );
    drop(held);
    assert!(
        engine::process(body, &*fake, &limits, &budget)
            .await
            .unwrap()
            .len()
            > 150_000
    );
}

proptest! {
    /// NET-1: whatever the bytes, the answer is JSON-RPC, or silence for notifications.
    #[test]
    fn any_bytes_get_an_answer(
        at in 0usize..80,
        byte in any::<u8>(),
        cut in 0usize..80,
        batch in any::<bool>(),
    ) {
        let mut body = br#"{"jsonrpc":"2.0","id":[1,"2"],"method":"echo","params":[{"a":"\u00e9"},null,1e9]}"#.to_vec();
        body[at] = byte;
        body.truncate(body.len() - cut);
        if batch {
            body = [&b"["[..], &body, b",", &body, b"]"].concat();
        }
        check(&body);
    }

    #[test]
    fn any_noise_gets_an_answer(body in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&body);
    }
}

fn check(body: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let limits = RpcLimits {
        batch_requests: 1,
        ..RpcLimits::default()
    };
    let answer = runtime.block_on(process(&Fake::new(), body, &limits));
    for answer in answer
        .iter()
        .flat_map(|a| a.as_array().cloned().unwrap_or_else(|| vec![a.clone()]))
    {
        assert_eq!(answer["jsonrpc"], "2.0");
        assert_ne!(
            answer.get("result").is_some(),
            answer.get("error").is_some()
        );
    }
}
