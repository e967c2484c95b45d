use super::*;
use proptest::prelude::*;
use trellis_shielded::tree::Tree;

fn leaf(position: u64) -> F {
    hash::node(F::from(position), F::from(7))
}

fn leaves(range: std::ops::Range<u64>) -> Vec<F> {
    range.map(leaf).collect()
}

/// The tree that appends one leaf after the other.
fn reference(size: u64, own: &[u32]) -> Tree {
    let mut tree = Tree::default();
    for position in 0..size {
        if own.contains(&(position as u32)) {
            tree.append_own(leaf(position)).unwrap();
        } else {
            tree.append(leaf(position)).unwrap();
        }
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Newest first, oldest first, or any other way: the same roots and paths as appending gives.
    #[test]
    fn pieces_make_the_tree_in_any_order(
        size in 1_u64..300,
        cuts in proptest::collection::btree_set(1_u64..300, 0..8),
        own in proptest::collection::vec(0_u32..300, 0..6),
        keys in proptest::collection::vec(any::<u32>(), 10),
    ) {
        let own: Vec<u32> = own.into_iter().filter(|p| u64::from(*p) < size).collect();
        let mut bounds: Vec<u64> = cuts.into_iter().filter(|cut| *cut < size).collect();
        bounds.insert(0, 0);
        bounds.push(size);
        let mut parts: Vec<_> = bounds.windows(2).map(|w| w[0]..w[1]).zip(&keys).collect();
        parts.sort_by_key(|(_, key)| **key);
        let mut shards = Shards::default();
        for (part, _) in parts {
            own.iter().filter(|p| part.contains(&u64::from(**p))).for_each(|p| shards.mark(*p));
            shards.insert(part.start, &leaves(part));
        }
        let tree = reference(size, &own);
        prop_assert_eq!(shards.root(size), Some(tree.root()));
        for position in &own {
            prop_assert_eq!(shards.path(*position, size), tree.path(*position));
        }
        let text = serde_json::to_string(&shards).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Shards>(&text).unwrap(), &shards);
        if let Some((first, rest)) = own.split_first() {
            shards.unmark(*first);
            shards.prune();
            prop_assert_eq!(shards.root(size), Some(tree.root()));
            for position in rest.iter().filter(|p| *p != first) {
                prop_assert_eq!(shards.path(*position, size), tree.path(*position));
            }
        }
    }

    #[test]
    fn a_wallet_begins_at_a_frontier(before in 0_u64..200, after in 1_u64..100) {
        let frontier = reference(before, &[]).frontier().clone();
        let bytes = frontier.encode();
        let mut shards = Shards::from_frontier(before, &bytes[8..], frontier.root()).unwrap();
        prop_assert_eq!(Shards::from_frontier(before, &bytes[8..], F::from(1)), None);
        let size = before + after;
        let own = before as u32;
        shards.mark(own);
        shards.insert(before, &leaves(before..size));
        let tree = reference(size, &[own]);
        prop_assert_eq!(shards.root(size), Some(tree.root()));
        prop_assert_eq!(shards.path(own, size), tree.path(own));
    }
}

#[test]
fn what_is_missing_is_noticed() {
    let mut shards = Shards::default();
    shards.mark(5);
    shards.insert(4, &leaves(4..9));
    assert_eq!(shards.root(9), None);
    assert_eq!(shards.path(5, 9), None);
    shards.insert(0, &leaves(0..4));
    assert!(shards.path(5, 9).is_some());
    assert_eq!(shards.path(5, 5), None);
    assert_eq!(shards.path(4, 9), None);
}

#[test]
fn a_large_tree_is_small() {
    let mut shards = Shards::default();
    shards.mark(1_234);
    shards.insert(0, &leaves(0..3_000));
    assert!(shards.nodes.len() < 32, "{}", shards.nodes.len());
}
