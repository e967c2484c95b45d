use crate::tree::Frontier;
use std::collections::VecDeque;
use trellis_circuits::field::F;

/// Blocks that changed the tree whose roots are accepted.
pub const ANCHORS: usize = 600;
/// Wallets prove against the root after a block whose number is a multiple of this.
pub const ANCHOR_STEP: u64 = 10;

/// The roots that transfers may prove against (payments.md, 6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anchors(VecDeque<(u64, F)>);

/// The block is not after the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("block {0} does not come after the last that changed the tree")]
pub struct NotAfter(pub u64);

impl Anchors {
    /// The root after a block that changed the tree.
    pub fn push(&mut self, block: u64, root: F) -> Result<(), NotAfter> {
        if self.0.back().is_some_and(|(last, _)| *last >= block) {
            return Err(NotAfter(block));
        }
        if self.0.len() == ANCHORS {
            self.0.pop_front();
        }
        self.0.push_back((block, root));
        Ok(())
    }

    /// Whether a transfer may prove against a root. While nothing was appended that is the root of the empty tree.
    pub fn accepts(&self, root: &F) -> bool {
        if self.0.is_empty() {
            return *root == Frontier::default().root();
        }
        self.0.iter().any(|(_, known)| known == root)
    }

    /// The root after a block, if it is still accepted.
    pub fn after(&self, block: u64) -> Option<F> {
        let known = self.0.partition_point(|(changed, _)| *changed <= block);
        self.0.get(known.checked_sub(1)?).map(|(_, root)| *root)
    }

    /// The block whose root a wallet proves against, when this is the newest.
    pub const fn preferred(newest: u64) -> u64 {
        newest - newest % ANCHOR_STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vulnerability class 14.
    #[test]
    fn only_roots_of_the_window_are_accepted() {
        let mut anchors = Anchors::default();
        let empty = Frontier::default().root();
        assert!(anchors.accepts(&empty));
        assert!(!anchors.accepts(&F::from(0)));
        for n in 0..=ANCHORS as u64 {
            anchors.push(n * 3, F::from(n)).unwrap();
        }
        assert!(!anchors.accepts(&empty));
        assert!(!anchors.accepts(&F::from(0)), "too old");
        assert!(anchors.accepts(&F::from(1)));
        assert!(anchors.accepts(&F::from(ANCHORS as u64)));
        assert_eq!(anchors.push(1800, F::from(1)), Err(NotAfter(1800)));
    }

    #[test]
    fn wallets_agree_on_a_root() {
        let mut anchors = Anchors::default();
        anchors.push(17, F::from(1)).unwrap();
        anchors.push(23, F::from(2)).unwrap();
        assert_eq!(anchors.after(Anchors::preferred(19)), None);
        assert_eq!(anchors.after(Anchors::preferred(29)), Some(F::from(1)));
        assert_eq!(anchors.after(Anchors::preferred(30)), Some(F::from(2)));
    }
}
