//! What outlives a block: worker threads, and code that is ready to run.

use alloy_primitives::{B256, map::B256Map};
use parking_lot::RwLock;
use revm::state::Bytecode;
use std::sync::Arc;
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
    pub(crate) fn get(&self, hash: &B256) -> Option<Bytecode> {
        self.0.read().by_hash.get(hash).cloned()
    }

    pub(crate) fn insert(&self, hash: B256, code: &Bytecode) {
        let mut codes = self.0.write();
        if codes.bytes > CODE_BYTES_MAX {
            *codes = Codes::default();
        }
        if codes.by_hash.insert(hash, code.clone()).is_none() {
            // An eighth more for the jump targets.
            codes.bytes += code.original_byte_slice().len() * 9 / 8;
        }
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
