use super::*;
use crate::node::PoolEvent;
use alloy_sol_types::{SolEvent as _, SolValue as _};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
};
use trellis_shielded::pool::Event;

/// A node that answers whatever a test wants: a result, or the text of a refusal.
fn node(answer: impl Fn(&str, &Value) -> Result<Value, String> + Send + 'static) -> RpcNode {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/pay", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap(), &answer);
        }
    });
    RpcNode::new(&url).unwrap()
}

fn serve(stream: TcpStream, answer: &impl Fn(&str, &Value) -> Result<Value, String>) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request: Value = serde_json::from_slice(&body).unwrap();
    let reply = match answer(request["method"].as_str().unwrap(), &request["params"]) {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": 1, "result": result }),
        Err(message) => {
            json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32_000, "message": message } })
        }
    };
    let reply = reply.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        reply.len()
    );
    reader
        .into_inner()
        .write_all((head + &reply).as_bytes())
        .unwrap();
}

fn log(block: u64, topics: &[B256], data: &[u8]) -> Value {
    json!({
        "address": POOL, "topics": topics, "data": Bytes::copy_from_slice(data), "blockNumber": U64::from(block),
        "transactionHash": B256::repeat_byte(1), "logIndex": "0x0", "blockTimestamp": "0x64",
    })
}

fn appended(block: u64) -> Value {
    let topics = [
        abi::Appended::SIGNATURE_HASH,
        B256::with_last_byte(5),
        B256::with_last_byte(3),
    ];
    log(block, &topics, &[])
}

fn range(params: &Value) -> (u64, u64) {
    let number = |name: &str| {
        let number: U64 = serde_json::from_value(params[0][name].clone()).unwrap();
        number.to()
    };
    (number("fromBlock"), number("toBlock"))
}

#[test]
fn long_ranges_are_asked_for_in_pieces() {
    let node = node(|_, params| {
        let (from, to) = range(params);
        if to - from >= 3_000 {
            return Err(format!(
                "query exceeds max results, retry with the range {from}-{from}"
            ));
        }
        Ok((from..=to)
            .filter(|block| block % 2_500 == 0)
            .map(appended)
            .collect())
    });
    let logs = node.events(1, 25_000).unwrap();
    let blocks: Vec<u64> = logs.iter().map(|log| log.block).collect();
    assert_eq!(blocks, (1..=10).map(|n| n * 2_500).collect::<Vec<_>>());
    assert_eq!(logs[0].timestamp, 100);
    let root = trellis_circuits::field::F::from(5);
    assert_eq!(
        logs[0].event,
        PoolEvent::Notes(Event::Appended { root, size: 3 })
    );
    assert_eq!(node.last_record(24_999).unwrap().unwrap().block, 22_500);
    assert!(
        node.last_record(2_499)
            .unwrap()
            .is_some_and(|record| record.block == 0)
    );
}

#[test]
fn what_no_honest_node_answers_is_an_error() {
    let refused = |answer: Value| {
        let node = node(move |_, _| Ok(answer.clone()));
        let error = node.events(10, 20).unwrap_err();
        assert!(matches!(error, NodeError::Malformed { .. }), "{error}");
    };
    refused(json!(null));
    refused(json!([{}]));
    refused(json!([appended(21)]));
    refused(json!([log(10, &[], &[])]));
    refused(json!([log(10, &[abi::Transferred::SIGNATURE_HASH], &[])]));
    refused(json!([log(10, &[abi::Unshielded::SIGNATURE_HASH], &[])]));
    // x + r: an element has one encoding.
    let topics = [
        abi::Appended::SIGNATURE_HASH,
        B256::repeat_byte(0xff),
        B256::ZERO,
    ];
    refused(json!([log(10, &topics, &[])]));
    let mut foreign = appended(10);
    foreign["address"] = json!(Account::ZERO);
    refused(json!([foreign]));
    let unknown = json!([log(10, &[B256::repeat_byte(7)], &[1])]);
    assert_eq!(
        node(move |_, _| Ok(unknown.clone())).events(10, 20),
        Ok(Vec::new())
    );
}

#[test]
fn a_node_is_recognised_by_its_network_and_its_module() {
    let node = node(|method, _| {
        Ok(match method {
            "eth_chainId" => json!("0x11"),
            _ => json!({ "networkId": 7, "modules": [
                { "id": 0, "chainId": "0x10", "genesisHash": B256::ZERO },
                { "id": 2, "chainId": "0x11", "genesisHash": B256::repeat_byte(3) },
            ] }),
        })
    });
    let expected = Identity {
        network: 7,
        chain_id: 0x11,
        module: 2,
        genesis: B256::repeat_byte(3),
    };
    assert_eq!(node.identity(), Ok(expected));
}

#[test]
fn a_transfer_that_was_sent_before_is_no_error() {
    let refusing = |text: &'static str| node(move |_, _| Err(text.to_owned()));
    assert!(refusing("transaction already known").send(&[1]).is_ok());
    let refused = refusing("a nullifier was\u{1b}[2J spent")
        .send(&[1])
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the node refuses eth_sendRawTransaction: a nullifier was[2J spent"
    );
}

#[test]
fn a_module_without_pool_and_a_token_without_name() {
    let empty = node(|_, _| Ok(json!("0x")));
    assert_eq!(empty.latest(1), Err(NodeError::NoPool));
    let nameless = node(|_, params| {
        let to: Account = serde_json::from_value(params[0]["to"].clone()).unwrap();
        if to == POOL {
            return Ok(json!(Bytes::from(Account::repeat_byte(5).abi_encode())));
        }
        Err("execution reverted".into())
    });
    let token = nameless.token(1).unwrap().unwrap();
    assert_eq!(
        (token.contract, token.symbol.as_str(), token.decimals),
        (Account::repeat_byte(5), "", 0)
    );
    let nobody = RpcNode::new("http://127.0.0.1:1/").unwrap();
    assert!(matches!(nobody.head(), Err(NodeError::Unreachable { .. })));
}
