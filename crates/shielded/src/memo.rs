use crate::note::random;
use crate::{Note, aead, derive};
use rand_core::CryptoRng;
use trellis_circuits::field::{self, F};
use zeroize::Zeroizing;

/// Bytes of a memo's text.
pub const MEMO_TEXT_MAX: usize = 512;
/// Bytes of an encrypted memo.
pub const MEMO_BYTES: usize = MEMO_TEXT_MAX + aead::TAG;

/// Why a text cannot be a memo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemoError {
    /// More than fits.
    #[error("the memo has {0} bytes, more than 512")]
    TooLong(usize),
    /// The padding could not be told from it.
    #[error("the memo contains a zero byte")]
    Zero,
}

/// The encrypted memo of a transfer, or random bytes that look like one (payments.md, 9.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memo(pub [u8; MEMO_BYTES]);

impl Memo {
    /// A text that the payee of this note reads. One memo a note: a second would use its key again.
    pub fn seal(text: &str, note: &Note) -> Result<Self, MemoError> {
        let missing = MEMO_TEXT_MAX
            .checked_sub(text.len())
            .ok_or(MemoError::TooLong(text.len()))?;
        if text.contains('\0') {
            return Err(MemoError::Zero);
        }
        let padding = [0; MEMO_TEXT_MAX];
        Ok(Self(aead::seal(
            &key(&note.randomness()),
            &[text.as_bytes(), &padding[..missing]],
        )))
    }

    /// No memo, which nobody can tell from one.
    pub fn none(rng: &mut impl CryptoRng) -> Self {
        Self(random(rng))
    }

    /// The text, if the memo belongs to this note.
    pub fn open(&self, note: &Note) -> Option<String> {
        self.open_with(&note.randomness())
    }

    /// The text, if the memo belongs to the note with this randomness.
    pub(crate) fn open_with(&self, randomness: &F) -> Option<String> {
        let padded = Zeroizing::new(aead::open(&key(randomness), &self.0)?);
        let text = std::str::from_utf8(&padded[..MEMO_TEXT_MAX]).ok()?;
        let text = text.trim_end_matches('\0');
        (!text.contains('\0')).then(|| text.to_owned())
    }
}

/// From the randomness and not the seed: who shows the opening of a note shows its memo with it, and cannot show another.
fn key(randomness: &F) -> Zeroizing<[u8; 32]> {
    derive::key("memo", &[&field::encode(randomness)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{account, rng};
    use proptest::prelude::*;

    fn note(seed: u64) -> Note {
        Note::new(&account(0).incoming().address(0), 0, 1, &mut rng(seed))
    }

    #[test]
    fn what_is_no_memo_is_refused_or_ignored() {
        let note = note(1);
        let long = "x".repeat(513);
        assert_eq!(Memo::seal(&long, &note), Err(MemoError::TooLong(513)));
        assert!(Memo::seal(&long[1..], &note).is_ok());
        assert_eq!(Memo::seal("a\0", &note), Err(MemoError::Zero));
        assert_eq!(Memo::none(&mut rng(2)).open(&note), None);
        let made = |text: &[u8]| {
            let rest = [0; MEMO_TEXT_MAX];
            Memo(aead::seal(
                &key(&note.randomness()),
                &[text, &rest[text.len()..]],
            ))
        };
        assert_eq!(made(b"a").open(&note).as_deref(), Some("a"));
        assert_eq!(made(b"a\0b").open(&note), None);
        assert_eq!(made(&[0xff]).open(&note), None);
    }

    #[test]
    fn a_changed_memo_is_ignored() {
        let note = note(1);
        let memo = Memo::seal("hello", &note).unwrap();
        for place in 0..MEMO_BYTES {
            let mut changed = memo.clone();
            changed.0[place] ^= 0x80;
            assert_eq!(changed.open(&note), None, "byte {place}");
        }
    }

    proptest! {
        #[test]
        fn a_memo_is_read_by_who_opens_its_note(text in "[^\0]{0,120}") {
            let memo = Memo::seal(&text, &note(1)).unwrap();
            prop_assert_eq!(memo.open(&note(1)), Some(text));
            prop_assert_eq!(memo.open(&note(2)), None);
        }
    }
}
