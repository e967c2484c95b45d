//! A network over several lives, and the check that each of them goes on with the chain of the one before.

use super::{
    ledger::Ledger,
    load::{Memory, Seen, account, funded, memory, transaction},
    node::{Node, POLL, Setup, Start},
    rpc::{Rpc, hex},
};
use serde_json::{Value, json};
use std::{
    sync::MutexGuard,
    time::{Duration, Instant},
};

/// Longest a running network may take to include a transaction, or to bring a validator up to the others.
const PROGRESS: Duration = Duration::from_secs(60);

/// A network, and what its clients were told.
pub(crate) struct Network {
    pub(crate) setup: Setup,
    pub(crate) memory: Memory,
    /// How long the last start took.
    pub(crate) start_time: Duration,
    start: Option<Start>,
}

impl Network {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            memory: memory(&setup),
            setup,
            start_time: Duration::from_secs(1),
            start: None,
        }
    }

    /// Starts the network and checks that it is the one its clients know (STA-1): the same genesis, every block and
    /// receipt they were told, accounts that follow from the blocks, and room for more.
    pub(crate) async fn live(&mut self) -> Node {
        let (node, start) = self.setup.start();
        self.start_time = node.age();
        println!("ready after {:?}", self.start_time);
        // First, before the network has time to catch up with what it should not have forgotten.
        for module in self.memory.keys() {
            for validator in 0..self.setup.validators {
                self.check_height(validator, module).await;
            }
        }
        let known = self.start.get_or_insert_with(|| start.clone());
        assert_eq!(*known, start, "STA-1: another network came back");
        for (module, _, genesis_hash) in &start.modules {
            for validator in 0..self.setup.validators {
                let known = Known::of(&self.seen(module));
                let rpc = self.setup.rpc(validator, module);
                let checked = known.check(&rpc, genesis_hash).await;
                checked.unwrap_or_else(|error| {
                    panic!("STA-1, {module} at validator {validator}: {error}")
                });
            }
        }
        self.include_everywhere().await;
        node
    }

    /// Starts and stops the network in order, checked as [`Self::live`] does.
    pub(crate) async fn live_and_stop(&mut self) {
        let mut node = self.live().await;
        assert_eq!(node.terminate(), Some(0), "{}", node.stderr());
        node.assert_calm();
    }

    /// No client was told two things that cannot both be true.
    pub(crate) fn assert_consistent(&self) {
        for module in self.memory.keys() {
            let contradictions = &self.seen(module).contradictions;
            assert!(
                contradictions.is_empty(),
                "STA-1, {module}: {contradictions:#?}"
            );
        }
    }

    /// New transactions, one by each validator, get into blocks of every module that all validators serve alike.
    pub(crate) async fn include_everywhere(&self) {
        let start = self.start.as_ref().expect("the network was started before");
        for (module, chain_id, _) in &start.modules {
            self.include(module, *chain_id).await;
        }
    }

    async fn include(&self, module: &str, chain_id: u64) {
        for validator in 0..self.setup.validators {
            let rpc = self.setup.rpc(validator, module);
            let signer = account(u32::from(validator));
            let nonces = rpc.nonces(&[signer.address()], "pending").await;
            let nonce = nonces.expect("a ready node answers")[0];
            let raw = json!([transaction(&signer, chain_id, nonce)]);
            let sent = rpc.call("eth_sendRawTransaction", raw).await;
            let sent =
                sent.unwrap_or_else(|error| panic!("{module}, validator {validator}: {error}"));
            let mut served = Vec::new();
            for validator in 0..self.setup.validators {
                served.push(receipt(&self.setup.rpc(validator, module), &sent).await);
            }
            let alike = served.iter().all(|receipt| *receipt == served[0]);
            assert!(alike, "CON-1, {module}: {served:#?}");
        }
    }

    fn seen(&self, module: &str) -> MutexGuard<'_, Seen> {
        self.memory[module].lock().expect("no client panics")
    }

    async fn check_height(&self, validator: u16, module: &str) {
        let published = self.seen(module).heights.get(&validator).copied();
        let published = published.unwrap_or_default();
        let height = self.setup.rpc(validator, module).height().await;
        let height = height.expect("a ready node answers");
        assert!(
            height >= published,
            "STA-1, {module}: validator {validator} published block {published} and is at {height} when it is ready again"
        );
    }
}

/// What clients know of one module.
struct Known {
    height: u64,
    blocks: Vec<(u64, String)>,
    receipts: Vec<Value>,
}

impl Known {
    fn of(seen: &Seen) -> Self {
        let blocks = seen.blocks.iter();
        Self {
            height: seen.height(),
            blocks: blocks
                .map(|(number, hash)| (*number, hash.to_string()))
                .collect(),
            receipts: seen.receipts.values().cloned().collect(),
        }
    }

    /// The chain that `rpc` serves must contain everything known, and add up.
    async fn check(&self, rpc: &Rpc, genesis_hash: &str) -> Result<(), String> {
        let height = reach(rpc, self.height).await?;
        let genesis = rpc
            .call("eth_getBlockByNumber", json!(["0x0", false]))
            .await?;
        same("genesis hash", &genesis["hash"], &json!(genesis_hash))?;
        let asked = self.blocks.iter();
        let asked = asked
            .map(|(number, _)| json!([hex(*number), false]))
            .collect();
        let served = rpc.many("eth_getBlockByNumber", asked).await?;
        for ((number, hash), served) in self.blocks.iter().zip(&served) {
            same(
                &format!("hash of block {number}"),
                &served["hash"],
                &json!(hash),
            )?;
        }
        let asked = self.receipts.iter();
        let asked = asked
            .map(|receipt| json!([receipt["transactionHash"]]))
            .collect();
        let served = rpc.many("eth_getTransactionReceipt", asked).await?;
        for (known, served) in self.receipts.iter().zip(&served) {
            same("receipt", served, known)?;
        }
        let ledger = Ledger::read(rpc, &funded(), height).await?;
        let (known, recorded) = (self.receipts.len() as u64, ledger.transactions);
        if recorded < known {
            return Err(format!(
                "{known} receipts are known, the blocks have {recorded} transactions"
            ));
        }
        ledger.compare(rpc).await?;
        println!("  {height} blocks, {recorded} transactions, {known} of them known");
        Ok(())
    }
}

fn same(what: &str, served: &Value, known: &Value) -> Result<(), String> {
    if served == known {
        Ok(())
    } else {
        Err(format!("{what} was {known} and is {served}"))
    }
}

/// Waits until the height is at least `target`, and returns it.
async fn reach(rpc: &Rpc, target: u64) -> Result<u64, String> {
    let start = Instant::now();
    loop {
        let height = rpc.height().await?;
        if height >= target {
            return Ok(height);
        }
        if start.elapsed() > PROGRESS {
            return Err(format!(
                "it stays at block {height}, clients saw block {target}"
            ));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn receipt(rpc: &Rpc, transaction: &Value) -> Value {
    let start = Instant::now();
    loop {
        let answer = rpc
            .call("eth_getTransactionReceipt", json!([transaction]))
            .await;
        match answer.expect("a ready node answers") {
            Value::Null => {}
            receipt => return receipt,
        }
        let waited = start.elapsed();
        assert!(
            waited < PROGRESS,
            "{transaction} is in no block after {waited:?}"
        );
        tokio::time::sleep(POLL).await;
    }
}
