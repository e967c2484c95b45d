use super::{Draft, bare_genesis, env_on, raw, spec};
use crate::{Chain, ChainSpec, Exchange, chain::Candidate, genesis};
use alloy_primitives::{Address, B256, Bytes, U256};
use futures::{FutureExt as _, future::BoxFuture};
use parking_lot::{Mutex, RwLock};
use std::{collections::BTreeMap, sync::Arc};
use trellis_executor::{Engine, Transaction, encode_access_list, execute_block};
use trellis_messaging::gateway;
use trellis_primitives::{Account, Block, StateDiff, StateError, StateReader};
use trellis_state::{History, HistoryConfig, HistoryError, RecordedBlock, Undo};
use trellis_txpool::Limits;

/// State in memory. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct MemoryState(Arc<RwLock<Maps>>, Arc<Mutex<Option<Hook>>>);

/// Something that happens while an account is read.
type Hook = Box<dyn FnOnce() + Send>;

#[derive(Clone, Default)]
struct Maps {
    accounts: BTreeMap<Address, Account>,
    storage: BTreeMap<(Address, U256), U256>,
    code: BTreeMap<B256, Bytes>,
}

impl MemoryState {
    /// Applies the changes key by key, so that readers see the block half applied, as they do in the databases.
    pub(crate) fn apply(&self, diff: &StateDiff) {
        self.0.write().code.extend(diff.code.clone());
        for (address, change) in &diff.accounts {
            self.set(*address, change.after);
        }
        for (key, change) in &diff.storage {
            self.0.write().storage.insert(*key, change.after);
        }
    }

    pub(crate) fn set(&self, address: Address, account: Option<Account>) {
        let mut maps = self.0.write();
        match account {
            Some(account) => maps.accounts.insert(address, account),
            None => maps.accounts.remove(&address),
        };
    }

    /// Calls `hook` when the next account is read, before it is answered.
    pub(crate) fn on_next_read(&self, hook: impl FnOnce() + Send + 'static) {
        *self.1.lock() = Some(Box::new(hook));
    }

    /// Gives an account code.
    pub(crate) fn set_code(&self, address: Address, code: Bytes) {
        let code_hash = alloy_primitives::keccak256(&code);
        let mut maps = self.0.write();
        maps.accounts.entry(address).or_default().code_hash = code_hash;
        maps.code.insert(code_hash, code);
    }

    fn fork(&self) -> Self {
        Self(Arc::new(RwLock::new(self.0.read().clone())), Arc::default())
    }
}

impl StateReader for MemoryState {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        let hook = self.1.lock().take();
        if let Some(hook) = hook {
            hook();
        }
        Ok(self.0.read().accounts.get(&address).copied())
    }
    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let value = self.0.read().storage.get(&(address, slot)).copied();
        Ok(value.unwrap_or_default())
    }
    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        Ok(self.0.read().code.get(&hash).cloned().unwrap_or_default())
    }
}

/// A chain without consensus and databases: blocks are executed on state in memory.
pub(crate) struct Light {
    pub(crate) chain: Arc<Chain>,
    pub(crate) history: History,
    /// What the chain reads.
    pub(crate) state: MemoryState,
    /// The state after each block that was built.
    after: Mutex<BTreeMap<B256, MemoryState>>,
    writer: Mutex<BoxFuture<'static, Result<(), HistoryError>>>,
}

impl Light {
    pub(crate) fn new() -> Self {
        Self::with(spec(), 8, Limits::default())
    }

    pub(crate) fn with(spec: ChainSpec, window: u64, limits: Limits) -> Self {
        let exchange = Exchange::insecure(spec.network_id);
        Self::among(spec, window, limits, exchange)
    }

    /// A chain beside the other modules of `exchange`.
    pub(crate) fn among(
        spec: ChainSpec,
        window: u64,
        limits: Limits,
        exchange: Arc<Exchange>,
    ) -> Self {
        let history = History::in_memory(HistoryConfig::new(spec.identity(), window));
        let chain = Chain::open(
            spec.clone(),
            bare_genesis(&spec),
            history.clone(),
            window,
            limits,
            Engine::default(),
            exchange,
        );
        let light = Self::over(chain.unwrap(), history);
        light.state.apply(&genesis::state(&spec));
        let genesis = light.chain.genesis_hash();
        light.after.lock().insert(genesis, light.state.fork());
        light.chain.attach_state(Arc::new(light.state.clone()), 0);
        light
    }

    /// A chain over an existing history, before its state is attached.
    pub(crate) fn over(chain: Arc<Chain>, history: History) -> Self {
        Self {
            writer: Mutex::new(chain.clone().write_history().boxed()),
            chain,
            history,
            state: MemoryState::default(),
            after: Mutex::default(),
        }
    }

    /// The state after a block that was built, or the genesis.
    pub(crate) fn state_after(&self, block: &Block) -> MemoryState {
        self.after.lock()[&block.hash()].clone()
    }

    /// Executes a block on `parent`, which is the head or a block that was built before.
    pub(crate) fn build(&self, parent: &Block, transactions: &[Transaction]) -> Arc<Candidate> {
        let state = self.after.lock()[&parent.hash()].fork();
        let env = env_on(self.chain.spec(), parent);
        let executed = execute_block(env, &state, transactions).unwrap();
        let mut draft = Draft::on(self.chain.spec(), parent);
        let events = gateway::events(&executed.receipts);
        let lanes = self.chain.lanes_after(parent).after(&events);
        let notes = self.chain.notes_after(parent.number(), parent.hash());
        let notes = notes.after(transactions, &executed.receipts);
        draft.extension.outbox = lanes.root();
        draft.header.gas_used = executed.gas_used;
        draft.header.logs_bloom = executed.logs_bloom;
        draft.header.receipts_root = executed.receipts_root;
        draft.transactions = transactions.iter().map(raw).collect();
        draft.access_list = encode_access_list(&executed.access_list);
        let block = draft.block();
        let (number, hash) = (block.number(), block.hash());
        state.apply(&executed.diff);
        self.after.lock().insert(hash, state);
        let recorded = RecordedBlock {
            block,
            transactions: transactions.to_vec(),
            receipts: executed.receipts,
            undo: Arc::new(Undo::new(number, &executed.diff)),
        };
        self.chain.remember(
            Candidate::new(Arc::new(recorded), executed.diff).with(lanes, Arc::new(notes)),
        );
        self.chain.candidate(number, hash).unwrap()
    }

    /// Finalizes a block on the head, in the order the state machine does it.
    pub(crate) fn publish(&self, candidate: &Candidate) {
        self.chain.record_undo(candidate);
        self.state.apply(&candidate.diff);
        self.chain.publish(candidate);
    }

    /// Builds and finalizes a block on the head.
    pub(crate) fn mine(&self, transactions: &[Transaction]) -> Arc<RecordedBlock> {
        let head = self.chain.head();
        let candidate = self.build(&head.block, transactions);
        self.publish(&candidate);
        candidate.recorded.clone()
    }

    /// Lets the history write what was published.
    pub(crate) fn flush(&self) {
        let mut writer = self.writer.lock();
        assert!(
            (&mut *writer).now_or_never().is_none(),
            "the writer goes on"
        );
    }

    /// Submits as a client does.
    pub(crate) fn submit(&self, transaction: &Transaction) -> B256 {
        self.chain.submit(raw(transaction)).unwrap()
    }
}
