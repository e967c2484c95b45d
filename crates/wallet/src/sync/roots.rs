//! The tree below the newest recorded root, and the leaves that came after it.
//!
//! A block's leaves are under a root that the next block records first of all (payments.md, 11.3). That block may hold a transfer which
//! is proven against it, so a wallet works it out itself: what is in the newest block can be spent, and an idle chain has no next
//! block before somebody does.

use crate::codec::Element;
use crate::data::{ChainData, Root};
use crate::error::Error;
use crate::node::Latest;
use std::borrow::Cow;
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

    /// The root after the newest block, and the paths of own notes to it.
    pub(crate) fn paths(&self, positions: &[u32]) -> Option<(F, Vec<Path>)> {
        let size = self.spans.last()?.end;
        let mut shards = Cow::Borrowed(&self.shards);
        if let Some(first) = self.recent.keys().next() {
            let leaves: Vec<F> = self.recent.values().map(|leaf| leaf.0).collect();
            shards.to_mut().insert(*first, &leaves);
        }
        let path = |position: &u32| shards.path(*position, size);
        let paths = positions.iter().map(path).collect::<Option<_>>()?;
        Some((shards.root(size)?, paths))
    }
}
