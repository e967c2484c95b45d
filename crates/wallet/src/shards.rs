//! The tree of commitments, put together from pieces in any order (payments.md, 6).
//!
//! A wallet reads the newest blocks first, so leaves do not come in order. Of each piece it keeps the largest complete
//! subtrees; two neighbours become one. Beside them it keeps the siblings on the paths of its own notes. So it holds some
//! 32 nodes for each note, however large the tree is.

use crate::codec::Element;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use trellis_circuits::{
    field::{self, F},
    hash::{self, DEPTH},
};
use trellis_shielded::tree::{Frontier, Path, empty};

/// Subtrees of this height are made in parallel: 256 leaves, some milliseconds.
const PARALLEL: u8 = 8;

/// Level and index of a node. Leaves are level 0.
type Place = (u8, u64);

/// Complete subtrees, and paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shards {
    #[serde(with = "saved")]
    nodes: BTreeMap<Place, F>,
    /// Positions whose paths are kept.
    marks: BTreeSet<u32>,
}

/// What a piece of the tree was made into: its top and the siblings inside that own notes need.
struct Piece {
    top: F,
    kept: Vec<(Place, F)>,
}

impl Shards {
    /// Everything left of where somebody else stands. The bytes are those of payments.md, 11.3, with the root they must have.
    pub(crate) fn from_frontier(size: u64, nodes: &[u8], root: F) -> Option<Self> {
        let mut encoded = size.to_be_bytes().to_vec();
        encoded.extend(nodes);
        if Frontier::decode(&encoded).ok()?.root() != root {
            return None;
        }
        let levels = (0..=DEPTH as u8).filter(|level| (size >> level) & 1 == 1);
        let (chunks, _) = nodes.as_chunks::<32>();
        let mut shards = Self::default();
        for (level, node) in levels.zip(chunks) {
            let place = (level, (size >> level) - 1);
            shards.nodes.insert(place, field::decode(node).ok()?);
        }
        Some(shards)
    }

    /// Keeps the path of a leaf. Before the leaf itself is inserted.
    pub(crate) fn mark(&mut self, position: u32) {
        self.marks.insert(position);
    }

    /// Whether the path of a leaf is kept.
    pub(crate) fn is_marked(&self, position: u32) -> bool {
        self.marks.contains(&position)
    }

    /// Forgets the path of a leaf.
    pub(crate) fn unmark(&mut self, position: u32) {
        self.marks.remove(&position);
    }

    /// Inserts leaves that follow each other, in any order of pieces. No leaf twice.
    pub(crate) fn insert(&mut self, start: u64, leaves: &[F]) {
        for (place, piece) in pieces(&self.marks, start, leaves) {
            self.nodes.extend(piece.kept);
            self.join(place, piece.top);
        }
    }

    /// Inserts a complete subtree, and joins it with its sibling as long as there is one.
    fn join(&mut self, (mut level, mut index): Place, mut node: F) {
        while usize::from(level) < DEPTH {
            let Some(sibling) = self.nodes.get(&(level, index ^ 1)).copied() else {
                break;
            };
            if kept(&self.marks, (level, index)) {
                self.nodes.insert((level, index), node);
            }
            if !kept(&self.marks, (level, index ^ 1)) {
                self.nodes.remove(&(level, index ^ 1));
            }
            node = if index & 1 == 0 {
                hash::node(node, sibling)
            } else {
                hash::node(sibling, node)
            };
            (level, index) = (level + 1, index >> 1);
        }
        self.nodes.insert((level, index), node);
    }

    /// The root when there were `size` leaves. Nothing if some of them are missing, or more are there.
    pub(crate) fn root(&self, size: u64) -> Option<F> {
        self.node((DEPTH as u8, 0), size)
    }

    /// The path of a marked leaf to the root of `size` leaves.
    pub(crate) fn path(&self, position: u32, size: u64) -> Option<Path> {
        if u64::from(position) >= size || !self.is_marked(position) {
            return None;
        }
        let mut siblings = [F::from(0); DEPTH];
        for (level, sibling) in (0_u8..).zip(&mut siblings) {
            *sibling = self.node((level, u64::from(position >> level) ^ 1), size)?;
        }
        Some(Path { position, siblings })
    }

    /// A node by its place, empty leaves taken as the specification says.
    fn node(&self, (level, index): Place, size: u64) -> Option<F> {
        let first = index << level;
        if first >= size {
            return Some(empty()[usize::from(level)]);
        }
        if first + (1 << level) <= size
            && let Some(node) = self.nodes.get(&(level, index))
        {
            return Some(*node);
        }
        let below = level.checked_sub(1)?;
        let left = self.node((below, index << 1), size)?;
        Some(hash::node(
            left,
            self.node((below, (index << 1) | 1), size)?,
        ))
    }

    /// Drops what only forgotten paths needed.
    pub(crate) fn prune(&mut self) {
        let places: Vec<Place> = self.nodes.keys().copied().collect();
        for (level, index) in places {
            let covered = (level + 1..=DEPTH as u8)
                .any(|above| self.nodes.contains_key(&(above, index >> (above - level))));
            if covered && !kept(&self.marks, (level, index)) {
                self.nodes.remove(&(level, index));
            }
        }
    }
}

/// Whether a path that is kept goes through the sibling of a node.
fn kept(marks: &BTreeSet<u32>, (level, index): Place) -> bool {
    let first = (index ^ 1) << level;
    let last = first + (1 << level) - 1;
    let bound = |position: u64| u32::try_from(position).unwrap_or(u32::MAX);
    usize::from(level) < DEPTH && marks.range(bound(first)..=bound(last)).next().is_some()
}

/// The largest complete subtrees of leaves that follow each other, made in parallel.
fn pieces(marks: &BTreeSet<u32>, start: u64, leaves: &[F]) -> Vec<(Place, Piece)> {
    let mut parts = Vec::new();
    let (mut at, mut rest) = (start, leaves);
    while !rest.is_empty() {
        let fits = rest.len().ilog2();
        let level = at.trailing_zeros().min(fits).min(DEPTH as u32);
        let (first, after) = rest.split_at(1 << level);
        parts.push(((level as u8, at >> level), first));
        (at, rest) = (at + (1 << level), after);
    }
    parts
        .into_par_iter()
        .map(|(place, leaves)| (place, piece(marks, place, leaves)))
        .collect()
}

/// A complete subtree.
fn piece(marks: &BTreeSet<u32>, (level, index): Place, leaves: &[F]) -> Piece {
    let Some(below) = level.checked_sub(1) else {
        return Piece {
            top: leaves[0],
            kept: Vec::new(),
        };
    };
    let (left, right) = leaves.split_at(leaves.len() / 2);
    let places = [(below, index << 1), (below, (index << 1) | 1)];
    let make = |place, leaves| piece(marks, place, leaves);
    let (left, right) = if level > PARALLEL {
        rayon::join(|| make(places[0], left), || make(places[1], right))
    } else {
        (make(places[0], left), make(places[1], right))
    };
    let top = hash::node(left.top, right.top);
    let mut all = left.kept;
    all.extend(right.kept);
    for (place, node) in places.into_iter().zip([left.top, right.top]) {
        if kept(marks, place) {
            all.push((place, node));
        }
    }
    Piece { top, kept: all }
}

/// A map is kept as a list: texts are the only keys that JSON has.
mod saved {
    use super::{BTreeMap, Deserialize, Element, F, Place, Serialize};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        nodes: &BTreeMap<Place, F>,
        output: S,
    ) -> Result<S::Ok, S::Error> {
        let list: Vec<_> = nodes
            .iter()
            .map(|(place, node)| (place, Element(*node)))
            .collect();
        list.serialize(output)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<BTreeMap<Place, F>, D::Error> {
        let list = Vec::<(Place, Element)>::deserialize(input)?;
        Ok(list
            .into_iter()
            .map(|(place, node)| (place, node.0))
            .collect())
    }
}

#[cfg(test)]
mod tests;
