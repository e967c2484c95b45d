//! One validator's place in the peer-to-peer network: connections, and each module's channels over them.

use super::Plan;
use commonware_cryptography::{ChaCha20Poly1305, ed25519::PublicKey};
use commonware_p2p::{
    AddressableManager as _, CheckedSender as _, LimitedSender as _, Recipients,
    authenticated::lookup::{self, Oracle},
};
use commonware_runtime::{Clock as _, Supervisor as _, tokio::Context};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::NZUsize;
use std::{num::NonZeroUsize, time::Duration};
use tracing::warn;
use trellis_consensus::network::{Channel, message_bytes_max, p2p_namespace};

/// Messages waiting inside the network's parts.
const MAILBOX: NonZeroUsize = NZUsize!(1024);

/// How often a validator dials one peer that it is not connected to. The peers are processes on this machine.
const DIAL_EVERY: Duration = Duration::from_millis(50);

/// How long the start waits for connections. The network goes on without the missing ones.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

type Sender = lookup::Sender<PublicKey, Context>;
type Receiver = lookup::Receiver<PublicKey>;

/// One module's channels, in the order of [`Channel::ALL`].
pub(super) type ModuleChannels = [(Sender, Receiver); Channel::ALL.len()];

/// A running network.
pub(super) struct Network {
    /// Knows and blocks peers.
    pub(super) oracle: Oracle<PublicKey>,
    /// Each module's channels.
    pub(super) channels: Vec<ModuleChannels>,
}

impl Network {
    /// Joins validator `index` to the network.
    pub(super) fn start(plan: &Plan, context: &Context, index: usize) -> Self {
        let count = plan.keys.validators.len();
        let peers = u32::try_from(count).unwrap_or(u32::MAX);
        let mut config = lookup::Config::local(
            Cups::<_, ChaCha20Poly1305>::new(
                Sake {
                    signer: plan.keys.validators[index].identity.clone(),
                    synchrony_bound: Duration::from_secs(5),
                    max_handshake_age: Duration::from_secs(10),
                    version: sake::Version::V1,
                },
                cups::Version::V1,
            ),
            &p2p_namespace(plan.layout.network.network_id),
            plan.listen[index],
            NZUsize!(count),
            message_bytes_max(peers),
            MAILBOX,
        );
        config.tracked_peer_sets = NZUsize!(1);
        config.dial_frequency = DIAL_EVERY;
        let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
        let _ = oracle.track(0, plan.addresses.clone());
        let modules = u32::try_from(plan.modules.len()).unwrap_or(u32::MAX);
        let channels = (0..modules)
            .map(|module| {
                Channel::ALL.map(|channel| network.register(channel.of(module), channel.quota()))
            })
            .collect();
        network.start();
        Self { oracle, channels }
    }

    /// Waits until this validator is connected to `others` peers. Consensus that starts earlier loses its first
    /// messages and spends its first views on timeouts.
    pub(super) async fn connected(&mut self, context: &Context, others: usize) {
        let deadline = context.current() + CONNECT_LIMIT;
        loop {
            let found = self.peers();
            if found >= others {
                return;
            }
            if context.current() >= deadline {
                warn!(found, others, "starting without some validators");
                return;
            }
            context.sleep(DIAL_EVERY / 2).await;
        }
    }

    /// How many peers a message to all would reach.
    fn peers(&mut self) -> usize {
        let channel = self.channels.first_mut();
        let reached = channel.and_then(|[(votes, _), ..]| {
            let checked = votes.check(Recipients::All).ok()?;
            Some(checked.recipients().len())
        });
        reached.unwrap_or_default()
    }
}
