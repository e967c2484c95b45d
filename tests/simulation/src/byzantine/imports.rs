//! Imports that break one rule each.

use super::liar::Lie;
use alloy_consensus::{Transaction as _, TxEnvelope};
use alloy_eips::eip2718::Decodable2718 as _;
use alloy_primitives::{Bytes, U256};
use commonware_consensus::types::View;
use trellis_messaging::{Import, import::MESSAGES_MAX};
use trellis_primitives::{Block, system::is_unsigned};

/// The first import of a body, and its nonce.
fn first(transactions: &[Bytes]) -> Option<(Import, u64)> {
    let envelope = TxEnvelope::decode_2718_exact(transactions.first()?).ok()?;
    if !is_unsigned(&envelope) {
        return None;
    }
    Some((Import::decode(&envelope).ok()?, envelope.nonce()))
}

/// Whether a block imports anything.
pub(super) fn has_imports(block: &Block) -> bool {
    first(block.transactions()).is_some()
}

/// The body with its first import made wrong; `None` if it cannot be made wrong like this.
pub(super) fn lie(lie: Lie, chain_id: u64, mut transactions: Vec<Bytes>) -> Option<Vec<Bytes>> {
    let (mut import, mut nonce) = first(&transactions)?;
    let several = import.messages.len() > 1;
    match lie {
        Lie::ImportForged => import.messages.first_mut()?.value += U256::ONE,
        Lie::ImportSkipping if several => {
            import.messages.remove(0);
            import.first += 1;
        }
        Lie::ImportTruncated if several => drop(import.messages.pop()?),
        Lie::ImportReordered if several => import.messages.swap(0, 1),
        Lie::ImportReplayed => {
            nonce += 1;
            let again = import.transaction(chain_id, nonce).1;
            transactions.insert(1, again);
            return Some(transactions);
        }
        Lie::ImportLate if transactions.len() > 1 => {
            let late = transactions.remove(0);
            transactions.push(late);
            return Some(transactions);
        }
        Lie::ImportOversized => {
            let message = import.messages.first()?.clone();
            import.messages = vec![message; MESSAGES_MAX + 1];
        }
        Lie::ImportNotFinal => import.evidence.finalization.proposal.parent = View::new(u64::MAX),
        _ => return None,
    }
    transactions[0] = import.transaction(chain_id, nonce).1;
    Some(transactions)
}
