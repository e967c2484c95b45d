//! What outlives the processes of a simulation: keys, disks, clocks, cables, histories, and the log of votes.

use crate::{
    disk::Disk,
    engine::NetworkBlocker,
    machine::{Machine, Skew},
    payer,
    roles::{Lies, Role, Roles},
    votes::VoteLog,
    wallet,
    wire::{Line, Peers},
};
use alloy_primitives::{B256, keccak256};
use commonware_codec::Encode as _;
use commonware_cryptography::{
    Signer as _,
    bls12381::primitives::group::Share,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_utils::{TryCollect as _, ordered::Set};
use parking_lot::Mutex;
use rand::{SeedableRng as _, rngs::StdRng};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use trellis_consensus::{
    ModuleBlocker,
    network::{Dealing, Scheme, namespace, trusted_deal},
};
use trellis_light::Network;
use trellis_module::{Chain, ChainSpec, Payments};
use trellis_primitives::{ModuleId, ModuleName};
use trellis_state::{History, HistoryConfig};

/// Validators: one of them may be faulty.
pub const VALIDATORS: usize = 4;
/// Modules of the network.
pub const MODULES: usize = 4;
/// When the simulated world begins, in Unix milliseconds.
pub const GENESIS_MS: u64 = 1_800_000_000_000;
/// Blocks whose state a node serves: fewer than a run makes, so that old ones leave.
pub const STATE_WINDOW: u64 = 16;

const NETWORK_ID: u64 = 527_193;
const NAMES: [&str; MODULES] = ["hub", "market", "pay", "energy"];
const GAS_LIMIT: u64 = 30_000_000;

/// The running part of one module on one validator. Gone the moment its machine stops.
#[derive(Clone)]
pub struct Live {
    /// The chain.
    pub chain: Arc<Chain>,
    /// Whom this module has blocked.
    pub blocker: ModuleBlocker<NetworkBlocker>,
}

/// One of the places a validator's key is used: its machine, or the second one of a twin.
pub struct Seat {
    /// Reach of each module.
    pub lines: [Arc<Line>; MODULES],
    /// What each module has on its history's disk.
    pub histories: [History; MODULES],
}

/// Everything of one validator that a restart keeps.
pub struct Validator {
    /// Its identity.
    pub key: PublicKey,
    /// Its share of the network's key.
    pub share: Share,
    /// Its clock's error.
    pub skew: Arc<Skew>,
    /// Its disk.
    pub disk: Arc<Disk>,
    /// Its machine's place and, for a twin, the second one.
    pub seats: [Seat; 2],
    machine: Mutex<Option<Arc<Machine>>>,
    live: Mutex<[Option<Live>; MODULES]>,
    starts: AtomicU64,
}

/// The simulated world.
pub struct World {
    /// Public keys, ascending: the order of indexes.
    pub participants: Arc<[PublicKey]>,
    /// The validators, in the same order.
    pub validators: Vec<Validator>,
    /// Who misbehaves how.
    pub roles: Roles,
    /// What liars did.
    pub lies: Arc<Lies>,
    /// Every vote on the wire.
    pub votes: Arc<Mutex<VoteLog>>,
    dealing: Dealing,
    specs: [ChainSpec; MODULES],
}

impl World {
    /// A new world. Everything random in it follows from `seed`.
    pub fn new(seed: u64, roles: Roles, private: bool) -> Arc<Self> {
        let mut keys: Vec<PublicKey> = (0..VALIDATORS as u64)
            .map(|index| PrivateKey::from_seed(index).public_key())
            .collect();
        keys.sort();
        let set: Set<PublicKey> = keys
            .iter()
            .cloned()
            .try_collect()
            .expect("keys of different seeds differ");
        let dealing = trusted_deal(StdRng::seed_from_u64(seed), &set);
        let mut specs = std::array::from_fn(|module| spec(module, &keys, &dealing));
        specs[payer::MODULE].payments = private.then(|| Payments {
            governance: wallet::address(0),
        });
        let participants: Arc<[PublicKey]> = keys.into();
        let validators = (0..VALIDATORS)
            .map(|index| Validator::new(index, seed, &participants, &dealing, &specs))
            .collect();
        Arc::new(Self {
            participants,
            validators,
            roles,
            lies: Arc::new(Lies::new(seed)),
            votes: Arc::default(),
            dealing,
            specs,
        })
    }

    /// What verifies the certificates of every module.
    pub fn network(&self) -> Network {
        Network::new(NETWORK_ID, *self.dealing.sharing.public())
    }

    /// What fixes a module's chain.
    pub const fn spec(&self, module: usize) -> &ChainSpec {
        &self.specs[module]
    }

    /// A validator's keys for a module.
    pub fn scheme(&self, validator: usize, module: usize) -> Scheme {
        Scheme::signer(
            &namespace(NETWORK_ID, self.specs[module].id.index()),
            self.participants
                .iter()
                .cloned()
                .try_collect()
                .expect("keys of different seeds differ"),
            self.dealing.sharing.clone(),
            self.validators[validator].share.clone(),
        )
        .expect("the share was dealt to this validator")
    }

    /// Whether `validator` follows the protocol in `module`.
    pub fn honest(&self, validator: usize, module: usize) -> bool {
        self.roles[validator][module] == Role::Honest
    }

    /// The honest validators of a module.
    pub fn honest_in(&self, module: usize) -> impl Iterator<Item = usize> + '_ {
        (0..VALIDATORS).filter(move |validator| self.honest(*validator, module))
    }

    /// The running part of a module, if it runs.
    pub fn live(&self, validator: usize, module: usize) -> Option<Live> {
        self.validators[validator].live.lock()[module].clone()
    }

    /// Restores every cable.
    pub fn heal(&self) {
        for seat in self.validators.iter().flat_map(|v| &v.seats) {
            for line in &seat.lines {
                line.set(Peers::ALL);
            }
        }
    }
}

impl Validator {
    fn new(
        index: usize,
        seed: u64,
        participants: &Arc<[PublicKey]>,
        dealing: &Dealing,
        specs: &[ChainSpec; MODULES],
    ) -> Self {
        let key = participants[index].clone();
        let seat = || Seat {
            lines: std::array::from_fn(|_| Arc::new(Line::new(participants.clone()))),
            histories: std::array::from_fn(|module| {
                let config = HistoryConfig::new(specs[module].identity(), STATE_WINDOW);
                History::in_memory(config)
            }),
        };
        Self {
            share: dealing.shares[&key].clone(),
            key,
            skew: Arc::default(),
            disk: Arc::new(Disk::new(seed.wrapping_mul(31).wrapping_add(index as u64))),
            seats: [seat(), seat()],
            machine: Mutex::new(None),
            live: Mutex::default(),
            starts: AtomicU64::new(0),
        }
    }

    /// Turns on a new machine over the validator's disk and clock.
    pub fn power_on(&self) -> Arc<Machine> {
        let machine = Machine::new(self.skew.clone(), self.disk.clone());
        self.starts.fetch_add(1, Ordering::SeqCst);
        *self.machine.lock() = Some(machine.clone());
        machine
    }

    /// Stops the machine, if one runs, and lets go of what ran on it.
    pub fn power_off(&self) {
        if let Some(machine) = self.machine.lock().take() {
            machine.stop();
        }
        *self.live.lock() = Default::default();
    }

    /// Why the machine failed, if it did.
    pub fn failure(&self) -> Option<String> {
        self.machine.lock().as_ref()?.failure()
    }

    /// Whether a machine is turned on.
    pub fn is_on(&self) -> bool {
        self.machine.lock().is_some()
    }

    /// How often a machine was turned on: names one run between crashes.
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::SeqCst)
    }

    /// Makes a module's running part known, unless its machine has stopped meanwhile.
    pub fn went_live(&self, machine: &Arc<Machine>, module: usize, live: Live) {
        let current = self.machine.lock();
        if current.as_ref().is_some_and(|on| Arc::ptr_eq(on, machine)) {
            self.live.lock()[module] = Some(live);
        }
    }
}

fn spec(module: usize, keys: &[PublicKey], dealing: &Dealing) -> ChainSpec {
    let index = u32::try_from(module).expect("a handful of modules");
    let name: ModuleName = NAMES[module].parse().expect("a valid module name");
    ChainSpec {
        network: "simulation".into(),
        network_id: NETWORK_ID,
        id: ModuleId::new(index).expect("a handful of modules"),
        name,
        modules: MODULES as u32,
        gas_limit: GAS_LIMIT,
        alloc: wallet::allocations(),
        validators: digest(keys, dealing),
        timestamp_ms: GENESIS_MS,
        payments: None,
    }
}

fn digest(keys: &[PublicKey], dealing: &Dealing) -> B256 {
    let mut preimage = Vec::new();
    for key in keys {
        preimage.extend_from_slice(key.as_ref());
    }
    preimage.extend_from_slice(&dealing.sharing.public().encode());
    keccak256(preimage)
}
