//! A scenario: who misbehaves, what breaks when, and what must hold in the meantime.

use crate::{
    disk::DiskFaults,
    roles::{HONEST, Roles},
    wire::Peers,
    world::MODULES,
};
use commonware_p2p::simulated::Link;
use commonware_utils::probability;
use std::time::Duration;

/// Something that happens to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A validator's process is killed; unsynced writes are lost.
    Crash(usize),
    /// It starts again.
    Restart(usize),
    /// A validator reaches only these peers, in one module or in all.
    Reach {
        /// The validator.
        validator: usize,
        /// The module; `None` for all.
        module: Option<usize>,
        /// The peers it reaches.
        peers: Peers,
    },
    /// What a twin's second machine reaches, in all modules.
    ReachSecond {
        /// The validator.
        validator: usize,
        /// The peers it reaches.
        peers: Peers,
    },
    /// Every cable is restored.
    Heal,
    /// A validator's disk fails like this.
    Disk(usize, DiskFaults),
    /// A validator's clock is set this far ahead, in milliseconds.
    Clock(usize, i64),
}

/// What a module must do during some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// No block is published.
    Stands,
    /// Blocks are published.
    Goes,
}

/// A claim about a module's progress.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The module.
    pub module: usize,
    /// From this time.
    pub from: Duration,
    /// To this time.
    pub to: Duration,
    /// What it does.
    pub progress: Progress,
}

/// One scenario, drawn from one seed.
#[derive(Clone)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// Every link between two validators.
    pub link: Link,
    /// Who misbehaves.
    pub roles: Roles,
    /// What happens when, ascending.
    pub events: Vec<(Duration, Event)>,
    /// When every machine loses power at once, leaving torn writes.
    pub power_failures: Vec<Duration>,
    /// Validators whose process may fail by itself. They are restarted, with a sound disk, a while later.
    pub may_fail: Peers,
    /// What must hold meanwhile.
    pub claims: Vec<Claim>,
    /// Modules without a quorum of honest validators: safe, but not live.
    pub stalled: Vec<usize>,
    /// When the last fault is over.
    pub quiet_from: Duration,
    /// Blocks every live module must publish after that.
    pub blocks: u64,
    /// Time from the last fault in which they must be published and every transaction be in a block.
    pub bound: Duration,
    /// Between two bursts of transactions.
    pub pause: Duration,
    /// Whether somebody pays privately.
    pub private: bool,
    /// How far ahead the fastest honest clock ever is, in milliseconds.
    pub ahead_ms_max: u64,
}

impl Scenario {
    /// Nothing goes wrong.
    pub fn calm(name: &'static str) -> Self {
        Self {
            name,
            link: Link {
                latency: Duration::from_millis(10),
                jitter: Duration::from_millis(3),
                success_rate: probability!(1.0),
            },
            roles: HONEST,
            events: Vec::new(),
            power_failures: Vec::new(),
            may_fail: Peers::NONE,
            claims: Vec::new(),
            stalled: Vec::new(),
            quiet_from: Duration::ZERO,
            blocks: 8,
            bound: Duration::from_secs(60),
            pause: Duration::from_millis(300),
            private: false,
            ahead_ms_max: 0,
        }
    }

    /// Adds an event. Call in order of time.
    #[must_use]
    pub fn at(mut self, time: Duration, event: Event) -> Self {
        self.events.push((time, event));
        self
    }

    /// Modules that must go on once the faults are over.
    pub fn live_modules(&self) -> impl Iterator<Item = usize> + '_ {
        (0..MODULES).filter(|module| !self.stalled.contains(module))
    }
}
