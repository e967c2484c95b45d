//! The state as of a recent block.

use alloy_primitives::{Address, B256, Bytes, U256};
use parking_lot::RwLock;
use std::sync::Arc;
use trellis_primitives::{Account, StateError, StateReader};
use trellis_state::Window;

/// The state as of one finalized block. Reads are consistent whatever is finalized meanwhile.
#[derive(Clone)]
pub struct StateView {
    pub(super) number: u64,
    pub(super) state: Arc<dyn StateReader + Send + Sync>,
    pub(super) window: Arc<RwLock<Window>>,
}

impl std::fmt::Debug for StateView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateView")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl StateView {
    /// The block whose state this is.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Fails if the window moved past this view between two reads, when an answer could be newer than the view.
    fn still_kept(&self) -> Result<(), StateError> {
        if self.window.read().oldest() > self.number {
            Err(StateError::Stale)
        } else {
            Ok(())
        }
    }
}

impl StateReader for StateView {
    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        // Database first, window second: see `Window`.
        let current = self.state.account(address)?;
        let past = self.window.read().account_at(self.number, address);
        self.still_kept()?;
        Ok(past.unwrap_or(current))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        let current = self.state.storage(address, slot)?;
        let past = self.window.read().storage_at(self.number, address, slot);
        self.still_kept()?;
        Ok(past.unwrap_or(current))
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        self.state.code(hash)
    }
}
