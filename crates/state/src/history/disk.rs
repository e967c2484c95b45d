//! The store on disk: one fjall database per module.
//!
//! ```text
//! (no directory) --create--> empty --write format and identity--> open --failed write--> refuses further batches
//!       ^                      |                                   |
//!       '--interrupted create--'<------------ kill -9, power loss -'  (open again: every acknowledged batch is there)
//! ```
//!
//! A batch is one journal entry, synced before any of it becomes visible. Restarting replays the journal; a batch that
//! was never acknowledged is either there whole or not at all (STA-1).
//!
//! fjall's snapshots are not used: a flush in the background publishes a sequence number past the one of a batch that
//! is still being applied, so a snapshot can show half a batch. [`History`](super::History) reads below its own bounds
//! instead.

use super::{
    HistoryConfig, HistoryError, journal,
    store::{Store, Table, Write},
};
use alloy_primitives::B256;
use bytes::Bytes;
use fjall::{
    CompressionType, Database, JournalRecoveryError, Keyspace, KeyspaceCreateOptions, PersistMode,
};
use parking_lot::Mutex;
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Version of the tables and encodings below. A directory with another version is refused.
pub(super) const FORMAT: u32 = 1;

/// Sum of the shares of the write buffer in [`options`].
const SHARES: u64 = 18;

/// What a directory holds that no version of this program wrote.
const FOREIGN: &str = "of another program";

const FORMAT_KEY: &str = "format";
const IDENTITY_KEY: &str = "identity";

pub(super) struct Disk {
    path: PathBuf,
    database: Database,
    /// In the order of [`Table::ALL`].
    tables: Vec<Keyspace>,
    /// The first failed write, in words; the database itself only remembers that there was one.
    failure: Mutex<Option<HistoryError>>,
}

impl Disk {
    pub(super) fn open(path: &Path, config: &HistoryConfig) -> Result<Self, HistoryError> {
        let fail = |error| failure(path, error);
        let io_fail = |error| failure(path, fjall::Error::Io(error));
        create_directory(path).map_err(io_fail)?;
        clear_interrupted_creation(path).map_err(io_fail)?;
        let database = open_database(path, config)?;
        let keyspace = |table: Table| database.keyspace(table.name(), || options(table, config));
        if database.keyspace_count() > 0 && !database.keyspace_exists(Table::Meta.name()) {
            return Err(unknown_format(path, FOREIGN));
        }
        let meta = keyspace(Table::Meta).map_err(fail)?;
        check_identity(path, &database, &meta, config.identity)?;
        let tables = Table::ALL
            .into_iter()
            .map(keyspace)
            .collect::<Result<_, _>>()
            .map_err(fail)?;
        Ok(Self {
            path: path.to_owned(),
            database,
            tables,
            failure: Mutex::new(None),
        })
    }

    fn table(&self, table: Table) -> &Keyspace {
        &self.tables[table as usize]
    }

    #[cfg(test)]
    pub(super) fn flush(&self) {
        for table in &self.tables {
            table.rotate_memtable_and_wait().expect("flush");
        }
    }
}

impl Store for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, HistoryError> {
        let value = self
            .table(table)
            .get(key)
            .map_err(|error| failure(&self.path, error))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn bounds(&self, table: Table) -> Result<Option<(Bytes, Bytes)>, HistoryError> {
        let key = |guard: Option<fjall::Guard>| {
            let key = guard.map(fjall::Guard::key).transpose();
            let key = key.map_err(|error| failure(&self.path, error))?;
            Ok::<_, HistoryError>(key.map(|key| Bytes::copy_from_slice(&key)))
        };
        let table = self.table(table);
        let first = key(table.first_key_value())?;
        Ok(first.zip(key(table.last_key_value())?))
    }

    fn commit(&self, batch: Vec<Write>) -> Result<(), HistoryError> {
        let mut out = self.database.batch().durability(Some(PersistMode::SyncAll));
        for Write { table, key, value } in batch {
            match value {
                Some(value) => out.insert(self.table(table), key, value.as_ref()),
                None => out.remove(self.table(table), key),
            }
        }
        let mut first = self.failure.lock();
        out.commit().map_err(|error| match (error, &*first) {
            (fjall::Error::Poisoned, Some(first)) => first.clone(),
            (error, _) => first.insert(failure(&self.path, error)).clone(),
        })
    }
}

fn open_database(path: &Path, config: &HistoryConfig) -> Result<Database, HistoryError> {
    let open = || {
        Database::builder(path)
            .cache_size(config.cache_bytes)
            // Recovery checks a batch by compressing it again, which would tie old journals to one compressor.
            .journal_compression(CompressionType::None)
            .manual_journal_persist(true)
            // The smallest fjall takes. Above it, the tables that hold a journal back are flushed.
            .max_journaling_size(64 << 20)
            .max_cached_files(Some(64))
            // With two, one spins while the other compacts.
            .worker_threads(1)
            .open()
    };
    let result = match open() {
        Err(fjall::Error::JournalRecovery(JournalRecoveryError::ChecksumMismatch)) => {
            journal::without_torn_batch(path, open)
        }
        result => result,
    };
    result.map_err(|error| failure(path, error))
}

fn options(table: Table, config: &HistoryConfig) -> KeyspaceCreateOptions {
    // Tables of whole blocks take most of the bytes; small ones need no large buffer.
    let shares = match table {
        Table::Blocks | Table::Receipts | Table::Undo => 4,
        Table::Transactions => 2,
        Table::Meta | Table::Senders | Table::Blooms | Table::Hashes => 1,
    };
    let hits = !matches!(table, Table::Hashes | Table::Transactions);
    KeyspaceCreateOptions::default()
        .manual_journal_persist(true)
        .max_memtable_size(shares * config.write_buffer_bytes / SHARES)
        .expect_point_read_hits(hits)
        // Keys by number only ever grow, so their tables move down without being rewritten. Hashes are rewritten, in
        // small pieces so that one compaction never holds up the worker for long.
        .compaction_strategy(Arc::new(
            fjall::compaction::Leveled::default().with_table_target_size(8 << 20),
        ))
}

/// Accepts the directory of this chain and stamps a new one; refuses everything else before it is touched.
fn check_identity(
    path: &Path,
    database: &Database,
    meta: &Keyspace,
    expected: B256,
) -> Result<(), HistoryError> {
    let fail = |error| failure(path, error);
    let format = meta.get(FORMAT_KEY).map_err(fail)?;
    let identity = meta.get(IDENTITY_KEY).map_err(fail)?;
    match (format.as_deref(), identity.as_deref()) {
        // Only the meta keyspace exists: created a moment ago, or before a crash that came before the stamp.
        (None, None) if database.keyspace_count() == 1 => {
            let mut batch = database.batch().durability(Some(PersistMode::SyncAll));
            batch.insert(meta, FORMAT_KEY, FORMAT.to_be_bytes().as_slice());
            batch.insert(meta, IDENTITY_KEY, expected.as_slice());
            batch.commit().map_err(fail)
        }
        (Some(format), Some(identity))
            if format == FORMAT.to_be_bytes() && identity.len() == 32 =>
        {
            let found = B256::from_slice(identity);
            if found == expected {
                return Ok(());
            }
            Err(HistoryError::WrongIdentity {
                path: path.to_owned(),
                found,
                expected,
            })
        }
        (Some(format), _) => {
            let version = <[u8; 4]>::try_from(format).map(u32::from_be_bytes);
            let found = version.map_or_else(|_| FOREIGN.to_owned(), |version| version.to_string());
            Err(unknown_format(path, found))
        }
        (None, _) => Err(unknown_format(path, FOREIGN)),
    }
}

fn unknown_format(path: &Path, found: impl Into<String>) -> HistoryError {
    HistoryError::UnknownFormat {
        path: path.to_owned(),
        found: found.into(),
        supported: FORMAT,
    }
}

/// Creates the directory so that its name, too, survives power loss.
fn create_directory(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_directory(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Removes what a crash left of a database that was being created: fjall writes its version marker last and
/// refuses to create over a journal. Nothing was ever stored while there is no table.
fn clear_interrupted_creation(path: &Path) -> io::Result<()> {
    let (marker, lock, journal) = (path.join("version"), path.join("lock"), path.join("0.jnl"));
    let marked = fs::metadata(&marker).is_ok_and(|file| file.len() >= 4);
    let tables =
        fs::read_dir(path.join("keyspaces")).is_ok_and(|mut entries| entries.next().is_some());
    if marked || tables || !lock.try_exists()? {
        return Ok(());
    }
    // Another process may be creating it right now; then opening fails in a moment with the clear error.
    let lock = File::options().write(true).open(lock)?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    for file in [journal, marker] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    lock.unlock()
}

pub(super) fn failure(path: &Path, error: fjall::Error) -> HistoryError {
    let path = path.to_owned();
    let io = match &error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => Some(error),
        _ => None,
    };
    if io.is_some_and(no_space) {
        return HistoryError::DiskFull { path };
    }
    if let Some(error) = io {
        return HistoryError::Storage {
            path,
            reason: error.to_string(),
        };
    }
    match error {
        fjall::Error::Locked => HistoryError::Locked { path },
        fjall::Error::InvalidVersion(None) => unknown_format(&path, FOREIGN),
        fjall::Error::InvalidVersion(Some(version)) => {
            unknown_format(&path, format!("of database {version:?}"))
        }
        // A table could not be written in the background, and the database does not say why.
        fjall::Error::Poisoned if is_full(&path) => HistoryError::DiskFull { path },
        fjall::Error::Poisoned => HistoryError::Storage {
            path,
            reason: "an earlier write in the background failed".to_owned(),
        },
        error => HistoryError::Storage {
            path,
            reason: error.to_string(),
        },
    }
}

/// Whether the device has no room for a table.
fn is_full(path: &Path) -> bool {
    let probe = path.join("space-probe");
    let written = fs::write(&probe, vec![1; 8 << 20]);
    // Left behind it does no harm, and a device that cannot delete has said so already.
    fs::remove_file(probe).ok();
    written.is_err_and(|error| no_space(&error))
}

fn no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
