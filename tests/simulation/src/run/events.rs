//! What happens to the network, when it is due.

use super::{Driver, REPAIR, Running};
use crate::{
    disk::DiskFaults,
    observer::{Broken, ensure},
    scenario::Event,
    world::VALIDATORS,
};

impl Driver<'_> {
    pub(super) async fn apply_events(&mut self, running: &mut Running<'_>) {
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
    pub(super) async fn repair(&mut self, running: &mut Running<'_>) -> Result<(), Broken> {
        for validator in 0..VALIDATORS {
            let node = &self.world.validators[validator];
            if let Some(reason) = node.failure() {
                ensure(
                    self.scenario.may_fail.contains(validator),
                    "a validator without faults keeps running",
                    || format!("validator {validator}: {reason}"),
                )?;
                self.failures
                    .push(format!("validator {validator}: {reason}"));
                self.power_off(running, validator);
                self.failed[validator] += 1;
                self.repairs[validator] = Some(self.now + REPAIR);
            }
            if self.repairs[validator].is_some_and(|at| at <= self.now) {
                // The first restart is on the disk as it is; for the second it is replaced.
                if self.failed[validator].is_multiple_of(2) {
                    self.world.validators[validator]
                        .disk
                        .set(DiskFaults::default());
                }
                self.power_on(running, validator).await;
            }
        }
        Ok(())
    }
}
