//! The databases over the deterministic runtime's storage, where a crash can be had for the asking.

mod diffs;
mod proofs;
mod seeds;

use super::*;
use alloy_primitives::{Address, Bytes, U256, keccak256};
use commonware_runtime::{
    Runner as _, Supervisor as _,
    deterministic::{self, Context as Runtime},
};
use commonware_utils::NZU16;
use std::future::Future;
use trellis_primitives::{Account, Change};

fn config_of(prefix: &str) -> Config<Runtime> {
    config::<Runtime>(prefix, &CacheRef::new(NZU16!(1024), NZUsize!(64)))
}

async fn open(context: &Runtime, prefix: &str) -> Databases<Runtime> {
    Databases::<Runtime>::init(context.child("databases"), config_of(prefix), None).await
}

async fn seal(databases: &Databases<Runtime>, diff: &StateDiff) -> Sealed<Runtime> {
    let batches = databases.new_batches().await;
    write_diff::<Runtime>(batches, diff).await.unwrap()
}

async fn apply(databases: &Databases<Runtime>, sealed: Sealed<Runtime>) {
    databases.apply(sealed).await;
    assert!(databases.finalize().await.durable().await);
}

/// Runs `test` in a fresh runtime.
fn run<F: Future<Output = ()>>(test: impl FnOnce(Runtime) -> F) {
    deterministic::Runner::default().start(test);
}

fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

fn account(nonce: u64) -> Account {
    Account {
        nonce,
        balance: U256::from(1_000 + nonce),
        ..Account::default()
    }
}

/// A diff from what was to what is; what is not named was absent.
#[derive(Default)]
struct Edit(StateDiff);

impl Edit {
    fn account(mut self, byte: u8, after: Option<Account>) -> Self {
        let change = Change {
            before: None,
            after,
        };
        self.0.accounts.insert(address(byte), change);
        self
    }

    fn slot(mut self, byte: u8, slot: u64, after: u64) -> Self {
        let change = Change {
            before: U256::ZERO,
            after: U256::from(after),
        };
        let key = (address(byte), U256::from(slot));
        self.0.storage.insert(key, change);
        self
    }

    fn code(mut self, code: &'static [u8]) -> Self {
        self.0
            .code
            .insert(keccak256(code), Bytes::from_static(code));
        self
    }
}

fn root(hash: B256) -> sha256::Digest {
    sha256::Digest(hash.0)
}
