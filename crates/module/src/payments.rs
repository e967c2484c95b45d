//! Private payments in a module's blocks (docs/spec/payments.md, 11): which transactions are transfers, whether they are right, and
//! the record of the tree's root in front of a block.
//!
//! What the state decides, such as whether a nullifier was spent, the pool contract decides when a block is executed. Here is what needs
//! none: form, fee, proof. Both are asked before a transfer enters the pool of pending transactions.

mod admit;
mod error;
mod notes;
mod proofs;
mod waiting;

pub(crate) use self::{
    admit::judge,
    notes::{Notes, events},
    proofs::{Proofs, verifier},
    waiting::Waiting,
};
pub use error::PaymentError;

use crate::{Chain, ChainSpec};
use alloy_consensus::{
    ReceiptEnvelope, SignableTransaction as _, Transaction as _, TxEnvelope, TxLegacy,
    transaction::Recovered,
};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use trellis_circuits::VERIFYING_KEY_HASH;
use trellis_executor::Transaction;
use trellis_primitives::{
    Account, Block, StateDiff,
    system::{KEEPER, POOL, is_unsigned},
};
use trellis_shielded::{ProvenTransfer, TRANSFER_CIRCUIT, TransactionError, pool, sender};

/// Gas limit of the record of a root.
const RECORD_GAS: u64 = 600_000;

/// What the genesis of a module says about private payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payments {
    /// Who may pause circuits and add new ones.
    pub governance: Address,
}

impl Payments {
    /// Circuits of the genesis, with the fingerprints of their verifying keys.
    pub fn circuits() -> [(u32, B256); 1] {
        [(TRANSFER_CIRCUIT, VERIFYING_KEY_HASH.into())]
    }
}

/// Where the transfers of a module count.
pub(crate) fn domain(spec: &ChainSpec, genesis: B256) -> trellis_shielded::Chain {
    trellis_shielded::Chain {
        chain_id: U256::from(spec.chain_id()),
        module: spec.id.index(),
        genesis,
    }
}

/// The sender of a transaction without signature, if it is one of the pool's.
pub(crate) fn recover(envelope: &TxEnvelope) -> Option<Result<Address, TransactionError>> {
    if !is_unsigned(envelope) || envelope.to() != Some(POOL) {
        return None;
    }
    Some(if is_record(envelope.input()) {
        Ok(KEEPER)
    } else {
        read(envelope).map(|proven| sender(&proven.transfer.nullifiers[0]))
    })
}

/// The transfer in a transaction, if its form is right.
pub(crate) fn read(envelope: &TxEnvelope) -> Result<ProvenTransfer, TransactionError> {
    if envelope.nonce() != 0 || !envelope.value().is_zero() {
        return Err(TransactionError::Input);
    }
    ProvenTransfer::of_transaction(
        envelope.input(),
        envelope.max_fee_per_gas(),
        envelope.gas_limit(),
    )
}

/// Whether a transaction is a transfer. Its sender was recovered, so nobody signed it.
pub(crate) fn is_transfer(tx: &Transaction) -> bool {
    tx.signer() != KEEPER && tx.inner().to() == Some(POOL) && is_unsigned(tx.inner())
}

/// What the transfers among these pay, in wei.
pub(crate) fn fees(transactions: &[Transaction]) -> u128 {
    let transfers = transactions.iter().filter(|tx| is_transfer(tx));
    // Price times limit is the fee, as the form of each says.
    let fee = |tx: &Transaction| {
        let (price, limit) = (tx.inner().max_fee_per_gas(), tx.inner().gas_limit());
        price.saturating_mul(u128::from(limit))
    };
    transfers.map(fee).fold(0, u128::saturating_add)
}

fn is_record(input: &[u8]) -> bool {
    use alloy_sol_types::SolCall as _;
    input.starts_with(&pool::abi::appendCall::SELECTOR)
}

/// The transaction that a block on block `parent` begins with, if that one changed the tree (11.3).
pub(crate) fn record(chain: &Chain, (number, parent): (u64, B256)) -> Option<(Transaction, Bytes)> {
    chain.spec().payments?;
    let notes = chain.notes_after(number, parent);
    let input = notes.record()?;
    let tx = TxLegacy {
        chain_id: Some(chain.spec().chain_id()),
        nonce: notes.records(),
        gas_price: 0,
        gas_limit: RECORD_GAS,
        to: TxKind::Call(POOL),
        value: U256::ZERO,
        input,
    };
    let unsigned = Signature::new(U256::ZERO, U256::ZERO, false);
    let envelope = TxEnvelope::from(tx.into_signed(unsigned));
    let encoded = envelope.encoded_2718().into();
    Some((Recovered::new_unchecked(envelope, KEEPER), encoded))
}

/// Checks that a block begins with the record its parent asks for, and has no other. Returns how many there are.
///
/// # Errors
/// Index and rule of the first transaction that breaks one.
pub(crate) fn check_record(
    chain: &Chain,
    parent: &Block,
    transactions: &[Transaction],
) -> Result<usize, (usize, String)> {
    let expected = record(chain, (parent.number(), parent.hash()));
    let count = usize::from(expected.is_some());
    if let Some((expected, _)) = expected
        && transactions.first() != Some(&expected)
    {
        let rule = "the block must begin with the record of its parent's root of notes";
        return Err((0, rule.into()));
    }
    let mut others = transactions.iter().skip(count);
    match others.position(|tx| tx.signer() == KEEPER) {
        Some(index) => Err((count + index, "a record that nothing asks for".into())),
        None => Ok(count),
    }
}

/// Whether somebody signed a transaction that only a proof may make: a key whose account is the sender of a transfer takes some
/// 2^80 hashes to find, and must be worth nothing (11.1).
pub(crate) fn is_forged(tx: &Transaction) -> bool {
    use alloy_sol_types::SolCall as _;
    let inner = tx.inner();
    inner.to() == Some(POOL)
        && !is_unsigned(inner)
        && inner
            .input()
            .starts_with(&pool::abi::transferCall::SELECTOR)
}

/// Checks that nobody signed a transfer.
///
/// # Errors
/// Index and rule of the first that somebody did.
pub(crate) fn check_signed(transactions: &[Transaction]) -> Result<(), (usize, String)> {
    match transactions.iter().position(is_forged) {
        Some(index) => Err((index, PaymentError::Signed.to_string())),
        None => Ok(()),
    }
}

/// What the pool holds after a block, in wei, given its account before.
pub(crate) fn pool_after(diff: &StateDiff, before: Option<Account>) -> U256 {
    let after = diff
        .accounts
        .get(&POOL)
        .map_or(before, |change| change.after);
    after.unwrap_or_default().balance
}

/// Checks that the pool holds what a block's transfers pay, after everything else the block does: so even forged proofs make no coin
/// (11.5, PAY-2).
///
/// # Errors
/// That it does not.
pub(crate) fn check_fees(fees: u128, pool: U256) -> Result<(), String> {
    if U256::from(fees) > pool {
        return Err(format!(
            "private transfers pay {fees} wei, more than the {pool} in the pool (PAY-2)"
        ));
    }
    Ok(())
}

/// Checks the proofs of a block's transfers, all at once, as far as they are not known to be right (PAY-1, PAY-3).
///
/// # Errors
/// Index and rule of the first that is wrong.
pub(crate) fn check_proofs(
    chain: &Chain,
    transactions: &[Transaction],
) -> Result<(), (usize, String)> {
    let transfers = transactions.iter().enumerate();
    // Most waited in the pool, where form and proof were checked.
    let transfers: Vec<_> = transfers
        .filter(|(_, tx)| is_transfer(tx) && !chain.proofs().knows(tx.tx_hash()))
        .collect();
    if transfers.is_empty() {
        return Ok(());
    }
    let jobs: Result<Vec<_>, _> = transfers
        .par_iter()
        .map(|(index, tx)| {
            let proven = read(tx.inner());
            let proven = proven.map_err(|error: TransactionError| (*index, error.to_string()))?;
            Ok::<_, (usize, String)>(chain.proof_job(*tx.tx_hash(), proven))
        })
        .collect();
    let right = chain.proofs().check(jobs?);
    match right.iter().position(|right| !right) {
        Some(wrong) => Err((transfers[wrong].0, PaymentError::Proof.to_string())),
        None => Ok(()),
    }
}

/// Whether the record of a block succeeded.
///
/// # Errors
/// That it did not.
pub(crate) fn check_outcome(records: usize, receipts: &[ReceiptEnvelope]) -> Result<(), String> {
    let failed = receipts
        .iter()
        .take(records)
        .any(|receipt| !receipt.status());
    if failed {
        return Err("transaction 0: the record of the root of notes fails".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
