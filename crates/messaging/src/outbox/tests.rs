use super::*;
use alloy_primitives::keccak256;
use proptest::{collection::vec, prelude::*};
use trellis_light::tree::{lane_commitment, outbox_of_path, range_root};

fn id(number: u64) -> B256 {
    keccak256(number.to_be_bytes())
}

fn event(id: B256, stage: Stage) -> Event {
    Event {
        id,
        stage,
        transaction: 0,
        log: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What a block appends to the lanes it builds on, and what the index says of that height later, are the same; and what
    /// the index proves, a verifier who knows the root accepts.
    #[test]
    fn the_index_and_the_lanes_of_blocks_agree(blocks in vec(vec(0..4_u32, 0..6), 1..20)) {
        let (mut index, mut lanes) = (Index::default(), Lanes::default());
        let mut roots = vec![lanes.root()];
        let (mut number, mut counts) = (0, BTreeMap::<u32, u64>::new());
        for (block, messages) in (1..).zip(&blocks) {
            let events: Vec<_> = messages.iter().map(|lane| {
                let sequence = counts.entry(*lane).or_default();
                let stage = Stage::Sent { lane: Lane::new(*lane).unwrap(), sequence: *sequence };
                *sequence += 1;
                number += 1;
                event(id(number), stage)
            }).collect();
            lanes = lanes.after(&events);
            index.append(block, &events);
            roots.push(lanes.root());
        }
        for (block, root) in (0..).zip(&roots) {
            let then = index.lanes_at(block);
            prop_assert_eq!(then.root(), *root, "block {}", block);
            for lane in counts.keys() {
                let lane = Lane::new(*lane).unwrap();
                let count = then.count(lane);
                let Some(proof) = index.proof(lane, 0..count, count) else {
                    prop_assert_eq!(count, 0);
                    continue;
                };
                let ids: Vec<_> = index.messages(lane, 0..count).into_iter().map(|(id, _)| id).collect();
                let commitment = lane_commitment(count, range_root(0, &ids, count, &proof).unwrap());
                prop_assert_eq!(outbox_of_path(lane, commitment, &then.tree().path(lane)), *root);
            }
        }
    }
}

#[test]
fn a_message_goes_through_its_stages() {
    let mut index = Index::default();
    let source = ModuleId::new(2).unwrap();
    let sequence = 0;
    index.append(4, &[event(id(1), Stage::Failed { source, sequence })]);
    assert_eq!(index.received(source), 1);
    let record = index.record(id(1)).unwrap();
    assert!(record.failed.is_some() && record.delivered.is_none());
    // A retry is no new arrival.
    index.append(6, &[event(id(1), Stage::Delivered { source, sequence })]);
    assert_eq!(index.received(source), 1);
    let record = index.record(id(1)).unwrap();
    assert_eq!(record.arrived.unwrap().2.block, 4);
    assert_eq!(record.delivered.unwrap().block, 6);
    assert!(record.failed.is_none());

    index.append(
        7,
        &[event(
            id(2),
            Stage::Failed {
                source,
                sequence: 1,
            },
        )],
    );
    index.append(8, &[event(id(2), Stage::Refunded { back: id(3) })]);
    let record = index.record(id(2)).unwrap();
    assert!(record.failed.is_none());
    assert_eq!(record.refunded.map(|(_, back)| back), Some(id(3)));
    assert_eq!(index.record(id(9)), None);
}

#[test]
fn nothing_is_proven_that_was_not_sent() {
    let mut index = Index::default();
    let lane = Lane::new(1).unwrap();
    index.append(1, &[event(id(1), Stage::Sent { lane, sequence: 0 })]);
    assert!(index.proof(lane, 0..1, 1).is_some());
    for (range, count) in [(0..2, 2), (0..0, 1), (1..2, 1), (0..1, 2)] {
        assert!(
            index.proof(lane, range.clone(), count).is_none(),
            "{range:?} of {count}"
        );
    }
    assert!(index.proof(Lane::OUTSIDE, 0..1, 1).is_none());
    assert!(index.messages(lane, 5..9).is_empty());
    assert_eq!(index.messages(lane, 0..9).len(), 1);
}
