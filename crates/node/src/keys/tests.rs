use super::*;
use rand::{SeedableRng as _, rngs::StdRng};

fn stored(seed: u64, count: u32) -> StoredKeys {
    StoredKeys::generate(StdRng::seed_from_u64(seed), count).unwrap()
}

fn damaged(keys: &StoredKeys) -> String {
    keys.load().err().expect("must be refused")
}

#[test]
fn keys_survive_storing() {
    for count in [1, 4, 7] {
        let stored = stored(1, count);
        let json = serde_json::to_string(&stored).unwrap();
        let again: StoredKeys = serde_json::from_str(&json).unwrap();
        let (keys, again) = (stored.load().unwrap(), again.load().unwrap());
        assert_eq!(keys.validators.len() as u32, count);
        assert_eq!(keys.digest(), again.digest());
        assert_eq!(keys.participants, again.participants);
        for (index, (a, b)) in keys.validators.iter().zip(&again.validators).enumerate() {
            assert_eq!(a.identity.public_key(), b.identity.public_key());
            assert_eq!(a.share.encode(), b.share.encode());
            // Position, share and identity go together.
            assert_eq!(keys.participants[index], a.identity.public_key());
            assert_eq!(a.share.index, Participant::from_usize(index));
        }
    }
}

#[test]
fn the_digest_names_the_validators_and_the_network_key() {
    let digest = |keys: &StoredKeys| keys.load().unwrap().digest();
    let first = digest(&stored(1, 4));
    assert_eq!(first, digest(&stored(1, 4)));
    assert_ne!(first, digest(&stored(2, 4)));
    assert_ne!(first, digest(&stored(1, 3)));

    // The same validators, dealt another key.
    let mut other = stored(1, 4).load().unwrap();
    other.sharing = trusted_deal(StdRng::seed_from_u64(9), &other.participants).sharing;
    assert_ne!(first, other.digest());
}

#[test]
fn the_order_in_the_file_does_not_matter() {
    let mut shuffled = stored(1, 4);
    shuffled.development_only_validators.reverse();
    let digest = stored(1, 4).load().unwrap().digest();
    assert_eq!(shuffled.load().unwrap().digest(), digest);
}

#[test]
fn damaged_texts_are_refused() {
    let edits: [fn(&mut StoredKeys); 7] = [
        |k| k.network_key_sharing.push_str("zz"),
        |k| k.network_key_sharing.truncate(20),
        |k| k.network_key_sharing.clear(),
        |k| k.development_only_validators[1].identity.push('0'),
        |k| k.development_only_validators[1].identity.truncate(62),
        |k| k.development_only_validators[1].share.truncate(10),
        |k| k.development_only_validators[1].share.push_str("00"),
    ];
    for (index, edit) in edits.iter().enumerate() {
        let mut keys = stored(1, 4);
        edit(&mut keys);
        let reason = damaged(&keys);
        assert!(reason.starts_with("keys: "), "{index}: {reason}");
    }
}

/// Consensus panics on keys that do not fit together, so they must not get that far.
#[test]
fn keys_that_do_not_fit_together_are_refused() {
    let mut missing = stored(1, 4);
    missing.development_only_validators.pop();
    let reason = damaged(&missing);
    assert!(reason.starts_with("keys: "), "{reason}");

    let mut twice = stored(1, 4);
    twice.development_only_validators[0] = twice.development_only_validators[1].clone();
    assert!(damaged(&twice).contains("same identity"));

    let mut swapped = stored(1, 4);
    let share = swapped.development_only_validators[0].share.clone();
    swapped.development_only_validators[0].share =
        std::mem::replace(&mut swapped.development_only_validators[1].share, share);
    assert!(damaged(&swapped).contains("does not fit"));

    let mut foreign = stored(1, 4);
    foreign.network_key_sharing = stored(2, 4).network_key_sharing;
    assert!(damaged(&foreign).contains("does not fit"));

    let mut smaller = stored(1, 4);
    smaller.network_key_sharing = stored(2, 3).network_key_sharing;
    assert!(damaged(&smaller).contains("other validators"));

    let mut none = stored(1, 1);
    none.development_only_validators.clear();
    assert!(damaged(&none).contains("no validators"));
}

/// The file says in its own words what its keys are not good for.
#[test]
fn stored_keys_say_that_they_are_for_development_only() {
    let json = serde_json::to_value(stored(1, 1)).unwrap();
    assert!(json.get("development_only_validators").is_some());
    let mut extra = json;
    extra["something"] = 1.into();
    assert!(serde_json::from_value::<StoredKeys>(extra).is_err());
}
