mod saved;

use crate::secret::{Bytes, Secret};
use crate::tree::Path;
use crate::{Address, Diversifier, FullViewingKey, derive};
use rand_core::CryptoRng;
use trellis_circuits::Input;
use trellis_circuits::{
    field::{self, F},
    hash,
};

pub use saved::SAVED_NOTE_BYTES;

/// An amount of an asset that belongs to an address (payments.md, 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    asset: u32,
    value: u128,
    opening: Opening,
    /// Whether the amount was decided after the inner commitment.
    finished: bool,
}

/// Whose a note is, and what hides that.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Opening {
    diversifier: Diversifier,
    owner: F,
    rseed: Secret<Bytes>,
}

impl Opening {
    fn new(address: &Address, rng: &mut impl CryptoRng) -> Self {
        Self::of(address.diversifier(), address.owner(), random(rng))
    }

    const fn of(diversifier: Diversifier, owner: F, rseed: [u8; 32]) -> Self {
        Self {
            diversifier,
            owner,
            rseed: Secret::new(Bytes(rseed)),
        }
    }
}

impl Note {
    /// A new note.
    pub fn new(address: &Address, asset: u32, value: u128, rng: &mut impl CryptoRng) -> Self {
        Self::whole(asset, value, Opening::new(address, rng))
    }

    /// A note of value 0 that is in no tree: an input of a transfer that needs fewer. Its nullifier is fresh.
    pub fn dummy(key: &FullViewingKey, rng: &mut impl CryptoRng) -> Self {
        let diversifier = Diversifier([0; 11]);
        let owner = key.incoming().owner(diversifier);
        Self::whole(0, 0, Opening::of(diversifier, owner, random(rng)))
    }

    pub(crate) const fn from_parts(
        asset: u32,
        value: u128,
        diversifier: Diversifier,
        owner: F,
        rseed: [u8; 32],
    ) -> Self {
        Self::whole(asset, value, Opening::of(diversifier, owner, rseed))
    }

    const fn whole(asset: u32, value: u128, opening: Opening) -> Self {
        Self {
            asset,
            value,
            opening,
            finished: false,
        }
    }

    /// Of what; 0 is native coin.
    pub const fn asset(&self) -> u32 {
        self.asset
    }

    /// How much, in smallest units.
    pub const fn value(&self) -> u128 {
        self.value
    }

    /// Which address of the owner's it was paid to.
    pub const fn diversifier(&self) -> Diversifier {
        self.opening.diversifier
    }

    /// `pk`.
    pub const fn owner(&self) -> F {
        self.opening.owner
    }

    /// `rcm`.
    pub fn randomness(&self) -> F {
        let Opening {
            diversifier,
            owner,
            rseed,
        } = &self.opening;
        if self.finished {
            return partial_randomness(&self.opening);
        }
        let owner = field::encode(owner);
        let (asset, value) = (self.asset.to_be_bytes(), self.value.to_be_bytes());
        let rseed = &rseed.get().0;
        derive::element(
            "commitment randomness",
            &[rseed, &asset, &value, &diversifier.0, &owner],
        )
    }

    /// The level of the commitment that does not know asset and value.
    pub fn inner(&self) -> F {
        hash::inner(self.owner(), self.randomness())
    }

    /// What the tree has of the note.
    pub fn commitment(&self) -> F {
        hash::commitment(self.inner(), self.asset, self.value)
    }

    /// What spending the note at this position shows.
    pub fn nullifier(&self, key: &FullViewingKey, position: u32) -> F {
        key.nullifier(position, self.commitment())
    }

    /// As an input of the relation, with its path to the anchor. A dummy takes [`Path::none`].
    pub fn input(&self, path: &Path) -> Input {
        Input::new(
            &self.opening.diversifier.0,
            self.owner(),
            self.randomness(),
            self.value,
            self.asset == 0,
            path.position,
            path.siblings,
        )
    }

    /// As an output of the relation.
    pub fn output(&self) -> trellis_circuits::Output {
        trellis_circuits::Output::new(self.inner(), self.value, self.asset == 0)
    }

    /// Whether the amount was decided after the inner commitment.
    pub const fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) const fn rseed(&self) -> &[u8; 32] {
        &self.opening.rseed.get().0
    }
}

/// A note whose asset and value somebody else will decide, such as a contract that swaps (payments.md, 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialNote(Opening);

impl PartialNote {
    /// A new one. It belongs to who keeps it: nobody sends it encrypted.
    pub fn new(address: &Address, rng: &mut impl CryptoRng) -> Self {
        Self(Opening::new(address, rng))
    }

    /// What is given away to be finished with [`finish`].
    pub fn inner(&self) -> F {
        hash::inner(self.0.owner, partial_randomness(&self.0))
    }

    /// The note, when the amount is known.
    pub fn finish(&self, asset: u32, value: u128) -> Note {
        let finished = true;
        Note {
            finished,
            ..Note::whole(asset, value, self.0.clone())
        }
    }
}

/// The commitment that an inner commitment and an amount make, without knowing whose it is.
pub fn finish(inner: F, asset: u32, value: u128) -> F {
    hash::commitment(inner, asset, value)
}

fn partial_randomness(opening: &Opening) -> F {
    let owner = field::encode(&opening.owner);
    let rseed = &opening.rseed.get().0;
    derive::element(
        "partial commitment randomness",
        &[rseed, &opening.diversifier.0, &owner],
    )
}

pub(crate) fn random<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{account, rng};

    #[test]
    fn every_part_of_a_note_changes_its_commitment() {
        let address = |number| account(0).incoming().address(number);
        let note = |number, asset, value, seed| {
            Note::new(&address(number), asset, value, &mut rng(seed)).commitment()
        };
        let first = note(0, 1, 2, 3);
        assert_eq!(first, note(0, 1, 2, 3));
        for other in [
            note(1, 1, 2, 3),
            note(0, 2, 2, 3),
            note(0, 1, 3, 3),
            note(0, 1, 2, 4),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn who_knows_the_inner_commitment_finishes_the_note() {
        let address = account(0).incoming().address(0);
        let partial = PartialNote::new(&address, &mut rng(1));
        for (asset, value) in [(0, 0), (7, u128::MAX)] {
            let note = partial.finish(asset, value);
            assert_eq!(finish(partial.inner(), asset, value), note.commitment());
            assert_eq!(note.inner(), partial.inner());
        }
        let whole = Note::new(&address, 0, 5, &mut rng(1));
        assert_eq!(finish(whole.inner(), 0, 5), whole.commitment());
        assert_ne!(whole.inner(), partial.inner());
    }

    /// Vulnerability class 8: neither a repeated commitment nor a foreign key makes a note unspendable.
    #[test]
    fn a_nullifier_is_of_one_note_one_place_and_one_key() {
        let key = account(0);
        let note = Note::new(&key.incoming().address(0), 0, 5, &mut rng(1));
        let nullifier = note.nullifier(&key, 7);
        assert_eq!(
            nullifier,
            Note::new(&key.incoming().address(0), 0, 5, &mut rng(1)).nullifier(&key, 7)
        );
        assert_ne!(nullifier, note.nullifier(&key, 8));
        assert_ne!(nullifier, note.nullifier(&account(1), 7));
        let dummies = [1, 2].map(|seed| Note::dummy(&key, &mut rng(seed)).nullifier(&key, 0));
        assert_ne!(dummies[0], dummies[1]);
    }

    #[test]
    fn the_seed_is_not_printed() {
        let note = Note::new(&account(0).incoming().address(0), 0, 5, &mut rng(1));
        assert!(format!("{note:?}").contains("rseed: .."));
    }
}
