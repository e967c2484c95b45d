//! What a chain knows of messages: those of its finalized blocks from the index, those of later ones from the candidates.

use super::{Chain, ChainError};
use parking_lot::RwLock;
use rayon::prelude::*;
use trellis_messaging::{
    Lanes,
    gateway::{self, Event, Stage},
    outbox::Index,
};
use trellis_primitives::{Block, ModuleId, system::GATEWAY};
use trellis_state::History;

/// Blocks whose messages are read at the same time when a chain is opened.
const READ_AHEAD: usize = 256;

/// Reads the index from the recorded blocks. Blocks without messages are told by their bloom.
pub(super) fn read_index(history: &History) -> Result<Index, ChainError> {
    let mut index = Index::default();
    let (Some(first), Some(tip)) = (history.first(), history.tip()) else {
        return Ok(index);
    };
    let mut with_messages = Vec::new();
    for number in first..=tip {
        let bloom = history.bloom(number)?.unwrap_or_default();
        if bloom.contains_input(alloy_primitives::BloomInput::Raw(GATEWAY.as_slice())) {
            with_messages.push(number);
        }
    }
    for numbers in with_messages.chunks(READ_AHEAD) {
        let events = |number: &u64| {
            let block = history.block(*number)?;
            let events = block.map(|block| gateway::events(&block.receipts));
            Ok((*number, events.unwrap_or_default()))
        };
        let read: Vec<_> = numbers.par_iter().map(events).collect();
        for read in read {
            let (number, events): (u64, Vec<Event>) = read.map_err(ChainError::History)?;
            index.append(number, &events);
        }
    }
    Ok(index)
}

impl Chain {
    /// What was sent and received in the finalized blocks.
    pub fn outbox(&self) -> &RwLock<Index> {
        &self.outbox
    }

    /// The lanes after a finalized block.
    pub(crate) fn lanes_at(&self, number: u64) -> Lanes {
        self.outbox.read().lanes_at(number)
    }

    /// The lanes after a block on which others are built.
    pub(crate) fn lanes_after(&self, block: &Block) -> Lanes {
        match self.candidate(block.number(), block.hash()) {
            Some(candidate) => candidate.lanes.clone(),
            None => self.lanes_at(block.number()),
        }
    }

    /// How many messages of `source` the finalized blocks received.
    pub fn received(&self, source: ModuleId) -> u64 {
        self.outbox.read().received(source)
    }

    /// Whether a block on `parent` could import messages.
    pub(super) fn has_messages_on(&self, parent: &Block) -> bool {
        let here = self.spec.id;
        // Mostly there are none, and nothing more is to be looked at.
        self.exchange
            .has_messages(here, |source| self.received(source))
            && {
                let in_flight = self.received_in_flight(parent);
                self.exchange.has_messages(here, |source| {
                    let later = in_flight.iter().filter(|(module, _)| *module == source);
                    let later = later.map(|(_, count)| *count).max();
                    later.unwrap_or_default().max(self.received(source))
                })
            }
    }

    /// Modules and how many of their messages were received, as blocks after the head say, up to and including `parent`.
    fn received_in_flight(&self, parent: &Block) -> Vec<(ModuleId, u64)> {
        let head = self.head().number();
        let (mut number, mut hash) = (parent.number(), parent.hash());
        let mut received = Vec::new();
        while number > head {
            let Some(candidate) = self.candidate(number, hash) else {
                break;
            };
            received.extend(
                candidate
                    .events
                    .iter()
                    .filter_map(|event| match event.stage {
                        Stage::Delivered { source, sequence }
                        | Stage::Failed { source, sequence } => Some((source, sequence + 1)),
                        _ => None,
                    }),
            );
            hash = candidate.recorded.block.header().parent_hash;
            number -= 1;
        }
        received
    }
}
