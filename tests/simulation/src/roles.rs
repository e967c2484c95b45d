//! Who misbehaves, and a record of it: a test of an attack must show that the attack took place.

use crate::world::{MODULES, VALIDATORS};
use alloy_primitives::B256;
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet};

/// How a validator behaves in one module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Follows the protocol.
    Honest,
    /// Follows it, except that some of its proposals are invalid blocks.
    Liar,
    /// Follows it, except that its blocks reach two of the three others.
    Withholder,
    /// Two complete validators share its key, each reaching some of the peers: everything is equivocated, proposals and votes.
    Twin,
    /// Votes for every proposal and for another one at the same time.
    Conflicter,
    /// Votes to skip and to finalize the same view.
    Nuller,
    /// Votes for proposals of old views.
    Outdated,
    /// Sends random and damaged messages on every channel.
    Garbage,
}

/// The role of each validator in each module.
pub type Roles = [[Role; MODULES]; VALIDATORS];

/// Nobody misbehaves.
pub const HONEST: Roles = [[Role::Honest; MODULES]; VALIDATORS];

/// What liars told.
#[derive(Debug)]
pub struct Lies(Mutex<Told>);

#[derive(Debug)]
struct Told {
    rng: StdRng,
    blocks: BTreeSet<B256>,
    kinds: BTreeMap<&'static str, u64>,
}

impl Lies {
    /// No lie was told. Choices are drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Told {
            rng: StdRng::seed_from_u64(seed ^ 0x11e5),
            blocks: BTreeSet::new(),
            kinds: BTreeMap::new(),
        }))
    }

    /// A number below `bound`, for choosing what to do.
    pub fn draw(&self, bound: usize) -> usize {
        self.0.lock().rng.random_range(0..bound)
    }

    /// Remembers an invalid block that was proposed.
    pub fn told(&self, kind: &'static str, block: B256) {
        let mut told = self.0.lock();
        told.blocks.insert(block);
        *told.kinds.entry(kind).or_default() += 1;
    }

    /// Whether this block is a lie.
    pub fn contains(&self, block: B256) -> bool {
        self.0.lock().blocks.contains(&block)
    }

    /// How many lies were told.
    pub fn count(&self) -> u64 {
        self.0.lock().kinds.values().sum()
    }

    /// How often each kind was told.
    pub fn kinds(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().kinds.clone()
    }
}
