//! The authenticated state of one module: three QMDB databases that [`commonware_glue::stateful`] manages.
//!
//! | tree | key | value |
//! |---|---|---|
//! | accounts | keccak(address) | nonce, balance, code hash (72 bytes) |
//! | storage | keccak(address ‖ slot) | 32 bytes |
//! | code | code hash | code |
//!
//! Keys are hashed because QMDB's index looks only at the first bytes. Nothing is ever deleted: an account that
//! becomes empty is written as the default account and a cleared slot as zero, so that "was cleared" is provable.
//! A key that was *never* written has no proof of absence (an unordered database keeps no neighbours).
//!
//! A QMDB root depends on the order of writes, so every writer goes through [`write_diff`], which writes in the
//! order of the hashed keys: the root is a function of the parent state and the diff alone (EXE-1).

use alloy_primitives::B256;
use commonware_codec::RangeCfg;
use commonware_cryptography::{Sha256, sha256};
use commonware_glue::stateful::db::{
    DatabaseSet, ManagedDb, Merkleized as _, Shared, Unmerkleized as _,
};
use commonware_parallel::Sequential;
use commonware_runtime::{Spawner, buffer::paged::CacheRef};
use commonware_storage::{
    Context,
    journal::contiguous::{fixed::Config as FixedLog, variable::Config as VariableLog},
    merkle::{Family, Location, full::Config as MerkleConfig, mmb},
    qmdb::{Error, current, immutable, sync::Target},
    translator::EightCap,
};
use commonware_utils::{NZU64, NZUsize, non_empty_range};
use rayon::prelude::*;
use trellis_light::state::CHUNK;
use trellis_primitives::{StateCommitment, StateDiff, StateError, TreeCommitment};

// Who checks a proof of these trees must know the keys, the values and the bitmap too.
pub use trellis_light::state::{AccountBytes, Key, SlotBytes, account_key, storage_key};

/// Database of accounts.
pub type AccountsDb<E> = current::unordered::fixed::Db<
    mmb::Family,
    E,
    Key,
    AccountBytes,
    Sha256,
    EightCap,
    CHUNK,
    Sequential,
>;
/// Database of storage slots.
pub type StorageDb<E> = current::unordered::fixed::Db<
    mmb::Family,
    E,
    Key,
    SlotBytes,
    Sha256,
    EightCap,
    CHUNK,
    Sequential,
>;
/// Database of contract code.
pub type CodeDb<E> =
    immutable::variable::Db<mmb::Family, E, Key, Vec<u8>, Sha256, EightCap, Sequential>;

/// The databases of one module, in the order accounts, storage, code.
pub type Databases<E> = (
    Shared<AccountsDb<E>>,
    Shared<StorageDb<E>>,
    Shared<CodeDb<E>>,
);
/// Configuration of [`Databases`].
pub type Config<E> = <Databases<E> as DatabaseSet<E>>::Config;
/// A block's batches before their roots are known.
pub type Batches<E> = <Databases<E> as DatabaseSet<E>>::Unmerkleized;
/// A block's sealed batches.
pub type Sealed<E> = <Databases<E> as DatabaseSet<E>>::Merkleized;
/// A block's batch of one database, before its root is known.
pub type BatchOf<E, T> = <T as ManagedDb<E>>::Unmerkleized;
/// A block's sealed batch of one database.
pub type SealedOf<E, T> = <T as ManagedDb<E>>::Merkleized;
/// What state sync and recovery check the databases against.
pub type Targets<E> = <Databases<E> as DatabaseSet<E>>::SyncTargets;

/// Largest code accepted from disk or a peer, in bytes. EIP-170 allows 24,576; genesis may hold more.
const CODE_BYTES_MAX: usize = 1 << 20;

/// Databases under partitions that start with `prefix`, reading through `page_cache`.
pub fn config<E: Context + Spawner>(prefix: &str, page_cache: &CacheRef) -> Config<E> {
    let buffer = NZUsize!(256 * 1024);
    let merkle = |name: &str| MerkleConfig {
        journal_partition: format!("{prefix}-{name}-merkle"),
        metadata_partition: format!("{prefix}-{name}-merkle-meta"),
        items_per_blob: NZU64!(1 << 20),
        write_buffer: buffer,
        replay_buffer: buffer,
        strategy: Sequential,
        page_cache: page_cache.clone(),
    };
    let current = |name: &str| current::FixedConfig {
        merkle_config: merkle(name),
        journal_config: FixedLog {
            partition: format!("{prefix}-{name}-log"),
            items_per_blob: NZU64!(1 << 20),
            page_cache: page_cache.clone(),
            write_buffer: buffer,
            replay_buffer: buffer,
        },
        grafted_metadata_partition: format!("{prefix}-{name}-grafted"),
        translator: EightCap,
        init_cache: Some(NZUsize!(1 << 16)),
        init_buffer: NZUsize!(1 << 20),
        init_concurrency: (),
    };
    let code = immutable::Config {
        merkle_config: merkle("code"),
        log: VariableLog {
            partition: format!("{prefix}-code-log"),
            items_per_section: NZU64!(4096),
            compression: None,
            codec_config: ((), (RangeCfg::from(..=CODE_BYTES_MAX), ())),
            page_cache: page_cache.clone(),
            write_buffer: buffer,
            replay_buffer: buffer,
        },
        translator: EightCap,
        init_buffer: NZUsize!(1 << 20),
    };
    (current("accounts"), current("storage"), code)
}

pub(crate) fn hash(digest: sha256::Digest) -> B256 {
    B256::from(digest.0)
}

fn target(tree: &TreeCommitment) -> Target<mmb::Family, sha256::Digest> {
    Target::new(
        sha256::Digest(tree.ops_root.0),
        non_empty_range!(Location::new(tree.start), Location::new(tree.end)),
    )
}

/// The targets a block's commitment stands for.
pub fn targets<E: Context + Spawner>(state: &StateCommitment) -> Targets<E> {
    (
        target(&state.accounts),
        target(&state.storage),
        target(&state.code),
    )
}

/// What sealed batches commit to.
pub fn commitment<E: Context + Spawner>(sealed: &Sealed<E>) -> StateCommitment {
    let (accounts, storage, code) = sealed;
    StateCommitment {
        accounts: TreeCommitment {
            root: hash(accounts.root()),
            ops_root: hash(accounts.ops_root()),
            start: *accounts.sync_boundary(),
            end: *accounts.bounds().tip.size,
        },
        storage: TreeCommitment {
            root: hash(storage.root()),
            ops_root: hash(storage.ops_root()),
            start: *storage.sync_boundary(),
            end: *storage.bounds().tip.size,
        },
        code: TreeCommitment {
            root: hash(code.root()),
            ops_root: hash(code.root()),
            start: *code.bounds().inactivity_floor,
            end: *code.bounds().tip.size,
        },
    }
}

/// Reading through an abandoned batch answers `StaleRead`, sealing one `StaleBatch`: neither says that the database
/// is broken.
pub(crate) fn storage_error<F: Family>(error: Error<F>) -> StateError {
    match error {
        Error::StaleRead | Error::StaleBatch => StateError::Stale,
        other => failed(other),
    }
}

fn failed(error: impl core::fmt::Debug) -> StateError {
    StateError::Storage(format!("{error:?}"))
}

/// Writes a block's diff in key order and seals it.
///
/// # Errors
/// [`StateError::Stale`] if a competing block was finalized meanwhile, [`StateError::Storage`] if the database failed.
pub async fn write_diff<E: Context + Spawner>(
    (accounts, storage, code): Batches<E>,
    diff: &StateDiff,
) -> Result<Sealed<E>, StateError> {
    let (accounts, storage, code) = futures::join!(
        seal_accounts::<E>(accounts, diff),
        seal_storage::<E>(storage, diff),
        seal_code::<E>(code, diff)
    );
    Ok((accounts?, storage?, code?))
}

/// Writes the accounts of a block's diff in key order and seals them.
///
/// # Errors
/// As [`write_diff`].
pub async fn seal_accounts<E: Context + Spawner>(
    mut accounts: BatchOf<E, AccountsDb<E>>,
    diff: &StateDiff,
) -> Result<SealedOf<E, AccountsDb<E>>, StateError> {
    let changes: Vec<_> = diff.accounts.iter().collect();
    let writes = changes.par_iter().with_min_len(256);
    let writes = writes.map(|(address, change)| {
        let after = change.after.unwrap_or_default();
        (account_key(**address), after.to_bytes())
    });
    for (key, value) in in_key_order(writes.collect()) {
        accounts = accounts.write(key, Some(AccountBytes::new(value)));
    }
    accounts.merkleize().await.map_err(storage_error)
}

/// Writes the slots of a block's diff in key order and seals them.
///
/// # Errors
/// As [`write_diff`].
pub async fn seal_storage<E: Context + Spawner>(
    mut storage: BatchOf<E, StorageDb<E>>,
    diff: &StateDiff,
) -> Result<SealedOf<E, StorageDb<E>>, StateError> {
    let changes: Vec<_> = diff.storage.iter().collect();
    let writes = changes.par_iter().with_min_len(256);
    let writes = writes.map(|((address, slot), change)| {
        let after = change.after.to_be_bytes();
        (storage_key(*address, *slot), after)
    });
    for (key, value) in in_key_order(writes.collect()) {
        storage = storage.write(key, Some(SlotBytes::new(value)));
    }
    storage.merkleize().await.map_err(storage_error)
}

/// Writes the code of a block's diff and seals it.
///
/// # Errors
/// As [`write_diff`].
pub async fn seal_code<E: Context + Spawner>(
    mut code: BatchOf<E, CodeDb<E>>,
    diff: &StateDiff,
) -> Result<SealedOf<E, CodeDb<E>>, StateError> {
    for (hash, bytes) in &diff.code {
        let key = Key::new(hash.0);
        // The same code may be deployed again; an immutable database takes each key once.
        if code.get(&key).await.map_err(storage_error)?.is_none() {
            code = code.set(key, bytes.to_vec());
        }
    }
    code.merkleize().await.map_err(storage_error)
}

fn in_key_order<const N: usize>(mut writes: Vec<(Key, [u8; N])>) -> Vec<(Key, [u8; N])> {
    writes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    writes
}

/// Writes the genesis state into empty databases and returns what they then commit to.
///
/// Safe to repeat: a database that already holds operations is left as it is, so a crash between two databases is
/// finished by the next start. Call it only before the first block is applied.
///
/// # Errors
/// [`StateError::Storage`] if a database cannot be opened or written.
pub async fn seed<E: Context + Spawner>(
    context: E,
    config: Config<E>,
    genesis: &StateDiff,
) -> Result<StateCommitment, StateError> {
    let databases = Databases::<E>::init(context, config, None).await;
    let empty = Databases::<E>::initial_sync_targets();
    let current = databases.committed_targets().await;
    let mut diff = genesis.clone();
    // Keep only what the databases lack.
    if current.0 != empty.0 {
        diff.accounts.clear();
    }
    if current.1 != empty.1 {
        diff.storage.clear();
    }
    if current.2 != empty.2 {
        diff.code.clear();
    }
    if !diff.is_empty() {
        seed_missing(&databases, &diff).await?;
    }
    Ok(committed(&databases).await)
}

/// What the databases hold now.
async fn committed<E: Context + Spawner>(databases: &Databases<E>) -> StateCommitment {
    let (accounts, storage, code) = (
        databases.0.read().await,
        databases.1.read().await,
        databases.2.read().await,
    );
    StateCommitment {
        accounts: TreeCommitment {
            root: hash(accounts.root()),
            ops_root: hash(accounts.ops_root()),
            start: *accounts.sync_boundary(),
            end: *accounts.bounds().end,
        },
        storage: TreeCommitment {
            root: hash(storage.root()),
            ops_root: hash(storage.ops_root()),
            start: *storage.sync_boundary(),
            end: *storage.bounds().end,
        },
        code: TreeCommitment {
            root: hash(code.root()),
            ops_root: hash(code.root()),
            start: *code.sync_boundary(),
            end: *code.bounds().end,
        },
    }
}

/// Applies and persists the parts of `diff` that are not empty, each database on its own: one that is already
/// seeded must not gain even an empty commit, which would move its root.
async fn seed_missing<E: Context + Spawner>(
    databases: &Databases<E>,
    diff: &StateDiff,
) -> Result<(), StateError> {
    let sealed = write_diff::<E>(databases.new_batches().await, diff).await?;
    if !diff.accounts.is_empty() {
        persist::<E, _>(&databases.0, sealed.0).await?;
    }
    if !diff.storage.is_empty() {
        persist::<E, _>(&databases.1, sealed.1).await?;
    }
    if !diff.code.is_empty() {
        persist::<E, _>(&databases.2, sealed.2).await?;
    }
    Ok(())
}

async fn persist<E, T: ManagedDb<E>>(
    shared: &Shared<T>,
    batch: T::Merkleized,
) -> Result<(), StateError> {
    let (slot, database) = shared.write().await;
    let database = database.apply(batch).await.map_err(failed)?;
    let (database, durable) = database.finalize().await.map_err(failed)?;
    durable.await.map_err(failed)?;
    slot.put(database);
    Ok(())
}

#[cfg(test)]
mod tests;
