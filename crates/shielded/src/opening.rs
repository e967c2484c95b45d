use crate::{Address, Memo, Note, finish};
use trellis_circuits::{field::F, hash};

/// What shows one payment to somebody else, and nothing beside it (payments.md, 9.4).
///
/// It holds neither the note's seed nor anything the seed leads to but the randomness: with the seed, whoever is shown a
/// payment would recognise later ones to the same payee by their contact tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Whom the note was paid to. Its owner `pk` is bound by the commitment; the rest of the address is what the shower says.
    pub address: Address,
    /// Of what.
    pub asset: u32,
    /// How much, in smallest units.
    pub value: u128,
    /// `rcm`.
    pub randomness: F,
}

impl Opening {
    /// The opening of a note, or nothing if it belongs to another address.
    pub fn new(note: &Note, address: &Address) -> Option<Self> {
        let same = (note.diversifier(), note.owner()) == (address.diversifier(), address.owner());
        same.then(|| Self {
            address: *address,
            asset: note.asset(),
            value: note.value(),
            randomness: note.randomness(),
        })
    }

    /// The only commitment that it opens.
    pub fn commitment(&self) -> F {
        let inner = hash::inner(self.address.owner(), self.randomness);
        finish(inner, self.asset, self.value)
    }

    /// The text of the transfer's memo, if it belongs to this note.
    pub fn memo(&self, memo: &Memo) -> Option<String> {
        memo.open_with(&self.randomness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{account, rng};

    #[test]
    fn an_opening_shows_one_note_and_its_memo() {
        let address = account(0).incoming().address(3);
        let note = Note::new(&address, 7, 5, &mut rng(1));
        let opening = Opening::new(&note, &address).unwrap();
        assert_eq!(opening.commitment(), note.commitment());
        let memo = Memo::seal("rent", &note).unwrap();
        assert_eq!(opening.memo(&memo).as_deref(), Some("rent"));
        let other = Opening {
            value: 6,
            ..opening
        };
        assert_ne!(other.commitment(), note.commitment());
        let stranger = account(0).incoming().address(4);
        assert_eq!(Opening::new(&note, &stranger), None);
        let foreign = Note::new(&address, 7, 5, &mut rng(2));
        assert_eq!(Opening::new(&foreign, &address).unwrap().memo(&memo), None);
    }
}
