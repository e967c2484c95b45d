//! How the harness starts a simulated validator.

use crate::{
    boot::Boot,
    machine::Local,
    world::{MODULES, VALIDATORS, World},
};
use commonware_actor::Feedback;
use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::engine::{EngineDefinition, InitContext};
use commonware_p2p::{BlockedSubscription, Blocker, simulated::Control};
use commonware_runtime::{Handle, Quota, Spawner as _, deterministic};
use std::sync::Arc;
use trellis_consensus::network::{Channel, message_bytes_max};

/// Blocks peers on the simulated network.
#[derive(Clone)]
pub struct NetworkBlocker(pub(crate) Control<PublicKey, deterministic::Context>);

impl std::fmt::Debug for NetworkBlocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NetworkBlocker")
    }
}

impl Blocker for NetworkBlocker {
    type PublicKey = PublicKey;

    fn block(&mut self, peer: PublicKey) -> Feedback {
        self.0.block(peer)
    }

    fn blocked(&mut self) -> BlockedSubscription<PublicKey> {
        self.0.blocked()
    }
}

/// Starts validators of a [`World`].
#[derive(Clone)]
pub struct Validators(pub Arc<World>);

impl EngineDefinition for Validators {
    type PublicKey = PublicKey;
    type Engine = Handle<()>;
    type State = ();

    fn participants(&self) -> Vec<PublicKey> {
        self.0.participants.to_vec()
    }

    fn channels(&self) -> Vec<(u64, Quota)> {
        (0..MODULES as u32)
            .flat_map(|module| Channel::ALL.map(|channel| (channel.of(module), channel.quota())))
            .collect()
    }

    fn max_message_size(&self) -> u32 {
        message_bytes_max(VALIDATORS as u32)
    }

    /// Turns the machine on. Starting takes place on the machine, where a failure is its own.
    async fn init(&self, init: InitContext<'_, PublicKey>) -> (Handle<()>, ()) {
        let machine = self.0.validators[init.index].power_on();
        let boot = Boot {
            world: self.0.clone(),
            index: init.index,
            machine: machine.clone(),
            oracle: init.oracle.clone(),
        };
        let channels = init.channels;
        let handle = Local::new(init.context, machine)
            .spawn(move |context| async move { boot.run(context, channels).await });
        (handle, ())
    }

    fn start(engine: Handle<()>) -> Handle<()> {
        engine
    }
}
