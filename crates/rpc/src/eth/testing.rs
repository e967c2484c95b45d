//! A real chain for tests, without consensus: blocks are executed and recorded before the chain opens over them.

use crate::{ModuleContext, ModuleInfo, NetworkInfo, Params, RpcError, RpcLimits};
use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope, transaction::Recovered};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256, uint};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use commonware_cryptography::{Signer, ed25519};
use serde_json::{Value, value::RawValue};
use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};
use trellis_executor::{BlockEnv, Engine, encode_access_list, execute_block};
use trellis_module::{Allocation, Chain, ChainSpec, genesis, rules};
use trellis_primitives::{
    Account, Block, ModuleId, StateCommitment, StateDiff, StateError, StateReader, TreeCommitment,
    transactions_root,
};
use trellis_state::{History, HistoryConfig, RecordedBlock, Undo};
use trellis_txpool::Limits;

/// Native coin every [`signer`] has at genesis: 1,000 ether.
pub(crate) const BALANCE: U256 = uint!(1_000_000_000_000_000_000_000_U256);

/// Who earns the tips of test blocks.
pub(crate) const BENEFICIARY: Address = Address::repeat_byte(0xfe);

/// One of two funded accounts.
pub(crate) fn signer(index: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::with_last_byte(index + 1)).unwrap()
}

/// The genesis block of the test chain.
pub(crate) fn genesis() -> Block {
    let tree = TreeCommitment {
        root: B256::ZERO,
        ops_root: B256::ZERO,
        start: 0,
        end: 1,
    };
    let state = StateCommitment {
        accounts: tree,
        storage: tree,
        code: tree,
    };
    let leader = ed25519::PrivateKey::from_seed(0).public_key();
    genesis::block(&spec(), state, leader).unwrap()
}

fn spec() -> ChainSpec {
    let fund = |index| Allocation {
        address: signer(index).address(),
        balance: BALANCE,
    };
    ChainSpec {
        network: "test".to_owned(),
        network_id: 123_456,
        id: ModuleId::new(1).unwrap(),
        name: "pay".parse().unwrap(),
        modules: 3,
        gas_limit: 30_000_000,
        alloc: vec![fund(0), fund(1)],
        validators: B256::ZERO,
        timestamp_ms: 1_700_000_000_500,
        payments: None,
    }
}

/// State in memory.
#[derive(Clone, Default)]
struct MemoryState(Arc<RwLock<StateMaps>>);

#[derive(Default)]
struct StateMaps {
    accounts: BTreeMap<Address, Account>,
    storage: BTreeMap<(Address, U256), U256>,
    code: BTreeMap<B256, Bytes>,
}

impl MemoryState {
    fn apply(&self, diff: &StateDiff) {
        let mut maps = self.0.write().unwrap();
        for (address, change) in &diff.accounts {
            match change.after {
                Some(account) => maps.accounts.insert(*address, account),
                None => maps.accounts.remove(address),
            };
        }
        maps.storage.extend(
            diff.storage
                .iter()
                .map(|(key, change)| (*key, change.after)),
        );
        maps.code
            .extend(diff.code.iter().map(|(hash, code)| (*hash, code.clone())));
    }
}

impl StateReader for MemoryState {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        Ok(self.0.read().unwrap().accounts.get(&address).copied())
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        Ok(self
            .0
            .read()
            .unwrap()
            .storage
            .get(&(address, slot))
            .copied()
            .unwrap_or_default())
    }
    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        Ok(self
            .0
            .read()
            .unwrap()
            .code
            .get(&hash)
            .cloned()
            .unwrap_or_default())
    }
}

/// Blocks to open a chain over.
pub(crate) struct TestChain {
    state: MemoryState,
    blocks: Vec<Arc<RecordedBlock>>,
    nonces: BTreeMap<Address, u64>,
}

impl TestChain {
    /// Only the genesis block.
    pub(crate) fn new() -> Self {
        let (state, diff) = (MemoryState::default(), genesis::state(&spec()));
        state.apply(&diff);
        let genesis = RecordedBlock {
            block: genesis(),
            transactions: Vec::new(),
            receipts: Vec::new(),
            undo: Arc::new(Undo::new(0, &StateDiff::default())),
        };
        Self {
            state,
            blocks: vec![Arc::new(genesis)],
            nonces: BTreeMap::new(),
        }
    }

    /// A transaction of `signer(from)` with its next nonce and a tip of 2 gwei.
    pub(crate) fn transaction(
        &mut self,
        from: u8,
        edit: impl FnOnce(&mut TxEip1559),
    ) -> Recovered<TxEnvelope> {
        let nonce = self.nonces.entry(signer(from).address()).or_default();
        let signed = sign(from, *nonce, edit);
        *nonce += 1;
        signed
    }

    /// Executes the transactions in the next block.
    pub(crate) fn block(mut self, transactions: Vec<Recovered<TxEnvelope>>) -> Self {
        let parent = self.blocks.last().unwrap().block.clone();
        let mut header = parent.header().clone();
        let mut extension = parent.extension().clone();
        extension.context.parent.1 = genesis::digest(parent.hash());
        extension.timestamp_ms += 1_000;
        header.parent_hash = parent.hash();
        header.number += 1;
        header.timestamp = extension.timestamp_ms / 1_000;
        header.beneficiary = BENEFICIARY;
        header.base_fee_per_gas = Some(rules::base_fee_after(&parent));
        header.mix_hash = rules::randao_after(&parent);
        header.parent_beacon_block_root = Some(rules::beacon_root_after(&parent));
        let env = BlockEnv {
            chain_id: spec().chain_id(),
            number: header.number,
            timestamp: header.timestamp,
            beneficiary: BENEFICIARY,
            gas_limit: header.gas_limit,
            base_fee: header.base_fee_per_gas.unwrap(),
            prev_randao: header.mix_hash,
            parent_hash: header.parent_hash,
            parent_beacon_root: header.parent_beacon_block_root.unwrap(),
        };
        let executed = execute_block(env, &self.state, &transactions).unwrap();
        let encoded: Vec<Bytes> = transactions
            .iter()
            .map(|tx| tx.encoded_2718().into())
            .collect();
        header.gas_used = executed.gas_used;
        header.logs_bloom = executed.logs_bloom;
        header.receipts_root = executed.receipts_root;
        header.transactions_root = transactions_root(&encoded);
        let access_list = encode_access_list(&executed.access_list);
        extension.access_list_hash = keccak256(&access_list);
        header.extra_data = extension.hash().into();
        self.state.apply(&executed.diff);
        self.blocks.push(Arc::new(RecordedBlock {
            undo: Arc::new(Undo::new(header.number, &executed.diff)),
            block: Block::new(header, extension, encoded, access_list).unwrap(),
            transactions,
            receipts: executed.receipts,
        }));
        self
    }

    /// The module over these blocks, with the state of the newest `window` blocks.
    pub(crate) fn open(self, window: u64) -> Arc<ModuleContext> {
        self.open_with(window, RpcLimits::default())
    }

    /// Like [`Self::open`], with other limits.
    pub(crate) fn open_with(self, window: u64, limits: RpcLimits) -> Arc<ModuleContext> {
        let genesis = self.blocks[0].block.clone();
        let history = History::in_memory(HistoryConfig::new(genesis.hash(), window));
        history.append(&self.blocks).unwrap();
        let chain = Chain::open(
            spec(),
            genesis,
            history,
            window,
            Limits::default(),
            Engine::default(),
            trellis_module::Exchange::insecure(1),
        )
        .unwrap();
        chain.attach_state(Arc::new(self.state), self.blocks.len() as u64 - 1);
        let network = NetworkInfo {
            name: "test".to_owned(),
            network_id: spec().network_id,
            client_version: "trellis/v0.1.0/test".to_owned(),
            modules: vec![ModuleInfo {
                id: 1,
                name: "pay".to_owned(),
                chain_id: spec().chain_id(),
                path: "/pay".to_owned(),
                genesis_hash: chain.genesis_hash(),
                features: Vec::new(),
            }],
        };
        Arc::new(ModuleContext::new(chain, Arc::new(network), limits))
    }
}

/// A signed transaction of `signer(from)`: 1 gwei to nobody in particular, unless edited.
pub(crate) fn sign(
    from: u8,
    nonce: u64,
    edit: impl FnOnce(&mut TxEip1559),
) -> Recovered<TxEnvelope> {
    let signer = signer(from);
    let mut transaction = TxEip1559 {
        chain_id: spec().chain_id(),
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 20_000_000_000,
        max_priority_fee_per_gas: 2_000_000_000,
        to: Address::repeat_byte(0x77).into(),
        value: U256::from(1_000_000_000),
        ..TxEip1559::default()
    };
    edit(&mut transaction);
    let signature = signer
        .sign_hash_sync(&transaction.signature_hash())
        .unwrap();
    Recovered::new_unchecked(transaction.into_signed(signature).into(), signer.address())
}

/// The encoding a client sends.
pub(crate) fn raw(transaction: &Recovered<TxEnvelope>) -> Value {
    serde_json::to_value(Bytes::from(transaction.encoded_2718())).unwrap()
}

/// Arguments as a client sends them.
pub(crate) fn params(json: &Value) -> Params {
    Params::new(Some(RawValue::from_string(json.to_string()).unwrap()))
}

/// Calls a method that exists.
pub(crate) async fn call(
    module: &Arc<ModuleContext>,
    method: &str,
    arguments: Value,
) -> Result<Value, RpcError> {
    let answer = super::dispatch(module, method, params(&arguments)).await;
    answer
        .expect("the method exists")
        .map(|raw| serde_json::from_str(raw.get()).unwrap())
}
