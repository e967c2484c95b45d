use crate::text::{self, TextError};
use crate::{Network, derive};
use aes::Aes256;
use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto};
use fpe::ff1::{BinaryNumeralString, FF1};
use std::fmt;
use subtle::ConstantTimeEq;
use trellis_circuits::{
    field::{self, F},
    hash,
};

/// What texts of addresses begin with.
const WORD: &str = "pay";

/// What tells the addresses of an account apart (payments.md, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diversifier(pub [u8; 11]);

impl Diversifier {
    /// The diversifier of an address number.
    pub(crate) fn of(number: u64, key: &[u8; 32]) -> Self {
        let mut bytes = [0; 11];
        bytes[3..].copy_from_slice(&number.to_be_bytes());
        Self(permute(bytes, |bits| {
            cipher(key).encrypt(&[], bits).expect("88 bits are enough")
        }))
    }

    /// The address number of a diversifier: any 88 bits.
    pub(crate) fn number(&self, key: &[u8; 32]) -> u128 {
        let bytes = permute(self.0, |bits| {
            cipher(key).decrypt(&[], bits).expect("88 bits are enough")
        });
        bytes.iter().fold(0, |n, byte| (n << 8) | u128::from(*byte))
    }

    /// As the relation sees it.
    pub fn element(&self) -> F {
        short(&self.0)
    }

    /// `G_d`.
    pub(crate) fn base(&self) -> RistrettoPoint {
        derive::point("diversified base", &[&self.0])
    }

    /// `pk`: the owner of notes of this address.
    pub(crate) fn owner(&self, ivk: F) -> F {
        hash::owner(ivk, self.element())
    }
}

/// As a number, big-endian.
fn short(bytes: &[u8; 11]) -> F {
    let mut padded = [0; 31];
    padded[20..].copy_from_slice(bytes);
    field::from_31_bytes(&padded)
}

fn cipher(key: &[u8; 32]) -> FF1<Aes256> {
    FF1::new(key, 2).expect("2 is a radix")
}

/// The library takes the least significant bit of a byte first, the specification the most significant.
fn permute(
    bytes: [u8; 11],
    with: impl FnOnce(&BinaryNumeralString) -> BinaryNumeralString,
) -> [u8; 11] {
    let bits = BinaryNumeralString::from_bytes_le(&bytes.map(u8::reverse_bits));
    let mut output = [0; 11];
    output.copy_from_slice(&with(&bits).to_bytes_le());
    output.map(u8::reverse_bits)
}

/// Where to pay to (payments.md, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    network: Network,
    diversifier: Diversifier,
    owner: F,
    point: RistrettoPoint,
}

impl Address {
    /// The address of a diversifier, for who has the keys.
    pub(crate) fn derive(network: Network, diversifier: Diversifier, ivk: F, ek: &Scalar) -> Self {
        Self {
            network,
            diversifier,
            owner: diversifier.owner(ivk),
            point: ek * diversifier.base(),
        }
    }

    /// An address from its parts, as they stand in texts and ciphertexts.
    pub(crate) fn from_parts(
        network: Network,
        diversifier: Diversifier,
        owner: &[u8; 32],
        point: &[u8; 32],
    ) -> Result<Self, TextError> {
        let owner = field::decode(owner).map_err(|_| TextError::Element)?;
        let point = CompressedRistretto(*point)
            .decompress()
            .ok_or(TextError::Point)?;
        if point.ct_eq(&RistrettoPoint::default()).into() {
            return Err(TextError::Identity);
        }
        Ok(Self {
            network,
            diversifier,
            owner,
            point,
        })
    }

    /// Reads the text of an address of this network.
    pub fn parse(network: Network, text: &str) -> Result<Self, TextError> {
        let data = text::read::<75>(WORD, network, text)?;
        let (mut diversifier, mut owner, mut point) = ([0; 11], [0; 32], [0; 32]);
        diversifier.copy_from_slice(&data[..11]);
        owner.copy_from_slice(&data[11..43]);
        point.copy_from_slice(&data[43..]);
        Self::from_parts(network, Diversifier(diversifier), &owner, &point)
    }

    /// Where this address is of.
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Its diversifier.
    pub const fn diversifier(&self) -> Diversifier {
        self.diversifier
    }

    /// `pk`.
    pub const fn owner(&self) -> F {
        self.owner
    }

    /// `E_d`.
    pub(crate) const fn point(&self) -> &RistrettoPoint {
        &self.point
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = field::encode(&self.owner);
        let point = self.point.compress().to_bytes();
        f.write_str(&text::write(
            WORD,
            self.network,
            &[&self.diversifier.0, &owner, &point],
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
    use proptest::prelude::*;

    /// FF1 of NIST SP 800-38G for radix 2, 88 numerals and no tweak, from the text of the standard.
    fn ff1(key: &[u8; 32], number: u128) -> u128 {
        let aes = Aes256::new(&Array::from(*key));
        let mask = (1_u128 << 44) - 1;
        let (mut a, mut b) = (number >> 44, number & mask);
        for round in 0..10_u8 {
            let mut block = Array::from([1, 2, 1, 0, 0, 2, 10, 44, 0, 0, 0, 88, 0, 0, 0, 0]);
            aes.encrypt_block(&mut block);
            let mut q = [0; 16];
            q[9] = round;
            q[10..].copy_from_slice(&b.to_be_bytes()[10..]);
            block.iter_mut().zip(q).for_each(|(byte, q)| *byte ^= q);
            aes.encrypt_block(&mut block);
            let y = block[..12]
                .iter()
                .fold(0_u128, |n, byte| (n << 8) | u128::from(*byte));
            (a, b) = (b, (a + y) & mask);
        }
        (a << 44) | b
    }

    proptest! {
        #[test]
        fn a_diversifier_is_ff1_of_a_number(key: [u8; 32], number: u64) {
            let diversifier = Diversifier::of(number, &key);
            let expected = ff1(&key, number.into()).to_be_bytes();
            prop_assert_eq!(&diversifier.0[..], &expected[5..]);
            prop_assert_eq!(diversifier.number(&key), u128::from(number));
        }
    }

    #[test]
    fn points_and_numbers_are_canonical() {
        let network = Network(1);
        let from = |owner, point: &[u8; 32]| {
            Address::from_parts(network, Diversifier([1; 11]), owner, point)
        };
        let good = derive::point("test", &[]).compress().to_bytes();
        assert!(from(&[1; 32], &good).is_ok());
        assert_eq!(from(&[0xff; 32], &good), Err(TextError::Element));
        assert_eq!(from(&[1; 32], &[0xff; 32]), Err(TextError::Point));
        assert_eq!(from(&[1; 32], &[0; 32]), Err(TextError::Identity));
    }
}
