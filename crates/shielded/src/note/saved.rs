use super::{Note, Opening};
use crate::secret::{Bytes, Secret};
use crate::{Diversifier, TextError};
use trellis_circuits::field;
use zeroize::Zeroizing;

/// Bytes of a note as a wallet keeps it.
pub const SAVED_NOTE_BYTES: usize = 1 + 4 + 16 + 11 + 32 + 32;

impl Note {
    /// Everything of the note, for a wallet to keep. Whoever has it can open the note, not spend it.
    pub fn to_saved(&self) -> Zeroizing<[u8; SAVED_NOTE_BYTES]> {
        let mut bytes = Zeroizing::new([0; SAVED_NOTE_BYTES]);
        bytes[0] = u8::from(self.finished);
        bytes[1..5].copy_from_slice(&self.asset.to_be_bytes());
        bytes[5..21].copy_from_slice(&self.value.to_be_bytes());
        bytes[21..32].copy_from_slice(&self.opening.diversifier.0);
        bytes[32..64].copy_from_slice(&field::encode(&self.opening.owner));
        bytes[64..].copy_from_slice(self.rseed());
        bytes
    }

    /// Reads [`Self::to_saved`].
    ///
    /// # Errors
    /// [`TextError::Version`] if the first byte says something unknown, [`TextError::Element`] if the owner is not canonical.
    pub fn from_saved(bytes: &[u8; SAVED_NOTE_BYTES]) -> Result<Self, TextError> {
        let finished = match bytes[0] {
            0 => false,
            1 => true,
            other => return Err(TextError::Version(other)),
        };
        let (mut asset, mut value, mut diversifier) = ([0; 4], [0; 16], [0; 11]);
        let (mut owner, mut rseed) = ([0; 32], Bytes::default());
        asset.copy_from_slice(&bytes[1..5]);
        value.copy_from_slice(&bytes[5..21]);
        diversifier.copy_from_slice(&bytes[21..32]);
        owner.copy_from_slice(&bytes[32..64]);
        rseed.0.copy_from_slice(&bytes[64..]);
        Ok(Self {
            asset: u32::from_be_bytes(asset),
            value: u128::from_be_bytes(value),
            opening: Opening {
                diversifier: Diversifier(diversifier),
                owner: field::decode(&owner).map_err(|_| TextError::Element)?,
                rseed: Secret::new(rseed),
            },
            finished,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PartialNote;
    use crate::testing::{account, rng};

    #[test]
    fn a_note_is_read_as_it_was_kept() {
        let address = account(0).incoming().address(3);
        let whole = Note::new(&address, 7, u128::MAX, &mut rng(1));
        let finished = PartialNote::new(&address, &mut rng(2)).finish(0, 5);
        for note in [whole, finished] {
            let mut saved = note.to_saved();
            assert_eq!(Note::from_saved(&saved), Ok(note));
            saved[32..64].fill(0xff);
            assert_eq!(Note::from_saved(&saved), Err(TextError::Element));
            saved[0] = 2;
            assert_eq!(Note::from_saved(&saved), Err(TextError::Version(2)));
        }
    }
}
