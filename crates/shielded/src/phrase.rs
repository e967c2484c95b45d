use crate::secret::Secret;
use bip39::{Language, Mnemonic};
use rand_core::CryptoRng;
use std::fmt;
use zeroize::Zeroizing;

/// Words of a phrase.
pub const WORDS: usize = 24;

/// Why a phrase is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Too many words, or too few.
    #[error("a phrase has 24 words, this has {0}")]
    Words(usize),
    /// A word that is not in the list.
    #[error("word {0} is not in the list of words")]
    Unknown(usize),
    /// One word is another, or they are in another order.
    #[error("the words do not belong together: one is wrong, or the order")]
    Checksum,
}

/// 24 English words that everything else of a wallet follows from (BIP-39). Overwritten when dropped.
#[derive(Clone)]
pub struct Phrase(Mnemonic);

impl Phrase {
    /// A new one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut entropy = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *entropy);
        Self::from_entropy(&entropy)
    }

    /// The phrase that stands for these bytes.
    pub fn from_entropy(entropy: &[u8; 32]) -> Self {
        // Only the length of entropy can be wrong.
        Self(Mnemonic::from_entropy_in(Language::English, entropy).expect("256 bits have a phrase"))
    }

    /// Words between white space, in lower case.
    pub fn parse(words: &str) -> Result<Self, PhraseError> {
        let count = words.split_whitespace().count();
        if count != WORDS {
            return Err(PhraseError::Words(count));
        }
        let phrase = Mnemonic::parse_in_normalized(Language::English, words);
        phrase.map(Self).map_err(|error| match error {
            bip39::Error::UnknownWord(index) => PhraseError::Unknown(index + 1),
            _ => PhraseError::Checksum,
        })
    }

    /// The words, with a space between each two.
    pub fn words(&self) -> Zeroizing<String> {
        // Words have at most 8 letters. A text that grows would leave words behind in freed memory.
        let mut words = Zeroizing::new(String::with_capacity(WORDS * 9));
        for word in self.0.words() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
        words
    }

    pub(crate) fn seed(&self, passphrase: &str) -> Secret<[u8; 64]> {
        Secret::new(self.0.to_seed(passphrase))
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phrase(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of BIP-39.
    #[test]
    fn phrases_and_seeds_are_those_of_the_standard() {
        let phrase = Phrase::from_entropy(&[0x7f; 32]);
        let words = "legal winner thank year wave sausage worth useful legal winner thank year wave \
                     sausage worth useful legal winner thank year wave sausage worth title";
        assert_eq!(*phrase.words(), words);
        let seed = alloy_primitives::hex!(
            "bc09fca1804f7e69da93c2f2028eb238c227f2e9dda30cd63699232578480a4021b146ad717fbb7e451ce9eb835f43620bf5c514db0f8add49f5d121449d3e87"
        );
        let parsed = Phrase::parse(&phrase.words()).unwrap();
        assert_eq!(parsed.seed("TREZOR").get(), &seed);
        assert_eq!(format!("{parsed:?}"), "Phrase(..)");
    }

    #[test]
    fn each_wrong_phrase_has_its_error() {
        let words = "legal ".repeat(24);
        assert_eq!(Phrase::parse(&words).unwrap_err(), PhraseError::Checksum);
        let unknown = words.replacen("legal", "xyzzy", 1);
        assert_eq!(
            Phrase::parse(&unknown).unwrap_err(),
            PhraseError::Unknown(1)
        );
        assert_eq!(Phrase::parse("").unwrap_err(), PhraseError::Words(0));
        let short = "abandon ".repeat(11) + "about";
        assert_eq!(Phrase::parse(&short).unwrap_err(), PhraseError::Words(12));
    }
}
