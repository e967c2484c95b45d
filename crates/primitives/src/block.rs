use crate::{
    Context, Extension, TreeCommitment,
    limits::{
        ACCESS_LIST_BYTES_MAX, BODY_BYTES_MAX, HEADER_BYTES_MAX, TRANSACTION_BYTES_MAX,
        TRANSACTIONS_MAX,
    },
};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header, proofs::ordered_trie_root_encoded};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::{B64, B256, Bytes, U256, b256, keccak256};
use alloy_rlp::{Decodable, Encodable};
use bytes::BufMut;
use commonware_codec::{EncodeSize, Error, RangeCfg, Read, ReadExt, ReadRangeExt, Write};
use commonware_consensus::{
    Block as ConsensusBlock, BoundedBlock, CertifiableBlock, Heightable, types::Height,
};
use commonware_cryptography::Digestible;
use std::sync::Arc;

/// A block hash as consensus sees it.
pub type Digest = commonware_cryptography::keccak256::Digest;

/// Root of an empty trie: the header's `withdrawalsRoot`, because no module has withdrawals.
pub const EMPTY_WITHDRAWALS_ROOT: B256 =
    b256!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Which rule the parts of a block break. All are permanent: [`crate::Class::Invalid`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The header bytes are not the RLP of an Osaka header.
    #[error("header is not canonical RLP of an Osaka header")]
    Header,
    /// A field that Trellis fixes has another value.
    #[error("header field {0} must have its fixed value")]
    FixedField(&'static str),
    /// `extraData` is not the hash of the extension.
    #[error("extraData is not the hash of the header extension")]
    ExtensionHash,
    /// `stateRoot` is not the root of the extension's state commitment.
    #[error("stateRoot does not match the header extension")]
    StateRoot,
    /// `timestamp` is not the extension's time in seconds.
    #[error("timestamp is not the extension's time in seconds")]
    Timestamp,
    /// The consensus parent and `parentHash` differ.
    #[error("parentHash is not the consensus parent")]
    Parent,
    /// `transactionsRoot` is not the root of the body.
    #[error("transactionsRoot does not match the body")]
    TransactionsRoot,
    /// The extension names another access list.
    #[error("accessListHash is not the hash of the access list")]
    AccessListHash,
    /// The access list is larger than one may be.
    #[error("access list has {got} bytes, the limit is {ACCESS_LIST_BYTES_MAX}")]
    AccessListSize {
        /// Its size.
        got: usize,
    },
    /// The body is larger than a block may be.
    #[error("block body exceeds {BODY_BYTES_MAX} bytes or {TRANSACTIONS_MAX} transactions")]
    BodySize,
    /// A transaction is larger than one may be, so no peer would decode the block.
    #[error("transaction {index} has {got} bytes, the limit is {TRANSACTION_BYTES_MAX}")]
    TransactionSize {
        /// Position in the body.
        index: usize,
        /// Its size.
        got: usize,
    },
    /// A state tree's operation range is empty, so no peer would decode the block.
    #[error("a state tree of the extension has an empty operation range")]
    StateRange,
}

/// A block: Ethereum header, header extension, encoded transactions (EIP-2718), encoded access list (EIP-7928).
///
/// A value of this type is structurally sound: its parts hash to its header, so its digest names all of it.
/// What the access list says, and whether it decodes, is not looked at here.
/// Whether it is *valid* (signatures, execution, post-state) is for `trellis-module` to say. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Block(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    header: Header,
    hash: B256,
    extension: Extension,
    transactions: Vec<Bytes>,
    access_list: Bytes,
}

impl Block {
    /// Assembles a block, checking that every part is bound by the header.
    ///
    /// # Errors
    /// The first rule of [`BlockError`] that does not hold.
    pub fn new(
        header: Header,
        extension: Extension,
        transactions: Vec<Bytes>,
        access_list: Bytes,
    ) -> Result<Self, BlockError> {
        check_fixed_fields(&header)?;
        if header.extra_data.as_ref() != extension.hash().as_slice() {
            return Err(BlockError::ExtensionHash);
        }
        if header.state_root != extension.state.root() {
            return Err(BlockError::StateRoot);
        }
        if header.timestamp != extension.timestamp_ms / 1000 {
            return Err(BlockError::Timestamp);
        }
        if header.parent_hash.0 != extension.context.parent.1.0 {
            return Err(BlockError::Parent);
        }
        if !extension.state.trees().all(TreeCommitment::is_sound) {
            return Err(BlockError::StateRange);
        }
        check_access_list(&extension, &access_list)?;
        check_body(&transactions)?;
        if header.transactions_root != transactions_root(&transactions) {
            return Err(BlockError::TransactionsRoot);
        }
        let hash = header.hash_slow();
        Ok(Self(Arc::new(Parts {
            header,
            hash,
            extension,
            transactions,
            access_list,
        })))
    }

    /// The Ethereum header.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// keccak256(RLP(header)).
    pub fn hash(&self) -> B256 {
        self.0.hash
    }

    /// Height in the module's chain; genesis is 0.
    pub fn number(&self) -> u64 {
        self.0.header.number
    }

    /// The header extension.
    pub fn extension(&self) -> &Extension {
        &self.0.extension
    }

    /// The encoded transactions, in execution order.
    pub fn transactions(&self) -> &[Bytes] {
        &self.0.transactions
    }

    /// The encoded access list: the RLP of everything the block touches (EIP-7928).
    pub fn access_list(&self) -> &Bytes {
        &self.0.access_list
    }
}

fn check_access_list(extension: &Extension, encoded: &Bytes) -> Result<(), BlockError> {
    let got = encoded.len();
    if got > ACCESS_LIST_BYTES_MAX {
        return Err(BlockError::AccessListSize { got });
    }
    if keccak256(encoded) != extension.access_list_hash {
        return Err(BlockError::AccessListHash);
    }
    Ok(())
}

/// Root of the ordered trie of encoded transactions.
pub fn transactions_root(transactions: &[Bytes]) -> B256 {
    ordered_trie_root_encoded(transactions)
}

/// A plain Osaka header in which every field that Trellis fixes has its value.
pub fn header_template() -> Header {
    Header {
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        withdrawals_root: Some(EMPTY_WITHDRAWALS_ROOT),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        base_fee_per_gas: Some(0),
        ..Header::default()
    }
}

fn check_body(transactions: &[Bytes]) -> Result<(), BlockError> {
    let body: usize = transactions.iter().map(|t| t.len()).sum();
    if body > BODY_BYTES_MAX || transactions.len() > TRANSACTIONS_MAX {
        return Err(BlockError::BodySize);
    }
    let large = |t: &Bytes| t.len() > TRANSACTION_BYTES_MAX;
    match transactions.iter().position(large) {
        Some(index) => Err(BlockError::TransactionSize {
            index,
            got: transactions[index].len(),
        }),
        None => Ok(()),
    }
}

fn check_fixed_fields(header: &Header) -> Result<(), BlockError> {
    let rule = |holds: bool, field| {
        if holds {
            Ok(())
        } else {
            Err(BlockError::FixedField(field))
        }
    };
    rule(header.ommers_hash == EMPTY_OMMER_ROOT_HASH, "sha3Uncles")?;
    rule(header.difficulty == U256::ZERO, "difficulty")?;
    rule(header.nonce == B64::ZERO, "nonce")?;
    rule(
        header.withdrawals_root == Some(EMPTY_WITHDRAWALS_ROOT),
        "withdrawalsRoot",
    )?;
    rule(header.blob_gas_used == Some(0), "blobGasUsed")?;
    rule(header.excess_blob_gas == Some(0), "excessBlobGas")?;
    rule(
        header.requests_hash == Some(EMPTY_REQUESTS_HASH),
        "requestsHash",
    )?;
    rule(
        header.parent_beacon_block_root.is_some(),
        "parentBeaconBlockRoot",
    )?;
    rule(header.base_fee_per_gas.is_some(), "baseFeePerGas")?;
    // Header fields of forks after Osaka stay absent.
    rule(
        header.block_access_list_hash.is_none(),
        "blockAccessListHash",
    )?;
    rule(header.slot_number.is_none(), "slotNumber")?;
    rule(header.length() <= HEADER_BYTES_MAX, "length")
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        self.0.hash == other.0.hash
    }
}

impl Eq for Block {}

impl Digestible for Block {
    type Digest = Digest;

    fn digest(&self) -> Digest {
        commonware_cryptography::keccak256::Digest(self.0.hash.0)
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.number())
    }
}

impl ConsensusBlock for Block {
    fn parent(&self) -> Digest {
        commonware_cryptography::keccak256::Digest(self.0.header.parent_hash.0)
    }
}

impl CertifiableBlock for Block {
    type Context = Context;

    fn context(&self) -> Context {
        self.0.extension.context.clone()
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(_: &()) -> usize {
        // Each length prefix is a varint of at most five bytes.
        5 + HEADER_BYTES_MAX
            + Extension::ENCODE_SIZE_MAX
            + 5
            + ACCESS_LIST_BYTES_MAX
            + 5
            + BODY_BYTES_MAX
            + 5 * TRANSACTIONS_MAX
    }
}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        let mut header = Vec::with_capacity(self.0.header.length());
        self.0.header.encode(&mut header);
        header.write(buf);
        self.0.extension.write(buf);
        self.0.access_list.0.write(buf);
        self.0.transactions.len().write(buf);
        for transaction in &self.0.transactions {
            transaction.0.write(buf);
        }
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        let header = self.0.header.length();
        let body: usize = self.0.transactions.iter().map(|t| t.0.encode_size()).sum();
        header.encode_size()
            + header
            + self.0.extension.encode_size()
            + self.0.access_list.0.encode_size()
            + self.0.transactions.len().encode_size()
            + body
    }
}

impl Read for Block {
    type Cfg = ();

    /// NET-1: every length is bounded before it is allocated, and the parts must hash to the header, so that a
    /// peer cannot serve another body under a known digest.
    fn read_cfg(buf: &mut impl commonware_codec::Buf, _: &()) -> Result<Self, Error> {
        let invalid = |error: BlockError| Error::Wrapped("Block", Box::new(error));
        let encoded = Vec::<u8>::read_range(buf, ..=HEADER_BYTES_MAX)?;
        let mut rest = encoded.as_slice();
        let header = Header::decode(&mut rest).map_err(|_| invalid(BlockError::Header))?;
        if !rest.is_empty() || alloy_rlp::encode(&header) != encoded {
            return Err(invalid(BlockError::Header));
        }
        let extension = Extension::read(buf)?;
        let bounds = RangeCfg::from(..=ACCESS_LIST_BYTES_MAX);
        let access_list = Bytes::from(bytes::Bytes::read_cfg(buf, &bounds)?);
        let count = usize::read_cfg(buf, &RangeCfg::from(..=TRANSACTIONS_MAX))?;
        let mut transactions = Vec::with_capacity(count.min(1024));
        let mut body = 0;
        for _ in 0..count {
            let bytes = bytes::Bytes::read_cfg(buf, &RangeCfg::from(..=TRANSACTION_BYTES_MAX))?;
            body += bytes.len();
            if body > BODY_BYTES_MAX {
                return Err(invalid(BlockError::BodySize));
            }
            transactions.push(Bytes::from(bytes));
        }
        Self::new(header, extension, transactions, access_list).map_err(invalid)
    }
}

#[cfg(test)]
mod tests;
