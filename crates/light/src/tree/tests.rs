use super::*;
use proptest::prelude::*;
use trellis_primitives::{EMPTY_OUTBOX, ModuleId};

fn id(n: u64) -> B256 {
    keccak256(n.to_be_bytes())
}

fn ids(range: Range<u64>) -> Vec<B256> {
    range.map(id).collect()
}

fn tree(count: u64) -> Tree {
    let mut tree = Tree::default();
    (0..count).for_each(|n| tree.push(id(n)));
    tree
}

/// RFC 9162, 2.1.1, word by word.
fn merkle_tree_hash(ids: &[B256]) -> B256 {
    match ids {
        [] => B256::ZERO,
        [id] => keccak256([&[0], id.as_slice()].concat()),
        ids => {
            let mut k = 1;
            while 2 * k < ids.len() {
                k *= 2;
            }
            let (left, right) = (merkle_tree_hash(&ids[..k]), merkle_tree_hash(&ids[k..]));
            keccak256([&[1], left.as_slice(), right.as_slice()].concat())
        }
    }
}

#[test]
fn roots_are_those_of_the_rfc() {
    let tree = tree(200);
    let mut frontier = Frontier::default();
    for count in 0..=200 {
        let root = merkle_tree_hash(&ids(0..count));
        assert_eq!(tree.root_at(count), Some(root), "{count}");
        assert_eq!(frontier.root(), root, "{count}");
        assert_eq!(frontier.count(), count);
        assert_eq!(tree.frontier_at(count).as_ref(), Some(&frontier), "{count}");
        assert_eq!(frontier.commitment(), lane_commitment(count, root));
        frontier.push(id(count));
    }
    assert_eq!(tree.root_at(201), None);
    assert_eq!(tree.frontier_at(201), None);
}

#[test]
fn every_range_of_every_small_tree_is_proven() {
    let tree = tree(20);
    for count in 1..=20 {
        let root = tree.root_at(count).unwrap();
        for first in 0..count {
            for end in first + 1..=count {
                let proof = tree.range_proof(first..end, count).unwrap();
                let found = range_root(first, &ids(first..end), count, &proof);
                assert_eq!(found, Ok(root), "{first}..{end} of {count}");
            }
        }
    }
}

#[test]
fn ranges_that_are_not_there_have_no_proof() {
    let tree = tree(5);
    assert_eq!(tree.range_proof(2..2, 5), None);
    assert_eq!(tree.range_proof(0..6, 5), None);
    assert_eq!(tree.range_proof(0..6, 6), None);
    assert_eq!(tree.range_proof(0..4, 3), None);
    assert_eq!(Tree::default().range_proof(0..1, 1), None);
    assert_eq!(range_root(0, &[], 5, &[]), Err(ProofError::Empty));
    assert_eq!(range_root(0, &[], 0, &[]), Err(ProofError::Empty));
    let one = [id(0)];
    assert_eq!(range_root(5, &one, 5, &[]), Err(ProofError::OutOfRange));
    let last = u64::MAX;
    assert_eq!(
        range_root(last, &one, last, &[]),
        Err(ProofError::OutOfRange)
    );
}

/// NET-1: whatever sizes a peer claims, the work is that of the bytes it sent.
#[test]
fn the_largest_tree_is_walked_in_its_depth() {
    for first in [0, 1, u64::MAX / 2, u64::MAX - 65] {
        let proof = vec![B256::ZERO; RANGE_HASHES_MAX];
        let needed = (0..=RANGE_HASHES_MAX)
            .find(|n| range_root(first, &ids(0..64), u64::MAX, &proof[..*n]).is_ok());
        assert!(needed.is_some(), "{first}");
    }
}

proptest! {
    #[test]
    fn ranges_prove_themselves_and_nothing_else(
        count in 1..3_000_u64,
        (a, b) in (any::<u64>(), any::<u64>()),
        more in 0..50_u64,
        at in any::<prop::sample::Index>(),
        bit in 0..256_usize,
    ) {
        let tree = tree(count + more);
        let first = a % count;
        let range = first..first + 1 + b % (count - first).min(70);
        let sent = ids(range.clone());
        let root = tree.root_at(count).unwrap();
        let proof = tree.range_proof(range.clone(), count).unwrap();
        prop_assert!(proof.len() <= 2 * 12);
        prop_assert_eq!(range_root(first, &sent, count, &proof), Ok(root));
        // The count is part of what the outbox holds, so a proof for another size is told by the commitment.
        for other in [count - 1, count + 1, count.next_power_of_two() * 2, u64::MAX] {
            let found = range_root(first, &sent, other, &proof);
            let found = found.map(|root| lane_commitment(other, root));
            prop_assert_ne!(found, Ok(lane_commitment(count, root)));
        }
        for other in [first.wrapping_sub(1), first + 1, first + 64, u64::MAX] {
            prop_assert_ne!(range_root(other, &sent, count, &proof), Ok(root));
        }
        let flip = |hashes: &[B256]| {
            let mut hashes = hashes.to_vec();
            let at = at.index(hashes.len());
            hashes[at].0[bit / 8] ^= 1 << (bit % 8);
            hashes
        };
        prop_assert_ne!(range_root(first, &flip(&sent), count, &proof), Ok(root));
        prop_assert_ne!(range_root(first, &sent[1..], count, &proof), Ok(root));
        let longer = [sent.as_slice(), &[id(range.end)]].concat();
        prop_assert_ne!(range_root(first, &longer, count, &proof), Ok(root));
        let longer = [proof.as_slice(), &[B256::ZERO]].concat();
        prop_assert_eq!(range_root(first, &sent, count, &longer), Err(ProofError::TooLong));
        if let Some((_, shorter)) = proof.split_last() {
            prop_assert_ne!(range_root(first, &sent, count, &flip(&proof)), Ok(root));
            prop_assert_eq!(range_root(first, &sent, count, shorter), Err(ProofError::TooShort));
        }
    }

    #[test]
    fn lanes_prove_themselves_and_nothing_else(
        set in prop::collection::vec((0..=64_u32, any::<[u8; 32]>()), 0..20),
        (lane, other) in (0..=64_u32, 0..=64_u32),
        (at, bit) in (0..LANE_DEPTH, 0..256_usize),
    ) {
        let mut lanes = Lanes::default();
        let mut level = vec![B256::ZERO; LANES];
        for (index, commitment) in set {
            lanes.set(Lane::new(index).unwrap(), commitment.into());
            level[index as usize] = commitment.into();
        }
        while level.len() > 1 {
            let over = |pair: &[B256]| keccak256([&[3], pair[0].as_slice(), pair[1].as_slice()].concat());
            level = level.chunks(2).map(over).collect();
        }
        prop_assert_eq!(lanes.root(), level[0]);
        let lane = Lane::new(lane).unwrap();
        let commitment = lanes.commitment(lane);
        let mut path = lanes.path(lane);
        prop_assert_eq!(outbox_of_path(lane, commitment, &path), lanes.root());
        let other = Lane::new(other).unwrap();
        if lanes.commitment(other) != commitment {
            prop_assert_ne!(outbox_of_path(other, commitment, &path), lanes.root());
        }
        path[at].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert_ne!(outbox_of_path(lane, commitment, &path), lanes.root());
    }
}

#[test]
fn an_outbox_without_messages_is_the_constant() {
    assert_eq!(Lanes::default().root(), EMPTY_OUTBOX);
    assert_eq!(Frontier::default().commitment(), B256::ZERO);
    let mut lanes = Lanes::default();
    lanes.set(Lane::OUTSIDE, B256::repeat_byte(1));
    assert_ne!(lanes.root(), EMPTY_OUTBOX);
    lanes.set(Lane::OUTSIDE, B256::ZERO);
    assert_eq!(lanes, Lanes::default());
}

#[test]
fn lanes_are_modules_and_the_outside() {
    assert_eq!(Lane::new(65), None);
    assert_eq!(Lane::new(64), Some(Lane::OUTSIDE));
    assert_eq!(Lane::OUTSIDE.module(), None);
    let module = ModuleId::new(63).unwrap();
    assert_eq!(Lane::from(module).module(), Some(module));
    assert_eq!(Lane::from(module).index(), 63);
}
