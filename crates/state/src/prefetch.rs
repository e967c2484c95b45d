//! The values of a state that a block is known to need, read in one batch before it is executed.
//!
//! Execution then waits for no database, and the batches are free to take the block's changes meanwhile. Code stays
//! behind: it is large, most of it is in memory already, and it is read when something runs it.

use crate::{
    AsyncState, Bridge, SyncState,
    reader::{account, slot},
    tree::{self, BatchOf, Batches, CodeDb, Key},
};
use alloy_primitives::{Address, B256, Bytes, U256, map::AddressMap, map::HashMap};
use commonware_runtime::Spawner;
use commonware_storage::Context;
use rayon::prelude::*;
use trellis_primitives::{Account, StateError, StateReader};

/// Accounts and slots of one state.
#[derive(Clone, Debug, Default)]
pub struct Known {
    accounts: AddressMap<Option<Account>>,
    slots: HashMap<(Address, U256), U256>,
}

impl Known {
    /// Reads accounts and slots, all at once.
    ///
    /// # Errors
    /// [`StateError::Stale`] if a competing block was finalized meanwhile, [`StateError::Storage`] if the database failed.
    pub async fn read<E: Context + Spawner>(
        batches: &Batches<E>,
        accounts: &[Address],
        slots: &[(Address, U256)],
    ) -> Result<Self, StateError> {
        let (account_keys, slot_keys) = rayon::join(
            || keys(accounts, |address| tree::account_key(*address)),
            || keys(slots, |(address, slot)| tree::storage_key(*address, *slot)),
        );
        let account_keys: Vec<&Key> = account_keys.iter().collect();
        let slot_keys: Vec<&Key> = slot_keys.iter().collect();
        let (account_values, slot_values) = futures::join!(
            batches.0.get_many(&account_keys),
            batches.1.get_many(&slot_keys)
        );
        let account_values = account_values.map_err(tree::storage_error)?;
        let slot_values = slot_values.map_err(tree::storage_error)?;
        Ok(Self {
            accounts: accounts
                .iter()
                .copied()
                .zip(account_values.into_iter().map(account))
                .collect(),
            slots: slots
                .iter()
                .copied()
                .zip(slot_values.into_iter().map(slot))
                .collect(),
        })
    }
}

/// Accounts and slots; there is no code here.
impl StateReader for Known {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        let account = self.accounts.get(&address).copied();
        account.map_or_else(|| unforeseen("account"), Ok)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let value = self.slots.get(&(address, slot)).copied();
        value.map_or_else(|| unforeseen("slot"), Ok)
    }

    fn code(&self, _: B256) -> Result<Bytes, StateError> {
        unforeseen("code")
    }
}

/// Hashed keys. Hashing takes as long as reading, and has no order.
fn keys<T: Sync>(items: &[T], key: impl Fn(&T) -> Key + Send + Sync) -> Vec<Key> {
    items.par_iter().with_min_len(256).map(key).collect()
}

/// The code of a state.
#[expect(
    missing_debug_implementations,
    reason = "holds a database handle that has none"
)]
pub struct CodeState<E: Context + Spawner>(pub CodeBatch<E>);

/// A block's batch of the code tree.
pub type CodeBatch<E> = BatchOf<E, CodeDb<E>>;

/// What nobody foresaw. Execution asks only for what the access list has.
fn unforeseen<T>(what: &str) -> Result<T, StateError> {
    Err(StateError::Storage(format!(
        "{what} was not read in advance"
    )))
}

impl<E: Context + Spawner> AsyncState for CodeState<E> {
    async fn account(&self, _: Key) -> Result<Option<Account>, StateError> {
        unforeseen("account")
    }

    async fn slot(&self, _: Key) -> Result<U256, StateError> {
        unforeseen("slot")
    }

    async fn code(&self, key: Key) -> Result<Option<Bytes>, StateError> {
        let code = self.0.get(&key).await.map_err(tree::storage_error)?;
        Ok(code.map(Bytes::from))
    }
}

/// Synchronous reads of what was read in advance, and of code.
#[expect(
    missing_debug_implementations,
    reason = "holds a database handle that has none"
)]
pub struct KnownState<'a, E: Context + Spawner> {
    known: &'a Known,
    code: SyncState<CodeState<E>>,
}

impl<'a, E: Context + Spawner> KnownState<'a, E> {
    /// Reads `known`, and `code` through `bridge`.
    pub fn new(known: &'a Known, code: CodeBatch<E>, bridge: Bridge) -> Self {
        Self {
            known,
            code: SyncState::new(CodeState(code), bridge),
        }
    }

    /// Fetches code that earlier reads missed.
    ///
    /// # Errors
    /// As the underlying reads.
    pub async fn fetch(&self) -> Result<bool, StateError> {
        self.code.fetch().await
    }

    /// The batch of the code tree.
    pub fn into_code(self) -> CodeBatch<E> {
        self.code.into_inner().0
    }
}

impl<E: Context + Spawner> StateReader for KnownState<'_, E> {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        self.known.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.known.storage(address, slot)
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        self.code.code(hash)
    }
}
