//! Blocking a peer for one module, not for the whole network (CON-1: one module's trouble does not stop another).
//!
//! The network library blocks a peer entirely. A validator whose module A is broken or out of date would then vanish from
//! modules B and C as well. So each engine gets a [`ModuleBlocker`], which only marks the peer, and its receivers drop the
//! marked peer's messages. A peer marked by most modules is blocked on the network.

use commonware_actor::Feedback;
use commonware_p2p::{BlockedSubscription, Blocker, Message, Receiver};
use commonware_utils::{NZUsize, channel::ring, ordered::Set};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tracing::warn;

/// Which peers are blocked for which modules, in one process.
#[derive(Debug)]
pub struct Offences<B: Blocker> {
    network: B,
    modules: usize,
    blocked: Arc<Mutex<Marks<B::PublicKey>>>,
}

#[derive(Debug)]
struct Marks<P> {
    modules: BTreeMap<P, BTreeSet<u32>>,
    subscribers: Vec<(u32, ring::Sender<Set<P>>)>,
}

impl<B: Blocker> Clone for Offences<B> {
    fn clone(&self) -> Self {
        Self {
            network: self.network.clone(),
            modules: self.modules,
            blocked: self.blocked.clone(),
        }
    }
}

impl<B: Blocker> Offences<B> {
    /// No peer is blocked. `modules` is how many the network runs.
    pub fn new(network: B, modules: usize) -> Self {
        let marks = Marks {
            modules: BTreeMap::new(),
            subscribers: Vec::new(),
        };
        Self {
            network,
            modules,
            blocked: Arc::new(Mutex::new(marks)),
        }
    }

    /// The blocker of one module.
    pub fn module(&self, index: u32) -> ModuleBlocker<B> {
        ModuleBlocker {
            offences: self.clone(),
            index,
        }
    }

    fn is_blocked(&self, index: u32, peer: &B::PublicKey) -> bool {
        self.blocked
            .lock()
            .modules
            .get(peer)
            .is_some_and(|modules| modules.contains(&index))
    }
}

/// Blocks peers for one module.
#[derive(Debug)]
pub struct ModuleBlocker<B: Blocker> {
    offences: Offences<B>,
    index: u32,
}

impl<B: Blocker> Clone for ModuleBlocker<B> {
    fn clone(&self) -> Self {
        Self {
            offences: self.offences.clone(),
            index: self.index,
        }
    }
}

impl<B: Blocker> ModuleBlocker<B> {
    /// Drops what blocked peers send to this module.
    pub fn filter<R: Receiver<PublicKey = B::PublicKey>>(&self, inner: R) -> Filtered<R, B> {
        Filtered {
            inner,
            blocker: self.clone(),
        }
    }
}

impl<B: Blocker> Blocker for ModuleBlocker<B> {
    type PublicKey = B::PublicKey;

    fn block(&mut self, peer: Self::PublicKey) -> Feedback {
        let everywhere = {
            let mut marks = self.offences.blocked.lock();
            let modules = marks.modules.entry(peer.clone()).or_default();
            modules.insert(self.index);
            let everywhere = modules.len() * 2 > self.offences.modules;
            let index = self.index;
            let blocked = marks.blocked_in(index);
            marks.subscribers.retain_mut(|(module, subscriber)| {
                *module != index || subscriber.send_lossy(blocked.clone())
            });
            everywhere
        };
        warn!(?peer, module = self.index, everywhere, "peer blocked");
        if everywhere {
            self.offences.network.block(peer)
        } else {
            Feedback::Ok
        }
    }

    fn blocked(&mut self) -> BlockedSubscription<Self::PublicKey> {
        let (sender, receiver) = ring::channel(NZUsize!(1));
        let mut marks = self.offences.blocked.lock();
        let _ = sender.send_lossy(marks.blocked_in(self.index));
        marks.subscribers.push((self.index, sender));
        receiver
    }
}

impl<P: Ord + Clone> Marks<P> {
    fn blocked_in(&self, index: u32) -> Set<P> {
        let peers = self
            .modules
            .iter()
            .filter(|(_, modules)| modules.contains(&index));
        Set::from_iter_dedup(peers.map(|(peer, _)| peer.clone()))
    }
}

/// A receiver that drops messages of peers blocked for its module.
#[derive(Debug)]
pub struct Filtered<R, B: Blocker> {
    inner: R,
    blocker: ModuleBlocker<B>,
}

impl<R, B> Receiver for Filtered<R, B>
where
    B: Blocker + Sync + std::fmt::Debug,
    R: Receiver<PublicKey = B::PublicKey>,
{
    type Error = R::Error;
    type PublicKey = R::PublicKey;

    async fn recv(&mut self) -> Result<Message<Self::PublicKey>, Self::Error> {
        loop {
            let (peer, message) = self.inner.recv().await?;
            if !self.blocker.offences.is_blocked(self.blocker.index, &peer) {
                return Ok((peer, message));
            }
        }
    }

    fn capacity(&self) -> std::num::NonZeroUsize {
        self.inner.capacity()
    }
}

#[cfg(test)]
mod tests;
