use super::*;
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, U256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

/// The key of the first funded account.
const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn config() -> DevConfig {
    DevConfig {
        modules: names(&["hub", "pay"]),
        port: 0,
        data_dir: None,
        block_time: Duration::from_millis(20),
        ..DevConfig::default()
    }
}

/// One HTTP exchange; the whole answer.
fn http(network: &DevNetwork, request: &str) -> String {
    let mut stream = TcpStream::connect(network.running.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(network: &DevNetwork, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    http(network, &request)
}

fn call(network: &DevNetwork, path: &str, method: &str, params: &serde_json::Value) -> String {
    let body = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let body = body.to_string();
    let length = body.len();
    http(
        network,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
}

/// A transfer of the first funded account on a module.
fn transfer(network: &DevNetwork, module: usize, nonce: u64) -> Bytes {
    let signer: PrivateKeySigner = KEY.parse().unwrap();
    let transaction = TxEip1559 {
        chain_id: network.modules()[module].chain_id,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: Address::repeat_byte(7).into(),
        value: U256::from(1),
        ..TxEip1559::default()
    };
    let signature = signer
        .sign_hash_sync(&transaction.signature_hash())
        .unwrap();
    let envelope: TxEnvelope = transaction.into_signed(signature).into();
    envelope.encoded_2718().into()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_ephemeral_network_starts_serves_and_stops() {
    let network = DevNetwork::start(config()).unwrap();
    assert_eq!(network.data_dir(), None);
    assert_eq!(network.mnemonic(), MNEMONIC);

    // It is ready when `start` returns.
    let ready = get(&network, "/ready");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    let modules = network.modules();
    assert_eq!(modules.len(), 2);
    assert_eq!(modules[1].chain_id, modules[0].chain_id + 1);
    assert_ne!(modules[0].genesis_hash, modules[1].genesis_hash);
    let none = serde_json::json!([]);
    for module in &modules {
        assert_eq!(module.url, format!("{}/{}", network.url(), module.name));
        let answer = call(&network, &format!("/{}", module.name), "eth_chainId", &none);
        assert!(
            answer.contains(&format!("\"0x{:x}\"", module.chain_id)),
            "{answer}"
        );
    }

    let status = network.status();
    assert_eq!(status.len(), 2);
    for (status, module) in status.iter().zip(&modules) {
        assert_eq!(status.name, module.name);
        assert_eq!(status.height, status.finalized);
        assert_eq!((status.transactions_total, status.pool), (0, 0));
    }

    // A transaction on one module, sent as a client sends it.
    let raw = serde_json::json!([transfer(&network, 1, 0)]);
    let answer = call(&network, "/pay", "eth_sendRawTransaction", &raw);
    assert!(answer.contains("\"result\""), "{answer}");
    wait_until("mining", || network.status()[1].transactions_total == 1);
    let status = network.status();
    assert!(status[1].height >= 1);
    assert_eq!((status[1].pool, status[0].transactions_total), (0, 0));
    assert!(status[1].last_block_age < PATIENCE);

    let address = network.running.address;
    let stopped = network.stopped();
    network.shutdown().unwrap();
    futures::executor::block_on(stopped).unwrap();
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}

/// A block whose execution reads more than a task of the runtime may poll in one go.
#[test]
fn large_blocks_are_executed() {
    const COUNT: u64 = 400;
    let mut config = config();
    config.block_time = Duration::from_millis(200);
    let network = DevNetwork::start(config).unwrap();
    let raws = (0..COUNT)
        .map(|nonce| transfer(&network, 0, nonce))
        .collect();
    let results = network.running.chains[0].submit_many(raws);
    assert!(results.iter().all(Result::is_ok));
    wait_until("mining", || network.status()[0].transactions_total == COUNT);
    let chain = &network.running.chains[0];
    let largest = (1..=chain.head().number())
        .filter_map(|number| chain.block(number).unwrap())
        .map(|block| block.transactions.len())
        .max();
    assert!(
        largest > Some(130),
        "{largest:?} transactions in the largest block"
    );
}

/// Stopping twice, in any way, is as good as stopping once.
#[test]
fn a_network_can_be_stopped_twice() {
    let mut network = DevNetwork::start(config()).unwrap();
    let address = network.running.address;
    network.end().unwrap();
    network.end().unwrap();
    drop(network);
    assert!(TcpStream::connect(address).is_err());
    // Dropping alone stops it too.
    let network = DevNetwork::start(config()).unwrap();
    let address = network.running.address;
    drop(network);
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn two_networks_run_side_by_side() {
    let start = || DevNetwork::start(config()).unwrap();
    let (one, two) = (start(), start());
    assert_ne!(one.running.address, two.running.address);
    assert_ne!(one.modules()[0].genesis_hash, two.modules()[0].genesis_hash);
    one.running.chains[0].submit(transfer(&one, 0, 0)).unwrap();
    wait_until("mining", || one.status()[0].transactions_total == 1);
    assert_eq!(two.status()[0].transactions_total, 0);
    one.shutdown().unwrap();
    let ready = get(&two, "/ready");
    assert!(ready.starts_with("HTTP/1.1 200"), "the other goes on");
    two.shutdown().unwrap();
}

/// The same directory is the same network, with its blocks; while it runs nobody else gets it.
#[test]
fn a_kept_network_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data_dir = Some(dir.path().join("network"));
    let network = DevNetwork::start(config.clone()).unwrap();
    assert_eq!(network.data_dir(), config.data_dir.as_deref());
    let hashes = |network: &DevNetwork| -> Vec<_> {
        let modules = network.modules();
        modules.iter().map(|module| module.genesis_hash).collect()
    };
    let genesis = hashes(&network);
    let chain = &network.running.chains[1];
    chain.submit(transfer(&network, 1, 0)).unwrap();
    wait_until("mining", || network.status()[1].transactions_total == 1);
    let head = chain.head();

    let locked = DevNetwork::start(config.clone()).unwrap_err();
    assert!(matches!(locked, NodeError::Locked { .. }), "{locked}");
    network.shutdown().unwrap();

    let network = DevNetwork::start(config).unwrap();
    assert_eq!(genesis, hashes(&network));
    let chain = &network.running.chains[1];
    assert!(chain.is_current());
    let block = chain.block(head.number()).unwrap().unwrap();
    assert_eq!(block.hash(), head.hash());
    assert_eq!(
        network.status()[1].transactions_total,
        0,
        "counted since the start"
    );
    let sender = network.accounts()[0].address;
    assert_eq!(chain.pending_nonce(sender).unwrap(), 1);
    chain.submit(transfer(&network, 1, 1)).unwrap();
    wait_until("mining", || network.status()[1].transactions_total == 1);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut config = config();
    config.port = taken.local_addr().unwrap().port();
    let error = DevNetwork::start(config.clone()).unwrap_err();
    assert!(
        matches!(error, NodeError::PortInUse { port, .. } if port == config.port),
        "{error}"
    );
    assert!(error.to_string().contains("choose another --port"));
}

/// An address of another machine cannot be listened on.
#[test]
fn an_address_that_is_not_here_is_named() {
    let mut config = config();
    config.host = "192.0.2.1".parse().unwrap();
    let error = DevNetwork::start(config).unwrap_err();
    assert!(matches!(error, NodeError::Listen { .. }), "{error}");
}

/// Keys that were tampered with are told before anything runs on them.
#[test]
fn damaged_keys_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.data_dir = Some(dir.path().to_owned());
    drop(Layout::open(&config).unwrap());
    let path = dir.path().join("network.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let other = crate::keys::StoredKeys::generate(rand::rng(), 1).unwrap();
    json["keys"]["network_key_sharing"] =
        serde_json::to_value(other).unwrap()["network_key_sharing"].clone();
    std::fs::write(&path, json.to_string()).unwrap();
    let error = DevNetwork::start(config).unwrap_err();
    assert!(matches!(error, NodeError::Damaged { .. }), "{error}");
}
