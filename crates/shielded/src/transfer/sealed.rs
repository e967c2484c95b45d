use super::{OUTPUT_BYTES, TransferError, wire::Reader};
use crate::{ContactTag, MEMO_BYTES, Memo, Output};
use trellis_circuits::field::F;

/// Bytes of [`Sealed`].
pub const SEALED_BYTES: usize = OUTPUT_BYTES - 32 + MEMO_BYTES;

/// What goes with a shield: an output without its commitment, which the chain finishes, and a memo (payments.md, 11.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    output: Output,
    memo: Memo,
}

impl Sealed {
    /// An output and a memo.
    pub const fn new(output: Output, memo: Memo) -> Self {
        Self { output, memo }
    }

    /// The encoding: the output's without its first 32 bytes, then the memo.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32 + SEALED_BYTES);
        self.output.encode(&mut bytes);
        bytes.extend(self.memo.0);
        bytes.split_off(32)
    }

    /// Reads what somebody put on the chain beside a commitment.
    ///
    /// # Errors
    /// [`TransferError::Short`] and [`TransferError::Trailing`]: any [`SEALED_BYTES`] bytes are sealed.
    pub fn decode(commitment: F, bytes: &[u8]) -> Result<Self, TransferError> {
        let mut bytes = Reader(bytes);
        let sealed = Self {
            output: Output {
                commitment,
                epk: bytes.take()?,
                view_tag: bytes.take()?,
                contact_tag: ContactTag(bytes.take()?),
                note: bytes.take()?,
                outgoing: bytes.take()?,
            },
            memo: Memo(bytes.take()?),
        };
        bytes.end()?;
        Ok(sealed)
    }

    /// The output, with its commitment.
    pub const fn output(&self) -> &Output {
        &self.output
    }

    /// The memo.
    pub const fn memo(&self) -> &Memo {
        &self.memo
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::rng;

    #[test]
    fn sealed_bytes_are_read_as_they_are_written() {
        let rng = &mut rng(1);
        let (output, _) = Output::dummy(rng);
        let commitment = output.commitment;
        let sealed = Sealed::new(output, Memo::none(rng));
        let mut bytes = sealed.encode();
        assert_eq!((bytes.len(), SEALED_BYTES), (770, 770));
        assert_eq!(Sealed::decode(commitment, &bytes), Ok(sealed));
        let short = Sealed::decode(commitment, &bytes[..769]);
        assert_eq!(short, Err(TransferError::Short));
        bytes.push(0);
        let long = Sealed::decode(commitment, &bytes);
        assert_eq!(long, Err(TransferError::Trailing(1)));
    }
}
