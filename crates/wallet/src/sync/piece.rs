use super::read::Edge;
use crate::data::{Place, Root, Span};
use crate::error::Error;
use crate::node::{PoolEvent, PoolLog, Unshielded};
use alloy_primitives::B256;
use std::collections::HashMap;
use trellis_circuits::field::F;
use trellis_shielded::pool::Event;

/// Blocks with what they logged, and their place in the tree.
pub(super) struct Piece {
    pub(super) logs: Vec<PoolLog>,
    pub(super) span: Span,
    /// Per log, the position of its first leaf.
    pub(super) positions: Vec<u64>,
    pub(super) leaves: Vec<F>,
    /// The newest root in it.
    pub(super) root: Option<Root>,
    pub(super) unshielded: HashMap<B256, Unshielded>,
}

impl Piece {
    /// Checks that the logs are in order, and that every recorded root counts the leaves before it.
    pub(super) fn new(
        (from, to): (u64, u64),
        logs: Vec<PoolLog>,
        edge: Edge,
    ) -> Result<Self, Error> {
        let leaves: Vec<F> = logs.iter().flat_map(leaves).collect();
        let recorded =
            |log: &PoolLog| matches!(log.event, PoolEvent::Notes(Event::Appended { .. }));
        let roots = logs.iter().filter(|log| recorded(log)).count() as u64;
        let start = edge.end.checked_sub(leaves.len() as u64);
        let start = start.ok_or(Error::Inconsistent("more notes than the tree has"))?;
        let number = edge.number.checked_sub(roots);
        let number = number.ok_or(Error::Inconsistent("more roots than were recorded"))?;
        let end = edge.end;
        let span = Span {
            from,
            to,
            start,
            end,
            number,
        };
        let mut piece = Self {
            positions: Vec::with_capacity(logs.len()),
            unshielded: HashMap::new(),
            root: None,
            logs,
            span,
            leaves,
        };
        piece.place()?;
        Ok(piece)
    }

    fn place(&mut self) -> Result<(), Error> {
        let mut position = self.span.start;
        let mut last = None;
        for log in &self.logs {
            let at = Some((log.block, log.index));
            if at <= last || log.block < self.span.from || log.block > self.span.to {
                return Err(Error::Inconsistent("the order of the logs"));
            }
            last = at;
            self.positions.push(position);
            position += log.leaves();
            match &log.event {
                PoolEvent::Notes(Event::Appended { root, size }) => {
                    if *size != position {
                        return Err(Error::Inconsistent("the number of notes at a root"));
                    }
                    self.root = Some(Root {
                        root: *root,
                        size: *size,
                    });
                }
                PoolEvent::Unshielded(out) => {
                    self.unshielded.insert(log.transaction, *out);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where a log is.
    pub(super) fn at(&self, log: usize) -> Place {
        Place {
            block: self.logs[log].block,
            index: self.logs[log].index,
        }
    }
}

fn leaves(log: &PoolLog) -> Vec<F> {
    match &log.event {
        PoolEvent::Notes(event) => event.leaves().collect(),
        _ => Vec::new(),
    }
}
