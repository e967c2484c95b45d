//! Evidence that messages were sent: what an import carries as its proof (docs/spec/messages.md, 6.1).

use crate::{
    FinalBlock, Finalization, LightError, Network,
    finality::{FINALIZATION_BYTES_MAX, extension_hash},
    tree::{LANE_DEPTH, Lane, RANGE_HASHES_MAX, lane_commitment, outbox_of_path, range_root},
};
use alloy_primitives::{B256, Bytes, keccak256};
use bytes::BufMut;
use commonware_codec::{
    Buf, Copying, DecodeExt as _, Encode as _, EncodeSize, Error, RangeCfg, Read, ReadExt as _,
    ReadRangeExt as _, Write,
};
use trellis_primitives::{Extension, ModuleId, limits::HEADER_BYTES_MAX};

/// That a range of messages stands in a lane of a final block. The messages themselves are not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Names a block and makes it final.
    pub finalization: Finalization,
    /// RLP of the block's header, which names the extension.
    pub header: Bytes,
    /// The encoded header extension, which names the outbox.
    pub extension: Bytes,
    /// Number of messages in the lane as of that block.
    pub count: u64,
    /// Range proof of the messages in the lane.
    pub range: Vec<B256>,
    /// Path of the lane in the outbox, lowest first.
    pub path: [B256; LANE_DEPTH],
}

impl Evidence {
    /// Largest encoding, in bytes. Each length is a varint of at most two bytes.
    pub const ENCODE_SIZE_MAX: usize = 2
        + FINALIZATION_BYTES_MAX
        + 2
        + HEADER_BYTES_MAX
        + 2
        + Extension::ENCODE_SIZE_MAX
        + 8
        + 2
        + 32 * RANGE_HASHES_MAX
        + 32 * LANE_DEPTH;

    /// Checks that `source` sent the messages `ids` in `lane`, the first of them as number `first`.
    ///
    /// # Errors
    /// The first rule of [`LightError`] that does not hold.
    pub fn verify(
        &self,
        network: &Network,
        source: ModuleId,
        lane: Lane,
        first: u64,
        ids: &[B256],
    ) -> Result<FinalBlock, LightError> {
        let block =
            crate::finality::bind(source, &self.finalization, &self.header, &self.extension)?;
        self.verify_outbox(&block, lane, first, ids)?;
        network.verify_certificate(source, &self.finalization)?;
        Ok(block)
    }

    /// [`Self::verify`] without the pairing, for who already verified this certificate and has `block` from it.
    /// The answer is the same, so nodes that know the block and nodes that do not agree (EXE-2): the certificate must
    /// be the known one, to the byte.
    ///
    /// # Errors
    /// [`LightError::OtherBlock`] if `block` is not what this is about (then ask [`Self::verify`]); otherwise as
    /// [`Self::verify`].
    pub fn verify_messages_only(
        &self,
        block: &FinalBlock,
        lane: Lane,
        first: u64,
        ids: &[B256],
    ) -> Result<(), LightError> {
        let known = self.finalization == block.finalization
            && keccak256(&self.header) == block.hash
            && extension_hash(&self.extension).as_slice() == block.header.extra_data.as_ref();
        if !known {
            return Err(LightError::OtherBlock);
        }
        self.verify_outbox(block, lane, first, ids)
    }

    fn verify_outbox(
        &self,
        block: &FinalBlock,
        lane: Lane,
        first: u64,
        ids: &[B256],
    ) -> Result<(), LightError> {
        let root = range_root(first, ids, self.count, &self.range)?;
        let commitment = lane_commitment(self.count, root);
        if outbox_of_path(lane, commitment, &self.path) == block.extension.outbox {
            Ok(())
        } else {
            Err(LightError::NotInOutbox)
        }
    }

    /// Decodes evidence that takes all of `bytes`. No length in it can ask for more than its limit (NET-1).
    ///
    /// # Errors
    /// [`LightError::Encoding`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LightError> {
        Self::decode(Copying(bytes)).map_err(|_| LightError::Encoding("evidence"))
    }

    /// The encoding: inverse of [`Self::from_bytes`].
    pub fn to_bytes(&self) -> Bytes {
        self.encode().into()
    }
}

impl Write for Evidence {
    fn write(&self, buf: &mut impl BufMut) {
        self.finalization.encode().write(buf);
        self.header.0.write(buf);
        self.extension.0.write(buf);
        self.count.write(buf);
        self.range.len().write(buf);
        for hash in self.range.iter().chain(&self.path) {
            buf.put_slice(hash.as_slice());
        }
    }
}

impl EncodeSize for Evidence {
    fn encode_size(&self) -> usize {
        let finalization = self.finalization.encode_size();
        finalization.encode_size()
            + finalization
            + self.header.0.encode_size()
            + self.extension.0.encode_size()
            + 8
            + self.range.len().encode_size()
            + 32 * (self.range.len() + LANE_DEPTH)
    }
}

impl Read for Evidence {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, _: &()) -> Result<Self, Error> {
        let mut part = |max: usize| bytes::Bytes::read_cfg(buf, &RangeCfg::from(..=max));
        let finalization = Finalization::decode(part(FINALIZATION_BYTES_MAX)?)?;
        let header = part(HEADER_BYTES_MAX)?;
        let extension = part(Extension::ENCODE_SIZE_MAX)?;
        let count = u64::read(buf)?;
        let range = Vec::<[u8; 32]>::read_range(buf, ..=RANGE_HASHES_MAX)?;
        let mut path = [B256::ZERO; LANE_DEPTH];
        for hash in &mut path {
            *hash = <[u8; 32]>::read(buf)?.into();
        }
        Ok(Self {
            finalization,
            header: header.into(),
            extension: extension.into(),
            count,
            range: range.into_iter().map(B256::from).collect(),
            path,
        })
    }
}

#[cfg(test)]
mod tests;
