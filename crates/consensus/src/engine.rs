//! One module's consensus stack on one validator.
//!
//! ```text
//!  peers ══ votes, certificates ══► simplex ── propose / verify / certify ──► Deferred ──► Gate ──► Stateful ──► application
//!  peers ══ blocks ═══════════════► broadcast buffer ──► marshal (blocks + certificates on disk) ──┘   ▲
//!  peers ══ backfill ═════════════► resolver ──────────────┘ └── finalized blocks, in order ───────────┘
//! ```
//!
//! # Restart
//!
//! Simplex replays its journal before it signs anything, so it never contradicts a vote it sent (STA-1). Marshal
//! delivers again every finalized block that the application has not acknowledged; the databases are opened at the
//! last acknowledged one and execute the rest again.

use crate::{Gate, ModuleBlocker, Pace, network::Scheme};
use commonware_broadcast::buffered;
use commonware_consensus::{
    Reporter, Reporters,
    marshal::{
        self, Update,
        core::{Actor as Marshal, Mailbox as MarshalMailbox},
        resolver::p2p as marshal_resolver,
        standard::{Deferred, Standard},
    },
    simplex::{
        self, SkipBudget,
        config::{Floor, ForwardPolicy, SkipPolicy},
        elector::RoundRobin,
    },
    types::{Epoch, FixedEpocher, ViewDelta},
};
use commonware_cryptography::{
    Digested, Digestible as _, Sha256, certificate::ConstantProvider, ed25519::PublicKey,
};
use commonware_glue::stateful::{
    Application, Config as StatefulConfig, Mailbox as StatefulMailbox, PruneConfig, Stateful,
    SyncPlan,
    db::{AttachableResolverSet, DatabaseSet, StateSyncSet, SyncEngineConfig},
};
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::{
    Clock, Handle, Metrics, Spawner, Storage, Supervisor, buffer::paged::CacheRef,
};
use commonware_storage::{Context as StorageContext, archive::prunable, translator::EightCap};
use commonware_utils::{NZDuration, NZU64, NZUsize};
use rand_core::CryptoRng;
use std::time::Duration;
use trellis_primitives::{Block, Context};

/// One epoch: the validator set of a development network does not change.
const EPOCH_LENGTH: std::num::NonZeroU64 = NZU64!(u64::MAX);
/// Finalized blocks the application may hold unacknowledged; recovery executes at most this many again.
const PENDING_ACKS: std::num::NonZeroUsize = NZUsize!(32);
/// Finalized blocks kept to serve peers that lag; beyond that the history has them.
const RETAINED_BLOCKS: usize = 1_000_000;

/// How long a view waits. Only liveness depends on these.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the leader's proposal. Also how long an idle view lasts.
    pub leader: Duration,
    /// For a certificate.
    pub certification: Duration,
    /// Between repeated votes to skip a view.
    pub retry: Duration,
    /// After which an inactive leader's views are skipped at once.
    pub skip: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            leader: Duration::from_secs(2),
            certification: Duration::from_secs(4),
            retry: Duration::from_secs(1),
            skip: Duration::from_secs(10),
        }
    }
}

/// What one stack is made of.
#[expect(
    missing_debug_implementations,
    reason = "holds secret shares and library handles"
)]
pub struct Config<A, P, B: Blocker, D, R, H> {
    /// This validator.
    pub me: PublicKey,
    /// Position of the module in the network; also shuffles its leaders.
    pub module: u32,
    /// Signs and verifies under the module's namespace.
    pub scheme: Scheme,
    /// The application.
    pub application: A,
    /// Its databases.
    pub databases: D,
    /// Its sources of state operations.
    pub resolvers: R,
    /// The genesis block.
    pub genesis: Block,
    /// Also told of every finalized block, and holds back its acknowledgement.
    pub history: H,
    /// Prefix of every storage partition, unique to (validator, module).
    pub partition: String,
    /// Shared by every database of the process.
    pub page_cache: CacheRef,
    /// Who the validators are.
    pub peers: P,
    /// Blocks misbehaving peers for this module.
    pub blocker: ModuleBlocker<B>,
    /// View timeouts.
    pub timeouts: Timeouts,
}

/// The peer-to-peer channels of one stack.
#[derive(Debug)]
pub struct Channels<S, R> {
    /// Votes.
    pub votes: (S, R),
    /// Certificates.
    pub certificates: (S, R),
    /// Missing certificates.
    pub resolver: (S, R),
    /// Missing blocks.
    pub backfill: (S, R),
    /// New blocks.
    pub blocks: (S, R),
}

/// A running stack.
#[expect(
    missing_debug_implementations,
    reason = "holds library handles that have none"
)]
pub struct Engine<E, A: Application<E>> {
    /// Finalized blocks and certificates.
    pub marshal: MarshalMailbox<Scheme, Standard<Block>>,
    /// The managed state.
    pub state: StatefulMailbox<E, A>,
    /// Ends only if the stack fails.
    pub handle: Handle<()>,
}

/// What the runtime offers a stack.
pub trait Runtime:
    Clock + CryptoRng + Spawner + Storage + Metrics + StorageContext + Supervisor + Sync
{
}
impl<T: Clock + CryptoRng + Spawner + Storage + Metrics + StorageContext + Supervisor + Sync>
    Runtime for T
{
}

fn archive(prefix: &str, name: &str, page_cache: &CacheRef) -> prunable::Config<EightCap, ()> {
    let buffer = NZUsize!(64 * 1024);
    prunable::Config {
        translator: EightCap,
        metadata_partition: format!("{prefix}-{name}-metadata"),
        key_partition: format!("{prefix}-{name}-key"),
        key_page_cache: page_cache.clone(),
        value_partition: format!("{prefix}-{name}-value"),
        compression: None,
        codec_config: (),
        items_per_section: NZU64!(4096),
        key_write_buffer: buffer,
        value_write_buffer: buffer,
        replay_buffer: buffer,
    }
}

/// Starts one stack. Returns when its parts run; [`StatefulMailbox::subscribe_databases`] tells when the state is open.
///
/// # Panics
/// If storage cannot be opened: a validator that cannot trust its records must not sign.
#[expect(
    clippy::too_many_lines,
    reason = "wiring: one constructor per part, no branches"
)]
pub async fn start<E, A, P, B, R, H, S, Rx>(
    context: E,
    config: Config<A, P, B, <A::Databases as DatabaseSet<E>>::Config, R, H>,
    channels: Channels<S, Rx>,
) -> Engine<E, A>
where
    E: Runtime,
    A: Application<
            E,
            SigningScheme = Scheme,
            Context = Context,
            Block = Block,
            Provider = (),
            Input = (),
        > + Pace<E, Block>,
    A::Databases: StateSyncSet<E, R>,
    P: Provider<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey> + Sync + std::fmt::Debug,
    R: AttachableResolverSet<A::Databases>,
    H: Reporter<Activity = Update<Block>>,
    S: Sender<PublicKey = PublicKey>,
    Rx: Receiver<PublicKey = PublicKey>,
{
    let buffer = NZUsize!(64 * 1024);
    let blocker = config.blocker.clone();
    let filter = |(sender, receiver): (S, Rx)| (sender, blocker.filter(receiver));

    let resolver = marshal_resolver::init(
        context.child("marshal_resolver"),
        marshal_resolver::Config {
            public_key: config.me.clone(),
            peer_provider: config.peers.clone(),
            blocker: config.blocker.clone(),
            mailbox_size: NZUsize!(256),
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(100),
            priority_requests: false,
            priority_responses: false,
        },
        filter(channels.backfill),
    );
    let (broadcast, blocks) = buffered::Engine::new(
        context.child("broadcast"),
        buffered::Config {
            public_key: config.me.clone(),
            mailbox_size: NZUsize!(256),
            deque_size: 16,
            priority: false,
            codec_config: (),
            peer_provider: config.peers.clone(),
            strategy: Sequential,
        },
    );
    broadcast.start(filter(channels.blocks));

    let finalizations = prunable::Archive::init(
        context.child("finalizations"),
        archive(&config.partition, "finalizations", &config.page_cache),
    )
    .await
    .expect("the store of finalization certificates opens");
    let finalized = prunable::Archive::init(
        context.child("blocks"),
        archive(&config.partition, "blocks", &config.page_cache),
    )
    .await
    .expect("the store of finalized blocks opens");

    let plan = SyncPlan::init(context.child("plan"), format!("{}-plan", config.partition)).await;
    let genesis_digest = config.genesis.digest();
    let genesis = Digested::precomputed(config.genesis, genesis_digest);
    let epocher = FixedEpocher::new(EPOCH_LENGTH);
    let (marshal, mailbox, floor) = Marshal::<_, Standard<Block>, _, _, _, _, _>::init(
        context.child("marshal"),
        finalizations,
        finalized,
        marshal::Config {
            provider: ConstantProvider::<Scheme, Epoch>::new(config.scheme.clone()),
            epocher: epocher.clone(),
            start: plan.marshal_start(genesis),
            partition_prefix: format!("{}-marshal", config.partition),
            mailbox_size: NZUsize!(1024),
            view_retention: ViewDelta::new(64),
            prunable_items_per_section: NZU64!(1024),
            page_cache: config.page_cache.clone(),
            replay_buffer: buffer,
            key_write_buffer: buffer,
            value_write_buffer: buffer,
            block_codec_config: (),
            max_repair: NZUsize!(16),
            max_pending_acks: PENDING_ACKS,
            strategy: Sequential,
        },
    )
    .await;

    let (stateful, state) = Stateful::new(
        context.child("stateful"),
        StatefulConfig {
            application: config.application.clone(),
            db_config: config.databases,
            provider: (),
            marshal: (mailbox.clone(), floor),
            mailbox_size: NZUsize!(1024),
            plan,
            resolvers: config.resolvers,
            sync_config: SyncEngineConfig {
                fetch_batch_size: NZU64!(64),
                apply_batch_size: NZU64!(64),
                max_outstanding_requests: NZUsize!(4),
            },
            prune_config: Some(PruneConfig {
                maintenance_interval: NZUsize!(256),
                retained_marshal_blocks: RETAINED_BLOCKS,
                retained_qmdb_blocks: 0,
            }),
            strategy: Sequential,
        },
    );
    let gate = Gate::new(state.clone(), config.application);
    let deferred = Deferred::new(context.child("deferred"), gate, mailbox.clone(), epocher);
    marshal.start(
        Reporters::from((state.clone(), config.history)),
        blocks,
        resolver,
    );
    stateful.start();

    let simplex = simplex::Engine::new(
        context.child("simplex"),
        simplex::Config {
            scheme: config.scheme,
            // A different order of leaders in every module spreads the work of leading.
            elector: RoundRobin::<Sha256>::shuffled(&config.module.to_be_bytes()),
            blocker: config.blocker.clone(),
            automaton: deferred.clone(),
            relay: deferred.clone(),
            reporter: deferred,
            strategy: Sequential,
            partition: format!("{}-simplex", config.partition),
            mailbox_size: NZUsize!(1024),
            epoch: Epoch::zero(),
            floor: Floor::Genesis(genesis_digest),
            replay_buffer: buffer,
            write_buffer: buffer,
            page_cache: config.page_cache,
            leader_timeout: config.timeouts.leader,
            certification_timeout: config.timeouts.certification,
            timeout_retry: config.timeouts.retry,
            view_retention: ViewDelta::new(64),
            skip: SkipPolicy::Enabled {
                timeout: config.timeouts.skip,
                budget: SkipBudget::Participants,
            },
            fetch_timeout: NZDuration!(Duration::from_secs(2)),
            fetch_retry_delay: Duration::from_millis(250),
            forward: ForwardPolicy::Disabled,
            track_historical_votes: false,
        },
    );
    let handle = simplex.start(
        filter(channels.votes),
        filter(channels.certificates),
        filter(channels.resolver),
    );
    Engine {
        marshal: mailbox,
        state,
        handle,
    }
}
