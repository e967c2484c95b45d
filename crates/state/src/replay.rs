//! How a node that lags gets the state: by executing the blocks it missed, never by copying state from a peer.
//!
//! The library asks for a source of state operations in case a node starts from a recent state instead. [`Replay`] is
//! the answer of a node that never does: it has none, and says so.

use crate::tree::{AccountsDb, CodeDb, StorageDb};
use commonware_glue::stateful::db::{AttachableResolver, Shared};
use commonware_runtime::Spawner;
use commonware_storage::{
    Context,
    qmdb::sync::{Database, Request, Source, source},
};
use std::marker::PhantomData;

/// State is never copied from peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this node rebuilds state from blocks and does not copy it from peers")]
pub struct NoStateSync;

/// A source of state operations that has none.
pub struct Replay<DB>(PhantomData<fn() -> DB>);

impl<DB> std::fmt::Debug for Replay<DB> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replay")
    }
}

impl<DB> Clone for Replay<DB> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<DB> Default for Replay<DB> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<DB: Database> Source for Replay<DB> {
    type Family = DB::Family;
    type Digest = DB::Digest;
    type Op = DB::Op;
    type Error = NoStateSync;

    async fn serve(&self, _request: Request<Self::Family>) -> source::Result<Self> {
        Err(NoStateSync)
    }
}

impl<DB: Send + Sync + 'static> AttachableResolver<DB> for Replay<DB> {
    async fn attach_database(&self, _database: Shared<DB>) {}
}

/// One [`Replay`] for each database of a module.
pub type Replays<E> = (
    Replay<AccountsDb<E>>,
    Replay<StorageDb<E>>,
    Replay<CodeDb<E>>,
);

/// The sources of a node that rebuilds state from blocks.
pub fn replays<E: Context + Spawner>() -> Replays<E> {
    (Replay::default(), Replay::default(), Replay::default())
}
