//! Clients of a network: some send, others watch and remember everything they were told.

use super::{
    node::{POLL, Setup},
    rpc::{Rpc, hash, hex, number},
};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex as bytes, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_tungstenite::tungstenite::Message;

/// Transactions in one batch.
const BATCH: u64 = 10;
/// Time between two batches of one sender: a load, not a flood, because every transaction is checked afterwards.
const PACE: Duration = Duration::from_millis(40);
/// Senders on each module.
const LANES: u32 = 2;
/// Addresses that receive transfers.
const RECIPIENTS: u64 = 64;

/// Code of a contract that counts its calls: `sstore(0, sload(0) + 1)`.
const COUNTER: [u8; 16] = bytes!("675f546001015f55005f5260086018f3");

/// The development account at `index`.
pub(crate) fn account(index: u32) -> PrivateKeySigner {
    MnemonicBuilder::<English>::default()
        .phrase("test test test test test test test test test test test junk")
        .index(index)
        .and_then(|builder| builder.build())
        .expect("the mnemonic is valid")
}

/// The funded accounts.
pub(crate) fn funded() -> Vec<Address> {
    (0..10).map(|index| account(index).address()).collect()
}

/// The transaction that `signer` sends with `nonce`: its first creates a counter, of the others every fifth calls it,
/// the rest are transfers. The same at every run, so that a client that lost track sends the same again.
pub(crate) fn transaction(signer: &PrivateKeySigner, chain_id: u64, nonce: u64) -> Bytes {
    let (to, value, gas_limit, input) = if nonce == 0 {
        (TxKind::Create, 0, 200_000, Bytes::from_static(&COUNTER))
    } else if nonce % 5 == 1 {
        (
            TxKind::Call(signer.address().create(0)),
            3,
            100_000,
            Bytes::new(),
        )
    } else {
        (
            TxKind::Call(recipient(nonce % RECIPIENTS)),
            1_000 + nonce,
            21_000,
            Bytes::new(),
        )
    };
    let transaction = TxEip1559 {
        chain_id,
        nonce,
        gas_limit,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000 + u128::from(nonce % 7),
        to,
        value: U256::from(value),
        input,
        ..Default::default()
    };
    let signature = signer
        .sign_hash_sync(&transaction.signature_hash())
        .expect("a key signs");
    TxEnvelope::from(transaction.into_signed(signature))
        .encoded_2718()
        .into()
}

fn recipient(index: u64) -> Address {
    Address::from_slice(&keccak256(index.to_be_bytes())[12..])
}

/// What clients of one module were told. Nothing of it may ever change.
#[derive(Default)]
pub(crate) struct Seen {
    /// Hash of each block.
    pub(crate) blocks: BTreeMap<u64, B256>,
    /// Height of the newest block that each validator published.
    pub(crate) heights: BTreeMap<u16, u64>,
    /// Receipt of each transaction, as it was served.
    pub(crate) receipts: BTreeMap<B256, Value>,
    /// Where two answers contradict each other.
    pub(crate) contradictions: Vec<String>,
}

impl Seen {
    /// Height of the newest block a client was told of.
    pub(crate) fn height(&self) -> u64 {
        self.blocks
            .last_key_value()
            .map_or(0, |(number, _)| *number)
    }

    fn published(&mut self, validator: u16, number: u64, hash: B256) {
        let height = self.heights.entry(validator).or_default();
        *height = number.max(*height);
        self.block(number, hash);
    }

    fn block(&mut self, number: u64, hash: B256) {
        match self.blocks.entry(number) {
            Entry::Vacant(entry) => {
                entry.insert(hash);
            }
            Entry::Occupied(known) if *known.get() != hash => {
                let known = known.get();
                self.contradictions
                    .push(format!("block {number} was {known} and is {hash}"));
            }
            Entry::Occupied(_) => {}
        }
    }

    fn receipt(&mut self, receipt: Value) -> Result<(), String> {
        let transaction = hash(&receipt["transactionHash"])?;
        self.block(
            number(&receipt["blockNumber"])?,
            hash(&receipt["blockHash"])?,
        );
        match self.receipts.entry(transaction) {
            Entry::Vacant(entry) => {
                entry.insert(receipt);
            }
            Entry::Occupied(known) if *known.get() != receipt => {
                self.contradictions
                    .push(format!("receipt was {} and is {receipt}", known.get()));
            }
            Entry::Occupied(_) => {}
        }
        Ok(())
    }
}

/// What the clients of every module were told, by module.
pub(crate) type Memory = BTreeMap<&'static str, Arc<Mutex<Seen>>>;

/// A memory without content.
pub(crate) fn memory(setup: &Setup) -> Memory {
    setup
        .modules
        .iter()
        .map(|module| (*module, Arc::default()))
        .collect()
}

/// Clients at work. They take a node that is not there, or not ready, as it comes.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    /// Starts senders and watchers on every module, spread over the validators; what they are told goes to `memory`.
    pub(crate) fn start(setup: &Setup, memory: &Memory) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for (module, seen) in memory {
            for lane in 0..LANES {
                let validator = u16::try_from(lane).expect("few lanes") % setup.validators;
                let rpc = setup.rpc(validator, module);
                tasks.push(tokio::spawn(send(rpc, account(lane), stop.clone())));
            }
            for validator in 0..setup.validators {
                let watcher = Watcher {
                    rpc: setup.rpc(validator, module),
                    validator,
                    seen: seen.clone(),
                    stop: stop.clone(),
                };
                tasks.push(tokio::spawn(watcher.clone().poll()));
                tasks.push(tokio::spawn(watcher.subscribe()));
            }
        }
        Self { stop, tasks }
    }

    /// Ends the clients; what they were told is complete then.
    pub(crate) async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a client does not panic");
        }
    }
}

async fn send(rpc: Rpc, signer: PrivateKeySigner, stop: Arc<AtomicBool>) {
    let (mut chain_id, mut next) = (None, None);
    while !stop.load(Ordering::Relaxed) {
        if next.is_none() {
            chain_id = rpc
                .call("eth_chainId", json!([]))
                .await
                .ok()
                .as_ref()
                .and_then(|id| number(id).ok());
            let nonces = rpc.nonces(&[signer.address()], "pending").await;
            next = nonces.ok().and_then(|nonces| nonces.first().copied());
        }
        let (Some(chain_id), Some(nonce)) = (chain_id, next) else {
            next = None;
            tokio::time::sleep(POLL).await;
            continue;
        };
        let batch: Vec<Value> = (nonce..nonce + BATCH)
            .map(|nonce| json!([transaction(&signer, chain_id, nonce)]))
            .collect();
        let taken = rpc.batch("eth_sendRawTransaction", &batch).await;
        let all = taken.is_ok_and(|results| results.iter().all(Result::is_ok));
        next = all.then_some(nonce + BATCH);
        tokio::time::sleep(PACE).await;
    }
}

/// A client that only reads.
#[derive(Clone)]
struct Watcher {
    rpc: Rpc,
    validator: u16,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
}

impl Watcher {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no client panics")
    }

    /// Looks for new blocks and reads their receipts.
    async fn poll(self) {
        let mut next = None;
        while !self.stopped() {
            // What goes wrong is the node's being down or starting, and is tried again.
            if let Ok(number) = self.read_from(next).await {
                next = Some(number);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Reads the blocks from `next`, or the newest, and returns which comes after them.
    async fn read_from(&self, next: Option<u64>) -> Result<u64, String> {
        let height = self.rpc.height().await?;
        for at in next.unwrap_or(height)..=height {
            let block = self
                .rpc
                .call("eth_getBlockByNumber", json!([hex(at), false]))
                .await?;
            self.seen()
                .published(self.validator, at, hash(&block["hash"])?);
            let receipts = self
                .rpc
                .call("eth_getBlockReceipts", json!([hex(at)]))
                .await?;
            for receipt in receipts.as_array().into_iter().flatten() {
                self.seen().receipt(receipt.clone())?;
            }
        }
        Ok(height + 1)
    }

    /// Hears of blocks the moment they are published.
    async fn subscribe(self) {
        while !self.stopped() {
            // A connection that ends, however it ends, is made again.
            let _ = self.listen().await;
            tokio::time::sleep(POLL).await;
        }
    }

    async fn listen(&self) -> Option<()> {
        let (mut socket, _) = tokio_tungstenite::connect_async(self.rpc.socket_url())
            .await
            .ok()?;
        let subscribe =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"] });
        socket
            .send(Message::text(subscribe.to_string()))
            .await
            .ok()?;
        while !self.stopped() {
            let Ok(message) = tokio::time::timeout(POLL, socket.next()).await else {
                continue;
            };
            let Message::Text(text) = message?.ok()? else {
                continue;
            };
            let told: Value = serde_json::from_str(&text).ok()?;
            let head = &told["params"]["result"];
            if let (Ok(number), Ok(hash)) = (number(&head["number"]), hash(&head["hash"])) {
                self.seen().published(self.validator, number, hash);
            }
        }
        Some(())
    }
}
