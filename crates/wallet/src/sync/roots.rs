//! Which root a wallet proves against (payments.md, 6), and which leaves wait for a later one.

use crate::codec::Element;
use crate::data::{ChainData, Root};
use crate::error::Error;
use crate::node::Latest;
use trellis_circuits::field::F;
use trellis_shielded::tree::Path;

/// Roots whose number is a multiple of this are those that wallets prove against.
pub(crate) const ANCHOR_STEP: u64 = 10;

/// Roots and leaves of the newest blocks, read backwards until there is an anchor among them.
#[derive(Default)]
pub(super) struct Newest {
    /// Newest first.
    roots: Vec<Root>,
    leaves: Vec<(u64, Element)>,
}

impl Newest {
    /// Takes a piece of the chain that lies before what it has, with its roots, oldest first. Once an anchor is among them, everything
    /// is in its place and this is done.
    pub(super) fn extend(
        &mut self,
        chain: &mut ChainData,
        start: u64,
        leaves: &[F],
        roots: &[Root],
    ) -> bool {
        self.roots.extend(roots.iter().rev());
        let anchor = self
            .roots
            .iter()
            .position(|root| root.number.is_multiple_of(ANCHOR_STEP));
        let Some(anchor) = anchor else {
            self.leaves
                .extend((start..).zip(leaves.iter().copied().map(Element)));
            return false;
        };
        self.roots.truncate(anchor + 1);
        let size = self.roots[anchor].size;
        // Whatever waited lies before all of this.
        flush(chain);
        let below = usize::try_from(size.saturating_sub(start)).unwrap_or(usize::MAX);
        let (old, new) = leaves.split_at(below.min(leaves.len()));
        chain.shards.insert(start, old);
        chain
            .recent
            .extend((start + old.len() as u64..).zip(new.iter().copied().map(Element)));
        chain.recent.append(&mut self.leaves.drain(..).collect());
        chain.roots = self.roots.drain(..).rev().collect();
        true
    }

    /// Everything was read and there was no anchor: the one from before stays.
    pub(super) fn finish(self, chain: &mut ChainData) {
        chain.roots.extend(self.roots.into_iter().rev());
        chain.recent.extend(self.leaves);
    }
}

/// Moves all leaves that wait into the tree.
fn flush(chain: &mut ChainData) {
    let recent = std::mem::take(&mut chain.recent);
    if let Some(start) = recent.keys().next() {
        let leaves: Vec<F> = recent.values().map(|leaf| leaf.0).collect();
        chain.shards.insert(*start, &leaves);
    }
}

impl ChainData {
    /// Checks the tree against what the chain recorded.
    pub(super) fn verify(&self, latest: &Latest) -> Result<(), Error> {
        if latest.number == 0 {
            return Ok(());
        }
        if self.root(latest.size) != Some(latest.root) {
            return Err(Error::Inconsistent("the root of the tree"));
        }
        let anchor = self.anchor();
        match anchor.map(|anchor| self.shards.root(anchor.size) == Some(anchor.root)) {
            Some(false) => Err(Error::Inconsistent("the root of the anchor")),
            _ => Ok(()),
        }
    }

    /// The root that others prove against too, if it was read.
    pub(crate) fn anchor(&self) -> Option<&Root> {
        let first = self.roots.first();
        first.filter(|root| root.number.is_multiple_of(ANCHOR_STEP))
    }

    /// The tree with the leaves below a size that is at least the anchor's.
    fn with_recent(&self, size: u64) -> crate::shards::Shards {
        let mut shards = self.shards.clone();
        let mut recent = self.recent.range(..size);
        if let Some((start, first)) = recent.next() {
            let mut leaves = vec![first.0];
            leaves.extend(recent.map(|(_, leaf)| leaf.0));
            shards.insert(*start, &leaves);
        }
        shards
    }

    fn root(&self, size: u64) -> Option<F> {
        self.with_recent(size).root(size)
    }

    /// Paths of own notes to a root that was read: the anchor, or a newer one.
    pub(crate) fn paths(&self, root: &Root, positions: &[u32]) -> Option<Vec<Path>> {
        let shards = self.with_recent(root.size);
        positions
            .iter()
            .map(|position| shards.path(*position, root.size))
            .collect()
    }
}
