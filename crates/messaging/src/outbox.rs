//! Everything a module sent and received, by lane and by id.
//!
//! It is a function of the finalized blocks: it follows them while the node runs, and is read from them when it starts.

use crate::{
    Lanes,
    gateway::{Event, Stage},
};
use alloy_primitives::B256;
use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
};
use trellis_light::tree::{Lane, Tree};
use trellis_primitives::ModuleId;

/// Where something is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Block number.
    pub block: u64,
    /// Index of the transaction in the block.
    pub transaction: usize,
    /// Index of the log in the receipt.
    pub log: usize,
}

/// What is known of a message in one module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Lane, sequence and place of its sending, if it was sent here.
    pub sent: Option<(Lane, u64, Place)>,
    /// Source, sequence and place of its first delivery here, if it came here.
    pub arrived: Option<(ModuleId, u64, Place)>,
    /// Where its call last failed, unless it was settled since.
    pub failed: Option<Place>,
    /// Where its call succeeded.
    pub delivered: Option<Place>,
    /// Where it was given up, and the message that took its value back.
    pub refunded: Option<(Place, B256)>,
}

/// The messages of one lane.
#[derive(Debug, Default)]
struct Sent {
    tree: Tree,
    ids: Vec<B256>,
    places: Vec<Place>,
}

impl Sent {
    /// How many of its messages stand in blocks up to `block`.
    fn count_at(&self, block: u64) -> u64 {
        self.places.partition_point(|place| place.block <= block) as u64
    }
}

/// What a module sent and received in the finalized blocks.
#[derive(Debug, Default)]
pub struct Index {
    lanes: BTreeMap<Lane, Sent>,
    received: BTreeMap<ModuleId, u64>,
    records: HashMap<B256, Record>,
}

impl Index {
    /// Adds what happened in the next block.
    pub fn append(&mut self, block: u64, events: &[Event]) {
        for event in events {
            let place = Place {
                block,
                transaction: event.transaction,
                log: event.log,
            };
            let record = self.records.entry(event.id).or_default();
            match event.stage {
                Stage::Sent { lane, sequence } => {
                    record.sent = Some((lane, sequence, place));
                    let lane = self.lanes.entry(lane).or_default();
                    lane.tree.push(event.id);
                    lane.ids.push(event.id);
                    lane.places.push(place);
                }
                Stage::Delivered { source, sequence } => {
                    record.arrived.get_or_insert((source, sequence, place));
                    record.delivered = Some(place);
                    record.failed = None;
                    self.note_received(source, sequence);
                }
                Stage::Failed { source, sequence } => {
                    record.arrived.get_or_insert((source, sequence, place));
                    record.failed = Some(place);
                    self.note_received(source, sequence);
                }
                Stage::Refunded { back } => {
                    record.refunded = Some((place, back));
                    record.failed = None;
                }
            }
        }
    }

    /// A retry says again what was received long ago.
    fn note_received(&mut self, source: ModuleId, sequence: u64) {
        let received = self.received.entry(source).or_default();
        *received = (*received).max(sequence.saturating_add(1));
    }

    /// What is known of a message.
    pub fn record(&self, id: B256) -> Option<Record> {
        self.records.get(&id).copied()
    }

    /// How many messages of `source` arrived.
    pub fn received(&self, source: ModuleId) -> u64 {
        self.received.get(&source).copied().unwrap_or_default()
    }

    /// How many messages were sent on `lane`.
    pub fn sent(&self, lane: Lane) -> u64 {
        self.lanes.get(&lane).map_or(0, |lane| lane.tree.len())
    }

    /// The lanes as of a block.
    pub fn lanes_at(&self, block: u64) -> Lanes {
        let lanes = self.lanes.iter();
        let ends = lanes.map(|(number, lane)| {
            let end = lane.tree.frontier_at(lane.count_at(block))?;
            Some((*number, end))
        });
        Lanes::new(ends.flatten().filter(|(_, end)| end.count() > 0).collect())
    }

    /// Ids and places of messages on a lane, as far as there are any.
    pub fn messages(&self, lane: Lane, range: Range<u64>) -> Vec<(B256, Place)> {
        let Some(lane) = self.lanes.get(&lane) else {
            return Vec::new();
        };
        let sent = lane.ids.len();
        let bound = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(sent);
        let range = bound(range.start)..bound(range.end);
        let places = lane.places.get(range.clone()).unwrap_or_default();
        let ids = lane.ids.get(range).unwrap_or_default();
        ids.iter().copied().zip(places.iter().copied()).collect()
    }

    /// Proof that messages stand on a lane of `count` messages. `None` unless they do.
    pub fn proof(&self, lane: Lane, range: Range<u64>, count: u64) -> Option<Vec<B256>> {
        self.lanes.get(&lane)?.tree.range_proof(range, count)
    }
}

#[cfg(test)]
mod tests;
