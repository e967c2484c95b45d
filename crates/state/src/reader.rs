//! The bridge from QMDB's asynchronous reads to the synchronous reads execution needs.
//!
//! [`Bridge::Block`] waits on the calling thread, which must therefore be one that may block: never an executor
//! thread of the async runtime. [`Bridge::Poll`] never waits: a read that is not answered at once is remembered
//! and answered with [`StateError::Pending`]; the caller awaits [`SyncState::fetch`] and runs again. The
//! deterministic runtime has one thread, so it can only poll. Both give the same values, so the choice never changes a result.

use crate::tree::{self, Batches, Databases, Key};
use alloy_primitives::{Address, B256, Bytes, U256};
use commonware_runtime::Spawner;
use commonware_storage::Context;
use futures::FutureExt as _;
use parking_lot::Mutex;
use std::{collections::BTreeMap, future::Future};
use trellis_primitives::{Account, StateError, StateReader};

/// Asynchronous reads of one state, by hashed key.
pub trait AsyncState: Send + Sync {
    /// The account stored under `key`; an empty one counts as absent.
    fn account(&self, key: Key)
    -> impl Future<Output = Result<Option<Account>, StateError>> + Send;
    /// The slot stored under `key`; zero if never written.
    fn slot(&self, key: Key) -> impl Future<Output = Result<U256, StateError>> + Send;
    /// The code stored under its hash.
    fn code(&self, key: Key) -> impl Future<Output = Result<Option<Bytes>, StateError>> + Send;
}

pub(crate) fn account(bytes: Option<tree::AccountBytes>) -> Option<Account> {
    let bytes: [u8; Account::SIZE] = bytes?.as_ref().try_into().ok()?;
    Some(Account::from_bytes(&bytes)).filter(|account| !account.is_empty())
}

pub(crate) fn slot(bytes: Option<tree::SlotBytes>) -> U256 {
    bytes.map_or(U256::ZERO, |bytes| U256::from_be_slice(bytes.as_ref()))
}

/// The parent state of a block that is being built or checked.
#[expect(
    missing_debug_implementations,
    reason = "holds database handles that have none"
)]
pub struct BatchState<E: Context + Spawner>(pub Batches<E>);

impl<E: Context + Spawner> AsyncState for BatchState<E> {
    async fn account(&self, key: Key) -> Result<Option<Account>, StateError> {
        self.0
            .0
            .get(&key)
            .await
            .map(account)
            .map_err(tree::storage_error)
    }

    async fn slot(&self, key: Key) -> Result<U256, StateError> {
        self.0
            .1
            .get(&key)
            .await
            .map(slot)
            .map_err(tree::storage_error)
    }

    async fn code(&self, key: Key) -> Result<Option<Bytes>, StateError> {
        self.0
            .2
            .get(&key)
            .await
            .map(|code| code.map(Bytes::from))
            .map_err(tree::storage_error)
    }
}

/// The state of the newest applied block, whichever that is at the time of each read.
#[expect(
    missing_debug_implementations,
    reason = "holds database handles that have none"
)]
pub struct AppliedState<E: Context + Spawner>(pub Databases<E>);

impl<E: Context + Spawner> AsyncState for AppliedState<E> {
    async fn account(&self, key: Key) -> Result<Option<Account>, StateError> {
        self.0
            .0
            .read()
            .await
            .get(&key)
            .await
            .map(account)
            .map_err(tree::storage_error)
    }

    async fn slot(&self, key: Key) -> Result<U256, StateError> {
        self.0
            .1
            .read()
            .await
            .get(&key)
            .await
            .map(slot)
            .map_err(tree::storage_error)
    }

    async fn code(&self, key: Key) -> Result<Option<Bytes>, StateError> {
        self.0
            .2
            .read()
            .await
            .get(&key)
            .await
            .map(|code| code.map(Bytes::from))
            .map_err(tree::storage_error)
    }
}

/// How a synchronous read waits for the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bridge {
    /// Wait on the calling thread.
    Block,
    /// Never wait: answer [`StateError::Pending`] and fetch later.
    Poll,
}

#[derive(Default)]
struct Misses {
    wanted: Vec<Wanted>,
    accounts: BTreeMap<Key, Option<Account>>,
    slots: BTreeMap<Key, U256>,
    code: BTreeMap<Key, Option<Bytes>>,
}

enum Wanted {
    Account(Key),
    Slot(Key),
    Code(Key),
}

/// Synchronous reads over an [`AsyncState`].
#[expect(
    missing_debug_implementations,
    reason = "holds database handles that have none"
)]
pub struct SyncState<S> {
    state: S,
    bridge: Bridge,
    /// Where the database reads files. Workers that wait are no threads of the runtime.
    runtime: Option<tokio::runtime::Handle>,
    misses: Mutex<Misses>,
}

impl<S: AsyncState> SyncState<S> {
    /// Reads `state` through `bridge`. Called in the runtime of the database; reads may come from any thread then.
    pub fn new(state: S, bridge: Bridge) -> Self {
        Self {
            state,
            bridge,
            runtime: tokio::runtime::Handle::try_current().ok(),
            misses: Mutex::default(),
        }
    }

    /// The state underneath.
    pub fn into_inner(self) -> S {
        self.state
    }

    /// Fetches what earlier reads missed. Returns whether there was anything to fetch.
    ///
    /// # Errors
    /// As the underlying reads.
    pub async fn fetch(&self) -> Result<bool, StateError> {
        let wanted = std::mem::take(&mut self.misses.lock().wanted);
        let any = !wanted.is_empty();
        for want in wanted {
            match want {
                Wanted::Account(key) => {
                    let value = self.state.account(key.clone()).await?;
                    self.misses.lock().accounts.insert(key, value);
                }
                Wanted::Slot(key) => {
                    let value = self.state.slot(key.clone()).await?;
                    self.misses.lock().slots.insert(key, value);
                }
                Wanted::Code(key) => {
                    let value = self.state.code(key.clone()).await?;
                    self.misses.lock().code.insert(key, value);
                }
            }
        }
        Ok(any)
    }

    fn wait<T>(
        &self,
        wanted: Wanted,
        read: impl Future<Output = Result<T, StateError>>,
    ) -> Result<T, StateError> {
        match self.bridge {
            // The runtime makes a task yield after some number of polls, by letting reads that are ready pretend not to
            // be. A thread that waits here never yields, so that would never end: the read opts out.
            Bridge::Block => {
                let _entered = self.runtime.as_ref().map(tokio::runtime::Handle::enter);
                futures::executor::block_on(tokio::task::unconstrained(read))
            }
            Bridge::Poll => read.now_or_never().unwrap_or_else(|| {
                self.misses.lock().wanted.push(wanted);
                Err(StateError::Pending)
            }),
        }
    }
}

impl<S: AsyncState> StateReader for SyncState<S> {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        let key = tree::account_key(address);
        if self.bridge == Bridge::Poll
            && let Some(known) = self.misses.lock().accounts.get(&key)
        {
            return Ok(*known);
        }
        self.wait(Wanted::Account(key.clone()), self.state.account(key))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let key = tree::storage_key(address, slot);
        if self.bridge == Bridge::Poll
            && let Some(known) = self.misses.lock().slots.get(&key)
        {
            return Ok(*known);
        }
        self.wait(Wanted::Slot(key.clone()), self.state.slot(key))
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        let key = Key::new(hash.0);
        let known = (self.bridge == Bridge::Poll)
            .then(|| self.misses.lock().code.get(&key).cloned())
            .flatten();
        let code = match known {
            Some(known) => known,
            None => self.wait(Wanted::Code(key.clone()), self.state.code(key))?,
        };
        code.ok_or_else(|| StateError::Storage(format!("code {hash} is missing")))
    }
}

#[cfg(test)]
mod tests;
