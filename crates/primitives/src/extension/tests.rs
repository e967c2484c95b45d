use super::*;
use crate::testing::{Draft, any_extension, digest, tree};
use commonware_codec::DecodeExt as _;
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::{Signer as _, ed25519};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeSet;

fn decode(bytes: impl Into<bytes::Bytes>) -> Result<Extension, Error> {
    Extension::decode(bytes.into())
}

/// A field that the hash left out could be exchanged under a certified block.
#[test]
fn the_hash_binds_every_field() {
    let edits: [fn(&mut Extension); 21] = [
        |_| {},
        |e| e.module = ModuleId::HUB,
        |e| e.outbox = B256::ZERO,
        |e| e.context.round = Round::new(Epoch::new(3), View::new(1_000)),
        |e| e.context.round = Round::new(Epoch::new(2), View::new(1_001)),
        |e| e.context.leader = ed25519::PrivateKey::from_seed(1).public_key(),
        |e| e.context.parent.0 = View::new(998),
        |e| e.context.parent.1 = digest(0),
        // The header shows only seconds: the milliseconds are bound here.
        |e| e.timestamp_ms += 1,
        |e| e.access_list_hash = B256::ZERO,
        |e| e.state.accounts.root = B256::ZERO,
        |e| e.state.accounts.ops_root = B256::ZERO,
        |e| e.state.accounts.start += 1,
        |e| e.state.accounts.end += 1,
        |e| e.state.storage.root = B256::ZERO,
        |e| e.state.storage.ops_root = B256::ZERO,
        |e| e.state.storage.start += 1,
        |e| e.state.storage.end += 1,
        |e| e.state.code = tree(0x91),
        |e| std::mem::swap(&mut e.state.accounts, &mut e.state.storage),
        |e| std::mem::swap(&mut e.state.storage, &mut e.state.code),
    ];
    let hash = |edit: &fn(&mut Extension)| {
        let mut extension = Draft::sample().extension;
        edit(&mut extension);
        extension.hash()
    };
    let hashes: BTreeSet<_> = edits.iter().map(hash).collect();
    assert_eq!(hashes.len(), edits.len());
}

#[test]
fn the_state_root_binds_each_tree_at_its_place() {
    let state = Draft::sample().extension.state;
    let edits: [fn(&mut StateCommitment); 5] = [
        |_| {},
        |s| s.accounts.root = B256::ZERO,
        |s| s.storage.root = B256::ZERO,
        |s| s.code.root = B256::ZERO,
        |s| std::mem::swap(&mut s.accounts, &mut s.storage),
    ];
    let roots: BTreeSet<_> = edits
        .iter()
        .map(|edit| {
            let mut state = state;
            edit(&mut state);
            state.root()
        })
        .collect();
    assert_eq!(roots.len(), edits.len());
}

#[test]
fn refuses_what_no_honest_node_writes() {
    let sample = Draft::sample().extension;
    let encoded = sample.encode().to_vec();
    assert_eq!(decode(encoded.clone()).unwrap(), sample);

    let mut version = encoded.clone();
    version[0] = Extension::VERSION + 1;
    let error = decode(version).unwrap_err().to_string();
    assert!(error.contains("unknown version"), "{error}");

    let mut module = encoded.clone();
    module[1..5].copy_from_slice(&64_u32.to_be_bytes());
    let error = decode(module).unwrap_err().to_string();
    assert!(error.contains("module index"), "{error}");

    let mut range = encoded.clone();
    let (start, end) = (range.len() - 16, range.len() - 8);
    range.copy_within(end.., start);
    let error = decode(range).unwrap_err().to_string();
    assert!(error.contains("operation range is empty"), "{error}");

    assert!(matches!(
        decode([encoded, vec![0]].concat()),
        Err(Error::ExtraData(1))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn extensions_round_trip(extension in any_extension()) {
        let encoded = extension.encode();
        prop_assert_eq!(encoded.len(), extension.encode_size());
        prop_assert!(encoded.len() <= Extension::ENCODE_SIZE_MAX);
        prop_assert_eq!(decode(encoded).unwrap(), extension);
    }

    /// NET-1: junk is an error, and what decodes has the size limit of an honest one.
    #[test]
    fn junk_never_panics(mut junk in vec(any::<u8>(), 0..600), honest_version in any::<bool>()) {
        if honest_version && !junk.is_empty() {
            junk[0] = Extension::VERSION;
        }
        if let Ok(extension) = decode(junk) {
            prop_assert!(extension.encode_size() <= Extension::ENCODE_SIZE_MAX);
        }
    }
}
