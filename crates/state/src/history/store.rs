//! The key-value store under the history: eight tables and atomic batches.

use super::HistoryError;
use bytes::Bytes;
use parking_lot::RwLock;
use std::collections::BTreeMap;

/// A table of the store. Numbers are keys in big-endian, so key order is block order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// Format version and identity.
    Meta,
    /// Number to encoded block.
    Blocks,
    /// Number to receipts.
    Receipts,
    /// Number to the senders of its transactions.
    Senders,
    /// Number to logs bloom.
    Blooms,
    /// Number to undo record.
    Undo,
    /// Block hash to number.
    Hashes,
    /// Transaction hash to number and index.
    Transactions,
}

impl Table {
    /// Every table, in declaration order.
    pub(super) const ALL: [Self; 8] = [
        Self::Meta,
        Self::Blocks,
        Self::Receipts,
        Self::Senders,
        Self::Blooms,
        Self::Undo,
        Self::Hashes,
        Self::Transactions,
    ];

    /// Name on disk and in errors.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Blocks => "blocks",
            Self::Receipts => "receipts",
            Self::Senders => "senders",
            Self::Blooms => "blooms",
            Self::Undo => "undo",
            Self::Hashes => "hashes",
            Self::Transactions => "transactions",
        }
    }
}

/// One entry of a batch.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) table: Table,
    pub(super) key: Vec<u8>,
    /// `None` removes the key.
    pub(super) value: Option<Bytes>,
}

impl Write {
    pub(super) fn put(table: Table, key: impl AsRef<[u8]>, value: impl Into<Bytes>) -> Self {
        Self {
            table,
            key: key.as_ref().to_vec(),
            value: Some(value.into()),
        }
    }

    pub(super) fn remove(table: Table, key: impl AsRef<[u8]>) -> Self {
        Self {
            table,
            key: key.as_ref().to_vec(),
            value: None,
        }
    }
}

/// What the history needs from a store.
pub(super) trait Store: Send + Sync {
    /// The value of a key. While a batch is being committed, some of its keys may show already.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, HistoryError>;

    /// Smallest and largest key of a table.
    fn bounds(&self, table: Table) -> Result<Option<(Bytes, Bytes)>, HistoryError>;

    /// Applies a batch atomically. After `Ok` it is durable: it survives kill -9 and power loss (STA-1). After an
    /// error the store takes no further batch.
    fn commit(&self, batch: Vec<Write>) -> Result<(), HistoryError>;
}

/// A store in memory, for tests and the deterministic simulator, where a process restart keeps the object alive.
#[derive(Debug, Default)]
pub(super) struct Memory(RwLock<BTreeMap<Table, BTreeMap<Vec<u8>, Bytes>>>);

impl Store for Memory {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, HistoryError> {
        let tables = self.0.read();
        Ok(tables
            .get(&table)
            .and_then(|entries| entries.get(key).cloned()))
    }

    fn bounds(&self, table: Table) -> Result<Option<(Bytes, Bytes)>, HistoryError> {
        let tables = self.0.read();
        let Some(entries) = tables.get(&table) else {
            return Ok(None);
        };
        let first = entries.first_key_value();
        Ok(first
            .zip(entries.last_key_value())
            .map(|((first, _), (last, _))| {
                (Bytes::copy_from_slice(first), Bytes::copy_from_slice(last))
            }))
    }

    fn commit(&self, batch: Vec<Write>) -> Result<(), HistoryError> {
        let mut tables = self.0.write();
        for Write { table, key, value } in batch {
            let entries = tables.entry(table).or_default();
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        Ok(())
    }
}
