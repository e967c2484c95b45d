//! One validator: its network, and one chain and engine per module.

use crate::{
    NodeError,
    accounts::allocations,
    keys::Keys,
    layout::{Layout, partition},
};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519::PublicKey};
use commonware_p2p::{Address, AddressableManager as _, authenticated::lookup};
use commonware_runtime::{Spawner as _, Supervisor as _, buffer::paged::CacheRef, tokio::Context};
use commonware_stream::{
    cups::{self, Cups},
    sake::{self, Sake},
};
use commonware_utils::{NZUsize, ordered::Map};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use trellis_consensus::{
    Channels, HistoryReporter, Offences, PoolRelay, Timeouts,
    engine::{self, Config},
    gossip,
    network::{Channel, Scheme, message_bytes_max, namespace, p2p_namespace},
};
use trellis_module::{Chain, ChainSpec, Module, Timing, genesis};
use trellis_primitives::{ModuleId, ModuleName};
use trellis_state::{
    AppliedState, Bridge, History, HistoryConfig, SyncState, replay,
    tree::{self, Databases},
};
use trellis_txpool::Limits;

/// A page cache entry: one file page with its checksum.
const PAGE: std::num::NonZeroU16 = commonware_utils::NZU16!(4084);
/// Cached pages of one validator: 64 MiB.
const PAGES: std::num::NonZeroUsize = NZUsize!(16_384);

/// What every validator of a network shares.
pub(crate) struct Plan {
    pub(crate) layout: Layout,
    pub(crate) keys: Keys,
    pub(crate) addresses: Map<PublicKey, Address>,
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) modules: Vec<ModuleName>,
    pub(crate) block_time: Duration,
    pub(crate) history: u64,
}

/// A running validator.
pub(crate) struct Validator {
    pub(crate) chains: Vec<Arc<Chain>>,
}

impl Plan {
    fn spec(&self, id: ModuleId, name: &ModuleName) -> ChainSpec {
        let network = &self.layout.network;
        ChainSpec {
            network: "dev".into(),
            network_id: network.network_id,
            id,
            name: name.clone(),
            gas_limit: network.gas_limit,
            alloc: allocations(),
            validators: self.keys.digest(),
            timestamp_ms: network.genesis_timestamp_ms,
        }
    }

    /// Starts validator `index`. Failures of its parts later on arrive at `failures`.
    pub(crate) async fn start(
        &self,
        context: Context,
        index: usize,
        failures: mpsc::UnboundedSender<String>,
    ) -> Result<Validator, NodeError> {
        let me = self.keys.validators[index].identity.public_key();
        let count = u32::try_from(self.keys.validators.len()).unwrap_or(u32::MAX);
        let mut config = lookup::Config::local(
            Cups::<_, ChaCha20Poly1305>::new(
                Sake {
                    signer: self.keys.validators[index].identity.clone(),
                    synchrony_bound: Duration::from_secs(5),
                    max_handshake_age: Duration::from_secs(10),
                    version: sake::Version::V1,
                },
                cups::Version::V1,
            ),
            &p2p_namespace(self.layout.network.network_id),
            self.listen[index],
            NZUsize!(count as usize),
            message_bytes_max(count),
            NZUsize!(1024),
        );
        config.tracked_peer_sets = NZUsize!(1);
        let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
        let _ = oracle.track(0, self.addresses.clone());
        let mut channels = Vec::new();
        for module in 0..self.modules.len() {
            let module = u32::try_from(module).unwrap_or(u32::MAX);
            channels.push(
                Channel::ALL.map(|channel| network.register(channel.of(module), channel.quota())),
            );
        }
        network.start();

        let page_cache = CacheRef::new(PAGE, PAGES);
        let offences = Offences::new(oracle.clone(), self.modules.len());
        let mut chains = Vec::new();
        for (position, (name, channels)) in self.modules.iter().zip(channels).enumerate() {
            let [
                votes,
                certificates,
                resolver,
                backfill,
                blocks,
                transactions,
            ] = channels;
            let id = u32::try_from(position).ok().and_then(ModuleId::new);
            let id = id.ok_or_else(|| NodeError::Config("too many modules".into()))?;
            let context = context
                .child("module")
                .with_attribute("module", name.clone());
            let partition = partition(index, name.as_str());
            let databases = || tree::config::<Context>(&partition, &page_cache);
            let chain = self
                .open_chain(&context, index, id, name, databases())
                .await?;
            let module = Module::new(
                chain.clone(),
                Bridge::Block,
                Timing {
                    block_time: self.block_time,
                    ..Timing::default()
                },
                &me,
            );
            self.write_history(&context, &chain, failures.clone());
            let scheme = Scheme::signer(
                &namespace(self.layout.network.network_id, id.index()),
                self.keys.participants.clone(),
                self.keys.sharing.clone(),
                self.keys.validators[index].share.clone(),
            )
            .ok_or_else(|| {
                self.layout
                    .damaged_description("keys: a validator's share does not fit the network key")
            })?;
            let blocker = offences.module(id.index());
            if let Some(relay) = PoolRelay::new(chain.clone()) {
                gossip::start(
                    &context,
                    relay,
                    transactions.0,
                    blocker.filter(transactions.1),
                );
            }
            let engine = engine::start(
                context.child("engine"),
                Config {
                    me: me.clone(),
                    module: id.index(),
                    scheme,
                    application: module,
                    databases: databases(),
                    resolvers: replay::replays::<Context>(),
                    genesis: chain.genesis().clone(),
                    history: HistoryReporter::new(context.child("history"), chain.clone()),
                    partition: partition.clone(),
                    page_cache: page_cache.clone(),
                    peers: oracle.clone(),
                    blocker,
                    timeouts: Timeouts::default(),
                },
                Channels {
                    votes,
                    certificates,
                    resolver,
                    backfill,
                    blocks,
                },
            )
            .await;
            attach(&chain, engine).await;
            chains.push(chain);
        }
        Ok(Validator { chains })
    }

    async fn open_chain(
        &self,
        context: &Context,
        index: usize,
        id: ModuleId,
        name: &ModuleName,
        databases: tree::Config<Context>,
    ) -> Result<Arc<Chain>, NodeError> {
        let spec = self.spec(id, name);
        let history = History::open(
            self.layout.history(index, name.as_str()),
            HistoryConfig::new(spec.identity(), self.history),
        )?;
        self.layout
            .check_parts(index, name.as_str(), history.tip())?;
        let genesis = match history.block(0)? {
            Some(recorded) => recorded.block.clone(),
            None => {
                let state = genesis::state(&spec);
                let committed = tree::seed(context.child("genesis"), databases, &state).await?;
                let leader = self.keys.validators[0].identity.public_key();
                genesis::block(&spec, committed, leader)
                    .map_err(|error| NodeError::Config(format!("genesis: {error}")))?
            }
        };
        Ok(Chain::open(
            spec,
            genesis,
            history,
            self.history,
            Limits::default(),
        )?)
    }

    fn write_history(
        &self,
        context: &Context,
        chain: &Arc<Chain>,
        failures: mpsc::UnboundedSender<String>,
    ) {
        let (chain, name) = (chain.clone(), chain.spec().name.clone());
        context
            .child("write_history")
            .dedicated()
            .spawn(move |_| async move {
                if let Err(error) = chain.write_history().await {
                    let _ = failures.send(format!("history of module {name}: {error}"));
                }
            });
    }
}

/// Connects the chain to its state once the databases are open.
async fn attach(chain: &Arc<Chain>, engine: trellis_consensus::Engine<Context, Module>) {
    let databases: Databases<Context> = engine.state.subscribe_databases().await;
    let applied = engine
        .marshal
        .get_processed()
        .await
        .map_or(0, |processed| processed.height().get());
    chain.attach_state(
        Arc::new(SyncState::new(AppliedState(databases), Bridge::Block)),
        applied,
    );
}
