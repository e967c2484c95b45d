//! How far the network has come, and whether that is far enough.

use super::Driver;
use crate::{
    observer::{Broken, ensure},
    payer::{self, Payer},
    properties::{Blocked, Cut},
    report::Report,
    scenario::Progress,
    workload::Clients,
    world::{MODULES, VALIDATORS},
};

impl Driver<'_> {
    pub(super) fn judge_claims(&mut self) -> Result<(), Broken> {
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
                    ensure(
                        holds,
                        "one module's trouble does not stop another (CON-1)",
                        || format!("{claim:?}: height {before} before, {height} after"),
                    )?;
                }
                _ => open.push((claim, before)),
            }
        }
        self.claims = open;
        Ok(())
    }

    /// Lets the clients act. Returns whether the run is complete.
    pub(super) fn serve_clients(&mut self) -> Result<bool, Broken> {
        let wanting = self.modules_wanting_blocks();
        if self.now >= self.next_burst {
            self.next_burst = self.now + self.scenario.pause;
            for module in &wanting {
                self.clients[*module].sign(&self.world);
            }
        }
        for (clients, canon) in self.clients.iter_mut().zip(&self.observer.canons) {
            let Some(ledger) = canon.ledger() else {
                continue;
            };
            let submitted = clients.submit(&self.world, ledger);
            ensure(submitted.is_ok(), "a valid transaction is accepted", || {
                format!("{submitted:?}")
            })?;
        }
        if let Some(payer) = &mut self.payer {
            let paid = payer.act(&self.world, &self.observer.canons[payer::MODULE].ledgers);
            ensure(
                paid.is_ok(),
                "private payments add up and are accepted",
                || format!("{paid:?}"),
            )?;
            if !payer.is_done() {
                return Ok(false);
            }
        }
        let mut live = self.scenario.live_modules();
        let done = live.all(|module| !wanting.contains(&module) && self.clients[module].is_done());
        let live: Vec<_> = self.scenario.live_modules().collect();
        let delivered = self.observer.mail.is_delivered(&live);
        Ok(done && delivered && self.all_level())
    }

    /// Modules that have not yet made the blocks the scenario asks for. All of them, until the last fault is over.
    fn modules_wanting_blocks(&mut self) -> Vec<usize> {
        if self.now < self.scenario.quiet_from {
            return (0..MODULES).collect();
        }
        let canons = &self.observer.canons;
        let quiet = self
            .quiet_heights
            .get_or_insert_with(|| std::array::from_fn(|module| canons[module].height()));
        let wants =
            |module: &usize| canons[*module].height() < quiet[*module] + self.scenario.blocks;
        self.scenario.live_modules().filter(wants).collect()
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

    pub(super) fn stuck(&self) -> String {
        use std::fmt::Write as _;
        let mut text = format!(
            "messages sent, arrived, failed: {:?}",
            self.observer.mail.counts()
        );
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

    pub(super) fn report(&self, blocked: Blocked, cut: Cut) -> Report {
        let byzantine = |validator, module| !self.world.honest(validator, module);
        let conflicts = self.world.votes.lock().conflicts().to_vec();
        Report {
            scenario: self.scenario.name,
            seed: self.seed,
            time: self.now,
            heights: std::array::from_fn(|module| self.observer.canons[module].height()),
            tips: std::array::from_fn(|module| self.observer.canons[module].tip()),
            transactions: self
                .observer
                .canons
                .iter()
                .map(|c| c.included.len() as u64)
                .sum(),
            messages: self.observer.mail.counts(),
            replaced: self.clients.iter().map(Clients::replaced).sum(),
            resubmitted: self.clients.iter().map(Clients::resubmitted).sum(),
            crashes: self.crashes,
            power_failures: self.next_power_failure as u64,
            disk_failures: self
                .world
                .validators
                .iter()
                .map(|v| v.disk.failures())
                .sum(),
            process_failures: self.failures.clone(),
            lies: self.world.lies.kinds(),
            private: self.payer.as_ref().map_or(0, Payer::made),
            contradictions: conflicts
                .iter()
                .filter(|conflict| byzantine(conflict.validator, conflict.module))
                .count() as u64,
            voted_views: self.world.votes.lock().views() as u64,
            blocked,
            cut,
            audit: String::new(),
        }
    }
}
