use crate::gateway::{Event, Stage};
use alloy_primitives::B256;
use std::{collections::BTreeMap, sync::Arc};
use trellis_light::tree::{self, Frontier, Lane};

/// The lanes of a module as of a block: as much of them as it takes to append to them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lanes(Arc<BTreeMap<Lane, Frontier>>);

impl Lanes {
    /// Lanes of which the ends are known.
    pub fn new(lanes: BTreeMap<Lane, Frontier>) -> Self {
        Self(Arc::new(lanes))
    }

    /// The lanes after a block in which `events` happened.
    #[must_use]
    pub fn after(&self, events: &[Event]) -> Self {
        let mut next = self.clone();
        for event in events {
            if let Stage::Sent { lane, .. } = event.stage {
                let lanes = Arc::make_mut(&mut next.0);
                lanes.entry(lane).or_default().push(event.id);
            }
        }
        next
    }

    /// How many messages were sent on a lane.
    pub fn count(&self, lane: Lane) -> u64 {
        self.0.get(&lane).map_or(0, Frontier::count)
    }

    /// The tree over the lanes, for their paths.
    pub fn tree(&self) -> tree::Lanes {
        let mut tree = tree::Lanes::default();
        for (lane, end) in self.0.iter() {
            tree.set(*lane, end.commitment());
        }
        tree
    }

    /// The outbox root of the header extension.
    pub fn root(&self) -> B256 {
        self.tree().root()
    }
}
