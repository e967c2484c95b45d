use super::HistoryError;
use alloy_consensus::{ReceiptEnvelope, TxEnvelope, transaction::Recovered};
use alloy_primitives::{Address, B256, Bloom, U256};
use std::{collections::BTreeMap, sync::Arc};
use trellis_primitives::{Account, Block, StateDiff};

/// What one block changed, as the values *before* it: applying it to the state after the block gives the state before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undo {
    /// The block that made the changes.
    pub number: u64,
    /// Accounts before the block; `None` means absent.
    pub accounts: BTreeMap<Address, Option<Account>>,
    /// Storage by address and slot before the block.
    pub storage: BTreeMap<(Address, U256), U256>,
}

impl Undo {
    /// The undo record of block `number`, which made the changes of `diff`. Code is content-addressed and never undone.
    pub fn new(number: u64, diff: &StateDiff) -> Self {
        Self {
            number,
            accounts: diff
                .accounts
                .iter()
                .map(|(key, change)| (*key, change.before))
                .collect(),
            storage: diff
                .storage
                .iter()
                .map(|(key, change)| (*key, change.before))
                .collect(),
        }
    }

    /// Approximate memory this record takes, in bytes.
    pub fn footprint(&self) -> usize {
        // Entry sizes plus the slack of half-full B-tree nodes.
        size_of::<Self>() + self.accounts.len() * 160 + self.storage.len() * 136
    }
}

impl From<(u64, &StateDiff)> for Undo {
    fn from((number, diff): (u64, &StateDiff)) -> Self {
        Self::new(number, diff)
    }
}

/// A finalized block with everything a client may ask about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedBlock {
    /// The block.
    pub block: Block,
    /// Its transactions, decoded, with their senders; same order as in the block.
    pub transactions: Vec<Recovered<TxEnvelope>>,
    /// One receipt per transaction.
    pub receipts: Vec<ReceiptEnvelope>,
    /// State values before the block. Empty in a block read back from below the state window (see
    /// [`History::undo`](super::History::undo), which tells the difference).
    pub undo: Arc<Undo>,
}

impl RecordedBlock {
    /// Height in the module's chain.
    pub fn number(&self) -> u64 {
        self.block.number()
    }

    /// Block hash.
    pub fn hash(&self) -> B256 {
        self.block.hash()
    }

    /// Approximate memory this block takes, in bytes.
    pub fn footprint(&self) -> usize {
        let body: usize = self
            .block
            .transactions()
            .iter()
            .map(|bytes| bytes.len())
            .sum();
        let logs: usize = self
            .receipts
            .iter()
            .flat_map(ReceiptEnvelope::logs)
            .map(|log| 160 + log.data.data.len() + 32 * log.topics().len())
            .sum();
        // The body is held twice (encoded and decoded).
        2 * body
            + size_of::<Recovered<TxEnvelope>>() * self.transactions.len()
            + size_of::<ReceiptEnvelope>() * self.receipts.len()
            + logs
            + self.undo.footprint()
            + 4096
    }

    /// Refuses a record whose parts do not belong together: it would be unreadable later.
    pub(super) fn check(&self) -> Result<(), HistoryError> {
        let body = self.block.transactions().len();
        let reason = if self.transactions.len() != body || self.receipts.len() != body {
            format!(
                "{body} transactions in the body, {} decoded, {} receipts",
                self.transactions.len(),
                self.receipts.len()
            )
        } else if logs_bloom(&self.receipts) != self.block.header().logs_bloom {
            "the receipts' blooms do not add up to the header's".to_owned()
        } else if self.undo.number != self.number() {
            format!("undo record is of block {}", self.undo.number)
        } else {
            return Ok(());
        };
        Err(HistoryError::Inconsistent {
            number: self.number(),
            reason,
        })
    }
}

/// The bloom a header has for these receipts.
pub(super) fn logs_bloom(receipts: &[ReceiptEnvelope]) -> Bloom {
    receipts
        .iter()
        .fold(Bloom::ZERO, |sum, receipt| sum | receipt.logs_bloom())
}
