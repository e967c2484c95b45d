//! The smallest payer: notes of the native coin under one key, and the tree they are in. Measurements and tests pay with it; it keeps
//! nothing on disk and finds no note again, which is a wallet's work.
//!
//! ```text
//! shield or draft ──► expected ──► follow sees it in the tree ──► held ──► draft spends it
//! ```

use crate::pool::{Event, abi};
use crate::tree::{Full, Path, Tree};
use crate::{
    ContactTag, Crossing, FullViewingKey, Memo, Note, Output, SealError, SpendingKey,
    TRANSFER_CIRCUIT, Transfer, gas_limit,
};
use alloy_primitives::Bytes;
use alloy_sol_types::SolCall as _;
use rand_core::CryptoRng;
use std::collections::BTreeMap;
use trellis_circuits::{Witness, field};

/// The asset that fees are paid in.
const NATIVE: u32 = 0;

/// A note that is in the tree.
#[derive(Clone, Debug)]
pub struct Held {
    note: Note,
    position: u32,
}

impl Held {
    /// In wei.
    pub const fn value(&self) -> u128 {
        self.note.value()
    }
}

/// What a transfer is to say of itself.
#[derive(Clone, Debug)]
pub struct Terms {
    /// In wei per gas.
    pub price: u128,
    /// The last block that may take it.
    pub expiry: u64,
    /// What leaves the pool, in native coin.
    pub crossing: Crossing,
}

/// A transfer before it is proven.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What everybody sees.
    pub transfer: Transfer,
    /// What its proof shows.
    pub witness: Witness,
    /// What is left for the payer.
    pub change: Note,
}

/// Why a note cannot be spent so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Fee and what leaves the pool are more than it is worth.
    #[error("the note is worth less than the fee and what leaves the pool")]
    Poor,
    /// It is of another purse.
    #[error("the note is not in this tree")]
    Stranger,
    /// The change cannot be encrypted.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Notes of one key.
pub struct Purse {
    spending: SpendingKey,
    keys: FullViewingKey,
    tree: Tree,
    held: Vec<Held>,
    /// By commitment, as it is encoded.
    expected: BTreeMap<[u8; 32], Note>,
}

impl Purse {
    /// An empty one.
    pub fn new(spending: SpendingKey) -> Self {
        Self {
            keys: spending.full_viewing(),
            spending,
            tree: Tree::default(),
            held: Vec::new(),
            expected: BTreeMap::new(),
        }
    }

    /// The tree of all notes.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Notes that can be spent, oldest first.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Takes the oldest notes out: fewer if there are no more.
    pub fn take(&mut self, count: usize) -> Vec<Held> {
        self.held.drain(..count.min(self.held.len())).collect()
    }

    /// Takes the newest note out.
    pub fn pop(&mut self) -> Option<Held> {
        self.held.pop()
    }

    /// The call of the pool that shields a new note. It is sent with `value` wei.
    pub fn shield(&mut self, value: u128, rng: &mut impl CryptoRng) -> Bytes {
        let note = Note::new(&self.keys.incoming().address(0), NATIVE, value, rng);
        let call = abi::shieldCall {
            asset: NATIVE,
            value,
            inner: field::encode(&note.inner()).into(),
            ciphertext: Bytes::new(),
        };
        self.expect(note);
        call.abi_encode().into()
    }

    /// Looks for a note of one's own from now on.
    pub fn expect(&mut self, note: Note) {
        self.expected
            .insert(field::encode(&note.commitment()), note);
    }

    /// Adds to the tree what the pool logged, in order, and finds what was expected.
    ///
    /// # Errors
    /// A tree without room.
    pub fn follow(&mut self, event: &Event) -> Result<(), Full> {
        for leaf in event.leaves() {
            match self.expected.remove(&field::encode(&leaf)) {
                Some(note) => {
                    let position = self.tree.append_own(leaf)?;
                    self.held.push(Held { note, position });
                }
                None => self.tree.append(leaf)?,
            }
        }
        Ok(())
    }

    /// The nullifier that spends a note.
    pub fn nullifier(&self, held: &Held) -> field::F {
        held.note.nullifier(&self.keys, held.position)
    }

    /// A transfer that spends a note. Nobody looks for the change unless it is expected.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn draft(
        &self,
        held: &Held,
        terms: Terms,
        rng: &mut impl CryptoRng,
    ) -> Result<Draft, DraftError> {
        let path = self.tree.path(held.position).ok_or(DraftError::Stranger)?;
        let fee = terms
            .price
            .saturating_mul(u128::from(gas_limit(&terms.crossing)));
        let out = match &terms.crossing {
            Crossing::None => 0,
            Crossing::Out { value, .. } => value.get(),
        };
        let left = held.value().checked_sub(fee.saturating_add(out));
        let own = self.keys.incoming().address(0);
        let change = Note::new(&own, NATIVE, left.ok_or(DraftError::Poor)?, rng);
        let (tag, from) = (ContactTag::random(rng), self.keys.outgoing());
        let (sealed, _) = Output::seal(&change, &own, Some(from), tag, rng)?;
        let dummy = Note::dummy(&self.keys, rng).input(&Path::none());
        let inputs = [held.note.input(&path), dummy];
        let ((second, inner2), (third, inner3)) = (Output::dummy(rng), Output::dummy(rng));
        let dummy = trellis_circuits::Output::dummy;
        let outputs = [change.output(), dummy(inner2), dummy(inner3)];
        let witness = Witness::new(self.spending.prover_key(), NATIVE, inputs, outputs);
        let transfer = Transfer {
            circuit: TRANSFER_CIRCUIT,
            expiry: terms.expiry,
            anchor: self.tree.root(),
            nullifiers: witness.nullifiers(),
            fee,
            crossing: terms.crossing,
            outputs: [sealed, second, third],
            memo: Memo::none(rng),
        };
        Ok(Draft {
            transfer,
            witness,
            change,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Network, Phrase};
    use rand::{SeedableRng as _, rngs::StdRng};

    fn purse(seed: u8) -> Purse {
        let phrase = Phrase::from_entropy(&[seed; 32]);
        Purse::new(SpendingKey::derive(&phrase, "", Network(1), 0))
    }

    fn terms(price: u128) -> Terms {
        Terms {
            price,
            expiry: 9,
            crossing: Crossing::None,
        }
    }

    /// What the pool logs of a shield.
    fn shielded(purse: &mut Purse, value: u128, rng: &mut StdRng) -> Event {
        let call = abi::shieldCall::abi_decode(&purse.shield(value, rng)).unwrap();
        let inner = field::decode(&call.inner.0).unwrap();
        Event::Shielded {
            asset: call.asset,
            payer: alloy_primitives::Address::ZERO,
            value: call.value,
            commitment: crate::finish(inner, call.asset, call.value),
            sealed: None,
        }
    }

    #[test]
    fn a_note_is_held_once_it_is_in_the_tree() {
        let rng = &mut StdRng::seed_from_u64(1);
        let (mut one, mut other) = (purse(1), purse(2));
        let event = shielded(&mut one, 10_000_000, rng);
        assert!(one.held().is_empty());
        one.follow(&event).unwrap();
        other.follow(&event).unwrap();
        assert_eq!((one.held().len(), other.held().len()), (1, 0));
        assert_eq!(one.tree().root(), other.tree().root());

        let held = one.pop().unwrap();
        let draft = one.draft(&held, terms(2), rng).unwrap();
        assert_eq!(draft.transfer.nullifiers[0], one.nullifier(&held));
        assert_eq!(draft.change.value(), 10_000_000 - draft.transfer.fee);
        assert_eq!(
            one.draft(&held, terms(u128::MAX), rng).unwrap_err(),
            DraftError::Poor
        );
        assert_eq!(
            other.draft(&held, terms(2), rng).unwrap_err(),
            DraftError::Stranger
        );
    }
}
