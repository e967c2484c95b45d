//! How a simulated validator is put together: the same parts as on the real runtime, over the simulated network.

use crate::{
    byzantine::{Liar, garbage},
    engine::NetworkBlocker,
    machine::{Local, Machine},
    roles::Role,
    wire::{Line, NetworkReceiver, NetworkSender, Peers, Tap, WireReceiver, WireSender},
    world::{Live, MODULES, STATE_WINDOW, VALIDATORS, World},
};
use commonware_consensus::{
    simplex::mocks::{conflicter, nuller, outdated},
    types::ViewDelta,
};
use commonware_cryptography::{Keccak256, ed25519::PublicKey};
use commonware_glue::stateful::{Application, db::DatabaseSet};
use commonware_p2p::simulated::{self, Manager};
use commonware_runtime::{
    Handle, Spawner as _, Supervisor as _, buffer::paged::CacheRef, deterministic,
};
use commonware_utils::{NZU16, NZUsize};
use futures::future::select_all;
use std::{future::pending, sync::Arc};
use trellis_consensus::{
    Channels, HistoryReporter, Offences, Pace, PoolRelay, Timeouts, certify,
    engine::{self, Config},
    gossip,
    network::{Channel, Scheme},
};
use trellis_executor::{Engine, Workers};
use trellis_module::{Chain, Exchange, Module, Timing, genesis};
use trellis_primitives::{Block, Context};
use trellis_state::{
    AppliedState, Bridge, SyncState, replay,
    tree::{self, Databases},
};
use trellis_txpool::Limits;

type Oracle = simulated::Oracle<PublicKey, deterministic::Context>;
type Pairs = Vec<(NetworkSender, NetworkReceiver)>;

/// The start of one validator.
pub(crate) struct Boot {
    pub(crate) world: Arc<World>,
    pub(crate) index: usize,
    pub(crate) machine: Arc<Machine>,
    pub(crate) oracle: Oracle,
}

/// What one module is started with.
struct Place<'a> {
    context: Local,
    module: usize,
    /// Index of the seat: 1 for a twin's second machine.
    seat: usize,
    offences: &'a Offences<NetworkBlocker>,
    page_cache: &'a CacheRef,
    exchange: &'a Arc<Exchange>,
}

impl Boot {
    /// Starts every module in its role and watches over them. Returns only when one of them ended.
    pub(crate) async fn run(self, context: Local, channels: Pairs) {
        let me = self.world.participants[self.index].clone();
        let page_cache = CacheRef::new(NZU16!(4084), NZUsize!(1024));
        let network = NetworkBlocker(self.oracle.control(me));
        let mut channels = channels.into_iter();
        let mut handles = Vec::new();
        let offences = [network.clone(), network].map(|n| Offences::new(n, MODULES));
        let exchanges = [(); 2].map(|()| Exchange::new(self.world.network()));
        for module in 0..MODULES {
            let pairs: Pairs = channels.by_ref().take(Channel::ALL.len()).collect();
            let context = context.child("module").with_attribute("module", module);
            let twin = self.world.roles[self.index][module] == Role::Twin;
            let sides = if twin {
                split(&context, pairs)
            } else {
                vec![pairs]
            };
            for (seat, pairs) in sides.into_iter().enumerate() {
                let place = Place {
                    context: context.child("seat").with_attribute("seat", seat),
                    module,
                    seat,
                    offences: &offences[seat],
                    page_cache: &page_cache,
                    exchange: &exchanges[seat],
                };
                handles.extend(self.module(place, pairs).await);
            }
        }
        if handles.is_empty() {
            pending::<()>().await;
        }
        let (ended, ..) = select_all(handles).await;
        // On the real runtime too, an engine never ends while its validator runs.
        self.machine.fail(format!("an engine ended: {ended:?}"));
    }

    /// Starts one module in its role.
    async fn module(&self, place: Place<'_>, pairs: Pairs) -> Vec<Handle<()>> {
        let wires = self.wires(&place, pairs);
        let scheme = self.world.scheme(self.index, place.module);
        let context = place.context.child("byzantine");
        let mut wires = wires.into_iter();
        match self.world.roles[self.index][place.module] {
            Role::Honest | Role::Withholder | Role::Twin => {
                let chain = self.open_chain(&place).await;
                let module = self.application(&chain);
                let start = self.engine(place, wires.collect(), scheme, chain, module);
                vec![Box::pin(start).await]
            }
            Role::Liar => {
                let chain = self.open_chain(&place).await;
                let liar = Liar::new(self.application(&chain), self.world.lies.clone());
                let start = self.engine(place, wires.collect(), scheme, chain, liar);
                vec![Box::pin(start).await]
            }
            Role::Garbage => garbage(&context, wires.collect()),
            Role::Conflicter => {
                let config = conflicter::Config { scheme };
                let actor = conflicter::Conflicter::<_, _, Keccak256>::new(context, config);
                wires
                    .next()
                    .map(|votes| actor.start(votes))
                    .into_iter()
                    .collect()
            }
            Role::Nuller => {
                let config = nuller::Config { scheme };
                let actor = nuller::Nuller::<_, _, Keccak256>::new(context, config);
                wires
                    .next()
                    .map(|votes| actor.start(votes))
                    .into_iter()
                    .collect()
            }
            Role::Outdated => {
                let view_delta = ViewDelta::new(2);
                let config = outdated::Config { scheme, view_delta };
                let actor = outdated::Outdated::<_, _, Keccak256>::new(context, config);
                wires
                    .next()
                    .map(|votes| actor.start(votes))
                    .into_iter()
                    .collect()
            }
        }
    }

    /// Puts the module's cables between it and the network, with a tap on its votes.
    fn wires(&self, place: &Place<'_>, pairs: Pairs) -> Vec<(WireSender, WireReceiver)> {
        let role = self.world.roles[self.index][place.module];
        let line = &self.world.validators[self.index].seats[place.seat].lines[place.module];
        // Whom a withholder leaves out differs from module to module.
        let left_out = (self.index + 1 + place.module) % VALIDATORS;
        let peers = Peers::of((0..VALIDATORS).filter(|peer| *peer != left_out));
        let partial = Arc::new(Line::new(self.world.participants.clone()));
        partial.set(peers);
        let wire = |(channel, (sender, receiver))| {
            let withheld = role == Role::Withholder && channel == Channel::Blocks;
            let line = if withheld { &partial } else { line };
            let tap = (channel == Channel::Votes).then(|| Tap {
                log: self.world.votes.clone(),
                validator: self.index,
                module: place.module,
            });
            (
                WireSender::new(sender, line.clone(), tap),
                WireReceiver::new(receiver, line.clone()),
            )
        };
        Channel::ALL.into_iter().zip(pairs).map(wire).collect()
    }

    fn partition(&self, place: &Place<'_>) -> String {
        format!("v{}-s{}-m{}", self.index, place.seat, place.module)
    }

    async fn open_chain(&self, place: &Place<'_>) -> Arc<Chain> {
        let spec = self.world.spec(place.module).clone();
        let seat = &self.world.validators[self.index].seats[place.seat];
        let history = seat.histories[place.module].clone();
        let genesis = match history.block(0).expect("a history in memory reads") {
            Some(recorded) => recorded.block.clone(),
            None => {
                let databases = tree::config::<Local>(&self.partition(place), place.page_cache);
                let context = place.context.child("genesis");
                let committed = tree::seed(context, databases, &genesis::state(&spec))
                    .await
                    .expect("the genesis state is written");
                genesis::block(&spec, committed, self.world.participants[0].clone())
                    .expect("the genesis block is well-formed")
            }
        };
        Chain::open(
            spec,
            genesis,
            history,
            STATE_WINDOW,
            Limits::default(),
            Engine::new(Workers::new(1)),
            place.exchange.clone(),
        )
        .expect("the chain opens over its history")
    }

    fn application(&self, chain: &Arc<Chain>) -> Module {
        let me = &self.world.participants[self.index];
        Module::new(chain.clone(), Bridge::Poll, Timing::default(), me)
    }

    /// Starts the whole stack of one module. Returns once its state is open.
    async fn engine<A>(
        &self,
        place: Place<'_>,
        wires: Vec<(WireSender, WireReceiver)>,
        scheme: Scheme,
        chain: Arc<Chain>,
        application: A,
    ) -> Handle<()>
    where
        A: Pace<Local, Block>
            + Application<
                Local,
                SigningScheme = Scheme,
                Context = Context,
                Block = Block,
                Databases = Databases<Local>,
                Provider = (),
                Input = (),
            >,
    {
        let wires: [_; Channel::ALL.len()] = wires.try_into().ok().expect("one wire a channel");
        let [
            votes,
            certificates,
            resolver,
            backfill,
            blocks,
            transactions,
        ] = wires;
        let id = place.module as u32;
        let blocker = place.offences.module(id);
        let context = &place.context;
        let (writing, machine) = (chain.clone(), self.machine.clone());
        context.child("write_history").spawn(move |_| async move {
            if let Err(error) = writing.write_history().await {
                machine.fail(format!("history: {error}"));
            }
        });
        if let Some(relay) = PoolRelay::new(chain.clone()) {
            let incoming = blocker.filter(transactions.1);
            gossip::start(context, relay, transactions.0, incoming);
        }
        let partition = self.partition(&place);
        let engine = engine::start(
            context.child("engine"),
            Config::<A, Manager<_, _>, _, <Databases<Local> as DatabaseSet<Local>>::Config, _, _> {
                me: self.world.participants[self.index].clone(),
                module: id,
                scheme,
                application,
                databases: tree::config::<Local>(&partition, place.page_cache),
                resolvers: replay::replays::<Local>(),
                genesis: chain.genesis().clone(),
                history: HistoryReporter::new(context.child("history"), chain.clone()),
                partition,
                page_cache: place.page_cache.clone(),
                peers: self.oracle.manager(),
                blocker: blocker.clone(),
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
        let databases: Databases<Local> = engine.state.subscribe_databases().await;
        let processed = engine.marshal.get_processed().await;
        let applied = processed.map_or(0, |processed| processed.height().get());
        let state = SyncState::new(AppliedState(databases), Bridge::Poll);
        chain.attach_state(Arc::new(state), applied);
        certify(
            context.child("certify"),
            chain.clone(),
            engine.marshal.clone(),
        );
        if place.seat == 0 {
            let live = Live { chain, blocker };
            self.world.validators[self.index].went_live(&self.machine, place.module, live);
        }
        engine.handle
    }
}

/// Two ends for every channel: what arrives reaches both, as far as their lines let it.
fn split(context: &Local, pairs: Pairs) -> Vec<Pairs> {
    let (mut first, mut second) = (Pairs::new(), Pairs::new());
    for (index, (sender, receiver)) in pairs.into_iter().enumerate() {
        let context = context.child("split").with_attribute("channel", index);
        let (one, two) = receiver.split_with(context, |_| simulated::SplitTarget::Both);
        first.push((sender.clone(), one));
        second.push((sender, two));
    }
    vec![first, second]
}
