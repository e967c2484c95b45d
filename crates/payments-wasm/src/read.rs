//! Questions, field by field: numbers are big-endian.

use crate::Refused;
use trellis_circuits::field::{self, F};

/// What is left of a question.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Refused> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Refused::Question)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let bytes = self.bytes(N)?;
        bytes.try_into().map_err(|_| Refused::Question)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Refused> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Refused> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Refused> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Refused> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Refused> {
        Ok(u128::from_be_bytes(self.array()?))
    }

    pub(crate) fn element(&mut self) -> Result<F, Refused> {
        field::decode(&self.array()?).map_err(|_| Refused::Question)
    }

    /// `uint16 length ‖ UTF-8`.
    pub(crate) fn text(&mut self) -> Result<&'a str, Refused> {
        let length = self.u16()?;
        std::str::from_utf8(self.bytes(length.into())?).map_err(|_| Refused::Question)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Refused> {
        self.0.is_empty().then_some(()).ok_or(Refused::Question)
    }
}
