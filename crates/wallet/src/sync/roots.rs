//! The newest root, which transfers are proven against (payments.md, 6), and the leaves that wait for the next.

use crate::codec::Element;
use crate::data::{ChainData, Root};
use crate::error::Error;
use crate::node::Latest;
use trellis_circuits::field::F;
use trellis_shielded::tree::Path;

/// Leaves of the newest blocks, read backwards until the newest root is found.
#[derive(Default)]
pub(super) struct Newest {
    leaves: Vec<(u64, Element)>,
}

impl Newest {
    /// Takes a piece of the chain that lies before what it has, with the newest root in it. Once there is one, everything is in its place
    /// and this is done.
    pub(super) fn extend(
        &mut self,
        chain: &mut ChainData,
        start: u64,
        leaves: &[F],
        root: Option<&Root>,
    ) -> bool {
        let Some(root) = root else {
            self.leaves.extend(places(start, leaves));
            return false;
        };
        // What waited for this root lies before all of this.
        let recent = std::mem::take(&mut chain.recent);
        if let Some(first) = recent.keys().next() {
            let leaves: Vec<F> = recent.values().map(|leaf| leaf.0).collect();
            chain.shards.insert(*first, &leaves);
        }
        let below = usize::try_from(root.size.saturating_sub(start)).unwrap_or(usize::MAX);
        let (old, new) = leaves.split_at(below.min(leaves.len()));
        chain.shards.insert(start, old);
        chain.recent.extend(places(start + old.len() as u64, new));
        chain.recent.extend(self.leaves.drain(..));
        chain.root = Some(*root);
        true
    }

    /// Everything was read and there was no root: the one from before stays.
    pub(super) fn finish(self, chain: &mut ChainData) {
        chain.recent.extend(self.leaves);
    }
}

fn places(start: u64, leaves: &[F]) -> impl Iterator<Item = (u64, Element)> {
    (start..).zip(leaves.iter().copied().map(Element))
}

impl ChainData {
    /// Checks the tree against what the chain recorded.
    pub(super) fn verify(&self, latest: &Latest) -> Result<(), Error> {
        if latest.number == 0 {
            return Ok(());
        }
        let known = self.root.map(|root| (root.root, root.size));
        if known != Some((latest.root, latest.size)) {
            return Err(Error::Inconsistent("the newest root"));
        }
        match self.shards.root(latest.size) {
            Some(root) if root == latest.root => Ok(()),
            _ => Err(Error::Inconsistent("the root of the tree")),
        }
    }

    /// Paths of own notes to the newest root.
    pub(crate) fn paths(&self, positions: &[u32]) -> Option<(Root, Vec<Path>)> {
        let root = self.root?;
        let path = |position: &u32| self.shards.path(*position, root.size);
        Some((root, positions.iter().map(path).collect::<Option<_>>()?))
    }
}
