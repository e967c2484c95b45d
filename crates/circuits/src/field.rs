//! Field elements as bytes (payments.md, 2).

use ff::PrimeField;

/// The scalar field of BLS12-381.
pub use midnight_curves::Fq as F;

/// The bytes are not below the order of the field: another encoding of some element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical field element")]
pub struct NotCanonical;

/// The element that these big-endian bytes encode. Each element has one encoding.
pub fn decode(bytes: &[u8; 32]) -> Result<F, NotCanonical> {
    Option::from(F::from_bytes_be(bytes)).ok_or(NotCanonical)
}

/// 32 bytes, big-endian.
pub fn encode(element: &F) -> [u8; 32] {
    element.to_bytes_be()
}

/// An element from 31 bytes, big-endian: always below the order.
pub fn from_31_bytes(bytes: &[u8; 31]) -> F {
    let chunks = bytes.rchunks(8).rev();
    chunks.fold(F::from(0), |sum, chunk| {
        let digit = chunk
            .iter()
            .fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
        sum * F::from_u128(1 << 64) + F::from(digit)
    })
}

/// `2^bits`.
pub(crate) fn power_of_two(bits: u32) -> F {
    (0..bits).fold(F::from(1), |power, _| power + power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::alias;
    use ff::Field;
    use proptest::prelude::*;

    #[test]
    fn the_largest_element_is_the_order_less_one() {
        assert_eq!(decode(&encode(&-F::ONE)), Ok(-F::ONE));
        let order = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";
        let zero = alias(&[0; 32]);
        assert_eq!(zero.map(|byte| format!("{byte:02x}")).concat(), order);
        assert_eq!(decode(&zero), Err(NotCanonical));
        assert_eq!(decode(&[0xff; 32]), Err(NotCanonical));
    }

    proptest! {
        #[test]
        fn an_element_has_one_encoding(low in any::<[u8; 31]>()) {
            let mut bytes = [0; 32];
            bytes[1..].copy_from_slice(&low);
            let element = decode(&bytes).unwrap();
            prop_assert_eq!(encode(&element), bytes);
            prop_assert_eq!(from_31_bytes(&low), element);
            prop_assert_eq!(decode(&alias(&bytes)), Err(NotCanonical));
        }
    }
}
