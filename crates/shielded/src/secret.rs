use std::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{DefaultIsZeroes, Zeroize};

/// A value that is not printed, is compared in constant time and is overwritten when dropped.
#[derive(Clone)]
pub(crate) struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    pub(crate) const fn get(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl<T: Zeroize + ConstantTimeEq> ConstantTimeEq for Secret<T> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<T: Zeroize + ConstantTimeEq> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl<T: Zeroize + ConstantTimeEq> Eq for Secret<T> {}

/// 32 secret bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bytes(pub(crate) [u8; 32]);

impl DefaultIsZeroes for Bytes {}

impl ConstantTimeEq for Bytes {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

/// A secret field element: the library's type cannot be overwritten in place.
#[derive(Clone, Copy, Default)]
pub(crate) struct Element(pub(crate) trellis_circuits::field::F);

impl DefaultIsZeroes for Element {}

impl ConstantTimeEq for Element {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed_and_can_be_overwritten() {
        let mut secret = Secret::new(Bytes([7; 32]));
        assert_eq!(format!("{secret:?}"), "..");
        assert_eq!(secret, secret.clone());
        secret.0.zeroize();
        assert_eq!(secret.get().0, [0; 32]);
    }
}
