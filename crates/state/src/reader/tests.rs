use super::*;
use crate::tree::{account_key, storage_key, write_diff};
use alloy_primitives::keccak256;
use commonware_glue::stateful::db::DatabaseSet;
use commonware_runtime::{
    Runner as _, Supervisor as _, buffer::paged::CacheRef, deterministic,
    deterministic::Context as Runtime,
};
use commonware_utils::{NZU16, NZUsize};
use proptest::{collection::vec, prelude::*};
use std::sync::atomic::{AtomicUsize, Ordering};
use trellis_primitives::{Change, StateDiff};

/// A state whose every read suspends `delay` times before it answers.
#[derive(Default)]
struct Slow {
    delay: usize,
    reads: AtomicUsize,
    failing: bool,
}

impl Slow {
    async fn answer<T>(&self, value: T) -> Result<T, StateError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        for _ in 0..self.delay {
            futures::pending_once().await;
        }
        if self.failing {
            return Err(StateError::Storage("disk".into()));
        }
        Ok(value)
    }
}

mod futures {
    pub(super) use ::futures::executor;
    use std::task::Poll;

    /// Suspends once and is woken at once.
    pub(super) async fn pending_once() {
        let mut suspended = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut suspended, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

const HELD: Address = Address::repeat_byte(1);
const ABSENT: Address = Address::repeat_byte(2);

fn held() -> Account {
    Account {
        nonce: 7,
        ..Account::default()
    }
}

impl AsyncState for Slow {
    async fn account(&self, key: Key) -> Result<Option<Account>, StateError> {
        let found = (key == account_key(HELD)).then(held);
        self.answer(found).await
    }

    async fn slot(&self, key: Key) -> Result<U256, StateError> {
        let found = key == storage_key(HELD, U256::from(3));
        self.answer(U256::from(if found { 5 } else { 0 })).await
    }

    async fn code(&self, key: Key) -> Result<Option<Bytes>, StateError> {
        let found = (key == Key::new(keccak256("code").0)).then(|| Bytes::from_static(b"code"));
        self.answer(found).await
    }
}

fn slow(delay: usize) -> Slow {
    Slow {
        delay,
        ..Slow::default()
    }
}

type Read = fn(&SyncState<Slow>) -> Result<String, StateError>;

/// One read of everything a reader can be asked.
fn every_read() -> Vec<Read> {
    vec![
        |s| s.account(HELD).map(|value| format!("{value:?}")),
        |s| s.account(ABSENT).map(|value| format!("{value:?}")),
        |s| {
            s.storage(HELD, U256::from(3))
                .map(|value| value.to_string())
        },
        |s| {
            s.storage(HELD, U256::from(4))
                .map(|value| value.to_string())
        },
        |s| {
            s.storage(ABSENT, U256::from(3))
                .map(|value| value.to_string())
        },
        |s| s.code(keccak256("code")).map(|value| value.to_string()),
        |s| s.code(keccak256("other")).map(|value| value.to_string()),
    ]
}

/// A reader that never waits answers `Pending`, then what a reader that waits answers; afterwards from memory.
#[test]
fn polling_answers_what_blocking_answers() {
    let blocking = SyncState::new(slow(3), Bridge::Block);
    for read in every_read() {
        let polling = SyncState::new(slow(3), Bridge::Poll);
        assert_eq!(read(&polling), Err(StateError::Pending));
        assert_eq!(futures::executor::block_on(polling.fetch()), Ok(true));
        let answer = read(&polling);
        assert_eq!(answer, read(&blocking));
        let reads = polling.state.reads.load(Ordering::Relaxed);
        assert_eq!(reads, 2, "one that was given up, one that fetched");
        assert_eq!(read(&polling), answer);
        assert_eq!(polling.state.reads.load(Ordering::Relaxed), reads);
        assert_eq!(futures::executor::block_on(polling.fetch()), Ok(false));
    }
}

#[test]
fn many_misses_are_fetched_together() {
    let polling = SyncState::new(slow(1), Bridge::Poll);
    for read in every_read() {
        assert_eq!(read(&polling), Err(StateError::Pending));
    }
    assert_eq!(futures::executor::block_on(polling.fetch()), Ok(true));
    for read in every_read() {
        assert_ne!(read(&polling), Err(StateError::Pending));
    }
}

/// The deterministic runtime's storage usually answers at once; then polling needs no second run.
#[test]
fn polling_takes_what_is_there() {
    let polling = SyncState::new(slow(0), Bridge::Poll);
    assert_eq!(polling.account(HELD), Ok(Some(held())));
    assert_eq!(futures::executor::block_on(polling.fetch()), Ok(false));
}

/// A failure is the database's, whichever way it is met; it must never be taken for an absent value.
#[test]
fn failures_are_passed_on() {
    let failing = |delay| Slow {
        failing: true,
        delay,
        ..Slow::default()
    };
    let failure = Err(StateError::Storage("disk".into()));
    let blocking = SyncState::new(failing(2), Bridge::Block);
    assert_eq!(blocking.storage(HELD, U256::ZERO).map(|_| ()), failure);
    let polling = SyncState::new(failing(2), Bridge::Poll);
    assert_eq!(polling.account(HELD), Err(StateError::Pending));
    let fetched = futures::executor::block_on(polling.fetch());
    assert_eq!(fetched.map(|_| ()), failure);
}

/// Only hashes of stored accounts are asked for, so code that is missing means that the database is broken.
#[test]
fn missing_code_is_a_storage_failure() {
    let missing = keccak256("other");
    let state = SyncState::new(slow(0), Bridge::Block);
    let error = StateError::Storage(format!("code {missing} is missing"));
    assert_eq!(state.code(missing), Err(error));
}

#[test]
fn malformed_or_empty_accounts_read_as_absent() {
    assert_eq!(account(None), None);
    let empty = tree::AccountBytes::new(Account::default().to_bytes());
    assert_eq!(account(Some(empty)), None);
    assert_eq!(slot(None), U256::ZERO);
}

/// What a model of the state holds after some diffs.
#[derive(Default)]
struct Model {
    accounts: BTreeMap<Address, Account>,
    storage: BTreeMap<(Address, U256), U256>,
}

impl Model {
    fn apply(&mut self, diff: &StateDiff) {
        for (address, change) in &diff.accounts {
            match change.after {
                Some(after) => self.accounts.insert(*address, after),
                None => self.accounts.remove(address),
            };
        }
        let after = diff
            .storage
            .iter()
            .map(|(key, change)| (*key, change.after));
        self.storage.extend(after);
    }

    fn check(&self, reader: &impl StateReader) {
        for byte in 0..6 {
            let address = Address::repeat_byte(byte);
            let expected = self.accounts.get(&address).copied();
            assert_eq!(reader.account(address), Ok(expected));
            for number in 0..6 {
                let slot = U256::from(number);
                let expected = self.storage.get(&(address, slot)).copied();
                assert_eq!(
                    reader.storage(address, slot),
                    Ok(expected.unwrap_or_default())
                );
            }
        }
    }
}

fn any_diff() -> impl Strategy<Value = StateDiff> {
    let accounts = vec((0..6_u8, prop::option::of(1..5_u64)), 0..6);
    let slots = vec((0..6_u8, 0..6_u64, 0..3_u64), 0..10);
    (accounts, slots).prop_map(|(accounts, slots)| {
        let mut diff = StateDiff::default();
        for (byte, nonce) in accounts {
            let after = nonce.map(|nonce| Account {
                nonce,
                ..Account::default()
            });
            let change = Change {
                before: None,
                after,
            };
            diff.accounts.insert(Address::repeat_byte(byte), change);
        }
        for (byte, slot, value) in slots {
            let change = Change {
                before: U256::ZERO,
                after: U256::from(value),
            };
            let key = (Address::repeat_byte(byte), U256::from(slot));
            diff.storage.insert(key, change);
        }
        diff
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// The applied state and the state of pending blocks read as a plain map would, through either bridge.
    #[test]
    fn databases_read_like_a_map(diffs in vec(any_diff(), 1..5)) {
        deterministic::Runner::default().start(|context| async move {
            let cache = CacheRef::new(NZU16!(1024), NZUsize!(64));
            let config = tree::config::<Runtime>("a", &cache);
            let databases = Databases::<Runtime>::init(context.child("db"), config, None).await;
            let mut model = Model::default();
            for diff in &diffs {
                let sealed = write_diff::<Runtime>(databases.new_batches().await, diff).await;
                let sealed = sealed.unwrap();
                let before = SyncState::new(AppliedState(databases.clone()), Bridge::Block);
                model.check(&before);
                model.apply(diff);
                for bridge in [Bridge::Block, Bridge::Poll] {
                    let pending = BatchState::<Runtime>(Databases::<Runtime>::fork_batches(&sealed));
                    let pending = SyncState::new(pending, bridge);
                    model.check(&pending);
                    assert!(!pending.fetch().await.unwrap(), "nothing was missed");
                }
                databases.apply(sealed).await;
                assert!(databases.finalize().await.durable().await);
                model.check(&SyncState::new(AppliedState(databases.clone()), Bridge::Poll));
            }
        });
    }
}
