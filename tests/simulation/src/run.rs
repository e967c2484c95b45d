//! Runs a scenario: one deterministic runtime, or several in a row when the power fails.

use crate::{
    disk::DiskFaults,
    engine::Validators,
    observer::{Broken, Observer, ensure},
    properties,
    report::{Report, Violation},
    scenario::{Claim, Event, Progress, Scenario},
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
const REPAIR: Duration = Duration::from_secs(2);

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
    /// True time since the beginning.
    now: Duration,
    next_event: usize,
    next_power_failure: usize,
    next_burst: Duration,
    /// When a failed validator starts again.
    repairs: [Option<Duration>; VALIDATORS],
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
        Self {
            scenario,
            seed,
            world: World::new(seed, scenario.roles),
            observer: Observer::new(scenario.ahead_ms_max),
            clients: std::array::from_fn(|module| Clients::new(module, seed)),
            now: Duration::ZERO,
            next_event: 0,
            next_power_failure: 0,
            next_burst: Duration::ZERO,
            repairs: [None; VALIDATORS],
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
                let blocked = properties::blocked(&running.oracle, &self.world).await?;
                return Ok(Ended::Done(Box::new(self.report(blocked))));
            }
            let late = self.now > self.scenario.quiet_from + self.scenario.bound;
            ensure(!late, "progress after the last fault", || self.stuck())?;
        }
    }

    async fn apply_events(&mut self, running: &mut Running<'_>) {
        while let Some((at, event)) = self.scenario.events.get(self.next_event).copied() {
            if at > self.now {
                return;
            }
            self.next_event += 1;
            tracing::info!(target: "simulation", now = ?self.now, ?event);
            match event {
                Event::Crash(validator) => {
                    if self.world.validators[validator].is_on() {
                        self.crashes += 1;
                        self.power_off(running, validator);
                    }
                }
                Event::Restart(validator) => self.power_on(running, validator).await,
                Event::Reach {
                    validator,
                    module,
                    peers,
                } => {
                    let lines = &self.world.validators[validator].seats[0].lines;
                    for (index, line) in lines.iter().enumerate() {
                        if module.is_none_or(|module| module == index) {
                            line.set(peers);
                        }
                    }
                }
                Event::ReachSecond { validator, peers } => {
                    let lines = &self.world.validators[validator].seats[1].lines;
                    lines.iter().for_each(|line| line.set(peers));
                }
                Event::Heal => self.world.heal(),
                Event::Disk(validator, faults) => self.world.validators[validator].disk.set(faults),
                Event::Clock(validator, ahead) => self.world.validators[validator].skew.set(ahead),
            }
        }
    }

    fn power_off(&self, running: &mut Running<'_>, validator: usize) {
        self.world.validators[validator].power_off();
        running.team.crash(&self.world.participants[validator]);
    }

    async fn power_on(&mut self, running: &mut Running<'_>, validator: usize) {
        if self.world.validators[validator].is_on() {
            return;
        }
        self.repairs[validator] = None;
        let key = self.world.participants[validator].clone();
        let (context, monitor) = (running.context, running.monitor.clone());
        running
            .team
            .restart(context, &running.oracle, key, monitor, false)
            .await;
    }

    /// Clears away failed processes and starts them again after a while.
    async fn repair(&mut self, running: &mut Running<'_>) -> Result<(), Broken> {
        for validator in 0..VALIDATORS {
            let node = &self.world.validators[validator];
            if let Some(reason) = node.failure() {
                ensure(
                    self.scenario.may_fail.contains(validator),
                    "a validator without faults keeps running",
                    || format!("validator {validator}: {reason}"),
                )?;
                self.failures.push(format!("validator {validator}: {reason}"));
                self.power_off(running, validator);
                self.repairs[validator] = Some(self.now + REPAIR);
            }
            if self.repairs[validator].is_some_and(|at| at <= self.now) {
                self.world.validators[validator].disk.set(DiskFaults::default());
                self.power_on(running, validator).await;
            }
        }
        Ok(())
    }

    fn judge_claims(&mut self) -> Result<(), Broken> {
        let mut open = Vec::new();
        for (claim, before) in std::mem::take(&mut self.claims) {
            let height = self.observer.canons[claim.module].height();
            let before = before.or_else(|| (self.now >= claim.from).then_some(height));
            match before {
                Some(before) if self.now >= claim.to => {
                    let holds = match claim.progress {
                        Progress::Stands => height == before,
                        Progress::Goes => height > before,
                    };
                    ensure(holds, "one module's trouble does not stop another (CON-1)", || {
                        format!("{claim:?}: height {before} before, {height} after")
                    })?;
                }
                _ => open.push((claim, before)),
            }
        }
        self.claims = open;
        Ok(())
    }

    /// Lets the clients act. Returns whether the run is complete.
    fn serve_clients(&mut self) -> Result<bool, Broken> {
        let enough = self.made_enough_blocks();
        if !enough && self.now >= self.next_burst {
            self.next_burst = self.now + self.scenario.pause;
            self.clients
                .iter_mut()
                .for_each(|clients| clients.sign(&self.world));
        }
        for (clients, canon) in self.clients.iter_mut().zip(&self.observer.canons) {
            let submitted = clients.submit(&self.world, &canon.included);
            ensure(submitted.is_ok(), "a valid transaction is accepted", || {
                format!("{submitted:?}")
            })?;
        }
        let served = self
            .scenario
            .live_modules()
            .all(|module| self.clients[module].is_done());
        Ok(enough && served && self.all_level())
    }

    fn made_enough_blocks(&mut self) -> bool {
        if self.now < self.scenario.quiet_from {
            return false;
        }
        let canons = &self.observer.canons;
        let quiet = self
            .quiet_heights
            .get_or_insert_with(|| std::array::from_fn(|module| canons[module].height()));
        self.scenario
            .live_modules()
            .all(|module| canons[module].height() >= quiet[module] + self.scenario.blocks)
    }

    /// Whether every honest validator runs and has the newest block of every live module.
    fn all_level(&self) -> bool {
        self.scenario.live_modules().all(|module| {
            let height = self.observer.canons[module].height();
            self.world.honest_in(module).all(|validator| {
                let live = self.world.live(validator, module);
                live.is_some_and(|live| {
                    live.chain.is_current() && live.chain.head().number() == height
                })
            })
        })
    }

    fn stuck(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for module in 0..MODULES {
            let waiting = self.clients[module].waiting();
            let _ = write!(
                text,
                "\n  module {module}: newest block {}, waiting {waiting:?}",
                self.observer.canons[module].height()
            );
            for validator in 0..VALIDATORS {
                let state = self.world.live(validator, module).map(|live| {
                    (
                        live.chain.head().number(),
                        live.chain.is_current(),
                        live.chain.pool_stats(),
                    )
                });
                let role = self.world.roles[validator][module];
                let _ = write!(text, "\n    validator {validator} ({role:?}): {state:?}");
            }
        }
        text
    }

    fn report(&self, blocked: BTreeSet<(usize, usize, usize)>) -> Report {
        let byzantine = |validator, module| !self.world.honest(validator, module);
        let conflicts = self.world.votes.lock().conflicts().to_vec();
        Report {
            scenario: self.scenario.name,
            seed: self.seed,
            time: self.now,
            heights: std::array::from_fn(|module| self.observer.canons[module].height()),
            tips: std::array::from_fn(|module| self.observer.canons[module].tip()),
            transactions: self.observer.canons.iter().map(|c| c.included.len() as u64).sum(),
            resubmitted: self.clients.iter().map(Clients::resubmitted).sum(),
            crashes: self.crashes,
            power_failures: self.next_power_failure as u64,
            disk_failures: self.world.validators.iter().map(|v| v.disk.failures()).sum(),
            process_failures: self.failures.clone(),
            lies: self.world.lies.kinds(),
            contradictions: conflicts
                .iter()
                .filter(|conflict| byzantine(conflict.validator, conflict.module))
                .count() as u64,
            voted_views: self.world.votes.lock().views() as u64,
            blocked,
            audit: String::new(),
        }
    }
}
