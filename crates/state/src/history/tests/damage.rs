//! Damaged directories: an error that says what is wrong, never a panic, never a wrong answer.

use super::{
    super::{store::Write, *},
    *,
};
use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write as _},
    path::Path,
};
use tempfile::TempDir;

fn no_cache() -> HistoryConfig {
    HistoryConfig {
        recent_blocks: 0,
        ..config(10)
    }
}

/// STA-1, NET-1: every prefix and every flipped byte of every record is refused or reads as before.
#[test]
fn damaged_records_are_errors() {
    let history = History::in_memory(no_cache());
    let blocks = chain(0, 2, 1);
    history.append(&blocks).unwrap();
    let key = 1u64.to_be_bytes();
    let (hash, transaction) = (blocks[1].hash(), blocks[1].transactions[2].tx_hash());
    let cases: [(Table, &[u8]); 7] = [
        (Table::Blocks, &key),
        (Table::Receipts, &key),
        (Table::Senders, &key),
        (Table::Blooms, &key),
        (Table::Undo, &key),
        (Table::Hashes, hash.as_slice()),
        (Table::Transactions, transaction.as_slice()),
    ];
    for (table, key) in cases {
        let good = history.0.store.get(table, key).unwrap().unwrap();
        let write = |value: Vec<u8>| {
            history
                .0
                .store
                .commit(vec![Write::put(table, key, value)])
                .unwrap()
        };
        for length in 0..good.len() {
            write(good[..length].to_vec());
            // The empty bloom is stored as nothing.
            assert!(
                length == 0 && table == Table::Blooms || !reads(&history, table, &blocks),
                "{table:?} {length}"
            );
        }
        for position in 0..good.len() {
            let mut bad = good.to_vec();
            bad[position] ^= 0x81;
            write(bad);
            reads(&history, table, &blocks);
        }
        write([&good[..], &[0]].concat());
        assert!(
            !reads(&history, table, &blocks),
            "{table:?} with a byte more"
        );
        write(good.to_vec());
        assert!(reads(&history, table, &blocks));
    }
}

/// Reads block 1 in every way that touches `table`; whether that worked. A wrong block never comes out.
fn reads(history: &History, table: Table, blocks: &[Arc<RecordedBlock>]) -> bool {
    let expected = &blocks[1];
    let result = match table {
        Table::Hashes => history.number_of(expected.hash()).map(|_| ()),
        Table::Transactions => history
            .locate(*expected.transactions[2].tx_hash())
            .map(|_| ()),
        Table::Blooms => history.bloom(1).map(|_| ()),
        Table::Undo => history.undo(1).map(|_| ()),
        _ => history
            .block(1)
            .map(|block| assert_eq!(block.unwrap().block, expected.block)),
    };
    if let Err(error) = &result {
        assert!(matches!(error, HistoryError::Corrupt { .. }), "{error}");
    }
    result.is_ok()
}

#[test]
fn a_missing_part_is_an_error() {
    let history = History::in_memory(no_cache());
    history.append(&chain(0, 2, 1)).unwrap();
    for table in [Table::Blocks, Table::Receipts, Table::Senders] {
        let key = 1u64.to_be_bytes();
        let good = history.0.store.get(table, &key).unwrap().unwrap();
        history
            .0
            .store
            .commit(vec![Write::remove(table, key)])
            .unwrap();
        let error = history.block(1).unwrap_err();
        assert_eq!(error, HistoryError::corrupt(table.name(), 1, "missing"));
        history
            .0
            .store
            .commit(vec![Write::put(table, key, good)])
            .unwrap();
    }
    assert!(history.block(1).unwrap().is_some());
}

#[test]
fn a_block_under_another_number_is_an_error() {
    let history = History::in_memory(no_cache());
    history.append(&chain(0, 2, 1)).unwrap();
    let other = history
        .0
        .store
        .get(Table::Blocks, &2u64.to_be_bytes())
        .unwrap()
        .unwrap();
    history
        .0
        .store
        .commit(vec![Write::put(Table::Blocks, 1u64.to_be_bytes(), other)])
        .unwrap();
    assert_eq!(
        history.block(1).unwrap_err(),
        HistoryError::corrupt("blocks", 1, "holds block 2")
    );
}

#[test]
fn unknown_formats_are_refused() {
    let directory = TempDir::new().unwrap();
    let open = || disk::Disk::open(directory.path(), &config(1));
    let write = |format: Vec<u8>| {
        open()
            .unwrap()
            .commit(vec![Write::put(Table::Meta, "format", format)])
            .unwrap();
        let error = open().err().unwrap();
        assert!(
            matches!(error, HistoryError::UnknownFormat { supported: 1, .. }),
            "{error}"
        );
        let database = fjall::Database::builder(directory.path()).open().unwrap();
        let meta = database
            .keyspace("meta", fjall::KeyspaceCreateOptions::default)
            .unwrap();
        meta.insert("format", 1u32.to_be_bytes()).unwrap();
        error.to_string()
    };
    assert!(
        write(2u32.to_be_bytes().to_vec())
            .contains("unknown format 2, this program reads format 1")
    );
    write(vec![1]);

    let foreign = TempDir::new().unwrap();
    {
        let database = fjall::Database::builder(foreign.path()).open().unwrap();
        database
            .keyspace("other", fjall::KeyspaceCreateOptions::default)
            .unwrap();
    }
    let error = History::open(foreign.path(), config(1)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("unknown format of another program"),
        "{error}"
    );
    let database = fjall::Database::builder(foreign.path()).open().unwrap();
    assert_eq!(database.keyspace_count(), 1, "nothing was written to it");
    drop(database);
    fs::write(foreign.path().join("version"), "nonsense").unwrap();
    let error = History::open(foreign.path(), config(1)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("unknown format of another program"),
        "{error}"
    );
}

#[test]
fn unusable_paths_are_errors() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "x").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = History::open(&path, config(1)).unwrap_err();
        assert!(matches!(error, HistoryError::Storage { .. }), "{error}");
    }
}

#[test]
fn a_full_disk_is_named() {
    let path = Path::new("/data");
    let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
    for error in [
        fjall::Error::Io(full()),
        fjall::Error::Storage(fjall::LsmError::Io(full())),
    ] {
        let error = disk::failure(path, error);
        assert_eq!(
            error.to_string(),
            "disk full: history at /data cannot be written; free some space and restart"
        );
    }
}

/// After a failed write nothing more is taken, and the first failure is what every later call reports.
#[test]
fn a_failed_write_is_remembered() {
    /// Commits until told to fail.
    struct Failing(store::Memory, Mutex<bool>);
    impl Store for Failing {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<bytes::Bytes>, HistoryError> {
            self.0.get(table, key)
        }
        fn bounds(
            &self,
            table: Table,
        ) -> Result<Option<(bytes::Bytes, bytes::Bytes)>, HistoryError> {
            self.0.bounds(table)
        }
        fn commit(&self, batch: Vec<Write>) -> Result<(), HistoryError> {
            let mut healthy = self.1.lock();
            if !std::mem::replace(&mut *healthy, false) {
                return Err(HistoryError::DiskFull {
                    path: "/data".into(),
                });
            }
            self.0.commit(batch)
        }
    }
    let history = History::with_store(
        Box::new(Failing(store::Memory::default(), Mutex::new(true))),
        config(9),
    )
    .unwrap();
    let blocks = chain(0, 2, 1);
    history.append(&blocks[..2]).unwrap();
    for _ in 0..2 {
        let error = history.append(&blocks[2..]).unwrap_err();
        assert_eq!(
            error,
            HistoryError::DiskFull {
                path: "/data".into()
            }
        );
        assert_eq!(
            (history.tip(), history.undo_range()),
            (Some(1), Some(0..=1))
        );
        assert_eq!(history.block(2).unwrap(), None);
        assert!(history.rewind_to(0).is_err());
    }
    assert_recorded(&history, &blocks[..2], 0);
}

/// STA-1: a batch torn by a power loss (its end on disk, a page of its middle not) is dropped; all before it stay.
#[test]
fn a_torn_batch_is_dropped() {
    let directory = TempDir::new().unwrap();
    let blocks = large_chain();
    History::open(directory.path(), config(10))
        .unwrap()
        .append(&blocks[..2])
        .unwrap();
    let start = used(directory.path());
    History::open(directory.path(), config(10))
        .unwrap()
        .append(&blocks[2..])
        .unwrap();
    zero_page(directory.path(), start + 8192);
    let history = History::open(directory.path(), config(10)).unwrap();
    assert_eq!(history.tip(), Some(1));
    assert_recorded(&history, &blocks[..2], 0);
    history.append(&blocks[2..]).unwrap();
    drop(history);
    let history = History::open(directory.path(), config(10)).unwrap();
    assert_recorded(&history, &blocks, 0);
}

/// Damage below the last batch is not a torn write: it is reported, and the directory is left as it was.
#[test]
fn damage_below_the_last_batch_is_reported() {
    let directory = TempDir::new().unwrap();
    let blocks = large_chain();
    History::open(directory.path(), config(10))
        .unwrap()
        .append(&blocks[..1])
        .unwrap();
    let start = used(directory.path());
    for block in &blocks[1..] {
        History::open(directory.path(), config(10))
            .unwrap()
            .append(std::slice::from_ref(block))
            .unwrap();
    }
    let before = used(directory.path());
    zero_page(directory.path(), start + 8192);
    for _ in 0..2 {
        let error = History::open(directory.path(), config(10)).unwrap_err();
        assert!(matches!(error, HistoryError::Storage { .. }), "{error}");
        assert_eq!(
            used(directory.path()),
            before,
            "the last batch was put back"
        );
    }
}

/// Blocks whose encoding spans many pages.
fn large_chain() -> Vec<Arc<RecordedBlock>> {
    let mut blocks: Vec<Arc<RecordedBlock>> = Vec::new();
    for number in 0..3 {
        let parent = blocks.last().map_or(B256::ZERO, |block| block.hash());
        blocks.push(Arc::new(block(number, parent, 1, 40_000)));
    }
    blocks
}

fn journal(path: &Path) -> fs::File {
    fs::File::options()
        .read(true)
        .write(true)
        .open(path.join("0.jnl"))
        .unwrap()
}

/// Length of the journal without the zeros it is preallocated with.
fn used(path: &Path) -> u64 {
    let mut bytes = Vec::new();
    journal(path).read_to_end(&mut bytes).unwrap();
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last as u64 + 1)
}

fn zero_page(path: &Path, offset: u64) {
    let mut file = journal(path);
    assert!(offset + 4096 < file.metadata().unwrap().len());
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&[0; 4096]).unwrap();
}
