use super::pair;
use alloy_primitives::B256;
use trellis_primitives::{ModuleId, limits::MODULES_MAX};

/// Lanes of an outbox; those above [`Lane::OUTSIDE`] are unused.
pub const LANES: usize = 1 << LANE_DEPTH;

/// Hashes from a lane to the outbox.
pub const LANE_DEPTH: usize = 7;

/// Where messages of one source for one destination stand in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(u32);

impl Lane {
    /// The lane to chains that are not modules of the network.
    pub const OUTSIDE: Self = Self(MODULES_MAX as u32);

    /// The lane at `index`, or `None` if no message ever stands there.
    pub fn new(index: u32) -> Option<Self> {
        (index <= Self::OUTSIDE.0).then_some(Self(index))
    }

    /// Position in the outbox.
    pub const fn index(self) -> u32 {
        self.0
    }

    /// The module at the end of the lane; `None` if it goes outside.
    pub fn module(self) -> Option<ModuleId> {
        ModuleId::new(self.0)
    }
}

/// The lane to a module.
impl From<ModuleId> for Lane {
    fn from(module: ModuleId) -> Self {
        Self(module.index())
    }
}

fn top(left: B256, right: B256) -> B256 {
    pair(3, left, right)
}

/// The tree over the lanes of one module. Setting a lane takes seven hashings; the root and paths are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lanes {
    /// A binary heap: the children of node `i` are `2i` and `2i + 1`, the root is 1, lane `i` is `LANES + i`.
    heap: [B256; 2 * LANES],
}

impl Default for Lanes {
    /// Nothing was ever sent.
    fn default() -> Self {
        let mut heap = [B256::ZERO; 2 * LANES];
        let mut empty = B256::ZERO;
        for depth in (0..LANE_DEPTH).rev() {
            empty = top(empty, empty);
            heap[1 << depth..2 << depth].fill(empty);
        }
        Self { heap }
    }
}

impl Lanes {
    /// Sets what a lane commits to ([`super::lane_commitment`]).
    pub fn set(&mut self, lane: Lane, commitment: B256) {
        let mut at = LANES + lane.0 as usize;
        self.heap[at] = commitment;
        while at > 1 {
            at /= 2;
            self.heap[at] = top(self.heap[2 * at], self.heap[2 * at + 1]);
        }
    }

    /// What a lane commits to.
    pub const fn commitment(&self, lane: Lane) -> B256 {
        self.heap[LANES + lane.0 as usize]
    }

    /// The outbox: what the header extension names.
    pub const fn root(&self) -> B256 {
        self.heap[1]
    }

    /// The hashes beside the way from a lane to the outbox, lowest first.
    pub fn path(&self, lane: Lane) -> [B256; LANE_DEPTH] {
        let at = LANES + lane.0 as usize;
        core::array::from_fn(|height| self.heap[(at >> height) ^ 1])
    }
}

/// The outbox in which `lane` commits to `commitment`, if `path` is its path.
pub fn outbox_of_path(lane: Lane, commitment: B256, path: &[B256; LANE_DEPTH]) -> B256 {
    let mut at = lane.0;
    path.iter().fold(commitment, |hash, beside| {
        let parent = if at & 1 == 0 {
            top(hash, *beside)
        } else {
            top(*beside, hash)
        };
        at >>= 1;
        parent
    })
}
