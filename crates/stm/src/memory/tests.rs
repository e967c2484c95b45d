//! What spoils an execution, and what does not (EXE-1): an outcome that holds wrongly is a wrong block.

use super::*;
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
};
use std::collections::BTreeMap;

/// Puts ten neighbours at one hash, so that a comparison of hashes alone shows. Keys 2,560 apart have different hashes but
/// share a bit of the filter.
fn hash(key: u16) -> u64 {
    u64::from(key / 10).rotate_right(8)
}

fn reads(seen: impl IntoIterator<Item = (u16, u8)>) -> Reads<u16, u8> {
    let access = |(key, seen)| Access {
        hash: hash(key),
        key,
        seen,
    };
    Reads::new(seen.into_iter().map(access).collect())
}

fn writes(items: impl IntoIterator<Item = (u16, u8)>) -> Writes<u16, u8> {
    let item = |(key, value)| (hash(key), key, value);
    Writes {
        items: items.into_iter().map(item).collect(),
    }
}

/// Whether `reads` hold after `since`, where every value matters in full.
fn holds(reads: &Reads<u16, u8>, since: &[Writes<u16, u8>]) -> bool {
    hold(reads, since.iter(), |seen, value| seen == value)
}

/// Reads of the keys `from..from + 20` and, if `long`, of so many more that the list is sorted. All see zero. The order is
/// not that of the hashes.
fn short_and_long(from: u16) -> [Reads<u16, u8>; 2] {
    let short = reads((from..from + 20).rev().map(|key| (key, 0)));
    let long = reads((from..from + 200).rev().map(|key| (key, 0)));
    assert!(short.items().len() < SORTED_FROM && SORTED_FROM <= long.items().len());
    [short, long]
}

#[test]
fn nothing_written_spoils_nothing() {
    for reads in short_and_long(0) {
        assert!(holds(&reads, &[]));
        assert!(holds(&reads, &[Writes::default(), Writes::default()]));
    }
}

#[test]
fn nothing_read_is_never_spoiled() {
    assert!(holds(&reads([]), &[writes([(1, 1), (2, 2)])]));
}

#[test]
fn keys_that_were_not_read_never_matter() {
    for reads in short_and_long(300) {
        assert!(holds(&reads, &[writes([(0, 1), (299, 1), (500, 1)])]));
    }
}

/// Keys 5 and 7 have the hash of key 6, and key 2566 its bit of the filter.
#[test]
fn equal_hashes_of_different_keys_are_harmless() {
    let only = reads([(6, 0)]);
    assert!(holds(&only, &[writes([(5, 1), (7, 1), (2566, 1)])]));
    assert!(!holds(&only, &[writes([(5, 1), (6, 1), (7, 1)])]));
    // A long list that lacks the key in the middle of its hash.
    let many = reads((0..200).filter(|key| *key != 105).map(|key| (key, 0)));
    assert!(holds(&many, &[writes([(105, 1)])]));
    assert!(!holds(&many, &[writes([(105, 1), (104, 1)])]));
}

#[test]
fn a_changed_value_spoils_wherever_it_stands() {
    for reads in short_and_long(0) {
        for key in reads.items().iter().map(|item| item.key) {
            let change = writes([(key, 1)]);
            assert!(!holds(&reads, std::slice::from_ref(&change)));
            let quiet = writes([(1000, 1)]);
            assert!(!holds(&reads, &[change.clone(), quiet.clone()]));
            assert!(!holds(&reads, &[quiet, change]));
        }
    }
}

#[test]
fn a_value_written_equal_spoils_nothing() {
    for reads in short_and_long(0) {
        assert!(holds(&reads, &[writes([(3, 0), (4, 0)]), writes([(3, 0)])]));
    }
}

#[test]
fn a_value_written_back_spoils_nothing() {
    for reads in short_and_long(0) {
        let [there, back] = [1, 0].map(|value| writes([(3, value)]));
        assert!(holds(&reads, &[there.clone(), back.clone()]));
        assert!(!holds(&reads, &[back.clone(), there.clone()]));
        assert!(holds(
            &reads,
            &[there.clone(), Writes::default(), back.clone()]
        ));
        assert!(!holds(&reads, &[there.clone(), back, there]));
    }
}

/// Another key of the same hash, written back, is not this key.
#[test]
fn only_the_newest_write_of_the_key_itself_decides() {
    for reads in short_and_long(0) {
        assert!(!holds(&reads, &[writes([(3, 1)]), writes([(4, 0)])]));
        let both = [writes([(3, 1), (4, 1)]), writes([(4, 0)]), writes([(3, 0)])];
        assert!(holds(&reads, &both));
        assert!(!holds(&reads, &both[..2]));
    }
}

/// A key may be read twice in different detail, once exactly and once loosely. Both must still be so, in whatever order
/// the sort leaves them.
#[test]
fn every_read_of_a_key_counts() {
    let fits = |seen: &Option<u8>, value: &u8| seen.is_none_or(|seen| seen == *value);
    for others in [0, 20, 200] {
        for (first, second) in [(Some(0), None), (None, Some(0))] {
            let all = [first, second].into_iter().map(|seen| (1000, seen));
            let all = all.chain((0..others).map(|key| (key, None)));
            let access = |(key, seen)| Access {
                hash: hash(key),
                key,
                seen,
            };
            let reads = Reads::new(all.map(access).collect());
            let change = [writes([(1000, 1)])];
            assert!(!hold(&reads, change.iter(), fits), "{others} others");
            let same = [writes([(1000, 0)])];
            assert!(hold(&reads, same.iter(), fits), "{others} others");
        }
    }
}

#[test]
fn a_list_is_given_back_whole() {
    for reads in short_and_long(0) {
        let mut keys: Vec<_> = reads.items().iter().map(|item| item.key).collect();
        let mut back: Vec<_> = reads.into_items().iter().map(|item| item.key).collect();
        keys.sort_unstable();
        back.sort_unstable();
        assert_eq!(keys, back);
        assert!(keys.iter().copied().eq(0..keys.len() as u16));
    }
}

/// Most values are the key's own, so that long lists and many writes still hold now and then.
fn any_value(key: u16) -> impl Strategy<Value = (u16, u8)> {
    let own = (key % 2) as u8;
    let value = prop_oneof![30 => Just(own), 1 => 0..3_u8];
    value.prop_map(move |value| (key, value))
}

/// Keys of one hash, of neighbouring hashes, and of hashes that share a bit of the filter.
fn any_key() -> impl Strategy<Value = u16> {
    prop_oneof![0..90_u16, 2560..2600_u16]
}

fn any_writes() -> impl Strategy<Value = Writes<u16, u8>> {
    // A map: no key stands twice.
    btree_map(
        any_key(),
        prop_oneof![4 => Just(None), 1 => (0..3_u8).prop_map(Some)],
        0..12,
    )
    .prop_map(|items| {
        let own = |key| (key % 2) as u8;
        writes(
            items
                .into_iter()
                .map(|(key, value)| (key, value.unwrap_or(own(key)))),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// EXE-1: what `hold` says without looking at the state is what replaying the writes onto it shows.
    #[test]
    fn holding_is_what_a_replay_shows(
        seen in vec(any_key().prop_flat_map(any_value), 0..100),
        since in vec(any_writes(), 0..5),
    ) {
        let mut now = BTreeMap::new();
        for writes in &since {
            now.extend(writes.items.iter().map(|(_, key, value)| (*key, *value)));
        }
        let still = |(key, seen): &(u16, u8)| now.get(key).is_none_or(|value| value == seen);
        let expected = seen.iter().all(still);
        prop_assert_eq!(holds(&reads(seen), &since), expected);
    }
}
