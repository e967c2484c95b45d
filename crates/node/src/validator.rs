//! One validator: its network, and one chain and engine per module.

mod network;

use self::network::{ModuleChannels, Network};
use crate::{
    NodeError,
    accounts::{allocations, governance},
    keys::Keys,
    layout::{Layout, partition},
};
use commonware_cryptography::{Signer as _, ed25519::PublicKey};
use commonware_p2p::{Address, authenticated::lookup::Oracle};
use commonware_runtime::{Spawner as _, Supervisor as _, buffer::paged::CacheRef, tokio::Context};
use commonware_utils::{NZUsize, ordered::Map};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use trellis_consensus::{
    Channels, HistoryReporter, ModuleBlocker, Offences, PoolRelay, Timeouts, certify,
    engine::{self, Config},
    gossip,
    network::{Scheme, namespace},
};
use trellis_executor::{Engine as Executor, Workers};
use trellis_light::Network as LightNetwork;
use trellis_module::{Chain, ChainSpec, Exchange, Module, Payments, Timing, genesis};
use trellis_primitives::{ModuleId, ModuleName};
use trellis_state::{
    AppliedState, Bridge, History, HistoryConfig, StateProver, SyncState, replay,
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
    /// Executes blocks. Its code is shared by all modules of the process.
    pub(crate) executor: Executor,
}

/// A running validator.
pub(crate) struct Validator {
    pub(crate) chains: Vec<Arc<Chain>>,
}

type Engine = trellis_consensus::Engine<Context, Module>;

/// One module at one validator, before its engine runs.
struct Part {
    index: usize,
    chain: Arc<Chain>,
    page_cache: CacheRef,
    peers: Oracle<PublicKey>,
    blocker: ModuleBlocker<Oracle<PublicKey>>,
}

impl Plan {
    fn spec(&self, id: ModuleId, name: &ModuleName) -> ChainSpec {
        let network = &self.layout.network;
        ChainSpec {
            network: "dev".into(),
            network_id: network.network_id,
            id,
            name: name.clone(),
            modules: u32::try_from(self.modules.len()).unwrap_or(u32::MAX),
            gas_limit: network.gas_limit,
            alloc: allocations(),
            validators: self.keys.digest(),
            timestamp_ms: network.genesis_timestamp_ms,
            payments: network
                .private
                .contains(&name.to_string())
                .then(|| Payments {
                    governance: governance(),
                }),
        }
    }

    /// Starts validator `index`: chains, then connections, then engines. Failures of its parts later on arrive at
    /// `failures`.
    pub(crate) async fn start(
        &self,
        context: Context,
        index: usize,
        failures: mpsc::UnboundedSender<String>,
    ) -> Result<Validator, NodeError> {
        let mut network = Network::start(self, &context, index);
        let page_cache = CacheRef::new(PAGE, PAGES);
        let key = *self.keys.sharing.public();
        let exchange = Exchange::new(LightNetwork::new(self.layout.network.network_id, key));
        let mut chains = Vec::new();
        for (position, name) in self.modules.iter().enumerate() {
            let id = u32::try_from(position).ok().and_then(ModuleId::new);
            let id = id.ok_or_else(|| NodeError::Config("too many modules".into()))?;
            let databases = self.databases(index, name, &page_cache);
            let context = module_context(&context, name);
            let chain = self
                .open_chain(&context, index, (id, name), databases, exchange.clone())
                .await?;
            chains.push(chain);
        }
        let others = self.keys.validators.len() - 1;
        network.connected(&context, others).await;
        let offences = Offences::new(network.oracle.clone(), self.modules.len());
        for (chain, channels) in chains.iter().zip(network.channels) {
            let context = module_context(&context, &chain.spec().name);
            self.write_history(&context, chain, failures.clone());
            let part = Part {
                index,
                chain: chain.clone(),
                page_cache: page_cache.clone(),
                peers: network.oracle.clone(),
                blocker: offences.module(chain.spec().id.index()),
            };
            let engine = self.start_engine(&context, part, channels).await?;
            let marshal = engine.marshal.clone();
            certify(context.child("certify"), chain.clone(), marshal);
            attach(chain, engine).await;
        }
        Ok(Validator { chains })
    }

    /// Starts one module's engine and gossip.
    async fn start_engine(
        &self,
        context: &Context,
        part: Part,
        channels: ModuleChannels,
    ) -> Result<Engine, NodeError> {
        let [
            votes,
            certificates,
            resolver,
            backfill,
            blocks,
            (transactions_out, transactions_in),
        ] = channels;
        let Part { index, chain, .. } = &part;
        let (module, name) = (chain.spec().id.index(), &chain.spec().name);
        let me = self.keys.validators[*index].identity.public_key();
        let scheme = self.scheme(*index, module)?;
        if let Some(relay) = PoolRelay::new(chain.clone()) {
            let incoming = part.blocker.filter(transactions_in);
            gossip::start(context, relay, transactions_out, incoming);
        }
        let timing = Timing {
            block_time: self.block_time,
            ..Timing::default()
        };
        let config = Config {
            application: Module::new(chain.clone(), Bridge::Block, timing, &me),
            me,
            module,
            scheme,
            databases: self.databases(*index, name, &part.page_cache),
            resolvers: replay::replays::<Context>(),
            genesis: chain.genesis().clone(),
            history: HistoryReporter::new(context.child("history"), chain.clone()),
            partition: partition(*index, name.as_str()),
            page_cache: part.page_cache,
            peers: part.peers,
            blocker: part.blocker,
            timeouts: Timeouts::default(),
        };
        let channels = Channels {
            votes,
            certificates,
            resolver,
            backfill,
            blocks,
        };
        Ok(engine::start(context.child("engine"), config, channels).await)
    }

    /// Signs and verifies for validator `index` under a module's namespace.
    fn scheme(&self, index: usize, module: u32) -> Result<Scheme, NodeError> {
        let scheme = Scheme::signer(
            &namespace(self.layout.network.network_id, module),
            self.keys.participants.clone(),
            self.keys.sharing.clone(),
            self.keys.validators[index].share.clone(),
        );
        scheme.ok_or_else(|| {
            self.layout
                .damaged_description("keys: a validator's share does not fit the network key")
        })
    }

    fn databases(
        &self,
        index: usize,
        name: &ModuleName,
        cache: &CacheRef,
    ) -> tree::Config<Context> {
        tree::config::<Context>(&partition(index, name.as_str()), cache)
    }

    async fn open_chain(
        &self,
        context: &Context,
        index: usize,
        (id, name): (ModuleId, &ModuleName),
        databases: tree::Config<Context>,
        exchange: Arc<Exchange>,
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
            // Workers of its own: one module's long block holds up no other's (CON-1). Code is shared.
            self.executor.with_workers(Workers::new(usize::MAX)),
            exchange,
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

fn module_context(context: &Context, name: &ModuleName) -> Context {
    context
        .child("module")
        .with_attribute("module", name.clone())
}

/// Connects the chain to its state once the databases are open.
async fn attach(chain: &Arc<Chain>, engine: Engine) {
    let databases: Databases<Context> = engine.state.subscribe_databases().await;
    chain.attach_prover(Arc::new(StateProver(databases.clone())));
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
