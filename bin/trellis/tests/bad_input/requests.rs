//! Requests that no client should send.

use super::{
    PLACES,
    support::{
        network::Network,
        node::{Scratch, Setup},
    },
};
use serde_json::Value;

const MIB: usize = 1 << 20;

/// What is sent, its bytes, and status, error code and words of the answer.
type Case = (&'static str, Vec<u8>, u16, i64, &'static str);

fn cases() -> Vec<Case> {
    let nested = |open: &str, count| open.repeat(count).into_bytes();
    let call = |params: String| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"eth_call","params":{params}}}"#).into_bytes()
    };
    let batch = |count| {
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}"#;
        format!("[{}]", vec![call; count].join(",")).into_bytes()
    };
    let closed = "[".repeat(100_000) + &"]".repeat(100_000);
    let unknown = br#"{"jsonrpc":"2.0","id":1,"method":"eth_sing"}"#.to_vec();
    vec![
        ("nothing", vec![], 200, -32700, ""),
        ("no JSON", b"hello".to_vec(), 200, -32700, ""),
        ("cut short", br#"{"id":1,"#.to_vec(), 200, -32700, ""),
        ("no UTF-8", vec![0xff; 1000], 200, -32700, ""),
        ("zeros", vec![0; MIB], 200, -32700, ""),
        ("deep arrays", nested("[", MIB), 200, -32700, ""),
        ("deep objects", nested(r#"{"a":"#, MIB), 200, -32700, ""),
        ("deep params", call("[".repeat(100_000)), 200, -32700, ""),
        ("closed deep params", call(closed), 200, -32602, ""),
        ("text", br#""eth_chainId""#.to_vec(), 200, -32600, ""),
        ("empty batch", b"[]".to_vec(), 200, -32600, ""),
        ("large batch", batch(2_001), 200, -32005, "2000"),
        ("wrong params", call("[7]".into()), 200, -32602, ""),
        ("unknown method", unknown, 200, -32601, "eth_sing"),
        ("large body", vec![b' '; 11 * MIB], 413, -32005, "10485760"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_get_clear_errors_and_the_node_goes_on() {
    let _place = PLACES.acquire().await;
    let scratch = Scratch::new();
    let mut network = Network::new(Setup::new(&scratch, 1, &["hub"]));
    let mut node = network.live().await;
    let url = format!("http://127.0.0.1:{}/hub", network.setup.port);
    let client = reqwest::Client::new();
    for (what, body, status, code, words) in cases() {
        let response = client.post(&url).body(body).send().await;
        let response = response.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(response.status().as_u16(), status, "{what}");
        let answer = response.bytes().await.expect("an answer");
        let answer: Value = serde_json::from_slice(&answer)
            .unwrap_or_else(|error| panic!("{what}: {error}: {answer:?}"));
        assert_eq!(answer["error"]["code"], code, "{what}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        let fits = (6..400).contains(&message.len()) && message.contains(words);
        assert!(fits, "{what}: {message}");
    }
    network.include_everywhere().await;
    node.assert_calm();
    assert_eq!(node.terminate(), Some(0), "{}", node.stderr());
}
