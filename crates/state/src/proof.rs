//! Proofs of what the databases hold, for a client that knows the network's key and nothing else
//! (docs/spec/state-proofs.md).

use crate::{
    reader,
    tree::{self, AccountsDb, Databases, Key, StorageDb, account_key, storage_key},
};
use alloy_primitives::{Address, U256};
use commonware_runtime::Spawner;
use commonware_storage::Context;
use futures::{FutureExt as _, future::BoxFuture};
use trellis_light::StateProof;
use trellis_primitives::{Account, StateCommitment, StateError};

/// An account and slots of its storage, each with its proof. `None` is what was never written: nobody can prove that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenAccount {
    /// The account; a removed one is [`Account::default`].
    pub account: Option<(Account, StateProof)>,
    /// The slots, in the order they were asked for; a cleared one is zero.
    pub slots: Vec<Option<(U256, StateProof)>>,
}

/// Something that proves what a state holds, whatever runtime its databases run on.
pub trait Prover: Send + Sync {
    /// Proves an account and slots of its storage against `state` (see [`prove`]).
    fn prove<'a>(
        &'a self,
        state: &'a StateCommitment,
        address: Address,
        slots: &'a [U256],
    ) -> BoxFuture<'a, Result<ProvenAccount, StateError>>;
}

/// The databases a prover reads.
pub struct StateProver<E: Context + Spawner>(pub Databases<E>);

impl<E: Context + Spawner> Prover for StateProver<E> {
    fn prove<'a>(
        &'a self,
        state: &'a StateCommitment,
        address: Address,
        slots: &'a [U256],
    ) -> BoxFuture<'a, Result<ProvenAccount, StateError>> {
        prove(&self.0, state, address, slots).boxed()
    }
}

/// Proves an account and slots of its storage against `state`: what the newest applied block commits to.
///
/// # Errors
/// [`StateError::Stale`] if the databases are at another block, or on the way to one: take the newest block and ask
/// again. [`StateError::Storage`] if a database failed.
pub async fn prove<E: Context + Spawner>(
    databases: &Databases<E>,
    state: &StateCommitment,
    address: Address,
    slots: &[U256],
) -> Result<ProvenAccount, StateError> {
    // Both are held until all is read: a block that comes meanwhile waits, so every proof is of one state.
    let (accounts, storage) = (databases.0.read().await, databases.1.read().await);
    let roots = (tree::hash(accounts.root()), tree::hash(storage.root()));
    if roots != (state.accounts.root, state.storage.root) {
        return Err(StateError::Stale);
    }
    let account = prove_account(&accounts, account_key(address)).await?;
    let mut proven = Vec::with_capacity(slots.len());
    for slot in slots {
        proven.push(prove_slot(&storage, storage_key(address, *slot)).await?);
    }
    Ok(ProvenAccount {
        account,
        slots: proven,
    })
}

async fn prove_account<E: Context + Spawner>(
    accounts: &AccountsDb<E>,
    key: Key,
) -> Result<Option<(Account, StateProof)>, StateError> {
    let Some(value) = accounts.get(&key).await.map_err(tree::storage_error)? else {
        return Ok(None);
    };
    let proof = accounts.key_value_proof(key).await;
    let proof = StateProof::new(proof.map_err(tree::storage_error)?);
    Ok(Some((
        reader::account(Some(value)).unwrap_or_default(),
        proof,
    )))
}

async fn prove_slot<E: Context + Spawner>(
    storage: &StorageDb<E>,
    key: Key,
) -> Result<Option<(U256, StateProof)>, StateError> {
    let Some(value) = storage.get(&key).await.map_err(tree::storage_error)? else {
        return Ok(None);
    };
    let proof = storage.key_value_proof(key).await;
    let proof = StateProof::new(proof.map_err(tree::storage_error)?);
    Ok(Some((reader::slot(Some(value)), proof)))
}
