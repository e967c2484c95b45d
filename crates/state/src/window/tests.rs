use super::*;
use parking_lot::RwLock;
use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

/// The state as a naive map; accounts and slots of a few keys, so that blocks touch the same ones.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    accounts: BTreeMap<Address, Account>,
    storage: BTreeMap<(Address, U256), U256>,
}

/// One write: key (0..8), and the new value; zero removes.
type Change = (u8, u8);

/// A key below 4 is an account, above a slot.
fn address(key: u8) -> Address {
    Address::repeat_byte(key % 2)
}

fn slot(key: u8) -> U256 {
    U256::from(key / 2)
}

impl State {
    /// Applies a block and returns its undo record.
    fn apply(&mut self, number: u64, changes: &[Change]) -> Undo {
        let before = self.clone();
        for (key, value) in changes {
            let account = Account {
                nonce: u64::from(*value),
                ..Account::default()
            };
            let (address, slot) = (address(*key), slot(*key));
            if *key < 4 {
                let address = Address::repeat_byte(*key);
                if *value == 0 {
                    self.accounts.remove(&address)
                } else {
                    self.accounts.insert(address, account)
                };
            } else {
                self.storage.insert((address, slot), U256::from(*value));
            }
        }
        let mut undo = Undo {
            number,
            ..Undo::default()
        };
        for key in 0..4 {
            let address = Address::repeat_byte(key);
            if before.account(address) != self.account(address) {
                undo.accounts.insert(address, before.account(address));
            }
        }
        for key in 4..8 {
            let (address, slot) = (address(key), slot(key));
            if before.slot(address, slot) != self.slot(address, slot) {
                undo.storage
                    .insert((address, slot), before.slot(address, slot));
            }
        }
        undo
    }

    fn account(&self, address: Address) -> Option<Account> {
        self.accounts.get(&address).copied()
    }

    fn slot(&self, address: Address, slot: U256) -> U256 {
        self.storage
            .get(&(address, slot))
            .copied()
            .unwrap_or_default()
    }
}

/// Every key as of every covered block is what the snapshot of that block says, whichever state the database is in.
fn check(window: &Window, snapshots: &[State], database: &State) {
    let tip = snapshots.len() as u64 - 1;
    for number in window.oldest()..=tip {
        assert!(window.covers(number));
        let expected = &snapshots[usize::try_from(number).unwrap()];
        for key in 0..8 {
            let address = if key < 4 {
                Address::repeat_byte(key)
            } else {
                address(key)
            };
            let account = window
                .account_at(number, address)
                .unwrap_or(database.account(address));
            assert_eq!(
                account,
                expected.account(address),
                "account {address} as of {number}"
            );
            let slot = slot(key);
            let value = window
                .storage_at(number, address, slot)
                .unwrap_or(database.slot(address, slot));
            assert_eq!(
                value,
                expected.slot(address, slot),
                "slot {slot} of {address} as of {number}"
            );
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Block(Vec<Change>),
    /// Back by this many blocks, and on from there with this one.
    Rewind(u64, Vec<Change>),
    /// A restart: the window is loaded from its newest records.
    Reload(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let changes = || prop::collection::vec((0u8..8, 0u8..4), 0..5);
    let step = prop_oneof![
        8 => changes().prop_map(Step::Block),
        1 => (1u64..6, changes()).prop_map(|(back, changes)| Step::Rewind(back, changes)),
        1 => (1usize..6).prop_map(Step::Reload),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn matches_full_snapshots(steps in steps(), capacity in 1usize..12) {
        let mut window = Window::new(capacity);
        let mut snapshots = vec![State::default()];
        for step in steps {
            let (back, changes) = match step {
                Step::Block(changes) => (0, changes),
                Step::Rewind(back, changes) => (back.min(snapshots.len() as u64 - 1), changes),
                Step::Reload(keep) => {
                    let records: Vec<_> = window.records.iter().cloned().collect();
                    let kept = records[records.len().saturating_sub(keep)..].to_vec();
                    let mut loaded = Window::new(capacity);
                    loaded.load(kept).unwrap();
                    if !loaded.is_empty() {
                        prop_assert_eq!(loaded.tip(), window.tip());
                        window = loaded;
                    }
                    continue;
                }
            };
            snapshots.truncate(snapshots.len() - usize::try_from(back).unwrap());
            let before = snapshots.last().unwrap().clone();
            let mut after = before.clone();
            let number = snapshots.len() as u64;
            let undo = after.apply(number, &changes);
            window.push(Arc::new(undo)).unwrap();
            // Pushed but not applied yet: the states up to the last block are already right.
            check(&window, &snapshots, &before);
            snapshots.push(after.clone());
            check(&window, &snapshots, &after);
            prop_assert_eq!(window.tip(), number);
            prop_assert!(window.len() <= capacity);
            prop_assert_eq!(window.oldest(), number - window.len() as u64);
            let weights: usize = window.records.iter().map(|undo| Window::weight(undo)).sum();
            prop_assert_eq!(window.bytes(), weights);
        }
    }
}

fn record(number: u64) -> Arc<Undo> {
    let account = Account {
        nonce: number,
        ..Account::default()
    };
    let accounts = [(Address::ZERO, Some(account))].into();
    Arc::new(Undo {
        number,
        accounts,
        storage: BTreeMap::new(),
    })
}

#[test]
fn starts_at_genesis_or_anywhere() {
    let mut window = Window::new(3);
    assert_eq!((window.oldest(), window.tip(), window.len()), (0, 0, 0));
    assert_eq!(window.account_at(0, Address::ZERO), None);
    window.push(record(0)).unwrap();
    assert_eq!((window.oldest(), window.tip(), window.len()), (0, 0, 0));
    window.push(record(1)).unwrap();
    assert_eq!((window.oldest(), window.tip(), window.len()), (0, 1, 1));

    let mut window = Window::new(3);
    window.load((500..510).map(record)).unwrap();
    assert_eq!((window.oldest(), window.tip(), window.len()), (506, 509, 3));
    assert!(window.covers(506) && !window.covers(505));
    assert_eq!(
        window
            .account_at(506, Address::ZERO)
            .flatten()
            .map(|account| account.nonce),
        Some(507)
    );
    assert_eq!(window.account_at(509, Address::ZERO), None);
}

#[test]
fn a_gap_is_refused_and_changes_nothing() {
    let mut window = Window::new(3);
    window.push(record(7)).unwrap();
    let error = window.push(record(9)).unwrap_err();
    assert_eq!(
        error,
        WindowError {
            expected: 8,
            number: 9
        }
    );
    assert_eq!(error.class(), Class::Fatal);
    assert_eq!((window.oldest(), window.tip()), (6, 7));
}

#[test]
fn pushing_below_everything_starts_over() {
    let mut window = Window::new(3);
    window.load((10..13).map(record)).unwrap();
    window.push(record(5)).unwrap();
    assert_eq!((window.oldest(), window.tip(), window.len()), (4, 5, 1));
    window.push(record(0)).unwrap();
    assert_eq!(
        (window.oldest(), window.tip(), window.len(), window.bytes()),
        (0, 0, 0, 0)
    );
    assert!(window.accounts.0.is_empty());
}

/// NET-1: memory is bounded by bytes too, and the newest record always stays, since readers of the tip need it.
#[test]
fn bytes_are_bounded() {
    let weight = Window::weight(&record(1));
    let mut window = Window::new(100).with_bytes_max(3 * weight);
    window.load((1..=10).map(record)).unwrap();
    assert_eq!((window.oldest(), window.tip(), window.len()), (7, 10, 3));
    let mut window = Window::new(100).with_bytes_max(1);
    window.load((1..=10).map(record)).unwrap();
    assert_eq!((window.oldest(), window.tip(), window.len()), (9, 10, 1));
    let mut window = Window::new(0);
    window.load((1..=10).map(record)).unwrap();
    assert_eq!(window.len(), 1);
}

/// The argument at the top of the file, attacked with threads: block n sets key k to n if k divides n. A reader of
/// block n must see, for each key, the largest multiple of the key up to n.
#[test]
fn concurrent_readers_see_one_block() {
    const BLOCKS: u64 = 4_000;
    const KEYS: u64 = 12;
    let window = RwLock::new(Window::new(64));
    let database: Vec<AtomicU64> = (0..=KEYS).map(|_| AtomicU64::new(0)).collect();
    let (head, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let touched = |number: u64| (1..=KEYS).filter(move |key| number.is_multiple_of(*key));
    let reader = || {
        let mut reads = 0u64;
        while !done.load(Ordering::SeqCst) || reads == 0 {
            let number = head.load(Ordering::SeqCst);
            for key in 1..=KEYS {
                let current = U256::from(database[key as usize].load(Ordering::SeqCst));
                let window = window.read();
                if !window.covers(number) {
                    break;
                }
                let value = window
                    .storage_at(number, Address::ZERO, U256::from(key))
                    .unwrap_or(current);
                assert_eq!(
                    value,
                    U256::from(number / key * key),
                    "key {key} as of {number}"
                );
                reads += 1;
            }
        }
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(reader)).collect();
        for number in 1..=BLOCKS {
            let before = |key: u64| ((Address::ZERO, U256::from(key)), U256::from(number - key));
            let storage = touched(number).map(before).collect();
            window
                .write()
                .push(Arc::new(Undo {
                    number,
                    accounts: BTreeMap::new(),
                    storage,
                }))
                .unwrap();
            touched(number).for_each(|key| database[key as usize].store(number, Ordering::SeqCst));
            head.store(number, Ordering::SeqCst);
        }
        done.store(true, Ordering::SeqCst);
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    });
}
