use alloy_consensus::{Signed, TxEip1559, TxEnvelope, transaction::Recovered};
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256};
use std::collections::HashMap;
use trellis_executor::Transaction;

/// Chain id of every generated block.
pub(crate) const CHAIN_ID: u64 = 7_001;

/// Makes transactions in the order of each sender's nonces.
#[derive(Debug, Default)]
pub(crate) struct Senders(HashMap<Address, u64>);

impl Senders {
    /// The nonce of the sender's next transaction.
    pub(crate) fn nonce(&self, from: Address) -> u64 {
        self.0.get(&from).copied().unwrap_or_default()
    }

    /// The sender's next transaction.
    pub(crate) fn transaction(
        &mut self,
        from: Address,
        to: TxKind,
        gas_limit: u64,
        value: U256,
        input: Bytes,
    ) -> Transaction {
        let nonce = self.0.entry(from).or_default();
        let tx = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: *nonce,
            gas_limit,
            max_fee_per_gas: 3_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to,
            value,
            input,
            ..TxEip1559::default()
        };
        *nonce += 1;
        // Nobody signs: who sent it is given.
        let signed = Signed::new_unhashed(tx, Signature::test_signature());
        Recovered::new_unchecked(TxEnvelope::from(signed), from)
    }
}
