//! Piece by piece, the newest first.

use super::Progress;
use super::piece::Piece;
use super::roots::Newest;
use crate::Wallet;
use crate::data::{Passed, Span};
use crate::error::Error;
use crate::node::{Head, Node, NodeError, PoolLog};
use crate::scan::Tags;
use crate::store::Keep;
use std::collections::HashMap;
use trellis_circuits::field;

/// Blocks of the first piece: what happened last is shown at once.
const BLOCKS_FIRST: u64 = 500;
const BLOCKS_MAX: u64 = 50_000;
/// Logs that a piece should have: enough for all threads, and some 10 MB.
const LOGS_LOW: usize = 1_000;
const LOGS_HIGH: usize = 6_000;
/// Outputs after which the wallet is kept: some seconds of work.
const KEEP_AFTER: u64 = 200_000;

/// Blocks that were not read, and what is known about their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    from: u64,
    to: u64,
}

/// Where a piece ends in the tree and in the sequence of roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    /// Position after its last leaf.
    pub(super) end: u64,
    /// Number of the last root at or before it.
    pub(super) number: u64,
}

/// What is at hand while reading.
pub(super) struct Reading {
    pub(super) tags: Tags,
    /// Own notes by nullifier.
    pub(super) own: HashMap<[u8; 32], u32>,
    /// Transfers that passed, by both halves.
    pub(super) passed: HashMap<[u8; 16], usize>,
    pub(super) progress: Progress,
}

impl Reading {
    fn new(wallet: &Wallet) -> Self {
        let notes = wallet.data.chain.notes.values();
        let own = notes.filter_map(|note| Some((field::encode(&note.nullifier?.0), note.position)));
        let mut reading = Self {
            tags: Tags::new(&wallet.keys, &wallet.data),
            own: own.collect(),
            passed: HashMap::new(),
            progress: Progress::default(),
        };
        for (place, passed) in wallet.data.chain.passed.iter().enumerate() {
            reading.pass(place, passed);
        }
        reading
    }

    pub(super) fn pass(&mut self, place: usize, passed: &Passed) {
        let halves = passed.nullifiers.iter().map(|half| (*half, place));
        self.passed.extend(halves);
    }
}

impl Wallet {
    /// Reads every block that was not read, up to the newest.
    pub(super) fn read(
        &mut self,
        node: &dyn Node,
        keep: &mut dyn Keep,
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<Head, Error> {
        let head = node.head()?;
        if let Some(last) = self.data.chain.spans.last()
            && last.to > head.number
        {
            return Err(Error::Behind {
                node: head.number,
                wallet: last.to,
            });
        }
        let start = self.begin(node)?;
        let latest = node.latest(head.number)?;
        let gaps = self.gaps(head.number);
        let mut reading = Reading::new(self);
        reading.progress.of = gaps.iter().map(|gap| gap.to - gap.from + 1).sum();
        watch(&reading.progress);
        for gap in gaps {
            let above = self
                .data
                .chain
                .spans
                .iter()
                .find(|span| span.from == gap.to + 1);
            let edge = above.map(|span| Edge {
                end: span.start,
                number: span.number,
            });
            let mut newest = edge.is_none().then(Newest::default);
            let edge = edge.unwrap_or(Edge {
                end: latest.size,
                number: latest.number,
            });
            let before = newest.is_some().then(|| self.data.chain.clone());
            let read = self.read_gap(node, keep, watch, &mut reading, gap, (edge, &mut newest));
            if let (Err(_), Some(_), Some(before)) = (&read, &newest, before) {
                // Leaves that wait for a root are in no tree yet.
                self.data.chain = before;
            }
            read?;
            if let Some(newest) = newest {
                newest.finish(&mut self.data.chain);
            }
        }
        reading.tags.store(&mut self.data);
        let [span] = self.data.chain.spans[..] else {
            return Err(Error::Inconsistent("the number of notes"));
        };
        if (span.start, span.number) != (start.size, start.number) {
            return Err(Error::Inconsistent("the number of notes"));
        }
        self.data.chain.passed.clear();
        self.data.chain.verify(&latest)?;
        self.data.chain.shards.prune();
        Ok(head)
    }

    /// What was not read, newest first.
    fn gaps(&self, head: u64) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut next = self.data.chain.start.map_or(0, |start| start.block);
        for span in &self.data.chain.spans {
            if span.from > next {
                gaps.push(Gap {
                    from: next,
                    to: span.from - 1,
                });
            }
            next = span.to + 1;
        }
        if next <= head {
            gaps.push(Gap {
                from: next,
                to: head,
            });
        }
        gaps.reverse();
        gaps
    }

    /// Reads a gap from its end. While one piece is worked on, the one before it is fetched.
    fn read_gap(
        &mut self,
        node: &dyn Node,
        keep: &mut dyn Keep,
        watch: &mut dyn FnMut(&Progress),
        reading: &mut Reading,
        gap: Gap,
        (mut edge, newest): (Edge, &mut Option<Newest>),
    ) -> Result<(), Error> {
        let mut blocks = BLOCKS_FIRST;
        let first = |to: u64, blocks: u64| gap.from.max(to.saturating_sub(blocks - 1));
        let mut range = (first(gap.to, blocks), gap.to);
        let mut logs = node.events(range.0, range.1)?;
        if newest.is_some() {
            // What the newest block added is not in its root yet.
            let added = logs
                .iter()
                .filter(|log| log.block == gap.to)
                .map(PoolLog::leaves);
            edge.end = edge.end.saturating_add(added.sum());
        }
        let mut unkept = 0;
        loop {
            blocks = match logs.len() {
                ..LOGS_LOW => (blocks * 4).min(BLOCKS_MAX),
                LOGS_HIGH.. => (blocks / 2).max(1),
                _ => blocks,
            };
            let before = (range.0 > gap.from).then(|| (first(range.0 - 1, blocks), range.0 - 1));
            let (applied, fetched) = both(
                || self.apply(reading, Piece::new(range, logs, edge)?, newest),
                || before.map(|(from, to)| node.events(from, to)),
            );
            let span: Span = applied?;
            edge = Edge {
                end: span.start,
                number: span.number,
            };
            unkept += span.end - span.start;
            reading.progress.blocks += range.1 - range.0 + 1;
            reading.progress.outputs += span.end - span.start;
            watch(&reading.progress);
            let (Some(before), Some(fetched)) = (before, fetched) else {
                return Ok(());
            };
            if unkept > KEEP_AFTER && newest.is_none() {
                reading.tags.store(&mut self.data);
                keep.keep(self)?;
                unkept = 0;
            }
            (range, logs) = (before, fetched?);
        }
    }
}

/// Works and fetches at the same time, where there are threads that may wait.
#[cfg(feature = "native")]
fn both<T>(
    work: impl FnOnce() -> T,
    fetch: impl FnOnce() -> Option<Result<Vec<PoolLog>, NodeError>> + Send,
) -> (T, Option<Result<Vec<PoolLog>, NodeError>>) {
    std::thread::scope(|scope| {
        let fetch = scope.spawn(fetch);
        let done = work();
        let fetched = fetch.join();
        (
            done,
            fetched.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    })
}

#[cfg(not(feature = "native"))]
fn both<T>(
    work: impl FnOnce() -> T,
    fetch: impl FnOnce() -> Option<Result<Vec<PoolLog>, NodeError>>,
) -> (T, Option<Result<Vec<PoolLog>, NodeError>>) {
    (work(), fetch())
}
