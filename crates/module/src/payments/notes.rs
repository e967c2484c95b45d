use alloy_consensus::{ReceiptEnvelope, Transaction as _};
use alloy_primitives::{Bloom, BloomInput, Bytes};
use rayon::prelude::*;
use std::sync::OnceLock;
use trellis_circuits::{field::F, hash::node};
use trellis_executor::Transaction;
use trellis_primitives::system::{KEEPER, POOL};
use trellis_shielded::{
    pool::{self, Event},
    tree::Frontier,
};
use trellis_state::{History, HistoryError, RecordedBlock};

/// What the pool's tree is after a block, and what the next block has to record of it (docs/spec/payments.md, 6 and 11.3).
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    frontier: Frontier,
    /// Records up to this block: the nonce of the next.
    records: u64,
    /// Whether the block changed the tree.
    changed: bool,
    /// What the block's transfers pay, in wei.
    fees: u128,
    /// Computed when it is asked for.
    root: OnceLock<F>,
}

impl Notes {
    /// After a block on the one that these are of.
    #[must_use]
    pub(crate) fn after(&self, transactions: &[Transaction], receipts: &[ReceiptEnvelope]) -> Self {
        let mut next = Self {
            frontier: self.frontier.clone(),
            records: self.records + u64::from(self.changed),
            ..Self::default()
        };
        next.add(transactions, receipts);
        next
    }

    fn add(&mut self, transactions: &[Transaction], receipts: &[ReceiptEnvelope]) {
        let leaves: Vec<_> = receipts
            .iter()
            .flat_map(events)
            .flat_map(|event| event.leaves().collect::<Vec<_>>())
            .collect();
        self.changed = !leaves.is_empty();
        if self.frontier.extend(leaves, above).is_err() {
            // The contract takes nothing in long before.
            tracing::error!("the tree of notes is full");
        }
        self.fees = super::fees(transactions);
    }

    /// What the block's transfers pay, in wei.
    pub(crate) const fn fees(&self) -> u128 {
        self.fees
    }

    /// The root of the tree.
    pub(crate) fn root(&self) -> F {
        *self.root.get_or_init(|| self.frontier.root())
    }

    /// Records so far.
    pub(crate) const fn records(&self) -> u64 {
        self.records
    }

    /// Whether the next block records the root.
    pub(crate) const fn is_changed(&self) -> bool {
        self.changed
    }

    /// The call that records the root, if the block changed the tree.
    pub(crate) fn record(&self) -> Option<Bytes> {
        let Self { frontier, .. } = self;
        self.changed.then(|| {
            let edge = frontier.encode().split_off(8);
            pool::append(&self.root(), frontier.size(), self.fees, edge)
        })
    }

    /// After a recorded block: from the newest record at or below it, and what came since.
    pub(crate) fn read(history: &History, number: u64) -> Result<Self, HistoryError> {
        let mut later = Vec::new();
        let mut notes = Self::default();
        for number in (history.first().unwrap_or_default()..=number).rev() {
            let bloom = history.bloom(number)?.unwrap_or_default();
            if !has_pool(&bloom) {
                continue;
            }
            let Some(block) = history.block(number)? else {
                continue;
            };
            let base = recorded(&block);
            later.push(block);
            if let Some(base) = base {
                notes = base;
                break;
            }
        }
        // A block that changed the tree is followed by one with a record, so what was skipped changed nothing.
        for block in later.iter().rev() {
            notes = notes.after(&block.transactions, &block.receipts);
        }
        Ok(notes)
    }
}

/// The nodes above pairs, hashed in parallel.
fn above(pairs: &[[F; 2]]) -> Vec<F> {
    pairs
        .par_iter()
        .with_min_len(8)
        .map(|[left, right]| node(*left, *right))
        .collect()
}

/// Whether a block may have logs of the pool.
fn has_pool(bloom: &Bloom) -> bool {
    bloom.contains_input(BloomInput::Raw(POOL.as_slice()))
}

/// What a block says of the tree before it, if it begins with a record.
fn recorded(block: &RecordedBlock) -> Option<Notes> {
    use alloy_sol_types::SolCall as _;
    let first = block
        .transactions
        .first()
        .filter(|tx| tx.signer() == KEEPER)?;
    let call = pool::abi::appendCall::abi_decode(first.inner().input()).ok()?;
    let mut edge = call.size.to_be_bytes().to_vec();
    edge.extend(call.frontier.iter());
    Some(Notes {
        frontier: Frontier::decode(&edge).ok()?,
        records: first.inner().nonce(),
        changed: true,
        ..Notes::default()
    })
}

/// What a transaction's receipt says of notes.
pub(crate) fn events(receipt: &ReceiptEnvelope) -> impl Iterator<Item = Event> {
    let logs = receipt.logs().iter().filter(|log| log.address == POOL);
    logs.filter_map(|log| Event::read(log.topics(), &log.data.data))
}
