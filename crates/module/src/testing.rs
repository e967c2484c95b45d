//! Chains for tests: [`Light`] over state in memory, and [`Node`] over the real databases in the deterministic runtime.

mod light;
mod node;
pub(crate) mod payer;

pub(crate) use light::{Light, MemoryState};
pub(crate) use node::{Node, run};
pub(crate) use payer::{call_pool, funded};

use crate::{Allocation, ChainSpec, genesis, rules};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope, transaction::Recovered};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256, uint};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::{Digestible as _, Signer as _, ed25519};
use trellis_executor::{AccessList, BlockEnv, Transaction, decode_access_list, encode_access_list};
use trellis_primitives::{Block, Context, ModuleId};

/// Native coin every [`signer`] holds at genesis: 1,000 ether.
pub(crate) const BALANCE: U256 = uint!(1_000_000_000_000_000_000_000_U256);
/// Genesis time, Unix milliseconds.
pub(crate) const GENESIS_MS: u64 = 1_700_000_000_500;
/// Gas of a plain transfer.
pub(crate) const TRANSFER_GAS: u64 = 21_000;
/// Funded accounts.
pub(crate) const ACCOUNTS: u8 = 8;
/// An address nobody has a key of.
pub(crate) const NOBODY: Address = Address::repeat_byte(0x77);

/// One of the funded accounts; above [`ACCOUNTS`], one that holds nothing.
pub(crate) fn signer(index: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(index + 1)).unwrap()
}

pub(crate) fn address(index: u8) -> Address {
    signer(index).address()
}

/// The validator that leads in tests.
pub(crate) fn leader() -> ed25519::PublicKey {
    ed25519::PrivateKey::from_seed(0).public_key()
}

pub(crate) fn spec() -> ChainSpec {
    let fund = |index| Allocation {
        address: address(index),
        balance: BALANCE,
    };
    ChainSpec {
        network: "test".to_owned(),
        network_id: 123_456,
        id: ModuleId::new(1).unwrap(),
        name: "pay".parse().unwrap(),
        modules: 3,
        gas_limit: 30_000_000,
        alloc: (0..ACCOUNTS).map(fund).collect(),
        validators: B256::repeat_byte(9),
        timestamp_ms: GENESIS_MS,
        payments: None,
    }
}

/// Consensus metadata of a block on `parent`.
pub(crate) fn context_on(parent: &Block) -> Context {
    Context {
        round: Round::new(Epoch::zero(), View::new(parent.number() + 1)),
        leader: leader(),
        parent: (View::new(parent.number()), parent.digest()),
    }
}

/// Environment of a block on `parent`, a second later.
pub(crate) fn env_on(spec: &ChainSpec, parent: &Block) -> BlockEnv {
    BlockEnv {
        chain_id: spec.chain_id(),
        number: parent.number() + 1,
        timestamp: (parent.extension().timestamp_ms + 1_000) / 1_000,
        beneficiary: Address::repeat_byte(0xfe),
        gas_limit: spec.gas_limit,
        base_fee: rules::base_fee_after(parent),
        prev_randao: rules::randao_after(parent),
        parent_hash: parent.hash(),
        parent_beacon_root: rules::beacon_root_after(parent),
    }
}

/// A transaction of `signer(from)`: 1 gwei to [`NOBODY`] with a tip of 2 gwei, unless edited.
pub(crate) fn sign(from: u8, nonce: u64, edit: impl FnOnce(&mut TxEip1559)) -> Transaction {
    let mut transaction = TxEip1559 {
        chain_id: spec().chain_id(),
        nonce,
        gas_limit: TRANSFER_GAS,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 2_000_000_000,
        to: NOBODY.into(),
        value: U256::from(1_000_000_000),
        ..TxEip1559::default()
    };
    edit(&mut transaction);
    sign_any(from, transaction)
}

/// Any transaction, signed by `signer(from)`.
pub(crate) fn sign_any<T>(from: u8, transaction: T) -> Transaction
where
    T: SignableTransaction<Signature>,
    alloy_consensus::Signed<T>: Into<TxEnvelope>,
{
    let signer = signer(from);
    let signature = signer
        .sign_hash_sync(&transaction.signature_hash())
        .unwrap();
    Recovered::new_unchecked(transaction.into_signed(signature).into(), signer.address())
}

/// The next transfer of `signer(from)`.
pub(crate) fn transfer(from: u8, nonce: u64) -> Transaction {
    sign(from, nonce, |_| {})
}

/// The encoding a client sends.
pub(crate) fn raw(transaction: &Transaction) -> Bytes {
    transaction.encoded_2718().into()
}

/// The parts of a block, to be changed and put together again.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) header: alloy_consensus::Header,
    pub(crate) extension: trellis_primitives::Extension,
    pub(crate) transactions: Vec<Bytes>,
    pub(crate) access_list: Bytes,
}

impl Draft {
    pub(crate) fn of(block: &Block) -> Self {
        Self {
            header: block.header().clone(),
            extension: block.extension().clone(),
            transactions: block.transactions().to_vec(),
            access_list: block.access_list().clone(),
        }
    }

    /// Edits the access list.
    pub(crate) fn edit_list(&mut self, edit: impl FnOnce(&mut AccessList)) {
        let mut list = decode_access_list(&self.access_list).unwrap();
        edit(&mut list);
        self.access_list = encode_access_list(&list);
    }

    /// An empty block that obeys every header rule on `parent`.
    pub(crate) fn on(spec: &ChainSpec, parent: &Block) -> Self {
        let env = env_on(spec, parent);
        let mut draft = Self::of(parent);
        draft.extension.context = context_on(parent);
        draft.extension.timestamp_ms += 1_000;
        draft.header.number = env.number;
        draft.header.beneficiary = env.beneficiary;
        draft.header.base_fee_per_gas = Some(env.base_fee);
        draft.header.mix_hash = env.prev_randao;
        draft.header.parent_beacon_block_root = Some(env.parent_beacon_root);
        draft.header.gas_used = 0;
        draft.transactions.clear();
        draft
    }

    /// Structurally sound again: what the header binds is bound.
    pub(crate) fn block(mut self) -> Block {
        self.header.parent_hash = self.extension.context.parent.1.0.into();
        self.header.timestamp = self.extension.timestamp_ms / 1_000;
        self.header.state_root = self.extension.state.root();
        self.extension.access_list_hash = keccak256(&self.access_list);
        self.header.extra_data = self.extension.hash().into();
        self.header.transactions_root = trellis_primitives::transactions_root(&self.transactions);
        Block::new(
            self.header,
            self.extension,
            self.transactions,
            self.access_list,
        )
        .unwrap()
    }
}

/// A state commitment that says nothing.
pub(crate) fn no_state() -> trellis_primitives::StateCommitment {
    let tree = trellis_primitives::TreeCommitment {
        root: B256::ZERO,
        ops_root: B256::ZERO,
        start: 0,
        end: 1,
    };
    trellis_primitives::StateCommitment {
        accounts: tree,
        storage: tree,
        code: tree,
    }
}

/// A genesis block over a state that was not committed.
pub(crate) fn bare_genesis(spec: &ChainSpec) -> Block {
    genesis::block(spec, no_state(), leader()).unwrap()
}
