//! `bench load` against a server that misbehaves in known ways: what it reports must be exactly what happened.

use alloy_primitives::{B256, hex, keccak256};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    time::Instant,
};

/// Milliseconds between two blocks of the [`Chain`].
const BLOCK_MILLIS: u128 = 50;

/// What the server does to every transaction whose index is a multiple of 10.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Nothing.
    None,
    /// Takes it and never includes it.
    Lose,
    /// Refuses it.
    Refuse,
    /// Includes it in two blocks.
    Double,
    /// Refuses it for a full pool, the first time.
    FullOnce,
}

/// A chain that puts whatever it is sent into a block every [`BLOCK_MILLIS`].
struct Chain {
    fault: Fault,
    start: Instant,
    received: usize,
    waiting: Vec<B256>,
    refused: Vec<B256>,
    blocks: Vec<Vec<B256>>,
}

impl Chain {
    fn advance(&mut self) {
        let due =
            usize::try_from(self.start.elapsed().as_millis() / BLOCK_MILLIS).expect("a short test");
        while self.blocks.len() <= due {
            self.blocks.push(std::mem::take(&mut self.waiting));
        }
    }

    fn send(&mut self, raw: &str) -> Result<Value, String> {
        let hash = keccak256(hex::decode(raw).expect("the transaction is hex"));
        let chosen = self.received.is_multiple_of(10);
        self.received += 1;
        match self.fault {
            Fault::Lose if chosen => {}
            Fault::Refuse if chosen => {
                return Err(format!("nonce too low: next nonce {}", self.received));
            }
            Fault::FullOnce if chosen && !self.refused.contains(&hash) => {
                self.refused.push(hash);
                return Err("txpool is full: 7 transactions".to_owned());
            }
            Fault::Double if chosen => {
                self.waiting.push(hash);
                // In the block being filled, and once more in a closed one.
                self.advance();
                self.blocks.push(vec![hash]);
                self.waiting.push(hash);
            }
            _ => self.waiting.push(hash),
        }
        Ok(json!(hash))
    }

    fn answer(&mut self, request: &Value) -> Value {
        self.advance();
        let head = self.blocks.len() - 1;
        let result = match request["method"].as_str().expect("a method") {
            "eth_chainId" => Ok(json!("0x7")),
            "eth_blockNumber" => Ok(json!(format!("{head:#x}"))),
            "eth_getTransactionCount" => Ok(json!("0x0")),
            "eth_getBalance" => Ok(json!("0xffffffffffffffffffffff")),
            "web3_clientVersion" => Ok(json!("misbehaving/1")),
            "eth_getBlockByNumber" => {
                let number = match request["params"][0].as_str().expect("a block number") {
                    "latest" => head,
                    text => usize::from_str_radix(text.trim_start_matches("0x"), 16)
                        .expect("a hex number"),
                };
                let hashes = self.blocks.get(number);
                Ok(hashes.map_or(Value::Null, |hashes| {
                    json!({
                        "number": format!("{number:#x}"),
                        "gasUsed": format!("{:#x}", hashes.len() * 21_000),
                        "gasLimit": format!("{:#x}", 10_000_000),
                        "baseFeePerGas": "0x7",
                        "transactions": hashes,
                    })
                }))
            }
            "eth_sendRawTransaction" => {
                self.send(request["params"][0].as_str().expect("a raw transaction"))
            }
            method => Err(format!("method {method} not found")),
        };
        match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }),
            Err(message) => {
                json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": -32601, "message": message } })
            }
        }
    }
}

/// Serves a [`Chain`] with `fault` on a free port; the threads end with the test process.
fn serve(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!(
        "http://{}",
        listener.local_addr().expect("the address is known")
    );
    let chain = Arc::new(Mutex::new(Chain {
        fault,
        start: Instant::now(),
        received: 0,
        waiting: Vec::new(),
        refused: Vec::new(),
        blocks: vec![Vec::new()],
    }));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let chain = Arc::clone(&chain);
            std::thread::spawn(move || connection(stream.expect("a connection"), &chain));
        }
    });
    url
}

/// HTTP/1.1 requests with a content length, one after the other.
fn connection(stream: TcpStream, chain: &Mutex<Chain>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let request: Value = serde_json::from_slice(&body).ok()?;
        let mut chain = chain.lock().ok()?;
        let answer = match &request {
            Value::Array(requests) => requests
                .iter()
                .map(|request| chain.answer(request))
                .collect(),
            request => chain.answer(request),
        };
        drop(chain);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        writer
            .write_all(head.as_bytes())
            .and_then(|()| writer.write_all(answer.as_bytes()))
            .ok()?;
    }
}

/// 200 transfers to a server with `fault`: the exit code, the report, stderr.
fn load(fault: Fault) -> (Option<i32>, Value, String) {
    let url = serve(fault);
    let arguments = [
        "bench",
        "load",
        "--url",
        &url,
        "-n",
        "200",
        "--batch",
        "25",
        "--timeout",
        "1s",
        "--json",
    ];
    let output = Command::new(env!("CARGO_BIN_EXE_trellis"))
        .args(arguments)
        .output()
        .expect("the binary runs");
    let report = serde_json::from_slice(&output.stdout).expect("stdout is one JSON value");
    (
        output.status.code(),
        report,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn everything_included_is_a_success_with_exact_figures() {
    let (code, report, errors) = load(Fault::None);
    assert_eq!(code, Some(0), "{errors}");
    let module = &report["network"]["modules"][0];
    assert_eq!(
        (&module["included"], &module["missing"]),
        (&json!(200), &json!(0))
    );
    assert_eq!(module["latency"]["count"], 200);
    assert_eq!(report["network"]["client_version"], "misbehaving/1");
    let (seconds, rate) = (
        module["seconds"].as_f64().unwrap(),
        module["tx_per_second"].as_f64().unwrap(),
    );
    assert!(
        (rate - 200.0 / seconds).abs() < 1e-6,
        "{rate} is not 200 in {seconds} s"
    );
    assert!(
        report["network"]["server"]["rss_max_mib"].as_f64().unwrap() > 0.0,
        "the server is local: found by port"
    );
}

#[test]
fn transfers_a_server_takes_and_loses_are_missing() {
    let (code, report, errors) = load(Fault::Lose);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("20 signed transfers are in no block"),
        "{errors}"
    );
    let module = &report["network"]["modules"][0];
    assert_eq!(
        (&module["accepted"], &module["included"], &module["missing"]),
        (&json!(200), &json!(180), &json!(20))
    );
    assert_eq!(module["errors"], json!({}));
}

#[test]
fn refused_transfers_are_missing_and_told_by_text() {
    let (code, report, _) = load(Fault::Refuse);
    assert_eq!(code, Some(1));
    let module = &report["network"]["modules"][0];
    assert_eq!(
        (&module["rejected"], &module["included"], &module["missing"]),
        (&json!(20), &json!(180), &json!(20))
    );
    assert_eq!(
        module["errors"],
        json!({ "nonce too low: next nonce N": 20 })
    );
}

#[test]
fn a_transfer_in_two_blocks_is_a_failure_and_counts_once() {
    let (code, report, errors) = load(Fault::Double);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("transfers are in more than one block"),
        "{errors}"
    );
    let module = &report["network"]["modules"][0];
    assert_eq!(
        (&module["included"], &module["missing"]),
        (&json!(200), &json!(0))
    );
    assert!(module["duplicates"].as_u64().unwrap() >= 20, "{module}");
}

#[test]
fn a_full_pool_is_waited_for() {
    let (code, report, errors) = load(Fault::FullOnce);
    assert_eq!(code, Some(0), "{errors}");
    let module = &report["network"]["modules"][0];
    assert_eq!(module["included"], 200);
    assert!(module["sent_again"].as_u64().unwrap() > 0, "{module}");
}
