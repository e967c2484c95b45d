//! A second opinion on every block: a plain ledger of balances and nonces, computed from transactions and receipts alone.
//!
//! It knows the rules of the workload only: payments between accounts, one contract that keeps what it is paid, and
//! messages that carry coin. It shares no code with the executor.

use crate::wallet;
use alloy_consensus::{ReceiptEnvelope, Transaction as _, TxEnvelope, transaction::Recovered};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall as _, SolEvent as _};
use std::collections::BTreeMap;
use trellis_messaging::{
    Import,
    gateway::{self, RESERVE, Stage},
};
use trellis_module::{ChainSpec, genesis};
use trellis_primitives::system::{GATEWAY, IMPORTER, KEEPER, POOL, is_unsigned};
use trellis_shielded::pool::abi;
use trellis_state::RecordedBlock;

/// An account as the ledger sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Transactions sent; one more for a contract (EIP-161).
    pub nonce: u64,
    /// Native coin, in wei.
    pub balance: U256,
}

/// Balances and nonces after some block of one module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Every account that was ever touched.
    pub accounts: BTreeMap<Address, Entry>,
    /// Base fees burned so far, in wei.
    pub burned: U256,
    /// What the counter's slot holds.
    pub count: u64,
    /// Native coin there was at genesis, in wei.
    pub issued: U256,
}

impl Ledger {
    /// The genesis.
    pub fn genesis(spec: &ChainSpec) -> Self {
        let mut accounts = BTreeMap::new();
        for (_, address, _) in genesis::predeploys(spec) {
            let nonce = 1;
            accounts.insert(
                address,
                Entry {
                    nonce,
                    balance: U256::ZERO,
                },
            );
        }
        let mut issued = U256::ZERO;
        for allocation in wallet::allocations() {
            accounts.entry(allocation.address).or_default().balance += allocation.balance;
            issued += allocation.balance;
        }
        accounts.entry(GATEWAY).or_default().balance = RESERVE;
        issued += RESERVE;
        Self {
            accounts,
            burned: U256::ZERO,
            count: 0,
            issued,
        }
    }

    /// Applies a block.
    ///
    /// # Errors
    /// What in the block is impossible: an overdrawn account, a wrong nonce, fewer receipts than transactions.
    pub fn apply(&mut self, recorded: &RecordedBlock) -> Result<(), String> {
        let header = recorded.block.header();
        let base_fee = header.base_fee_per_gas.ok_or("a block without base fee")?;
        if recorded.transactions.len() != recorded.receipts.len() {
            return Err("not one receipt a transaction".into());
        }
        let mut gas_before = 0;
        for (transaction, receipt) in recorded.transactions.iter().zip(&recorded.receipts) {
            let gas = U256::from(receipt.cumulative_gas_used() - gas_before);
            gas_before = receipt.cumulative_gas_used();
            let sender = transaction.signer();
            let nonce = self.entry(sender).nonce;
            if nonce != transaction.nonce() {
                return Err(format!(
                    "{sender} sent nonce {}, has {nonce}",
                    transaction.nonce()
                ));
            }
            self.entry(sender).nonce += 1;
            if sender == IMPORTER {
                self.import(transaction, receipt)?;
                continue;
            }
            if sender == KEEPER {
                self.record(transaction)?;
                continue;
            }
            let is_transfer = transaction.to() == Some(POOL) && is_unsigned(transaction.inner());
            let price = U256::from(transaction.effective_gas_price(Some(base_fee)));
            let base = U256::from(base_fee);
            let tip = price
                .checked_sub(base)
                .ok_or("a price below the base fee")?;
            self.entry(header.beneficiary).balance += gas * tip;
            if is_transfer {
                // The pool pays for it with the next block.
                self.issued += gas * tip;
                self.transfer(receipt)?;
                continue;
            }
            self.take(sender, gas * price)?;
            self.burned += gas * base;
            if !receipt.status() {
                continue;
            }
            self.take(sender, transaction.value())?;
            let to = transaction.to().unwrap_or_else(|| sender.create(nonce));
            self.entry(to).balance += transaction.value();
            if transaction.to().is_none() {
                self.entry(to).nonce = 1;
            } else if to == wallet::counter() && self.entry(to).nonce == 1 {
                // Before it is deployed, the address just takes the payment.
                self.count += 1;
            }
        }
        if gas_before == header.gas_used {
            Ok(())
        } else {
            Err(format!(
                "gasUsed {}, receipts say {gas_before}",
                header.gas_used
            ))
        }
    }

    /// What the transfers of the block before pay leaves the pool (docs/spec/payments.md, 11.3).
    fn record(&mut self, transaction: &Recovered<TxEnvelope>) -> Result<(), String> {
        let call = abi::appendCall::abi_decode(transaction.inner().input());
        let fees = U256::from(call.map_err(|error| error.to_string())?.fees);
        self.burned += fees;
        // A contract is made to destroy them.
        self.entry(POOL).nonce += u64::from(!fees.is_zero());
        self.take(POOL, fees)
    }

    /// Pays out what leaves the pool.
    fn transfer(&mut self, receipt: &ReceiptEnvelope) -> Result<(), String> {
        if !receipt.status() {
            return Err("a transfer failed".into());
        }
        for log in receipt.logs().iter().filter(|log| log.address == POOL) {
            if let Ok(out) = abi::Unshielded::decode_log(log) {
                let value = U256::from(out.value);
                self.take(POOL, value)?;
                self.entry(out.recipient).balance += value;
            }
        }
        Ok(())
    }

    /// Pays out what messages carry, as far as their delivery succeeded.
    fn import(
        &mut self,
        transaction: &Recovered<TxEnvelope>,
        receipt: &ReceiptEnvelope,
    ) -> Result<(), String> {
        if !receipt.status() {
            return Err("an import failed".into());
        }
        let import = Import::decode(transaction.inner()).map_err(|error| error.to_string())?;
        for event in gateway::events(std::slice::from_ref(receipt)) {
            let Stage::Delivered { sequence, .. } = event.stage else {
                continue;
            };
            let index = usize::try_from(sequence - import.first).unwrap_or(usize::MAX);
            let message = import.messages.get(index).ok_or("no such message")?;
            self.take(GATEWAY, message.value)?;
            self.entry(message.recipient).balance += message.value;
        }
        Ok(())
    }

    fn entry(&mut self, address: Address) -> &mut Entry {
        self.accounts.entry(address).or_default()
    }

    fn take(&mut self, address: Address, amount: U256) -> Result<(), String> {
        let balance = &mut self.entry(address).balance;
        let left = balance.checked_sub(amount);
        *balance = left.ok_or_else(|| format!("{address} spends {amount}, has {balance}"))?;
        Ok(())
    }
}
