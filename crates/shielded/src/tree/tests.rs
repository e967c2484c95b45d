use super::*;
use proptest::prelude::*;

fn leaf(n: u64) -> F {
    F::from(1_000 + n)
}

/// All nodes of a level over all leaves, the slow way.
fn naive_root(leaves: &[F]) -> F {
    let mut nodes = leaves.to_vec();
    let mut empty = hash::empty_leaf();
    for _ in 0..DEPTH {
        if nodes.len() % 2 == 1 {
            nodes.push(empty);
        }
        nodes = nodes
            .chunks(2)
            .map(|pair| hash::node(pair[0], pair[1]))
            .collect();
        empty = hash::node(empty, empty);
    }
    nodes.first().copied().unwrap_or(empty)
}

#[test]
fn the_root_is_that_of_the_whole_tree() {
    let mut frontier = Frontier::default();
    let leaves: Vec<_> = (0..20).map(leaf).collect();
    for count in 0..leaves.len() {
        assert_eq!(frontier.root(), naive_root(&leaves[..count]), "{count}");
        frontier.append(leaves[count]).unwrap();
    }
}

#[test]
fn paths_stay_right_while_others_append() {
    let mut tree = Tree::default();
    for n in 0..40 {
        if n % 3 == 0 {
            assert_eq!(tree.append_own(leaf(n)), Ok(n as u32));
        } else {
            tree.append(leaf(n)).unwrap();
        }
        for own in (0..=n).step_by(3) {
            let path = tree.path(own as u32).unwrap();
            assert_eq!(path.root(leaf(own)), tree.root(), "{own} of {n}");
        }
    }
    assert_eq!(tree.path(1), None);
    tree.forget(3);
    assert_eq!(tree.path(3), None);
}

/// Vulnerability class 13.
#[test]
fn a_path_fits_one_leaf_at_one_place() {
    let mut tree = Tree::default();
    tree.append_own(leaf(0)).unwrap();
    tree.append_own(leaf(1)).unwrap();
    tree.append(leaf(2)).unwrap();
    let path = tree.path(0).unwrap();
    assert_ne!(path.root(leaf(1)), tree.root());
    assert_ne!(path.root(hash::node(leaf(0), leaf(1))), tree.root());
    let moved = Path {
        position: 1,
        ..path
    };
    assert_ne!(moved.root(leaf(0)), tree.root());
}

#[test]
fn the_last_leaf_fits_and_no_more() {
    let bytes = [(CAPACITY - 1).to_be_bytes().to_vec(), [7; 32].repeat(DEPTH)].concat();
    let mut tree = Tree::from(Frontier::decode(&bytes).unwrap());
    let before = tree.root();
    assert_eq!(tree.append_own(leaf(1)), Ok(u32::MAX));
    assert_ne!(tree.root(), before);
    assert_eq!(tree.path(u32::MAX).unwrap().root(leaf(1)), tree.root());
    assert_eq!(tree.append_own(leaf(1)), Err(Full));
    assert_eq!(tree.append(leaf(1)), Err(Full));
    let full = tree.frontier().encode();
    assert_eq!(full.len(), 40);
    assert_eq!(Frontier::decode(&full).unwrap().root(), tree.root());
}

#[test]
fn each_wrong_frontier_has_its_error() {
    let decode = |size: u64, nodes: &[u8]| {
        Frontier::decode(&[&size.to_be_bytes(), nodes].concat()).unwrap_err()
    };
    let length = |wanted, got| FrontierError::Length { wanted, got };
    assert_eq!(Frontier::decode(&[0; 7]), Err(length(8, 7)));
    assert_eq!(decode(1, &[]), length(40, 8));
    assert_eq!(decode(1, &[0; 33]), length(40, 41));
    assert_eq!(decode(0, &[0; 32]), length(8, 40));
    assert_eq!(decode(1, &[0xff; 32]), FrontierError::Element);
    assert_eq!(
        decode(CAPACITY + 1, &[0; 64]),
        FrontierError::Size(CAPACITY + 1)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_frontier_goes_on_where_it_was_written(before in 0_u64..40, after in 1_u64..40) {
        let mut tree = Tree::default();
        (0..before).for_each(|n| tree.append(leaf(n)).unwrap());
        let bytes = tree.frontier().encode();
        let mut other = Tree::from(Frontier::decode(&bytes).unwrap());
        prop_assert_eq!(&other, &tree);
        (0..after).for_each(|n| {
            tree.append(leaf(n)).unwrap();
            other.append_own(leaf(n)).unwrap();
        });
        prop_assert_eq!(other.root(), tree.root());
        for n in 0..after {
            let path = other.path((before + n) as u32).unwrap();
            prop_assert_eq!(path.root(leaf(n)), tree.root());
        }
    }

    #[test]
    fn junk_is_no_frontier(junk: Vec<u8>) {
        if let Ok(frontier) = Frontier::decode(&junk) {
            prop_assert_eq!(frontier.encode(), junk);
        }
    }
}
