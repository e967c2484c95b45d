//! Range proofs: the answer is that of a walk written from the text of the specification, and a proof that leads to the root
//! of a real lane is of its messages.
#![no_main]

use alloy_primitives::{B256, keccak256};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use trellis_light::tree::{ProofError, range_root};

/// A range of a lane, its proof, and what to spoil.
#[derive(Arbitrary, Debug)]
struct Input {
    count: u8,
    first: u8,
    length: u8,
    edits: Vec<Edit>,
}

#[derive(Arbitrary, Debug)]
enum Edit {
    Count(u64),
    First(u64),
    Id(u8, B),
    RemoveId(u8),
    InsertId(u8, B),
    Hash(u8, B),
    RemoveHash(u8),
    InsertHash(u8, B),
}

/// A hash: of a message of the lane, or any.
#[derive(Arbitrary, Debug)]
enum B {
    Message(u8),
    Any([u8; 4]),
}

impl B {
    fn hash(&self) -> B256 {
        match self {
            Self::Message(n) => id(u64::from(*n)),
            Self::Any(bytes) => B256::right_padding_from(bytes),
        }
    }
}

fn id(n: u64) -> B256 {
    keccak256(n.to_be_bytes())
}

fn leaf(id: B256) -> B256 {
    keccak256([[0].as_slice(), id.as_slice()].concat())
}

fn node(left: B256, right: B256) -> B256 {
    keccak256([[1].as_slice(), left.as_slice(), right.as_slice()].concat())
}

fn split(count: u64) -> u64 {
    let mut left = 1;
    while left < count.div_ceil(2) {
        left *= 2;
    }
    left
}

/// RFC 9162, 2.1.1, over messages `low..low + count`.
fn root(low: u64, count: u64) -> B256 {
    if count == 1 {
        return leaf(id(low));
    }
    let left = split(count);
    node(root(low, left), root(low + left, count - left))
}

/// The proof of `first..end`.
fn prove(low: u64, count: u64, first: u64, end: u64, proof: &mut Vec<B256>) {
    if low >= end || low + count <= first {
        proof.push(root(low, count));
    } else if count > 1 {
        let left = split(count);
        prove(low, left, first, end, proof);
        prove(low + left, count - left, first, end, proof);
    }
}

/// `walk` of docs/spec/messages.md, 4.
fn walk(
    low: u64,
    count: u64,
    first: u64,
    ids: &[B256],
    proof: &mut std::slice::Iter<'_, B256>,
) -> Option<B256> {
    let end = u128::from(first) + ids.len() as u128;
    let meets = u128::from(low) < end && u128::from(low) + u128::from(count) > u128::from(first);
    if !meets {
        return proof.next().copied();
    }
    if count == 1 {
        return Some(leaf(ids[(low - first) as usize]));
    }
    let left = split(count);
    let left_root = walk(low, left, first, ids, proof)?;
    let right_root = walk(low + left, count - left, first, ids, proof)?;
    Some(node(left_root, right_root))
}

fn expected(first: u64, ids: &[B256], count: u64, proof: &[B256]) -> Result<B256, ProofError> {
    if ids.is_empty() {
        return Err(ProofError::Empty);
    }
    if u128::from(first) + ids.len() as u128 > u128::from(count) {
        return Err(ProofError::OutOfRange);
    }
    let mut rest = proof.iter();
    let root = walk(0, count, first, ids, &mut rest).ok_or(ProofError::TooShort)?;
    if rest.next().is_some() {
        return Err(ProofError::TooLong);
    }
    Ok(root)
}

fn at(index: u8, length: usize) -> usize {
    usize::from(index) % (length + 1)
}

fn edit(list: &mut Vec<B256>, index: u8, change: impl FnOnce(&mut Vec<B256>, usize)) {
    let index = at(index, list.len());
    if index < list.len() {
        change(list, index);
    }
}

fuzz_target!(|input: Input| {
    let count = u64::from(input.count) + 1;
    let first = u64::from(input.first) % count;
    let length = u64::from(input.length) % (count - first) + 1;
    let honest_ids: Vec<_> = (first..first + length).map(id).collect();
    let mut honest = Vec::new();
    prove(0, count, first, first + length, &mut honest);
    let lane = root(0, count);
    assert_eq!(range_root(first, &honest_ids, count, &honest), Ok(lane));

    let (mut claimed, mut start, mut ids, mut proof) =
        (count, first, honest_ids.clone(), honest.clone());
    for change in input.edits.iter().take(8) {
        match change {
            Edit::Count(n) => claimed = *n,
            Edit::First(n) => start = *n,
            Edit::Id(n, b) => edit(&mut ids, *n, |list, n| list[n] = b.hash()),
            Edit::RemoveId(n) => edit(&mut ids, *n, |list, n| _ = list.remove(n)),
            Edit::InsertId(n, b) => ids.insert(at(*n, ids.len()), b.hash()),
            Edit::Hash(n, b) => edit(&mut proof, *n, |list, n| list[n] = b.hash()),
            Edit::RemoveHash(n) => edit(&mut proof, *n, |list, n| _ = list.remove(n)),
            Edit::InsertHash(n, b) => proof.insert(at(*n, proof.len()), b.hash()),
        }
    }
    let got = range_root(start, &ids, claimed, &proof);
    assert_eq!(got, expected(start, &ids, claimed, &proof));
    if got == Ok(lane) && claimed == count {
        let real = (start..).zip(&ids).all(|(n, found)| *found == id(n));
        assert!(real, "messages that the lane does not have");
    }
});
