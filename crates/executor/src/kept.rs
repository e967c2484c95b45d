//! What one block leaves for the next: code that is ready to run, and memory.

use crate::ledger::Ledger;
use alloy_primitives::{
    B256,
    map::{AddressMap, B256Map},
};
use parking_lot::{Mutex, RwLock};
use revm::state::Bytecode;
use trellis_primitives::{StateError, StateReader};

/// Code kept ready, in bytes.
const CODE_BYTES_MAX: usize = 128 << 20;
/// Buffers kept, and the accounts and slots one may have room for: some megabytes each.
const BUFFERS_MAX: usize = 16;
const BUFFER_ITEMS_MAX: usize = 32_768;

/// What one block leaves for the next.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    codes: RwLock<Codes>,
    buffers: Mutex<Vec<Buffers>>,
}

/// Analysed code by hash. Finding the jump targets of a contract takes longer than many calls of it.
///
/// Code never changes under its hash, so nothing here is ever wrong; when it is full, it starts over.
#[derive(Debug, Default)]
struct Codes {
    by_hash: B256Map<Bytecode>,
    bytes: usize,
}

/// Empty tables that have their memory already: growing them, page by page, takes longer than filling them.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) index: AddressMap<usize>,
    pub(crate) ledger: Ledger,
}

impl Kept {
    /// The code with this hash, from here or from the state.
    ///
    /// # Errors
    /// [`StateError`] if the state does not have it, or something else under its hash.
    pub(crate) fn load(
        &self,
        hash: B256,
        state: &impl StateReader,
    ) -> Result<Bytecode, StateError> {
        if let Some(code) = self.codes.read().by_hash.get(&hash) {
            return Ok(code.clone());
        }
        let code = Bytecode::new_raw_checked(state.code(hash)?)
            .map_err(|error| StateError::Storage(format!("code {hash} is malformed: {error}")))?;
        let mut codes = self.codes.write();
        if codes.bytes > CODE_BYTES_MAX {
            *codes = Codes::default();
        }
        if codes.by_hash.insert(hash, code.clone()).is_none() {
            // An eighth more for the jump targets.
            codes.bytes += code.original_byte_slice().len() * 9 / 8;
        }
        Ok(code)
    }

    /// Empty tables.
    pub(crate) fn take_buffers(&self) -> Buffers {
        self.buffers.lock().pop().unwrap_or_default()
    }

    /// Keeps tables for the next block, unless they are large: then the memory is worth more elsewhere.
    pub(crate) fn give_back(&self, mut buffers: Buffers) {
        let Buffers { index, ledger } = &mut buffers;
        let items = ledger.touched.capacity().max(ledger.slots.capacity());
        if items.max(ledger.entries.capacity()) > 2 * BUFFER_ITEMS_MAX {
            return;
        }
        index.clear();
        ledger.clear();
        let mut kept = self.buffers.lock();
        if kept.len() < BUFFERS_MAX {
            kept.push(buffers);
        }
    }
}
