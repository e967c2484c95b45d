use super::{PaymentError, proofs::Job, waiting::nullifiers};
use crate::Chain;
use alloy_primitives::{B256, U256};
use trellis_primitives::{StateError, StateReader, system::POOL};
use trellis_shielded::{Crossing, ProvenTransfer, Transfer, pool};

/// What the rules of the state say of a transfer for block `next` (docs/spec/payments.md, 11.2). `newest` is the root that this block
/// records, if it records one.
///
/// # Errors
/// A state that cannot be read.
pub(crate) fn judge(
    state: &impl StateReader,
    transfer: &Transfer,
    next: u64,
    newest: Option<trellis_circuits::field::F>,
) -> Result<Result<(), PaymentError>, StateError> {
    let slot = |slot: U256| state.storage(POOL, slot);
    let is_zero = |slot_of: U256| Ok::<_, StateError>(slot(slot_of)?.is_zero());
    let expiry = transfer.expiry;
    if expiry < next {
        return Ok(Err(PaymentError::Expired { expiry, next }));
    }
    if expiry > next + pool::EXPIRY_MAX {
        let limit = pool::EXPIRY_MAX;
        return Ok(Err(PaymentError::TooLong {
            expiry,
            next,
            limit,
        }));
    }
    if transfer.nullifiers[0] == transfer.nullifiers[1] {
        return Ok(Err(PaymentError::SameNullifier));
    }
    if !is_zero(pool::paused_slot(transfer.circuit))? {
        return Ok(Err(PaymentError::Paused(transfer.circuit)));
    }
    for (nullifier, encoded) in transfer.nullifiers.iter().zip(nullifiers(transfer)) {
        if !is_zero(pool::spent_slot(nullifier))? {
            return Ok(Err(PaymentError::Spent(encoded.into())));
        }
    }
    let counts = slot(pool::COUNTS_SLOT)?;
    if let Crossing::Out { asset, .. } = transfer.crossing
        && asset >= pool::assets(counts)
    {
        return Ok(Err(PaymentError::Asset(asset)));
    }
    if newest == Some(transfer.anchor) {
        return Ok(Ok(()));
    }
    let number = slot(pool::root_slot(&transfer.anchor))?.saturating_to::<u64>();
    let roots = pool::roots(counts) + u64::from(newest.is_some());
    Ok(match number {
        0 => Err(PaymentError::UnknownAnchor),
        _ if roots.saturating_sub(number) >= pool::ANCHORS => {
            Err(PaymentError::OldAnchor(pool::ANCHORS))
        }
        _ => Ok(()),
    })
}

impl Chain {
    /// What is to be checked of a transfer with this transaction hash.
    pub(crate) fn proof_job(&self, hash: B256, proven: ProvenTransfer) -> Job {
        let domain = super::domain(self.spec(), self.genesis_hash());
        Job {
            hash,
            instance: proven.transfer.instance(&domain),
            proof: proven.proof,
        }
    }
}
