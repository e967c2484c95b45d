//! Keys and addresses as text (payments.md, 3.3).

use crate::Network;
use bech32::primitives::decode::{
    CharError, CheckedHrpstring, CheckedHrpstringError, ChecksumError, UncheckedHrpstringError,
};
use bech32::{Bech32m, Hrp};
use zeroize::Zeroizing;

/// The only version of texts that there is.
const VERSION: u8 = 1;
/// Longer than every text, so that decoding does not begin.
const TEXT_MAX: usize = 512;

/// Why a text is not the key or address that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Upper and lower case.
    #[error("upper and lower case are mixed")]
    MixedCase,
    /// Characters that bech32m does not have, or no separator between prefix and data.
    #[error("not a text of prefix and data")]
    Characters,
    /// Longer than any text.
    #[error("the text has {0} characters, which none has")]
    TooLong(usize),
    /// A typing error.
    #[error("the checksum is wrong: something is mistyped")]
    Checksum,
    /// The prefix is not a word and a number.
    #[error("the prefix is not a word and a network")]
    Prefix,
    /// A text of something else, such as a key where an address belongs.
    #[error("the prefix is {got}, not {wanted}")]
    Kind {
        /// The word that belongs here.
        wanted: &'static str,
        /// The word of the text.
        got: String,
    },
    /// Made for another network.
    #[error("this is for network {got}, not for network {wanted}")]
    Network {
        /// The network that was asked for.
        wanted: u64,
        /// The network of the text.
        got: u64,
    },
    /// Made by software of another time.
    #[error("version {0} is not known")]
    Version(u8),
    /// Too little data, or too much.
    #[error("{got} bytes of data, not {wanted}")]
    Length {
        /// What belongs here.
        wanted: usize,
        /// What the text has.
        got: usize,
    },
    /// Bits after the last byte that are not zero, or too many.
    #[error("the bits after the data are not zero")]
    Padding,
    /// A number that is not below the order of the field.
    #[error("not a canonical field element")]
    Element,
    /// A number that is not below the order of the group.
    #[error("not a canonical scalar")]
    Scalar,
    /// Bytes that encode no point of ristretto255.
    #[error("not a canonical point")]
    Point,
    /// The point that everything sent to would be readable by everybody.
    #[error("the point is the identity")]
    Identity,
}

/// What a text begins with.
fn prefix(word: &str, network: Network) -> Hrp {
    // Words are lower-case letters, at most 11 of them; a number has at most 20 digits.
    Hrp::parse(&format!("{word}{}", network.0)).expect("words and numbers are a prefix")
}

/// A text of the parts, one behind the other.
pub(crate) fn write(word: &str, network: Network, parts: &[&[u8]]) -> Zeroizing<String> {
    // Neither grows, which would leave secrets behind in freed memory.
    let mut data = Zeroizing::new(Vec::with_capacity(TEXT_MAX));
    data.push(VERSION);
    parts.iter().for_each(|part| data.extend_from_slice(part));
    let mut text = Zeroizing::new(String::with_capacity(TEXT_MAX));
    // The longest text is a quarter of what the checksum is made for.
    bech32::encode_lower_to_fmt::<Bech32m, _>(&mut *text, prefix(word, network), &data)
        .expect("texts are short");
    text
}

/// The data of a text, if it is of this kind and network.
pub(crate) fn read<const N: usize>(
    word: &'static str,
    network: Network,
    text: &str,
) -> Result<Zeroizing<[u8; N]>, TextError> {
    if text.len() > TEXT_MAX {
        return Err(TextError::TooLong(text.len()));
    }
    let checked = CheckedHrpstring::new::<Bech32m>(text)?;
    check_prefix(word, network, &checked.hrp().to_lowercase())?;
    let mut data = Zeroizing::new(Vec::with_capacity(TEXT_MAX));
    data.extend(checked.byte_iter());
    let (version, body) = data
        .split_first()
        .ok_or(TextError::Length { wanted: N, got: 0 })?;
    if *version != VERSION {
        return Err(TextError::Version(*version));
    }
    let got = body.len();
    let body = body
        .try_into()
        .map_err(|_| TextError::Length { wanted: N, got })?;
    checked
        .validate_segwit_padding()
        .map_err(|_| TextError::Padding)?;
    Ok(Zeroizing::new(body))
}

fn check_prefix(wanted: &'static str, network: Network, prefix: &str) -> Result<(), TextError> {
    let digits = prefix
        .find(|c: char| c.is_ascii_digit())
        .ok_or(TextError::Prefix)?;
    let (word, number) = prefix.split_at(digits);
    let got: u64 = number.parse().map_err(|_| TextError::Prefix)?;
    if got.to_string() != number {
        return Err(TextError::Prefix);
    }
    if word != wanted {
        let got = word.to_owned();
        return Err(TextError::Kind { wanted, got });
    }
    if got != network.0 {
        let wanted = network.0;
        return Err(TextError::Network { wanted, got });
    }
    Ok(())
}

impl From<CheckedHrpstringError> for TextError {
    fn from(error: CheckedHrpstringError) -> Self {
        match error {
            CheckedHrpstringError::Parse(UncheckedHrpstringError::Char(CharError::MixedCase)) => {
                Self::MixedCase
            }
            CheckedHrpstringError::Parse(UncheckedHrpstringError::Hrp(
                bech32::primitives::hrp::Error::MixedCase,
            )) => Self::MixedCase,
            CheckedHrpstringError::Checksum(ChecksumError::InvalidResidue(_)) => Self::Checksum,
            _ => Self::Characters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bech32::Bech32;
    use proptest::prelude::*;

    const HERE: Network = Network(7786);

    fn read_two(text: &str) -> Result<Zeroizing<[u8; 2]>, TextError> {
        read("pay", HERE, text)
    }

    fn made(prefix: &str, data: &[u8]) -> String {
        bech32::encode::<Bech32m>(Hrp::parse(prefix).unwrap(), data).unwrap()
    }

    #[test]
    fn a_text_is_read_in_either_case() {
        let text = write("pay", HERE, &[&[2], &[3]]);
        assert_eq!(read_two(&text).as_deref(), Ok(&[2, 3]));
        assert_eq!(
            read_two(&text.to_uppercase()).as_deref(),
            Ok(&[2, 3]),
            "QR codes are upper case"
        );
    }

    #[test]
    fn each_wrong_text_has_its_error() {
        let text = made("pay7786", &[1, 2, 3]);
        let mixed = text.replacen('p', "P", 1);
        assert_eq!(read_two(&mixed), Err(TextError::MixedCase));
        let mut data_mixed = text;
        let last = data_mixed.rfind(|c: char| c.is_ascii_lowercase()).unwrap();
        data_mixed[last..=last].make_ascii_uppercase();
        assert_eq!(read_two(&data_mixed), Err(TextError::MixedCase));
        assert_eq!(read_two(""), Err(TextError::Characters));
        assert_eq!(read_two("pay7786é"), Err(TextError::Characters));
        assert_eq!(read_two(&"q".repeat(513)), Err(TextError::TooLong(513)));
        let bech32 = bech32::encode::<Bech32>(Hrp::parse("pay7786").unwrap(), &[1, 2, 3]).unwrap();
        assert_eq!(read_two(&bech32), Err(TextError::Checksum));
        for prefix in ["pay", "7786x", "pay07786", "pay99999999999999999999"] {
            let text = made(prefix, &[1, 2, 3]);
            assert_eq!(read_two(&text), Err(TextError::Prefix), "{prefix}");
        }
        let got = "payview".to_owned();
        let kind = TextError::Kind { wanted: "pay", got };
        assert_eq!(read_two(&made("payview7786", &[1, 2, 3])), Err(kind));
        let network = TextError::Network {
            wanted: 7786,
            got: 7,
        };
        assert_eq!(read_two(&made("pay7", &[1, 2, 3])), Err(network));
        let version = read_two(&made("pay7786", &[2, 2, 3]));
        assert_eq!(version, Err(TextError::Version(2)));
        for got in [0, 1, 3] {
            let text = made("pay7786", &vec![1; got + 1]);
            assert_eq!(read_two(&text), Err(TextError::Length { wanted: 2, got }));
        }
    }

    #[test]
    fn padding_is_zero() {
        use bech32::primitives::iter::{ByteIterExt as _, Fe32IterExt as _};
        let hrp = Hrp::parse("pay7786").unwrap();
        let mut symbols: Vec<_> = [1_u8, 2, 3].iter().copied().bytes_to_fes().collect();
        let last = symbols.pop().unwrap();
        symbols.push(bech32::Fe32::try_from(last.to_u8() | 1).unwrap());
        let text: String = symbols
            .into_iter()
            .with_checksum::<Bech32m>(&hrp)
            .chars()
            .collect();
        assert_eq!(read_two(&text), Err(TextError::Padding));
    }

    proptest! {
        #[test]
        fn junk_is_refused(junk in ".{0,100}") {
            prop_assert!(read_two(&junk).is_err());
        }

        #[test]
        fn one_wrong_character_is_found(place in 8_usize..18, other in 0_usize..32) {
            let text = made("pay7786", &[1, 2, 3]);
            let mut wrong = text.clone().into_bytes();
            wrong[place] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"[other];
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert!(wrong == text || read_two(&wrong) == Err(TextError::Checksum));
        }
    }
}
