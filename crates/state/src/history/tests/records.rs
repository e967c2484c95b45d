//! What the history answers, on disk and in memory alike.

use super::{super::*, *};
use std::{fs, thread};
use tempfile::TempDir;

/// Runs a test against both stores. The directory is empty for each.
fn both(config: HistoryConfig, test: impl Fn(History)) {
    test(History::in_memory(config));
    let directory = TempDir::new().unwrap();
    test(History::open(directory.path().join("a/b"), config).unwrap());
}

#[test]
fn blocks_of_every_type_round_trip() {
    for cached in [0, 64] {
        both(
            HistoryConfig {
                recent_blocks: cached,
                ..config(100)
            },
            |history| {
                assert_eq!(
                    (history.tip(), history.first(), history.undo_range()),
                    (None, None, None)
                );
                assert_eq!(history.block(0).unwrap(), None);
                let blocks = chain(0, 9, 1);
                history.append(&blocks[..1]).unwrap();
                history.append(&blocks[1..]).unwrap();
                assert_eq!((history.first(), history.tip()), (Some(0), Some(9)));
                assert_eq!(history.undo_range(), Some(0..=9));
                assert_recorded(&history, &blocks, 0);
                for expected in &blocks {
                    assert_eq!(
                        *history.block(expected.number()).unwrap().unwrap(),
                        **expected
                    );
                }
                assert_eq!(history.block(10).unwrap(), None);
                assert_eq!(history.bloom(10).unwrap(), None);
                assert_eq!(history.number_of(B256::ZERO).unwrap(), None);
                assert_eq!(history.locate(B256::ZERO).unwrap(), None);
            },
        );
    }
}

#[test]
fn reopening_finds_everything() {
    let directory = TempDir::new().unwrap();
    let blocks = chain(0, 60, 1);
    for part in blocks.chunks(7) {
        let history = History::open(directory.path(), tiny(5)).unwrap();
        history.append(part).unwrap();
    }
    let history = History::open(directory.path(), tiny(5)).unwrap();
    assert_eq!((history.first(), history.tip()), (Some(0), Some(60)));
    assert_eq!(history.undo_range(), Some(56..=60));
    assert_recorded(&history, &blocks, 56);
}

#[test]
fn flushed_tables_read_like_the_journal() {
    let directory = TempDir::new().unwrap();
    let blocks = chain(0, 40, 1);
    let open = || disk::Disk::open(directory.path(), &tiny(5)).unwrap();
    {
        let disk = Arc::new(open());
        struct Shared(Arc<disk::Disk>);
        impl Store for Shared {
            fn get(&self, table: Table, key: &[u8]) -> Result<Option<bytes::Bytes>, HistoryError> {
                self.0.get(table, key)
            }
            fn bounds(
                &self,
                table: Table,
            ) -> Result<Option<(bytes::Bytes, bytes::Bytes)>, HistoryError> {
                self.0.bounds(table)
            }
            fn commit(&self, batch: Vec<store::Write>) -> Result<(), HistoryError> {
                self.0.commit(batch)
            }
        }
        let history = History::with_store(Box::new(Shared(disk.clone())), tiny(5)).unwrap();
        for part in blocks.chunks(3) {
            history.append(part).unwrap();
            disk.flush();
        }
        assert_recorded(&history, &blocks, 36);
        history.rewind_to(30).unwrap();
        disk.flush();
    }
    let history = History::with_store(Box::new(open()), tiny(5)).unwrap();
    assert_eq!(history.tip(), Some(30));
    assert_recorded(&history, &blocks[..31], u64::MAX);
}

#[test]
fn a_history_may_start_anywhere() {
    both(config(10), |history| {
        let blocks = chain(1000, 1003, 1);
        history.append(&blocks).unwrap();
        assert_eq!((history.first(), history.tip()), (Some(1000), Some(1003)));
        let below = chain(999, 999, 1);
        assert_eq!(
            history.append(&below),
            Err(HistoryError::Gap {
                expected: 1004,
                number: 999
            })
        );
        history.rewind_to(10).unwrap();
        assert_eq!(
            (history.first(), history.tip(), history.undo_range()),
            (None, None, None)
        );
        history.append(&chain(5, 6, 2)).unwrap();
        assert_eq!((history.first(), history.tip()), (Some(5), Some(6)));
    });
}

#[test]
fn delivering_again_changes_nothing() {
    both(tiny(100), |history| {
        let blocks = chain(0, 9, 1);
        history.append(&[]).unwrap();
        history.append(&blocks[..6]).unwrap();
        history.append(&blocks[2..5]).unwrap();
        history.append(&blocks[3..]).unwrap();
        history.append(&blocks).unwrap();
        assert_eq!(history.tip(), Some(9));
        assert_recorded(&history, &blocks, 0);
    });
}

/// CON-1: a second finalized block at a height is never recorded.
#[test]
fn another_block_at_a_height_is_refused() {
    both(config(100), |history| {
        let (blocks, other) = (chain(0, 9, 1), chain(0, 12, 2));
        history.append(&blocks).unwrap();
        let conflict = |number: usize| HistoryError::Conflict {
            number: number as u64,
            offered: other[number].hash(),
        };
        assert_eq!(history.append(&other[4..5]), Err(conflict(4)));
        assert_eq!(
            history.append(&[blocks[3].clone(), other[4].clone()]),
            Err(conflict(4))
        );
        let error = history.append(&other[10..11]).unwrap_err();
        assert!(
            matches!(error, HistoryError::Parent { number: 10, .. }),
            "{error}"
        );
        assert_eq!(error.class(), trellis_primitives::Class::Fatal);
        assert_eq!(history.tip(), Some(9));
        assert_recorded(&history, &blocks, 0);
    });
}

#[test]
fn a_gap_is_refused_and_nothing_is_written() {
    both(config(100), |history| {
        let blocks = chain(0, 9, 1);
        history.append(&blocks[..3]).unwrap();
        let gap = |expected, number| Err(HistoryError::Gap { expected, number });
        assert_eq!(history.append(&blocks[4..]), gap(3, 4));
        let skipping = [blocks[3].clone(), blocks[5].clone()];
        assert_eq!(history.append(&skipping), gap(4, 5));
        let backwards = [blocks[3].clone(), blocks[2].clone()];
        assert_eq!(history.append(&backwards), gap(4, 2));
        assert_eq!(history.tip(), Some(2));
        assert_eq!(history.block(3).unwrap(), None);
        assert_eq!(history.number_of(blocks[3].hash()).unwrap(), None);
    });
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let good = chain(0, 0, 1).remove(0);
    let change = |change: fn(&mut RecordedBlock)| {
        let mut block = (*good).clone();
        change(&mut block);
        let history = History::in_memory(config(10));
        let error = history.append(&[Arc::new(block)]).unwrap_err();
        assert!(
            matches!(error, HistoryError::Inconsistent { number: 0, .. }),
            "{error}"
        );
        assert_eq!(history.tip(), None);
    };
    change(|block| block.receipts.truncate(3));
    change(|block| block.transactions.truncate(3));
    change(|block| block.undo = Arc::new(undo(1, 1)));
    change(|block| block.receipts[3] = block.receipts[0].clone());
}

#[test]
fn rewinding_removes_the_blocks_above_and_takes_others() {
    both(config(4), |history| {
        let (blocks, again) = (chain(0, 9, 1), chain(0, 12, 1));
        history.append(&blocks).unwrap();
        assert_recorded(&history, &blocks, 6);
        history.rewind_to(9).unwrap();
        history.rewind_to(u64::MAX).unwrap();
        assert_eq!(history.tip(), Some(9));
        history.rewind_to(7).unwrap();
        assert_eq!(
            (history.tip(), history.undo_range()),
            (Some(7), Some(6..=7))
        );
        for block in &blocks[8..] {
            assert_eq!(history.block(block.number()).unwrap(), None);
            assert_eq!(history.bloom(block.number()).unwrap(), None);
            assert_eq!(history.undo(block.number()).unwrap(), None);
            assert_eq!(history.number_of(block.hash()).unwrap(), None);
            for transaction in &block.transactions {
                assert_eq!(history.locate(*transaction.tx_hash()).unwrap(), None);
            }
        }
        assert_recorded(&history, &blocks[..8], 6);
        history.append(&again[8..]).unwrap();
        assert_recorded(&history, &again, 9);
        history.rewind_to(0).unwrap();
        assert_eq!((history.tip(), history.undo_range()), (Some(0), None));
        history.append(&again[1..3]).unwrap();
        assert_eq!(history.undo_range(), Some(1..=2));
    });
}

#[test]
fn undo_records_leave_with_the_window() {
    both(tiny(3), |history| {
        let blocks = chain(0, 20, 1);
        history.append(&blocks[..2]).unwrap();
        assert_eq!(history.undo_range(), Some(0..=1));
        for (tip, block) in (2..).zip(&blocks[2..8]) {
            history.append(std::slice::from_ref(block)).unwrap();
            assert_eq!(history.undo_range(), Some(tip - 2..=tip));
        }
        // More blocks at once than the window holds.
        history.append(&blocks[8..]).unwrap();
        assert_eq!(history.undo_range(), Some(18..=20));
        assert_recorded(&history, &blocks, 18);
        for number in 0..18 {
            let key = u64::to_be_bytes(number);
            assert_eq!(
                history.0.store.get(Table::Undo, &key).unwrap(),
                None,
                "{number} is deleted"
            );
            let empty = Undo {
                number,
                ..Undo::default()
            };
            assert_eq!(*history.block(number).unwrap().unwrap().undo, empty);
        }
    });
}

#[test]
fn the_window_may_change_between_runs() {
    let directory = TempDir::new().unwrap();
    let blocks = chain(0, 20, 1);
    let open = |window| History::open(directory.path(), config(window)).unwrap();
    open(10).append(&blocks[..15]).unwrap();
    assert_eq!(open(3).undo_range(), Some(12..=14));
    let shorter = open(3);
    shorter.append(&blocks[15..17]).unwrap();
    assert_recorded(&shorter, &blocks[..17], 14);
    drop(shorter);
    let none = open(0);
    none.append(&blocks[17..18]).unwrap();
    assert_eq!(none.undo_range(), None);
    drop(none);
    let longer = open(100);
    assert_eq!(longer.undo_range(), None);
    longer.append(&blocks[18..]).unwrap();
    assert_eq!(longer.undo_range(), Some(18..=20));
    assert_recorded(&longer, &blocks, 18);
}

#[test]
fn another_chain_is_refused() {
    let directory = TempDir::new().unwrap();
    let open = |identity| History::open(directory.path(), HistoryConfig::new(identity, 1));
    drop(open(IDENTITY).unwrap());
    let expected = B256::repeat_byte(0x99);
    let error = open(expected).unwrap_err();
    let path = directory.path().to_owned();
    assert_eq!(
        error,
        HistoryError::WrongIdentity {
            path: path.clone(),
            found: IDENTITY,
            expected
        }
    );
    assert_eq!(
        error.to_string(),
        format!(
            "history at {} belongs to another network (found {IDENTITY}, expected {expected}); \
             choose another --data-dir or start with --reset",
            path.display()
        )
    );
    open(IDENTITY).unwrap();
}

#[test]
fn one_process_at_a_time() {
    let directory = TempDir::new().unwrap();
    let history = History::open(directory.path(), config(1)).unwrap();
    let second = History::open(directory.path(), config(1)).unwrap_err();
    assert_eq!(
        second,
        HistoryError::Locked {
            path: directory.path().to_owned()
        }
    );
    drop(history);
    History::open(directory.path(), config(1)).unwrap();
}

#[test]
fn memory_for_decoded_blocks_is_bounded() {
    let blocks = chain(0, 30, 1);
    let config = HistoryConfig {
        recent_blocks: 4,
        ..config(10)
    };
    let history = History::in_memory(config);
    history.append(&blocks).unwrap();
    let same = |number: usize| {
        Arc::ptr_eq(
            &history.block(number as u64).unwrap().unwrap(),
            &blocks[number],
        )
    };
    assert!((27..=30).all(same) && !same(26));
    assert!(
        !same(27) && same(30),
        "reading 26 took the place of the least recently used"
    );

    let bytes = blocks[0].footprint() + blocks[1].footprint();
    let history = History::in_memory(HistoryConfig {
        recent_bytes: bytes,
        recent_blocks: 64,
        ..config
    });
    history.append(&blocks[..2]).unwrap();
    assert_eq!(history.0.recent.lock().len(), 2);
    history.append(&blocks[2..]).unwrap();
    assert!(history.0.recent.lock().len() <= 2);
}

/// Readers see whole blocks only, while blocks are appended and rewound and tables are flushed in the background.
#[test]
fn readers_see_whole_blocks_while_writing() {
    both(tiny(8), |history| {
        let blocks = chain(0, 40, 1);
        history.append(&blocks[..1]).unwrap();
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 0..3 {
                    blocks[1..]
                        .iter()
                        .for_each(|block| history.append(std::slice::from_ref(block)).unwrap());
                    history.rewind_to(10 * round).unwrap();
                }
            });
            while !writer.is_finished() {
                for expected in &blocks {
                    if let Some((number, index)) = expected
                        .transactions
                        .first()
                        .and_then(|tx| history.locate(*tx.tx_hash()).unwrap())
                    {
                        assert_eq!((number, index), (expected.number(), 0));
                    }
                    let block = history.block(expected.number()).unwrap();
                    assert!(block.is_none_or(|block| block.receipts == expected.receipts));
                }
            }
        });
        assert_eq!(history.tip(), Some(20));
    });
}

#[test]
fn interrupted_creation_is_repeated() {
    let directory = TempDir::new().unwrap();
    for marker in [None, Some("FJ")] {
        let path = directory.path().join(marker.unwrap_or("none"));
        fs::create_dir_all(path.join("keyspaces")).unwrap();
        fs::write(path.join("lock"), "").unwrap();
        fs::write(path.join("0.jnl"), [0; 100]).unwrap();
        if let Some(marker) = marker {
            fs::write(path.join("version"), marker).unwrap();
        }
        let history = History::open(&path, config(1)).unwrap();
        history.append(&chain(0, 1, 1)).unwrap();
    }
}
