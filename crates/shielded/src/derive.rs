//! Keys and scalars from bytes (payments.md, 2).

use curve25519_dalek::{RistrettoPoint, Scalar};
use ff::FromUniformBytes;
use trellis_circuits::field::F;
use zeroize::Zeroizing;

/// Begins the name of everything that is derived here.
const CONTEXT: &str = "trellis/payments/1/";

fn fill(name: &str, data: &[&[u8]], output: &mut [u8]) {
    let mut hasher = blake3::Hasher::new_derive_key(&format!("{CONTEXT}{name}"));
    for part in data {
        hasher.update(part);
    }
    hasher.finalize_xof().fill(output);
}

/// `K`: 32 bytes, of the parts one behind the other.
pub(crate) fn key(name: &str, data: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new([0; 32]);
    fill(name, data, &mut *output);
    output
}

/// `K64`.
fn wide(name: &str, data: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let mut output = Zeroizing::new([0; 64]);
    fill(name, data, &mut *output);
    output
}

/// `toF(K64(…))`.
pub(crate) fn element(name: &str, data: &[&[u8]]) -> F {
    F::from_uniform_bytes(&wide(name, data))
}

/// `toS(K64(…))`.
pub(crate) fn scalar(name: &str, data: &[&[u8]]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&wide(name, data))
}

/// `toG(K64(…))`.
pub(crate) fn point(name: &str, data: &[&[u8]]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&wide(name, data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff::{Field, PrimeField};

    #[test]
    fn parts_are_joined_and_names_told_apart() {
        assert_eq!(key("a", &[b"xy", b"z"]), key("a", &[b"xyz"]));
        assert_ne!(key("a", &[b"x"]), key("b", &[b"x"]));
        let expected = blake3::derive_key("trellis/payments/1/a", b"xyz");
        assert_eq!(*key("a", &[b"xyz"]), expected);
    }

    /// Reduced little-endian, digit by digit.
    #[test]
    fn wide_numbers_are_reduced() {
        let bytes = wide("spending key", &[b"x"]);
        let sum = bytes
            .iter()
            .rev()
            .fold(F::ZERO, |n, b| n * F::from(256) + F::from(u64::from(*b)));
        assert_eq!(element("spending key", &[b"x"]), sum);
        let all = [0xff; 64];
        let power = (0..512).fold(F::ONE, |n, _| n + n);
        assert_eq!(F::from_uniform_bytes(&all), power - F::ONE);
        assert_eq!(F::from_u128(5), F::from(5));
    }
}
