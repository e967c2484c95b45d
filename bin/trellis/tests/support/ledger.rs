//! What a module's accounts must hold: computed from its blocks and receipts alone, by rules simple enough to be right.

use super::rpc::{Rpc, hash, hex, number, quantity};
use alloy_consensus::Header;
use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the node holds under one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holding {
    balance: U256,
    nonce: u64,
}

/// The accounts after block `height`.
pub(crate) struct Ledger {
    height: u64,
    head: B256,
    accounts: BTreeMap<Address, Holding>,
    /// How often each counter contract was called with success.
    counters: BTreeMap<Address, u64>,
    /// Transactions in all blocks.
    pub(crate) transactions: u64,
}

impl Ledger {
    /// The ledger of blocks 0 to `height`, read through `rpc`. `funded` hold 10,000 coins at genesis.
    pub(crate) async fn read(rpc: &Rpc, funded: &[Address], height: u64) -> Result<Self, String> {
        let numbers = |with: fn(u64) -> Value| (0..=height).map(with).collect();
        let blocks = rpc
            .many("eth_getBlockByNumber", numbers(|n| json!([hex(n), true])))
            .await?;
        let receipts = rpc
            .many("eth_getBlockReceipts", numbers(|n| json!([hex(n)])))
            .await?;
        let coins = U256::from(10_000) * U256::from(10).pow(U256::from(18));
        let holding = Holding {
            balance: coins,
            nonce: 0,
        };
        let mut ledger = Self {
            height: 0,
            head: hash(&blocks[0]["hash"])?,
            accounts: funded.iter().map(|address| (*address, holding)).collect(),
            counters: BTreeMap::new(),
            transactions: 0,
        };
        for (block, receipts) in blocks.iter().zip(&receipts).skip(1) {
            ledger
                .apply(block, receipts)
                .map_err(|error| format!("{}: {error}", block["number"]))?;
        }
        Ok(ledger)
    }

    fn apply(&mut self, block: &Value, receipts: &Value) -> Result<(), String> {
        let header: Header = parse(block)?;
        let same = |what, right| {
            if right {
                Ok(())
            } else {
                Err(format!("wrong {what}"))
            }
        };
        same("number", header.number == self.height + 1)?;
        same("parent", header.parent_hash == self.head)?;
        self.head = hash(&block["hash"])?;
        self.height = header.number;
        same("hash", header.hash_slow() == self.head)?;
        let (Some(transactions), Some(receipts)) =
            (block["transactions"].as_array(), receipts.as_array())
        else {
            return Err("no transactions or no receipts".into());
        };
        same("number of receipts", transactions.len() == receipts.len())?;
        let mut gas = 0;
        for (transaction, receipt) in transactions.iter().zip(receipts) {
            same("receipt", receipt["transactionHash"] == transaction["hash"])?;
            same("receipt's block", hash(&receipt["blockHash"])? == self.head)?;
            gas += number(&receipt["gasUsed"])?;
            self.transact(&header, transaction, receipt)?;
        }
        same("gas used", gas == header.gas_used)
    }

    fn transact(
        &mut self,
        header: &Header,
        transaction: &Value,
        receipt: &Value,
    ) -> Result<(), String> {
        let from: Address = parse(&transaction["from"])?;
        let to: Option<Address> = parse(&transaction["to"])?;
        let value = quantity(&transaction["value"])?;
        let gas_used = quantity(&receipt["gasUsed"])?;
        let price = quantity(&receipt["effectiveGasPrice"])?;
        let base_fee = U256::from(header.base_fee_per_gas.unwrap_or_default());
        if receipt["status"] != "0x1" {
            return Err(format!("{} failed", transaction["hash"]));
        }
        let sender = self.accounts.entry(from).or_default();
        if number(&transaction["nonce"])? != sender.nonce {
            return Err(format!("{from} has nonce {}, {transaction}", sender.nonce));
        }
        sender.nonce += 1;
        let spent = value + gas_used * price;
        sender.balance = sender.balance.checked_sub(spent).ok_or("overspent")?;
        let receiver = match to {
            Some(to) => to,
            None => parse(&receipt["contractAddress"])?,
        };
        self.accounts.entry(receiver).or_default().balance += value;
        let tip = price
            .checked_sub(base_fee)
            .ok_or("price below the base fee")?;
        self.accounts.entry(header.beneficiary).or_default().balance += gas_used * tip;
        if to.is_none() {
            // EIP-161: a contract begins at nonce 1.
            self.accounts.entry(receiver).or_default().nonce = 1;
            self.counters.insert(receiver, 0);
        } else if let Some(count) = self.counters.get_mut(&receiver) {
            *count += 1;
        }
        self.transactions += 1;
        Ok(())
    }

    /// Balances, nonces and counters as `rpc` serves them at the ledger's height must be the ledger's.
    pub(crate) async fn compare(&self, rpc: &Rpc) -> Result<(), String> {
        let addresses: Vec<Address> = self.accounts.keys().copied().collect();
        let at = hex(self.height);
        let balances = rpc.balances(&addresses, self.height).await?;
        let nonces = rpc.nonces(&addresses, &at).await?;
        for ((address, holding), (balance, nonce)) in
            self.accounts.iter().zip(balances.into_iter().zip(nonces))
        {
            let served = Holding { balance, nonce };
            if served != *holding {
                return Err(format!(
                    "{address} at {at}: served {served:?}, must be {holding:?}"
                ));
            }
        }
        let slots = self
            .counters
            .keys()
            .map(|address| json!([address, "0x0", at]))
            .collect();
        let served = rpc.many("eth_getStorageAt", slots).await?;
        for ((address, count), served) in self.counters.iter().zip(&served) {
            if quantity(served)? != U256::from(*count) {
                return Err(format!(
                    "{address} at {at}: counted {served}, must be {count}"
                ));
            }
        }
        Ok(())
    }
}

fn parse<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|error| format!("{error}: {value}"))
}
