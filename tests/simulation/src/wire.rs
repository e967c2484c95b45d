//! The cables between a validator's modules and the network: they can be cut per module, and a tap on them sees every vote.
//!
//! The simulated network links peers. What is cut here is finer: one module of one validator, in both directions,
//! towards any set of peers. A partition cuts every module.

use crate::votes::VoteLog;
use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    CheckedSender, LimitedSender, Message, Receiver, Recipients,
    simulated::{self, Error},
};
use commonware_runtime::{IoBufs, deterministic};
use parking_lot::Mutex;
use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::SystemTime,
};

/// The network's own sender.
pub type NetworkSender = simulated::Sender<PublicKey, deterministic::Context>;
/// The network's own receiver.
pub type NetworkReceiver = simulated::Receiver<PublicKey>;

/// A set of validators, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peers(pub u32);

impl Peers {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// Everybody.
    pub const ALL: Self = Self(u32::MAX);

    /// These validators.
    pub fn of(indexes: impl IntoIterator<Item = usize>) -> Self {
        Self(indexes.into_iter().fold(0, |set, index| set | (1 << index)))
    }

    /// Whether `index` is one of them.
    pub const fn contains(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }
}

/// Where one module of one validator reaches. Shared by all its channels; survives restarts.
#[derive(Debug)]
pub struct Line {
    participants: Arc<[PublicKey]>,
    reach: AtomicU32,
}

impl Line {
    /// A line to everybody.
    pub fn new(participants: Arc<[PublicKey]>) -> Self {
        Self {
            participants,
            reach: AtomicU32::new(Peers::ALL.0),
        }
    }

    /// From now on messages pass only to and from `peers`.
    pub fn set(&self, peers: Peers) {
        self.reach.store(peers.0, Ordering::SeqCst);
    }

    fn reaches(&self, peer: &PublicKey) -> bool {
        let index = self.participants.iter().position(|key| key == peer);
        let reach = Peers(self.reach.load(Ordering::SeqCst));
        index.is_some_and(|index| reach.contains(index))
    }

    fn reached(&self, recipients: Recipients<PublicKey>) -> Recipients<PublicKey> {
        if self.reach.load(Ordering::SeqCst) == Peers::ALL.0 {
            return recipients;
        }
        let mut peers = match recipients {
            Recipients::All => self.participants.to_vec(),
            Recipients::Some(peers) => peers,
            Recipients::One(peer) => vec![peer],
        };
        peers.retain(|peer| self.reaches(peer));
        Recipients::Some(peers)
    }
}

/// Records the votes that pass.
#[derive(Clone, Debug)]
pub struct Tap {
    /// Where they are recorded.
    pub log: Arc<Mutex<VoteLog>>,
    /// Who sends them.
    pub validator: usize,
    /// For which module.
    pub module: usize,
}

/// Sends over a [`Line`].
#[derive(Clone)]
pub struct WireSender {
    inner: NetworkSender,
    line: Arc<Line>,
    tap: Option<Tap>,
}

impl WireSender {
    /// Connects `inner`; a tap makes sense on the channel of votes only.
    pub const fn new(inner: NetworkSender, line: Arc<Line>, tap: Option<Tap>) -> Self {
        Self { inner, line, tap }
    }
}

impl LimitedSender for WireSender {
    type PublicKey = PublicKey;
    type Checked<'a> = Checked<'a>;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Checked<'_>, SystemTime> {
        let inner = self.inner.check(self.line.reached(recipients))?;
        let tap = self.tap.as_ref();
        Ok(Checked { inner, tap })
    }
}

/// A message's recipients, after line and rate limit.
pub struct Checked<'a> {
    inner: <NetworkSender as LimitedSender>::Checked<'a>,
    tap: Option<&'a Tap>,
}

impl CheckedSender for Checked<'_> {
    type PublicKey = PublicKey;

    fn recipients(&self) -> Vec<PublicKey> {
        self.inner.recipients()
    }

    fn send(self, message: impl Into<IoBufs> + Send, priority: bool) -> Unreliable<Feedback> {
        let message = message.into().coalesce();
        if let Some(tap) = self.tap {
            tap.log
                .lock()
                .record(tap.validator, tap.module, message.clone());
        }
        self.inner.send(message, priority)
    }
}

/// Receives over a [`Line`].
#[derive(Debug)]
pub struct WireReceiver {
    inner: NetworkReceiver,
    line: Arc<Line>,
}

impl WireReceiver {
    /// Connects `inner`.
    pub const fn new(inner: NetworkReceiver, line: Arc<Line>) -> Self {
        Self { inner, line }
    }
}

impl Receiver for WireReceiver {
    type Error = Error;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, Error> {
        loop {
            let (peer, message) = self.inner.recv().await?;
            if self.line.reaches(&peer) {
                return Ok((peer, message));
            }
        }
    }

    fn capacity(&self) -> NonZeroUsize {
        self.inner.capacity()
    }
}
