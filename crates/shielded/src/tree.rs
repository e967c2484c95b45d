//! The tree of commitments, as a wallet keeps it (payments.md, 6).
//!
//! Of all that is appended it remembers the right edge and the paths of its own notes.

use std::{array, collections::BTreeMap, sync::OnceLock};
use trellis_circuits::{
    field::{self, F},
    hash::{self, DEPTH},
};

/// Leaves that fit.
const CAPACITY: u64 = 1 << DEPTH;

/// No more leaves fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree is full")]
pub struct Full;

/// Why bytes are no frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// More leaves than fit.
    #[error("the tree does not have {0} leaves")]
    Size(u64),
    /// Too few bytes or too many for this number of leaves.
    #[error("{got} bytes, not {wanted}")]
    Length {
        /// What the number of leaves needs.
        wanted: usize,
        /// What there is.
        got: usize,
    },
    /// A node that is not canonical.
    #[error("not a canonical field element")]
    Element,
}

/// The right edge: enough to append, and to know the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Per level the last node that is complete and a left child, where a bit of `size` says that there is one.
    left: [F; DEPTH + 1],
}

impl Default for Frontier {
    fn default() -> Self {
        Self {
            size: 0,
            left: [F::from(0); DEPTH + 1],
        }
    }
}

impl Frontier {
    /// Leaves so far, which is the position of the next.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends a commitment.
    pub fn append(&mut self, leaf: F) -> Result<(), Full> {
        self.append_with(leaf, |_, _, _| {})
    }

    /// Appends a commitment and tells each node, with level and index, that is complete with it.
    fn append_with(
        &mut self,
        leaf: F,
        mut completed: impl FnMut(usize, u64, F),
    ) -> Result<(), Full> {
        if self.size == CAPACITY {
            return Err(Full);
        }
        let (mut node, mut level) = (leaf, 0);
        completed(0, self.size, node);
        while (self.size >> level) & 1 == 1 {
            let left = std::mem::take(&mut self.left[level]);
            node = hash::node(left, node);
            level += 1;
            completed(level, self.size >> level, node);
        }
        self.left[level] = node;
        self.size += 1;
        Ok(())
    }

    /// Appends many commitments. `hash` gives the node above each pair, and may do so on several threads.
    ///
    /// # Errors
    /// [`Full`]; then nothing is appended.
    pub fn extend(
        &mut self,
        leaves: Vec<F>,
        hash: impl Fn(&[[F; 2]]) -> Vec<F>,
    ) -> Result<(), Full> {
        let size = self.size + leaves.len() as u64;
        if size > CAPACITY {
            return Err(Full);
        }
        let (mut nodes, mut first) = (leaves, self.size);
        for left in &mut self.left {
            if nodes.is_empty() {
                break;
            }
            if first & 1 == 1 {
                nodes.insert(0, std::mem::take(left));
            }
            let (pairs, rest) = nodes.as_chunks::<2>();
            if let [last] = rest {
                *left = *last;
            }
            nodes = hash(pairs);
            first >>= 1;
        }
        self.size = size;
        Ok(())
    }

    /// The root, empty leaves taken as the specification says.
    pub fn root(&self) -> F {
        if self.size == CAPACITY {
            return self.left[DEPTH];
        }
        self.edge()[DEPTH]
    }

    /// Per level, the node above the next leaf.
    fn edge(&self) -> [F; DEPTH + 1] {
        let empty = empty();
        let mut edge = [empty[0]; DEPTH + 1];
        for level in 0..DEPTH {
            edge[level + 1] = if (self.size >> level) & 1 == 1 {
                hash::node(self.left[level], edge[level])
            } else if edge[level] == empty[level] {
                empty[level + 1]
            } else {
                hash::node(edge[level], empty[level])
            };
        }
        edge
    }

    /// `uint64 size`, then the nodes that the bits of the size say, lowest first.
    pub fn encode(&self) -> Vec<u8> {
        let nodes = self.levels().map(|level| field::encode(&self.left[level]));
        let mut bytes = self.size.to_be_bytes().to_vec();
        bytes.extend(nodes.flatten());
        bytes
    }

    /// Reads what [`Self::encode`] wrote. Whether it is the chain's, its root says.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrontierError> {
        let length = |wanted| FrontierError::Length {
            wanted,
            got: bytes.len(),
        };
        let (size, nodes) = bytes.split_first_chunk().ok_or_else(|| length(8))?;
        let size = u64::from_be_bytes(*size);
        if size > CAPACITY {
            return Err(FrontierError::Size(size));
        }
        let mut frontier = Self {
            size,
            ..Self::default()
        };
        let (nodes, rest) = nodes.as_chunks::<32>();
        if nodes.len() != size.count_ones() as usize || !rest.is_empty() {
            return Err(length(8 + 32 * size.count_ones() as usize));
        }
        for (level, node) in frontier.levels().zip(nodes) {
            frontier.left[level] = field::decode(node).map_err(|_| FrontierError::Element)?;
        }
        Ok(frontier)
    }

    /// The levels that have a node.
    fn levels(&self) -> impl Iterator<Item = usize> + use<> {
        let size = self.size;
        (0..=DEPTH).filter(move |level| (size >> level) & 1 == 1)
    }
}

/// Per level, the node above empty leaves only.
pub fn empty() -> &'static [F; DEPTH + 1] {
    static EMPTY: OnceLock<[F; DEPTH + 1]> = OnceLock::new();
    EMPTY.get_or_init(|| {
        let mut node = hash::empty_leaf();
        array::from_fn(|_| {
            let above = hash::node(node, node);
            std::mem::replace(&mut node, above)
        })
    })
}

/// A frontier and the paths of some leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    frontier: Frontier,
    /// By position, the siblings that are complete.
    paths: BTreeMap<u32, [Option<F>; DEPTH]>,
}

/// From a leaf to the root of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Of the leaf.
    pub position: u32,
    /// Lowest first.
    pub siblings: [F; DEPTH],
}

impl Path {
    /// For a note of value 0, whose path nobody checks.
    pub fn none() -> Self {
        Self {
            position: 0,
            siblings: [F::from(0); DEPTH],
        }
    }

    /// The root above a leaf.
    pub fn root(&self, leaf: F) -> F {
        hash::root(leaf, self.position, &self.siblings)
    }
}

impl From<Frontier> for Tree {
    /// A wallet that begins, or begins again, where somebody else stands.
    fn from(frontier: Frontier) -> Self {
        Self {
            frontier,
            paths: BTreeMap::new(),
        }
    }
}

impl Tree {
    /// What it stands on.
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The root after everything that was appended.
    pub fn root(&self) -> F {
        self.frontier.root()
    }

    /// Appends somebody else's commitment.
    pub fn append(&mut self, leaf: F) -> Result<(), Full> {
        let paths = &mut self.paths;
        self.frontier.append_with(leaf, |level, index, node| {
            // A right child; the paths that miss it begin under its left sibling.
            if level < DEPTH && index & 1 == 1 {
                let (first, end) = ((index - 1) << level, index << level);
                for (position, path) in paths.range_mut(first as u32..) {
                    if u64::from(*position) >= end {
                        break;
                    }
                    path[level] = Some(node);
                }
            }
        })
    }

    /// Appends a commitment whose path will be needed, and returns its position.
    pub fn append_own(&mut self, leaf: F) -> Result<u32, Full> {
        let position = u32::try_from(self.frontier.size).map_err(|_| Full)?;
        let left = self.frontier.left;
        let siblings = array::from_fn(|level| ((position >> level) & 1 == 1).then(|| left[level]));
        self.append(leaf)?;
        self.paths.insert(position, siblings);
        Ok(position)
    }

    /// The path of a leaf that was appended as one's own, to the root of now.
    pub fn path(&self, position: u32) -> Option<Path> {
        let known = self.paths.get(&position)?;
        let (edge, empty, size) = (self.frontier.edge(), empty(), self.frontier.size);
        let siblings = array::from_fn(|level| {
            let index = (u64::from(position) >> level) ^ 1;
            let open = if index == size >> level {
                edge[level]
            } else {
                empty[level]
            };
            known[level].unwrap_or(open)
        });
        Some(Path { position, siblings })
    }

    /// Forgets a path, such as of a note that is spent.
    pub fn forget(&mut self, position: u32) {
        self.paths.remove(&position);
    }
}

#[cfg(test)]
mod tests;
