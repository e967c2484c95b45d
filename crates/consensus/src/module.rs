//! What connects a [`Module`] to its engine: pace, gossip, and the history's say in acknowledging blocks.

use crate::{Pace, gossip::Relay};
use bytes::Bytes;
use commonware_actor::Feedback;
use commonware_consensus::{Reporter, marshal::Update};
use commonware_runtime::{Clock, Spawner, Supervisor};
use commonware_utils::Acknowledgement as _;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use trellis_module::{Chain, Module};
use trellis_primitives::Block;

impl<E: Clock> Pace<E, Block> for Module {
    async fn wanted(&self, clock: &E, parent: &Block) {
        Self::wanted(self, clock, parent).await;
    }

    async fn changed(&self, clock: &E) {
        Self::changed(self, clock).await;
    }

    async fn timely(&self, clock: &E, block: &Block) {
        Self::timely(self, clock, block).await;
    }
}

/// Gossip out of and into a module's pool.
#[derive(Clone, Debug)]
pub struct PoolRelay {
    chain: Arc<Chain>,
    /// Only the sending clone reads it.
    outgoing: Arc<Mutex<mpsc::Receiver<Bytes>>>,
}

impl PoolRelay {
    /// The relay of `chain`, or `None` if it was taken before.
    pub fn new(chain: Arc<Chain>) -> Option<Self> {
        let outgoing = Arc::new(Mutex::new(chain.take_gossip()?));
        Some(Self { chain, outgoing })
    }
}

impl Relay for PoolRelay {
    async fn next(&mut self) -> Option<Bytes> {
        self.outgoing.lock().await.recv().await
    }

    fn try_next(&mut self) -> Option<Bytes> {
        self.outgoing.try_lock().ok()?.try_recv().ok()
    }

    fn rebroadcast(&self, limit: usize) -> Vec<Bytes> {
        self.chain.waiting_local(limit)
    }

    fn receive(&self, batch: Vec<Bytes>) {
        self.chain.receive_many(batch);
    }
}

/// Acknowledges a finalized block once the history holds it durably (STA-1). Marshal counts a block as done only when
/// this and the databases have both acknowledged it.
pub struct HistoryReporter<E> {
    context: Arc<E>,
    chain: Arc<Chain>,
}

impl<E> Clone for HistoryReporter<E> {
    fn clone(&self) -> Self {
        Self { context: self.context.clone(), chain: self.chain.clone() }
    }
}

impl<E> std::fmt::Debug for HistoryReporter<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HistoryReporter")
    }
}

impl<E> HistoryReporter<E> {
    /// Waits on `chain`'s history in tasks of `context`.
    pub fn new(context: E, chain: Arc<Chain>) -> Self {
        Self { context: Arc::new(context), chain }
    }
}

impl<E: Spawner + Supervisor + Sync> Reporter for HistoryReporter<E> {
    type Activity = Update<Block>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        if let Update::Block(block, acknowledgement) = activity {
            let (chain, height) = (self.chain.clone(), block.inner().number());
            self.context.child("durable").spawn(move |_| async move {
                chain.durable(height).await;
                acknowledgement.acknowledge();
            });
        }
        Feedback::Ok
    }
}
