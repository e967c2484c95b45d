use alloy_consensus::{Transaction as _, TxEnvelope, transaction::Recovered};
use revm::{context::TxEnv, context_interface::either::Either};

/// A transaction and the sender its signature names.
pub type Transaction = Recovered<TxEnvelope>;

/// The transaction as the EVM wants it. Calldata is shared; only access and authorization lists are copied.
pub fn evm_transaction(tx: &Transaction) -> TxEnv {
    let inner = tx.inner();
    TxEnv {
        tx_type: inner.tx_type() as u8,
        caller: tx.signer(),
        gas_limit: inner.gas_limit(),
        gas_price: inner.max_fee_per_gas(),
        kind: inner.kind(),
        value: inner.value(),
        data: inner.input().clone(),
        nonce: inner.nonce(),
        chain_id: inner.chain_id(),
        access_list: inner.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: inner.max_priority_fee_per_gas(),
        // Refused before they get here; blocks of other chains have them.
        blob_hashes: inner.blob_versioned_hashes().unwrap_or_default().to_vec(),
        max_fee_per_blob_gas: inner.max_fee_per_blob_gas().unwrap_or_default(),
        authorization_list: inner
            .authorization_list()
            .unwrap_or_default()
            .iter()
            .cloned()
            .map(Either::Left)
            .collect(),
    }
}
