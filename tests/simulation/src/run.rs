//! Runs a scenario: one deterministic runtime, or several in a row when the power fails.

mod events;
mod progress;

use crate::{
    engine::Validators,
    observer::{Broken, Observer, ensure},
    payer::{self, Payer},
    properties,
    report::{Report, Violation},
    scenario::{Claim, Scenario},
    workload::Clients,
    world::{GENESIS_MS, MODULES, VALIDATORS, World},
};
use commonware_cryptography::ed25519::PublicKey;
use commonware_glue::simulate::{
    engine::EngineDefinition as _, team::Team, tracker::FinalizationUpdate,
};
use commonware_p2p::{
    Manager as _,
    simulated::{Config, Network, Oracle},
};
use commonware_runtime::{
    Clock as _, Supervisor as _,
    deterministic::{
        Config as RuntimeConfig, Context, FaultConfig, PartialWriteMode, Runner, WriteConfig,
    },
};
use commonware_utils::{NZUsize, TryCollect as _, channel::mpsc, ordered::Set, probability};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How often the world is looked at.
const TICK: Duration = Duration::from_millis(20);
/// Virtual time one step of every ready task takes.
const CYCLE: Duration = Duration::from_micros(200);
/// How long a validator whose process failed stays off.
const REPAIR: Duration = Duration::from_secs(1);

/// Virtual time of the run in progress, in milliseconds, for log lines only.
static NOW_MS: AtomicU64 = AtomicU64::new(0);

/// Virtual time of the run in progress, as a log shows it.
pub fn virtual_time() -> Duration {
    Duration::from_millis(NOW_MS.load(Ordering::Relaxed))
}

/// Why a runtime ended.
enum Ended {
    PowerFailure,
    Done(Box<Report>),
}

/// Runs `scenario` with everything random in it drawn from `seed`.
///
/// # Errors
/// The first property that does not hold.
pub fn run(scenario: &Scenario, seed: u64) -> Result<Report, Violation> {
    let mut driver = Driver::new(scenario, seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| driver.run()));
    let outcome = outcome.unwrap_or_else(|payload| {
        let property = "the simulation itself does not panic";
        let seen = crate::panics::text(&*payload);
        Err(Broken { property, seen })
    });
    outcome.map_err(|broken| Violation {
        scenario: scenario.name,
        seed,
        time: driver.now,
        property: broken.property,
        seen: broken.seen,
    })
}

fn start_time() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(GENESIS_MS)
}

/// State of a run that outlives a power failure.
struct Driver<'a> {
    scenario: &'a Scenario,
    seed: u64,
    world: Arc<World>,
    observer: Observer,
    clients: [Clients; MODULES],
    payer: Option<Payer>,
    /// True time since the beginning.
    now: Duration,
    next_event: usize,
    next_power_failure: usize,
    next_burst: Duration,
    /// When a failed validator starts again.
    repairs: [Option<Duration>; VALIDATORS],
    /// How often each process failed.
    failed: [u32; VALIDATORS],
    /// Each claim still to be judged, with the height it began at once it has begun.
    claims: Vec<(Claim, Option<u64>)>,
    /// Heights when the last fault was over.
    quiet_heights: Option<[u64; MODULES]>,
    crashes: u64,
    failures: Vec<String>,
}

/// What exists once per runtime.
struct Running<'a> {
    context: &'a Context,
    oracle: Oracle<PublicKey, Context>,
    team: Team<Validators>,
    monitor: mpsc::UnboundedSender<FinalizationUpdate<PublicKey>>,
}

impl<'a> Driver<'a> {
    fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let mut clients = std::array::from_fn(|module| Clients::new(module, seed));
        let payer = scenario
            .private
            .then(|| Payer::new(seed, &mut clients[payer::MODULE]));
        Self {
            scenario,
            seed,
            world: World::new(seed, scenario.roles, scenario.private),
            observer: Observer::new(scenario.ahead_ms_max),
            clients,
            payer,
            now: Duration::ZERO,
            next_event: 0,
            next_power_failure: 0,
            next_burst: Duration::ZERO,
            repairs: [None; VALIDATORS],
            failed: [0; VALIDATORS],
            claims: scenario.claims.iter().map(|claim| (*claim, None)).collect(),
            quiet_heights: None,
            crashes: 0,
            failures: Vec::new(),
        }
    }

    fn run(&mut self) -> Result<Report, Broken> {
        // Of a write that was not synced, a power failure keeps any bytes.
        let torn = WriteConfig {
            failure_rate: probability!(0.0),
            retention_rate: probability!(0.5),
            mode: PartialWriteMode::Subset,
        };
        let config = RuntimeConfig::new()
            .with_seed(self.seed)
            .with_cycle(CYCLE)
            .with_start_time(start_time())
            .with_storage_fault_config(FaultConfig::default().write(torn));
        let mut runner = Runner::new(config);
        loop {
            let (ended, checkpoint) =
                runner.start_and_recover(|context| self.until_power_failure(context));
            match ended? {
                Ended::PowerFailure => runner = Runner::from(checkpoint),
                Ended::Done(mut report) => {
                    report.seal(&checkpoint.auditor().state());
                    return Ok(*report);
                }
            }
        }
    }

    async fn until_power_failure(&mut self, context: Context) -> Result<Ended, Broken> {
        let validators = Validators(self.world.clone());
        let participants = validators.participants();
        let (network, oracle) = Network::new(
            context.child("network"),
            Config {
                max_size: validators.max_message_size(),
                max_peers_per_set: NZUsize!(VALIDATORS),
                disconnect_on_block: true,
                tracked_peer_sets: NZUsize!(1),
            },
        );
        network.start();
        let peers: Set<PublicKey> = participants
            .iter()
            .cloned()
            .try_collect()
            .expect("keys of different seeds differ");
        let _ = oracle.manager().track(0, peers);
        // Progress is read from the chains; the harness's own monitor knows one chain only.
        let (monitor, _) = mpsc::unbounded_channel();
        let mut team = Team::new(validators, participants);
        let link = self.scenario.link.clone();
        team.start(&context, &oracle, link, monitor.clone(), &BTreeSet::new())
            .await;
        let mut running = Running {
            context: &context,
            oracle,
            team,
            monitor,
        };
        let ended = self.drive(&mut running).await;
        for validator in &self.world.validators {
            validator.power_off();
        }
        ended
    }

    async fn drive(&mut self, running: &mut Running<'_>) -> Result<Ended, Broken> {
        loop {
            running.context.sleep(TICK).await;
            self.now = running
                .context
                .current()
                .duration_since(start_time())
                .unwrap_or_default();
            NOW_MS.store(self.now.as_millis() as u64, Ordering::Relaxed);
            let power = self.scenario.power_failures.get(self.next_power_failure);
            if power.is_some_and(|at| *at <= self.now) {
                self.next_power_failure += 1;
                self.repairs = [None; VALIDATORS];
                return Ok(Ended::PowerFailure);
            }
            self.apply_events(running).await;
            self.repair(running).await?;
            self.observer.look(&self.world, self.now)?;
            self.judge_claims()?;
            if self.serve_clients()? {
                properties::check(running.context, &self.world, &self.observer, self.scenario)
                    .await?;
                let (blocked, cut) = properties::blocked(&running.oracle, &self.world).await?;
                return Ok(Ended::Done(Box::new(self.report(blocked, cut))));
            }
            let late = self.now > self.scenario.quiet_from + self.scenario.bound;
            ensure(!late, "progress after the last fault", || self.stuck())?;
        }
    }
}
