use alloy_consensus::{Transaction as _, TxEnvelope, transaction::Recovered};
use revm::{context::TxEnv, context_interface::either::Either};
use trellis_primitives::system::{IMPORTER, KEEPER, POOL, is_unsigned};

/// A transaction and the sender its signature names.
pub type Transaction = Recovered<TxEnvelope>;

/// Who pays for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payer {
    /// Its sender.
    Sender,
    /// Nobody: it is one of the protocol's own (docs/spec/messages.md, 6; docs/spec/payments.md, 11.3).
    Nobody,
    /// The pool of private payments, after the block (docs/spec/payments.md, 11.1).
    Pool,
}

impl Payer {
    pub(crate) fn of(tx: &Transaction) -> Self {
        match tx.signer() {
            IMPORTER | KEEPER => Self::Nobody,
            _ if tx.inner().to() == Some(POOL) && is_unsigned(tx.inner()) => Self::Pool,
            _ => Self::Sender,
        }
    }
}

/// The transaction as the EVM wants it. Calldata is shared; only access and authorization lists are copied.
pub fn evm_transaction(tx: &Transaction) -> TxEnv {
    let inner = tx.inner();
    let gas_price = match Payer::of(tx) {
        Payer::Sender => inner.max_fee_per_gas(),
        Payer::Nobody | Payer::Pool => 0,
    };
    TxEnv {
        tx_type: inner.tx_type() as u8,
        caller: tx.signer(),
        gas_limit: inner.gas_limit(),
        gas_price,
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
