use crate::{Digest, ModuleId};
use alloy_primitives::{B256, b256, keccak256};
use bytes::BufMut;
use commonware_codec::{Encode, EncodeSize, Error, MaxEncodeSize, Read, ReadExt, Write};
use commonware_consensus::simplex::types::Context as SimplexContext;
use commonware_cryptography::ed25519::PublicKey;

/// The outbox of a module that never sent anything: the root over 128 empty lanes (docs/spec/messages.md, 4).
pub const EMPTY_OUTBOX: B256 =
    b256!("0xa123efe039bb625ad5d811d70545a930c4901868a1f6b52631d94a339bf4ad09");

/// Consensus metadata of a block: its round, its leader, the parent it builds on.
pub type Context = SimplexContext<Digest, PublicKey>;

/// What a block says about one authenticated tree of its post-state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeCommitment {
    /// Canonical root: state proofs verify against it.
    pub root: B256,
    /// Root of the operation log: state sync verifies against it.
    pub ops_root: B256,
    /// Oldest operation a synchronizing node needs.
    pub start: u64,
    /// One past the last operation.
    pub end: u64,
}

/// The post-state of a block: one tree each for accounts, storage and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateCommitment {
    /// keccak(address) to account.
    pub accounts: TreeCommitment,
    /// keccak(address ‖ slot) to value.
    pub storage: TreeCommitment,
    /// Code hash to code.
    pub code: TreeCommitment,
}

impl StateCommitment {
    /// The header's `stateRoot`: `keccak("trellis/state/1" ‖ accounts ‖ storage ‖ code)` over the canonical roots.
    pub fn root(&self) -> B256 {
        let mut preimage = Vec::with_capacity(16 + 96);
        preimage.extend_from_slice(b"trellis/state/1");
        for tree in self.trees() {
            preimage.extend_from_slice(tree.root.as_slice());
        }
        keccak256(preimage)
    }

    /// The trees in the order of the encoding: accounts, storage, code.
    pub(crate) fn trees(&self) -> impl Iterator<Item = &TreeCommitment> {
        [&self.accounts, &self.storage, &self.code].into_iter()
    }
}

/// What Ethereum's header has no field for. Its hash is the header's `extraData`, so the block hash binds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// The module this block belongs to.
    pub module: ModuleId,
    /// Root over everything the module ever sent, this block's messages included (docs/spec/messages.md, 4).
    pub outbox: B256,
    /// Consensus metadata the block was proposed under.
    pub context: Context,
    /// Unix time in milliseconds; the header's `timestamp` is this divided by 1,000.
    pub timestamp_ms: u64,
    /// keccak of the block's encoded access list (EIP-7928).
    pub access_list_hash: B256,
    /// The post-state.
    pub state: StateCommitment,
}

impl Extension {
    /// Encoding version: the first byte. Version 1 had no access list, version 2 no outbox.
    pub const VERSION: u8 = 3;

    /// Largest encoding, in bytes.
    pub const ENCODE_SIZE_MAX: usize =
        1 + 4 + 32 + Context::MAX_ENCODE_SIZE + 8 + 32 + 3 * TreeCommitment::SIZE;

    /// The value of the header's `extraData`: `keccak("trellis/extension" ‖ encoding)`.
    pub fn hash(&self) -> B256 {
        let mut preimage = b"trellis/extension".to_vec();
        preimage.extend_from_slice(&self.encode());
        keccak256(preimage)
    }
}

impl TreeCommitment {
    const SIZE: usize = 32 + 32 + 8 + 8;

    /// Whether the operation range holds anything: a tree has at least one operation, so an empty range names none.
    pub(crate) const fn is_sound(&self) -> bool {
        self.start < self.end
    }
}

impl Write for TreeCommitment {
    fn write(&self, buf: &mut impl BufMut) {
        buf.put_slice(self.root.as_slice());
        buf.put_slice(self.ops_root.as_slice());
        self.start.write(buf);
        self.end.write(buf);
    }
}

impl Read for TreeCommitment {
    type Cfg = ();

    fn read_cfg(buf: &mut impl commonware_codec::Buf, _: &()) -> Result<Self, Error> {
        let (root, ops_root) = (<[u8; 32]>::read(buf)?, <[u8; 32]>::read(buf)?);
        let (start, end) = (u64::read(buf)?, u64::read(buf)?);
        let tree = Self {
            root: root.into(),
            ops_root: ops_root.into(),
            start,
            end,
        };
        if !tree.is_sound() {
            return Err(Error::Invalid("TreeCommitment", "operation range is empty"));
        }
        Ok(tree)
    }
}

impl Write for Extension {
    fn write(&self, buf: &mut impl BufMut) {
        Self::VERSION.write(buf);
        self.module.index().write(buf);
        buf.put_slice(self.outbox.as_slice());
        self.context.write(buf);
        self.timestamp_ms.write(buf);
        buf.put_slice(self.access_list_hash.as_slice());
        self.state.accounts.write(buf);
        self.state.storage.write(buf);
        self.state.code.write(buf);
    }
}

impl EncodeSize for Extension {
    fn encode_size(&self) -> usize {
        1 + 4 + 32 + self.context.encode_size() + 8 + 32 + 3 * TreeCommitment::SIZE
    }
}

impl Read for Extension {
    type Cfg = ();

    fn read_cfg(buf: &mut impl commonware_codec::Buf, _: &()) -> Result<Self, Error> {
        if u8::read(buf)? != Self::VERSION {
            return Err(Error::Invalid("Extension", "unknown version"));
        }
        let module = ModuleId::new(u32::read(buf)?)
            .ok_or(Error::Invalid("Extension", "module index above the limit"))?;
        Ok(Self {
            module,
            outbox: <[u8; 32]>::read(buf)?.into(),
            context: Context::read(buf)?,
            timestamp_ms: u64::read(buf)?,
            access_list_hash: <[u8; 32]>::read(buf)?.into(),
            state: StateCommitment {
                accounts: TreeCommitment::read(buf)?,
                storage: TreeCommitment::read(buf)?,
                code: TreeCommitment::read(buf)?,
            },
        })
    }
}

#[cfg(test)]
mod tests;
