//! The imports of a block: which ones a leader makes, and whether those of a block may stand there (docs/spec/messages.md, 6).

use crate::{Chain, ChainError, ChainSpec, PaymentError, SubmitError, payments, submit};
use alloy_consensus::{ReceiptEnvelope, Transaction as _, TxEnvelope, transaction::Recovered};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::Bytes;
use rayon::prelude::*;
use std::collections::BTreeMap;
use trellis_executor::Transaction;
use trellis_messaging::{
    Import,
    gateway::{counts, received_slot},
    import::{self, IMPORTS_MAX},
};
use trellis_primitives::{
    ModuleId, StateError, StateReader,
    system::{GATEWAY, IMPORTER, is_unsigned},
};

/// Decodes a transaction of a block: signed, or one of the protocol's.
pub(crate) fn decode(spec: &ChainSpec, raw: &[u8]) -> Result<Transaction, SubmitError> {
    match submit::decode(raw) {
        Err(SubmitError::Signature) => match TxEnvelope::decode_2718_exact(raw) {
            Ok(envelope) if is_unsigned(&envelope) => {
                let sender = match payments::recover(&envelope) {
                    Some(_) if spec.payments.is_none() => return Err(PaymentError::NoPool.into()),
                    Some(sender) => sender.map_err(PaymentError::from)?,
                    None => IMPORTER,
                };
                Ok(Recovered::new_unchecked(envelope, sender))
            }
            _ => Err(SubmitError::Signature),
        },
        decoded => decoded,
    }
}

/// Checks a block's imports, and returns how many there are: they stand behind the first `records` transactions and before all
/// others (MSG-1).
///
/// # Errors
/// Index and rule of the first transaction that breaks one.
pub(crate) fn check(
    chain: &Chain,
    records: usize,
    transactions: &[Transaction],
) -> Result<usize, (usize, String)> {
    let behind = transactions.get(records..).unwrap_or_default();
    check_front(chain, behind).map_err(|(index, rule)| (records + index, rule))
}

fn check_front(chain: &Chain, transactions: &[Transaction]) -> Result<usize, (usize, String)> {
    let is_from_importer = |tx: &Transaction| tx.signer() == IMPORTER;
    let leading = transactions.iter().take_while(|tx| is_from_importer(tx));
    let count = leading.count();
    let (imports, others) = transactions.split_at(count);
    if let Some(index) = others.iter().position(is_from_importer) {
        return Err((
            count + index,
            "an import stands behind other transactions".into(),
        ));
    }
    if count > IMPORTS_MAX {
        return Err((count, format!("more than {IMPORTS_MAX} imports")));
    }
    let (mut gas, mut bytes) = (0_u64, 0);
    let gas_max = import::gas_max(chain.spec().gas_limit);
    for (index, tx) in imports.iter().enumerate() {
        gas = gas.saturating_add(tx.inner().gas_limit());
        bytes += tx.inner().input().len();
        if gas > gas_max {
            return Err((index, format!("imports ask for more than {gas_max} gas")));
        }
        if bytes > import::BYTES_MAX {
            let limit = import::BYTES_MAX;
            return Err((index, format!("imports have more than {limit} bytes")));
        }
    }
    let rule = |(index, tx): (usize, &Transaction)| {
        check_one(chain, tx).map_err(|error| (index, error.to_string()))
    };
    imports.par_iter().enumerate().try_for_each(rule)?;
    Ok(count)
}

fn check_one(chain: &Chain, tx: &Transaction) -> Result<(), import::ImportError> {
    let import = Import::decode(tx.inner())?;
    let exchange = chain.exchange();
    let known = |hash| exchange.known(import.source, hash);
    let (first, here) = (chain.spec().first_chain_id(), chain.spec().id);
    if let Some(block) = import.verify(exchange.network(), first, here, known)? {
        exchange.learn(import.source, block);
    }
    Ok(())
}

/// Whether all of a block's `count` imports, behind the first `records` transactions, succeeded.
///
/// # Errors
/// What is wrong, with the index of the first that did not.
pub(crate) fn check_outcome(
    records: usize,
    count: usize,
    receipts: &[ReceiptEnvelope],
) -> Result<(), String> {
    let mut front = receipts.iter().take(records + count).enumerate();
    let failed = front.find(|(index, receipt)| *index >= records && !receipt.status());
    match failed.map(|(index, _)| index) {
        Some(index) => Err(format!(
            "transaction {index}: an import fails, because its messages are not the next of their source"
        )),
        None => Ok(()),
    }
}

/// How many messages of each other module were received in this state.
///
/// # Errors
/// Those of the state.
fn received(
    spec: &ChainSpec,
    state: &impl StateReader,
) -> Result<BTreeMap<ModuleId, u64>, StateError> {
    let others = (0..spec.modules).filter_map(ModuleId::new);
    let others = others.filter(|module| *module != spec.id);
    let count = |module: ModuleId| {
        let value = state.storage(GATEWAY, received_slot(module))?;
        Ok((module, counts(value).0))
    };
    others.map(count).collect()
}

/// The imports a leader puts in front of block `number` on this state.
///
/// # Errors
/// A state that cannot be read. Messages that cannot be read are left to the next leader.
pub(crate) fn make(
    chain: &Chain,
    number: u64,
    state: &impl StateReader,
) -> Result<Vec<(Transaction, Bytes)>, StateError> {
    if !chain
        .exchange()
        .has_messages(chain.spec().id, |source| chain.received(source))
    {
        return Ok(Vec::new());
    }
    let received = received(chain.spec(), state)?;
    let nonce = state.account(IMPORTER)?.unwrap_or_default().nonce;
    let imports = match chain.exchange().collect(chain, number, &received) {
        Ok(imports) => imports,
        Err(ChainError::Starting) => Vec::new(),
        Err(error) => {
            tracing::error!(module = %chain.spec().name, %error, "messages cannot be read; importing none");
            Vec::new()
        }
    };
    let chain_id = chain.spec().chain_id();
    let numbered = (nonce..).zip(imports);
    Ok(numbered
        .map(|(nonce, import)| import.transaction(chain_id, nonce))
        .collect())
}
