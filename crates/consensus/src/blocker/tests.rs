use super::*;
use commonware_cryptography::{Signer as _, ed25519};
use commonware_runtime::IoBuf;
use futures::FutureExt as _;
use std::collections::VecDeque;

type Peer = ed25519::PublicKey;

fn peer(seed: u64) -> Peer {
    ed25519::PrivateKey::from_seed(seed).public_key()
}

/// The network, which remembers whom it was told to block.
#[derive(Clone, Debug, Default)]
struct Network(Arc<Mutex<Vec<Peer>>>);

impl Blocker for Network {
    type PublicKey = Peer;

    fn block(&mut self, peer: Peer) -> Feedback {
        self.0.lock().push(peer);
        Feedback::Backoff
    }

    fn blocked(&mut self) -> BlockedSubscription<Peer> {
        unreachable!("modules tell whom they block themselves")
    }
}

/// A channel with messages in it.
#[derive(Debug, Default)]
struct Inbox(VecDeque<(Peer, u8)>);

#[derive(Debug, thiserror::Error)]
#[error("closed")]
struct Closed;

impl Receiver for Inbox {
    type Error = Closed;
    type PublicKey = Peer;

    async fn recv(&mut self) -> Result<Message<Peer>, Closed> {
        let (peer, message) = self.0.pop_front().ok_or(Closed)?;
        Ok((peer, IoBuf::from(vec![message])))
    }

    fn capacity(&self) -> std::num::NonZeroUsize {
        NZUsize!(7)
    }
}

fn offences(modules: usize) -> (Offences<Network>, Network) {
    let network = Network::default();
    (Offences::new(network.clone(), modules), network)
}

/// The first byte of each message that gets through.
fn read(receiver: &mut Filtered<Inbox, Network>) -> Vec<u8> {
    let mut seen = Vec::new();
    while let Some(Ok((_, message))) = receiver.recv().now_or_never() {
        seen.push(message.as_ref()[0]);
    }
    seen
}

/// CON-1: trouble in one module does not cut a peer off from another.
#[test]
fn a_peer_is_blocked_for_one_module_only() {
    let (offences, network) = offences(3);
    let mut hub = offences.module(0);
    assert_eq!(hub.block(peer(1)), Feedback::Ok);
    let inbox = || Inbox([(peer(1), 10), (peer(2), 20), (peer(1), 11)].into());
    assert_eq!(read(&mut offences.module(0).filter(inbox())), [20]);
    assert_eq!(read(&mut offences.module(1).filter(inbox())), [10, 20, 11]);
    assert!(
        network.0.lock().is_empty(),
        "the network knows nothing of it"
    );
}

/// A receiver that exists already, and clones of the blocker, follow.
#[test]
fn blocking_takes_effect_at_once() {
    let (offences, _) = offences(3);
    let blocker = offences.module(0);
    let mut receiver = blocker.filter(Inbox::default());
    receiver.inner.0 = [(peer(1), 1)].into();
    assert_eq!(read(&mut receiver), [1]);
    let mut other = blocker.clone();
    drop(blocker);
    other.block(peer(1));
    receiver.inner.0 = [(peer(1), 2), (peer(2), 3)].into();
    assert_eq!(read(&mut receiver), [3]);
}

#[test]
fn a_closed_channel_stays_an_error() {
    let (offences, _) = offences(1);
    let mut receiver = offences.module(0).filter(Inbox::default());
    assert!(matches!(receiver.recv().now_or_never(), Some(Err(Closed))));
    assert_eq!(receiver.capacity(), NZUsize!(7));
}

/// Who misbehaves in most modules is worth nothing to the rest.
#[test]
fn most_modules_block_on_the_network() {
    for (modules, needed) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (64, 33)] {
        let (offences, network) = offences(modules);
        for index in 0..needed {
            assert!(network.0.lock().is_empty(), "{index} of {modules}");
            // The same offence again adds nothing.
            for _ in 0..2 {
                let feedback = offences.module(index).block(peer(1));
                let last = index + 1 == needed;
                let expected = if last {
                    Feedback::Backoff
                } else {
                    Feedback::Ok
                };
                assert_eq!(feedback, expected, "{index} of {modules}");
            }
        }
        assert!(network.0.lock().iter().all(|blocked| *blocked == peer(1)));
        assert!(!network.0.lock().is_empty());
        // Other peers are counted apart.
        assert_eq!(
            offences.module(0).block(peer(2)),
            offences_of_a_newcomer(modules)
        );
    }
}

fn offences_of_a_newcomer(modules: usize) -> Feedback {
    if modules == 1 {
        Feedback::Backoff
    } else {
        Feedback::Ok
    }
}

#[test]
fn subscribers_see_the_peers_of_their_module() {
    let (offences, _) = offences(9);
    let mut module = offences.module(4);
    module.block(peer(1));
    let mut subscription = module.blocked();
    let next = |subscription: &mut BlockedSubscription<Peer>| {
        let set = subscription.recv().now_or_never().flatten();
        set.map(|set| set.iter().cloned().collect::<Vec<_>>())
    };
    assert_eq!(
        next(&mut subscription),
        Some(vec![peer(1)]),
        "the current set first"
    );
    assert_eq!(next(&mut subscription), None);

    offences.module(5).block(peer(2));
    assert_eq!(next(&mut subscription), None, "another module's");

    module.block(peer(2));
    module.block(peer(3));
    let mut latest = vec![peer(1), peer(2), peer(3)];
    latest.sort();
    assert_eq!(
        next(&mut subscription),
        Some(latest),
        "only the latest is kept"
    );
}

/// NET-1: subscriptions that ended are forgotten, so that they do not add up.
#[test]
fn ended_subscriptions_are_forgotten() {
    let (offences, _) = offences(9);
    let mut module = offences.module(0);
    for _ in 0..100 {
        drop(module.blocked());
    }
    let kept = module.blocked();
    module.block(peer(1));
    assert_eq!(offences.blocked.lock().subscribers.len(), 1);
    drop(kept);
}
