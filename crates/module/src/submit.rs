//! How a transaction enters the pool: decode, recover, check what needs no state, check against the head, insert.

use crate::{Chain, ChainError, PaymentError, StateView, payments};
use alloy_consensus::{
    Transaction as _, TxEnvelope,
    transaction::{Recovered, SignerRecoverable},
};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, B256, Bytes};
use rayon::prelude::*;
use std::sync::Arc;
use trellis_executor::{StaticError, Transaction, check_static};
use trellis_primitives::{
    Account, Class, StateError, StateReader,
    limits::TRANSACTION_BYTES_MAX,
    system::{POOL, is_unsigned},
};
use trellis_shielded::{ProvenTransfer, Transfer};
use trellis_txpool::{PoolError, PooledTransaction};

/// Lowest base fee EIP-1559 can reach by falling, in wei: below it an eighth rounds to nothing.
pub const BASE_FEE_MIN: u128 = 7;

/// Why a transaction did not enter the pool.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Too many bytes.
    #[error("oversized data: transaction has {got} bytes, the limit is {TRANSACTION_BYTES_MAX}")]
    Size {
        /// Size of the transaction.
        got: usize,
    },
    /// Not an EIP-2718 transaction.
    #[error("failed to decode transaction: {0}")]
    Decode(String),
    /// The signature names no sender.
    #[error("invalid sender: the signature does not recover to an address")]
    Signature,
    /// A rule that needs no state.
    #[error(transparent)]
    Static(#[from] StaticError),
    /// The fee is below anything the base fee can fall to.
    #[error(
        "transaction underpriced: max fee per gas {got} wei is below {BASE_FEE_MIN} wei, the lowest base fee there can be"
    )]
    FeeTooLow {
        /// Fee offered, in wei per gas.
        got: u128,
    },
    /// The sender is a contract (EIP-3607).
    #[error("sender not an eoa: {0} has code (EIP-3607)")]
    SenderHasCode(Address),
    /// A rule of private payments.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// The pool refused it.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The chain could not say.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl SubmitError {
    /// What the refusal says about the transaction.
    pub fn class(&self) -> Class {
        match self {
            Self::Chain(error) => error.class(),
            Self::Pool(error) => error.class(),
            Self::Payment(error) => error.class(),
            _ => Class::Invalid,
        }
    }
}

/// Decodes an EIP-2718 transaction and recovers its sender.
///
/// # Errors
/// [`SubmitError::Size`], [`SubmitError::Decode`] or [`SubmitError::Signature`].
pub fn decode(raw: &[u8]) -> Result<Transaction, SubmitError> {
    recover(decode_envelope(raw)?)
}

fn decode_envelope(raw: &[u8]) -> Result<TxEnvelope, SubmitError> {
    if raw.len() > TRANSACTION_BYTES_MAX {
        return Err(SubmitError::Size { got: raw.len() });
    }
    let mut rest = raw;
    let envelope = TxEnvelope::decode_2718(&mut rest)
        .map_err(|error| SubmitError::Decode(error.to_string()))?;
    if !rest.is_empty() {
        return Err(SubmitError::Decode(format!(
            "{} bytes follow the transaction",
            rest.len()
        )));
    }
    Ok(envelope)
}

fn recover(envelope: TxEnvelope) -> Result<Transaction, SubmitError> {
    envelope
        .try_into_recovered()
        .map_err(|_| SubmitError::Signature)
}

/// A transaction that lacks only its place in the pool.
struct Prepared {
    pooled: Arc<PooledTransaction>,
    /// What it is, if it is a private transfer.
    transfer: Option<Box<ProvenTransfer>>,
}

impl Chain {
    /// Takes one encoded transaction from a client. Blocks on the state.
    ///
    /// # Errors
    /// [`SubmitError`], naming the rule.
    pub fn submit(&self, raw: Bytes) -> Result<B256, SubmitError> {
        let mut results = self.take_many(vec![raw], true);
        results.pop().unwrap_or(Err(SubmitError::Signature))
    }

    /// Takes many encoded transactions from a client, recovering their senders in parallel; the pool sees them in
    /// order. Blocks on the state.
    pub fn submit_many(&self, raws: Vec<Bytes>) -> Vec<Result<B256, SubmitError>> {
        self.take_many(raws, true)
    }

    /// Takes transactions another validator sent. What is wrong with them is nobody's concern here (NET-1).
    pub fn receive_many(&self, raws: Vec<bytes::Bytes>) -> usize {
        let raws = raws.into_iter().map(Bytes::from).collect();
        self.take_many(raws, false)
            .iter()
            .filter(|result| result.is_ok())
            .count()
    }

    /// Executable transactions of this node's own clients, oldest first, for peers that may have missed them.
    pub fn waiting_local(&self, limit: usize) -> Vec<bytes::Bytes> {
        self.with_pool(|pool, _| {
            let waiting = pool
                .executable_by_arrival(..)
                .filter(|(_, pooled)| pooled.local);
            waiting
                .take(limit)
                .map(|(_, pooled)| pooled.encoded.0.clone())
                .collect()
        })
    }

    fn take_many(&self, raws: Vec<Bytes>, local: bool) -> Vec<Result<B256, SubmitError>> {
        let prepare = |raw| self.prepare(raw, local);
        let mut prepared: Vec<_> = match raws.len() {
            1 => raws.into_iter().map(prepare).collect(),
            _ => raws.into_par_iter().map(prepare).collect(),
        };
        self.check_proofs(&mut prepared);
        let mut taken = Vec::with_capacity(prepared.len());
        let results = prepared
            .into_iter()
            .map(|prepared| {
                let prepared = prepared?;
                let hash = self.admit(&prepared)?;
                taken.push(prepared.pooled);
                Ok(hash)
            })
            .collect();
        self.announce(&taken);
        results
    }

    /// Checks the proofs of the private transfers among these, all at once: they cost most, so they come last.
    fn check_proofs(&self, prepared: &mut [Result<Prepared, SubmitError>]) {
        let mut places = Vec::new();
        let mut jobs = Vec::new();
        for (place, prepared) in prepared.iter().enumerate() {
            if let Ok(Prepared {
                pooled,
                transfer: Some(transfer),
            }) = prepared
            {
                places.push(place);
                jobs.push(self.proof_job(pooled.hash, transfer.as_ref().clone()));
            }
        }
        if jobs.is_empty() {
            return;
        }
        for (place, right) in places.into_iter().zip(self.proofs().check(jobs)) {
            if !right {
                prepared[place] = Err(PaymentError::Proof.into());
            }
        }
    }

    /// The sender of a private transfer, and the transfer.
    fn prepare_transfer(
        &self,
        envelope: &TxEnvelope,
    ) -> Result<(Transaction, Box<ProvenTransfer>), SubmitError> {
        if self.spec().payments.is_none() {
            return Err(PaymentError::NoPool.into());
        }
        let proven = payments::read(envelope).map_err(PaymentError::from)?;
        let sender = trellis_shielded::sender(&proven.transfer.nullifiers[0]);
        let transaction = Recovered::new_unchecked(envelope.clone(), sender);
        Ok((transaction, Box::new(proven)))
    }

    /// Whether the next block could take a transfer, as the head's state says.
    fn judge(&self, transfer: &Transfer) -> Result<(), SubmitError> {
        let (_, verdict) = self.read_head(|view| {
            let head = view.number();
            let newest = self.newest_root(head);
            payments::judge(view, transfer, head + 1, newest)
        })?;
        Ok(verdict?)
    }

    fn prepare(&self, raw: Bytes, local: bool) -> Result<Prepared, SubmitError> {
        let envelope = decode_envelope(&raw)?;
        let is_transfer = is_unsigned(&envelope) && envelope.to() == Some(POOL);
        let (transaction, transfer) = if is_transfer {
            let (transaction, transfer) = self.prepare_transfer(&envelope)?;
            (transaction, Some(transfer))
        } else {
            let transaction = recover(envelope)?;
            if self.spec().payments.is_some() && payments::is_forged(&transaction) {
                return Err(PaymentError::Signed.into());
            }
            (transaction, None)
        };
        check_static(&transaction, self.spec().chain_id(), self.spec().gas_limit)?;
        let mut pooled = PooledTransaction::new(transaction, raw).with_local(local);
        if transfer.is_some() {
            pooled = pooled.paid_by_others();
        }
        if pooled.max_fee() < BASE_FEE_MIN {
            return Err(SubmitError::FeeTooLow {
                got: pooled.max_fee(),
            });
        }
        if let Some(transfer) = &transfer {
            self.judge(&transfer.transfer)?;
        }
        let pooled = Arc::new(pooled);
        Ok(Prepared { pooled, transfer })
    }

    fn admit(&self, prepared: &Prepared) -> Result<B256, SubmitError> {
        let Prepared { pooled, transfer } = prepared;
        loop {
            let (head, (account, may_send)) = self.read_head(|view| {
                let account = view.account(pooled.sender())?.unwrap_or_default();
                Ok((account, may_send(view, &account)?))
            })?;
            if !may_send {
                return Err(SubmitError::SenderHasCode(pooled.sender()));
            }
            let mut tip = self.tip.lock();
            // A block published in between may have used the nonce or the balance: look again.
            if tip.head.number() == head {
                let transfer = transfer.as_ref().map(|proven| &proven.transfer);
                tip.insert(pooled, &account, transfer)?;
                return Ok(pooled.hash);
            }
        }
    }

    /// Reads the state of the head, which is block `.0`; again if so many blocks were published meanwhile that the
    /// window has left it behind.
    fn read_head<T>(
        &self,
        read: impl Fn(&StateView) -> Result<T, StateError>,
    ) -> Result<(u64, T), ChainError> {
        loop {
            let head = self.head().number();
            let result = self.state_at(head).and_then(|view| Ok(read(&view)?));
            match result {
                Err(ChainError::State(StateError::Stale) | ChainError::StateWindow { .. })
                    if self.head().number() > head => {}
                result => return result.map(|value| (head, value)),
            }
        }
    }

    fn announce(&self, taken: &[Arc<PooledTransaction>]) {
        for pooled in taken {
            let _ = self.pending.send(pooled.clone());
            if pooled.local {
                // A full queue loses nothing: waiting local transactions are sent again periodically.
                let _ = self.gossip.try_send(pooled.encoded.0.clone());
            }
        }
        if !taken.is_empty() {
            self.note_change();
        }
    }

    /// The nonce the next transaction of `address` should have. Blocks on the state.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn pending_nonce(&self, address: Address) -> Result<u64, ChainError> {
        loop {
            let (head, account) = self.read_head(|view| view.account(address))?;
            let tip = self.tip.lock();
            if tip.head.number() == head {
                let next = tip.pool.pending_nonce(address);
                return Ok(next.unwrap_or_else(|| account.unwrap_or_default().nonce));
            }
        }
    }
}

/// EIP-3607, with the exception EIP-7702 makes for delegations (code `0xef0100 ‖ address`).
fn may_send(view: &impl StateReader, account: &Account) -> Result<bool, StateError> {
    Ok(!account.has_code()
        || view
            .code(account.code_hash)?
            .starts_with(&[0xef, 0x01, 0x00]))
}

#[cfg(test)]
mod tests;
