//! What connects a [`Module`] to its engine: pace, gossip, and the history's say in acknowledging blocks.

use crate::{Pace, gossip::Relay, network::Scheme};
use bytes::Bytes;
use commonware_actor::Feedback;
use commonware_consensus::{
    Reporter,
    marshal::{Update, core::Mailbox as MarshalMailbox, standard::Standard},
    types::Height,
};
use commonware_runtime::{Clock, Spawner};
use commonware_utils::{Acknowledgement as _, acknowledgement::Exact};
use std::sync::Arc;
use tokio::sync::{Mutex, broadcast::error::RecvError, mpsc};
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
///
/// Blocks arrive in order of height, and one task waits for one after the other: as many wait as marshal leaves
/// unacknowledged.
#[derive(Clone, Debug)]
pub struct HistoryReporter {
    finalized: mpsc::UnboundedSender<(u64, Exact)>,
}

impl HistoryReporter {
    /// Waits on `chain`'s history in a task of `context`.
    pub fn new(context: impl Spawner, chain: Arc<Chain>) -> Self {
        let (finalized, mut waiting) = mpsc::unbounded_channel::<(u64, Exact)>();
        context.spawn(move |_| async move {
            while let Some((height, acknowledgement)) = waiting.recv().await {
                chain.durable(height).await;
                acknowledgement.acknowledge();
            }
        });
        Self { finalized }
    }
}

impl Reporter for HistoryReporter {
    type Activity = Update<Block>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        if let Update::Block(block, acknowledgement) = activity {
            // The receiver is gone only when the process ends; a dropped acknowledgement then changes nothing.
            let _ = self
                .finalized
                .send((block.inner().number(), acknowledgement));
        }
        Feedback::Ok
    }
}

/// Tells the exchange of `chain` which of its blocks became final, with their certificates, in a task of `context`.
///
/// A block that became final with a descendant has no certificate of its own; the descendant's covers what it sent.
pub fn certify(
    context: impl Spawner,
    chain: Arc<Chain>,
    marshal: MarshalMailbox<Scheme, Standard<Block>>,
) {
    let mut blocks = chain.subscribe_blocks();
    context.spawn(move |_| async move {
        // What was final before: after a restart nobody else brings it.
        let mut block = chain.head();
        loop {
            let height = Height::new(block.number());
            if block.number() > 0
                && let Some(finalization) = marshal.get_finalization(height).await
            {
                let source = chain.spec().id;
                chain.exchange().certify(source, finalization, &block.block);
            }
            block = match blocks.recv().await {
                Ok(block) => block,
                Err(RecvError::Lagged(_)) => chain.head(),
                Err(RecvError::Closed) => return,
            };
        }
    });
}

#[cfg(test)]
mod tests;
