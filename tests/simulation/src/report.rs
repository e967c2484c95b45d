//! What a run tells.

use crate::world::MODULES;
use alloy_primitives::{B256, hex, keccak256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

/// A run in which every property held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The scenario's name.
    pub scenario: &'static str,
    /// The seed.
    pub seed: u64,
    /// Virtual time.
    pub time: Duration,
    /// Newest block of each module.
    pub heights: [u64; MODULES],
    /// Its hash.
    pub tips: [B256; MODULES],
    /// Transactions in blocks, over all modules.
    pub transactions: u64,
    /// Messages sent, arrived, and failed among those.
    pub messages: (u64, u64, u64),
    /// Transactions signed to take the place of others.
    pub replaced: u64,
    /// Transactions handed over again after their validator had restarted.
    pub resubmitted: u64,
    /// Processes killed.
    pub crashes: u64,
    /// Power failures of the whole network.
    pub power_failures: u64,
    /// Disk operations that failed.
    pub disk_failures: u64,
    /// Processes that stopped by themselves, and why.
    pub process_failures: Vec<String>,
    /// Private transfers made.
    pub private: u64,
    /// Invalid blocks proposed, by the rule they break.
    pub lies: BTreeMap<&'static str, u64>,
    /// Contradicting votes of byzantine validators.
    pub contradictions: u64,
    /// Views in which validators voted, each validator and module counted.
    pub voted_views: u64,
    /// Whom honest validators blocked: blocking validator, module, blocked validator.
    pub blocked: BTreeSet<(usize, usize, usize)>,
    /// Who cut whom from the network: cutting validator, cut validator.
    pub cut: BTreeSet<(usize, usize)>,
    /// Hash of everything that happened: every task step, write and message, and the newest blocks.
    pub audit: String,
}

impl Report {
    /// Sets the audit hash from the runtime's.
    pub(crate) fn seal(&mut self, runtime: &str) {
        let mut preimage = runtime.as_bytes().to_vec();
        for tip in &self.tips {
            preimage.extend_from_slice(tip.as_slice());
        }
        self.audit = hex::encode(keccak256(preimage));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} seed {}: {:.1} s virtual, heights {:?}, {} transactions ({} resubmitted), messages {:?}",
            self.scenario,
            self.seed,
            self.time.as_secs_f64(),
            self.heights,
            self.transactions,
            self.resubmitted,
            self.messages
        )?;
        let mut some = |count: u64, what: &str| {
            if count > 0 {
                write!(f, ", {count} {what}")
            } else {
                Ok(())
            }
        };
        some(self.crashes, "crashes")?;
        some(self.power_failures, "power failures")?;
        some(self.disk_failures, "disk failures")?;
        some(self.process_failures.len() as u64, "stopped processes")?;
        some(self.lies.values().sum(), "lies")?;
        some(self.contradictions, "contradicting votes")?;
        some(self.blocked.len() as u64, "blocked peers")?;
        write!(f, ", audit {}", self.audit.get(..16).unwrap_or(&self.audit))
    }
}

/// A property that did not hold, and how to see it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "violated in scenario {scenario} with seed {seed} after {:.2} s: {property}: {seen}\n  again: cargo run -p trellis-simulation --bin sim -- {seed} --scenario {scenario}",
    time.as_secs_f64()
)]
pub struct Violation {
    /// The scenario's name.
    pub scenario: &'static str,
    /// The seed.
    pub seed: u64,
    /// Virtual time of the violation.
    pub time: Duration,
    /// The property.
    pub property: &'static str,
    /// What was seen.
    pub seen: String,
}
