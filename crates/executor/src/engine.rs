//! What outlives a block: worker threads, and code that is ready to run.

use alloy_primitives::{B256, map::B256Map};
use parking_lot::RwLock;
use revm::state::Bytecode;
use std::sync::Arc;
use trellis_primitives::{StateError, StateReader};
use trellis_stm::Workers;

/// Code kept ready, in bytes.
const CODE_BYTES_MAX: usize = 64 << 20;

/// Analysed code by hash. Finding the jump targets of a contract takes longer than many calls of it.
///
/// Code never changes under its hash, so nothing here is ever wrong; when it is full, it starts over.
#[derive(Debug, Default)]
pub(crate) struct CodeCache(RwLock<Codes>);

#[derive(Debug, Default)]
struct Codes {
    by_hash: B256Map<Bytecode>,
    bytes: usize,
}

impl CodeCache {
    /// The code with this hash, from here or from the state.
    ///
    /// # Errors
    /// [`StateError`] if the state does not have it, or something else under its hash.
    pub(crate) fn load(
        &self,
        hash: B256,
        state: &impl StateReader,
    ) -> Result<Bytecode, StateError> {
        if let Some(code) = self.0.read().by_hash.get(&hash) {
            return Ok(code.clone());
        }
        let code = Bytecode::new_raw_checked(state.code(hash)?)
            .map_err(|error| StateError::Storage(format!("code {hash} is malformed: {error}")))?;
        let mut codes = self.0.write();
        if codes.bytes > CODE_BYTES_MAX {
            *codes = Codes::default();
        }
        if codes.by_hash.insert(hash, code.clone()).is_none() {
            // An eighth more for the jump targets.
            codes.bytes += code.original_byte_slice().len() * 9 / 8;
        }
        Ok(code)
    }
}

/// Executes blocks. Cloning shares everything.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) workers: Arc<Workers>,
    pub(crate) code: Arc<CodeCache>,
    /// Takes the parallel way even where it does not pay.
    pub(crate) eager: bool,
}

impl Engine {
    /// An engine with these workers.
    pub fn new(workers: Workers) -> Self {
        Self {
            workers: Arc::new(workers),
            code: Arc::default(),
            eager: false,
        }
    }

    /// Takes the parallel way even where it does not pay. For tests.
    #[doc(hidden)]
    #[must_use]
    pub fn eager(mut self) -> Self {
        self.eager = true;
        self
    }

    /// The same code with other workers.
    #[must_use]
    pub fn with_workers(&self, workers: Workers) -> Self {
        Self {
            workers: Arc::new(workers),
            code: self.code.clone(),
            eager: self.eager,
        }
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers.count()
    }
}

impl Default for Engine {
    /// As many workers as the machine has cores.
    fn default() -> Self {
        Self::new(Workers::new(usize::MAX))
    }
}
