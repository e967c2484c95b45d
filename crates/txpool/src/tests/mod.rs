mod burst;
mod check;
mod insertion;
mod model;
mod orders;
mod properties;
mod structures;
mod transitions;

use crate::{Limits, Pool, PooledTransaction};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope, transaction::Recovered};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Signature, TxKind, U256};
use std::sync::Arc;
use trellis_primitives::Account;

pub(super) const RICH: u128 = u128::MAX;

pub(super) fn address(index: u64) -> Address {
    Address::left_padding_from(&(index + 1).to_be_bytes())
}

pub(super) fn account(nonce: u64, balance: u128) -> Account {
    Account {
        nonce,
        balance: U256::from(balance),
        ..Account::default()
    }
}

/// A transaction under construction; gas limit 1, so that its cost is `value + max_fee`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tx {
    pub(super) sender: Address,
    pub(super) nonce: u64,
    pub(super) max_fee: u128,
    pub(super) tip: u128,
    pub(super) value: u128,
    pub(super) data: usize,
}

pub(super) fn tx(sender: u64, nonce: u64) -> Tx {
    Tx {
        sender: address(sender),
        nonce,
        max_fee: 100,
        tip: 10,
        value: 0,
        data: 0,
    }
}

impl Tx {
    pub(super) fn fees(self, max_fee: u128, tip: u128) -> Self {
        Self {
            max_fee,
            tip,
            ..self
        }
    }

    pub(super) fn value(self, value: u128) -> Self {
        Self { value, ..self }
    }

    pub(super) fn data(self, data: usize) -> Self {
        Self { data, ..self }
    }

    /// The signature is a dummy that does not depend on the sender, so the recipient does, to keep hashes apart.
    pub(super) fn build(self) -> Arc<PooledTransaction> {
        let signed: TxEnvelope = TxEip1559 {
            chain_id: 1,
            nonce: self.nonce,
            gas_limit: 1,
            max_fee_per_gas: self.max_fee,
            max_priority_fee_per_gas: self.tip,
            to: TxKind::Call(self.sender),
            value: U256::from(self.value),
            input: vec![0; self.data].into(),
            ..TxEip1559::default()
        }
        .into_signed(Signature::test_signature())
        .into();
        let encoded = signed.encoded_2718().into();
        Arc::new(PooledTransaction::new(
            Recovered::new_unchecked(signed, self.sender),
            encoded,
        ))
    }
}

/// A pool at base fee 10.
pub(super) fn pool(limits: Limits) -> Pool {
    let mut pool = Pool::new(limits);
    pool.set_head(10, []);
    pool
}

pub(super) fn of_count(count: usize) -> Limits {
    Limits {
        count,
        ..Limits::default()
    }
}

/// Inserts from a rich account with nonce 0; must succeed.
pub(super) fn add(pool: &mut Pool, tx: Tx) -> Arc<PooledTransaction> {
    let tx = tx.build();
    pool.insert(Arc::clone(&tx), &account(0, RICH)).unwrap();
    pool.check();
    tx
}

/// Sender and nonce in the order a builder takes them.
pub(super) fn order(pool: &Pool) -> Vec<(Address, u64)> {
    pool.best().map(|tx| (tx.sender(), tx.nonce())).collect()
}
