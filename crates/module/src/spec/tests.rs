use super::*;
use crate::testing::{NOBODY, bare_genesis, spec};
use alloy_primitives::U256;
use std::collections::BTreeSet;

/// Two nodes that disagree about anything here must notice before the first block.
#[test]
fn every_field_changes_the_identity_and_the_genesis() {
    let edits: [fn(&mut ChainSpec); 13] = [
        |_| {},
        |s| s.network.push('x'),
        |s| s.network_id += 1,
        |s| s.id = ModuleId::HUB,
        |s| s.name = "other".parse().unwrap(),
        |s| s.gas_limit += 1,
        |s| s.validators = B256::ZERO,
        |s| s.timestamp_ms += 1,
        |s| s.alloc.clear(),
        |s| s.alloc.truncate(1),
        |s| s.alloc[0].address = NOBODY,
        |s| s.alloc[0].balance += U256::from(1),
        |s| s.alloc.swap(0, 1),
    ];
    let edited: Vec<ChainSpec> = edits
        .iter()
        .map(|edit| {
            let mut spec = spec();
            edit(&mut spec);
            spec
        })
        .collect();
    let identities: BTreeSet<_> = edited.iter().map(ChainSpec::identity).collect();
    assert_eq!(identities.len(), edits.len());
    let hashes: BTreeSet<_> = edited.iter().map(|s| bare_genesis(s).hash()).collect();
    assert_eq!(hashes.len(), edits.len());
}

/// Letters may not move from one text to the next.
#[test]
fn texts_are_delimited() {
    let of = |network: &str, name: &str| {
        let mut spec = spec();
        spec.network = network.to_owned();
        spec.name = name.parse().unwrap();
        spec.identity()
    };
    assert_ne!(of("ab", "cd"), of("abc", "d"));
    assert_ne!(of("", "abcd"), of("abc", "d"));
}

#[test]
fn chain_ids_of_a_network_lie_side_by_side() {
    let of = |network_id, index| {
        let id = ModuleId::new(index).unwrap();
        let spec = ChainSpec {
            network_id,
            id,
            ..spec()
        };
        spec.chain_id()
    };
    assert_eq!(of(527_193, 0), 527_193_000);
    assert_eq!(of(527_193, 2), 527_193_002);
    assert_eq!(of(527_193, 63) + 937, of(527_194, 0));
}
