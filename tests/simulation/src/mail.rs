//! Every message of the network, as the blocks of all modules tell it.

use crate::{
    observer::{Broken, ensure},
    world::MODULES,
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, U256};
use trellis_messaging::{
    Import,
    gateway::{self, RESERVE, Stage},
};
use trellis_primitives::system::{GATEWAY, IMPORTER};
use trellis_state::RecordedBlock;

/// A message on its way: its id and the coin it carries.
type Letter = (B256, U256);

/// What went from each module to each other one.
#[derive(Debug, Default)]
pub struct Mail {
    /// By source and destination, in order.
    sent: [[Vec<Letter>; MODULES]; MODULES],
    /// By source and destination, in order of arrival, delivered or failed.
    arrived: [[Vec<Letter>; MODULES]; MODULES],
    /// Coin that was paid out, by source and destination.
    settled: [[U256; MODULES]; MODULES],
    failed: u64,
}

impl Mail {
    /// Takes note of a block of a module.
    ///
    /// # Errors
    /// What in it is impossible.
    pub fn note(&mut self, module: usize, recorded: &RecordedBlock) -> Result<(), String> {
        for event in gateway::events(&recorded.receipts) {
            let transaction = &recorded.transactions[event.transaction];
            match event.stage {
                Stage::Sent { lane, sequence } => {
                    let to = lane.index() as usize;
                    let sent = &mut self.sent[module][to];
                    if sequence != sent.len() as u64 {
                        return Err(format!("message {sequence} of {}", sent.len()));
                    }
                    sent.push((event.id, transaction.value()));
                }
                Stage::Delivered { source, sequence } | Stage::Failed { source, sequence } => {
                    if transaction.signer() != IMPORTER {
                        return Err("a delivery outside of an import".into());
                    }
                    let import = Import::decode(transaction.inner());
                    let import = import.map_err(|error| error.to_string())?;
                    let index = usize::try_from(sequence - import.first).unwrap_or(usize::MAX);
                    let value = import.messages.get(index).ok_or("no such message")?.value;
                    let from = source.index() as usize;
                    self.arrived[from][module].push((event.id, value));
                    if matches!(event.stage, Stage::Delivered { .. }) {
                        self.settled[from][module] += value;
                    } else {
                        self.failed += 1;
                    }
                }
                Stage::Refunded { .. } => return Err("nobody refunds".into()),
            }
        }
        Ok(())
    }

    /// What the gateway of a module must hold: its reserve, and what was sent and not paid out elsewhere, as far as this
    /// module can know (MSG-2).
    pub fn held(&self, module: usize) -> U256 {
        let sent = self.sent[module].iter().flatten().map(|(_, value)| *value);
        let settled = self.settled.iter().map(|from| from[module]);
        let sum = |values: &mut dyn Iterator<Item = U256>| values.fold(U256::ZERO, |a, b| a + b);
        RESERVE + sum(&mut { sent }) - sum(&mut { settled })
    }

    /// Messages arrive at most once, in order, and only as they were sent (MSG-1).
    ///
    /// # Errors
    /// The first pair of modules where they do not.
    pub fn check(&self) -> Result<(), Broken> {
        for (from, to) in pairs() {
            let (sent, arrived) = (&self.sent[from][to], &self.arrived[from][to]);
            let same = sent
                .iter()
                .zip(arrived)
                .all(|(sent, arrived)| sent == arrived);
            ensure(
                same,
                "messages arrive as they were sent, in order (MSG-1)",
                || format!("from {from} to {to}: sent {sent:?}, arrived {arrived:?}"),
            )?;
        }
        Ok(())
    }

    /// Whether everything between these modules arrived, and nothing else did.
    pub fn is_delivered(&self, live: &[usize]) -> bool {
        pairs().all(|(from, to)| {
            let both = live.contains(&from) && live.contains(&to);
            !both || self.sent[from][to].len() == self.arrived[from][to].len()
        })
    }

    /// How many messages were sent, arrived, and failed.
    pub fn counts(&self) -> (u64, u64, u64) {
        let count = |all: &[[Vec<Letter>; MODULES]; MODULES]| {
            all.iter()
                .flatten()
                .map(|letters| letters.len() as u64)
                .sum()
        };
        (count(&self.sent), count(&self.arrived), self.failed)
    }
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..MODULES).flat_map(|from| (0..MODULES).map(move |to| (from, to)))
}

/// The account whose balance [`Mail::held`] is about.
pub const HOLDER: alloy_primitives::Address = GATEWAY;
