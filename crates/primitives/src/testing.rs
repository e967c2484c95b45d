//! Blocks for tests: sound ones, and ones in which a single thing is wrong.

use crate::{
    Block, BlockError, Context, Digest, Extension, ModuleId, StateCommitment, TreeCommitment,
    header_template, transactions_root,
};
use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bloom, Bytes, U256, keccak256};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::{Signer as _, ed25519};
use proptest::{collection::vec, prelude::*};

/// The parts of a block before anyone checked that they belong together.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) header: Header,
    pub(crate) extension: Extension,
    pub(crate) transactions: Vec<Bytes>,
    pub(crate) access_list: Bytes,
}

impl Draft {
    /// A small sound block in which every field that may vary has a value of its own.
    pub(crate) fn sample() -> Self {
        let mut header = header_template();
        header.beneficiary = Address::repeat_byte(0x11);
        header.receipts_root = B256::repeat_byte(0x22);
        header.logs_bloom = Bloom::repeat_byte(0x33);
        header.number = 7;
        header.gas_limit = 30_000_000;
        header.gas_used = 42_000;
        header.mix_hash = B256::repeat_byte(0x44);
        header.base_fee_per_gas = Some(1_000_000_000);
        header.parent_beacon_block_root = Some(B256::repeat_byte(0x55));
        let extension = Extension {
            module: ModuleId::new(3).unwrap(),
            outbox: B256::repeat_byte(0x77),
            context: Context {
                round: Round::new(Epoch::new(2), View::new(1_000)),
                leader: ed25519::PrivateKey::from_seed(9).public_key(),
                parent: (View::new(999), digest(0x66)),
            },
            timestamp_ms: 1_700_000_000_123,
            access_list_hash: B256::ZERO,
            state: StateCommitment {
                accounts: tree(0x70),
                storage: tree(0x80),
                code: tree(0x90),
            },
        };
        let transactions = vec![
            Bytes::from_static(b"first"),
            Bytes::from_static(&[0; 300]),
            Bytes::new(),
        ];
        Self {
            header,
            extension,
            transactions,
            access_list: Bytes::from_static(b"accounts and slots"),
        }
        .sealed()
    }

    /// Makes the header bind the other parts.
    pub(crate) fn sealed(mut self) -> Self {
        self.header.parent_hash = self.extension.context.parent.1.0.into();
        self.header.timestamp = self.extension.timestamp_ms / 1000;
        self.header.transactions_root = transactions_root(&self.transactions);
        self.extension.access_list_hash = keccak256(&self.access_list);
        self.bind_state().bind_extension()
    }

    /// Makes `stateRoot` the root of the extension's state.
    pub(crate) fn bind_state(mut self) -> Self {
        self.header.state_root = self.extension.state.root();
        self
    }

    /// Makes `extraData` the hash of the extension.
    pub(crate) fn bind_extension(mut self) -> Self {
        self.header.extra_data = self.extension.hash().into();
        self
    }

    /// Assembles the block.
    pub(crate) fn block(self) -> Result<Block, BlockError> {
        Block::new(
            self.header,
            self.extension,
            self.transactions,
            self.access_list,
        )
    }
}

pub(crate) fn digest(byte: u8) -> Digest {
    commonware_cryptography::keccak256::Digest([byte; 32])
}

/// A tree commitment in which every field differs.
pub(crate) fn tree(byte: u8) -> TreeCommitment {
    TreeCommitment {
        root: B256::repeat_byte(byte),
        ops_root: B256::repeat_byte(byte + 1),
        start: u64::from(byte),
        end: u64::from(byte) + 5,
    }
}

fn hash() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::from)
}

fn any_tree() -> impl Strategy<Value = TreeCommitment> {
    (hash(), hash(), any::<u64>(), any::<u64>()).prop_map(|(root, ops_root, a, b)| {
        let start = a.min(b).min(u64::MAX - 1);
        let end = a.max(b).max(start + 1);
        TreeCommitment {
            root,
            ops_root,
            start,
            end,
        }
    })
}

/// Any extension.
pub(crate) fn any_extension() -> impl Strategy<Value = Extension> {
    let round = (any::<u64>(), any::<u64>());
    let parent = (any::<u64>(), any::<[u8; 32]>());
    let trees = (any_tree(), any_tree(), any_tree());
    (0..64_u32, round, any::<u64>(), parent, any::<u64>(), trees).prop_map(
        |(module, round, leader, parent, timestamp_ms, trees)| Extension {
            module: ModuleId::new(module).unwrap(),
            outbox: keccak256(module.to_be_bytes()),
            context: Context {
                round: Round::new(Epoch::new(round.0), View::new(round.1)),
                leader: ed25519::PrivateKey::from_seed(leader).public_key(),
                parent: (
                    View::new(parent.0),
                    commonware_cryptography::keccak256::Digest(parent.1),
                ),
            },
            timestamp_ms,
            access_list_hash: keccak256(timestamp_ms.to_be_bytes()),
            state: StateCommitment {
                accounts: trees.0,
                storage: trees.1,
                code: trees.2,
            },
        },
    )
}

/// Any sound block with a body of a few kilobytes.
pub(crate) fn any_block() -> impl Strategy<Value = Block> {
    let body = vec(vec(any::<u8>(), 0..300).prop_map(Bytes::from), 0..12);
    let numbers = any::<[u64; 4]>();
    let hashes = (hash(), hash(), hash(), any::<[u8; 20]>(), any::<u8>());
    let body = (body, vec(any::<u8>(), 0..300));
    (any_extension(), body, numbers, hashes).prop_map(|(extension, body, n, h)| {
        let mut header = header_template();
        header.number = n[0];
        header.gas_limit = n[1];
        header.gas_used = n[2];
        header.base_fee_per_gas = Some(n[3]);
        header.receipts_root = h.0;
        header.mix_hash = h.1;
        header.parent_beacon_block_root = Some(h.2);
        header.beneficiary = h.3.into();
        header.logs_bloom = Bloom::repeat_byte(h.4);
        header.difficulty = U256::ZERO;
        let draft = Draft {
            header,
            extension,
            transactions: body.0,
            access_list: body.1.into(),
        };
        draft.sealed().block().unwrap()
    })
}
