//! Writing diffs: what a root depends on, what is provable, and that a batch commits to what is then applied.

use super::*;
use proptest::{collection::vec, prelude::*};

/// A chain of diffs over few keys, so that they meet: writes, overwrites, removals, clearings.
fn any_diffs() -> impl Strategy<Value = Vec<StateDiff>> {
    let accounts = vec((0..8_u8, prop::option::of(0..5_u64)), 0..6);
    let slots = vec((0..3_u8, 0..6_u64, 0..4_u64), 0..10);
    let codes = vec(
        prop::sample::select(vec![&b"\x00"[..], b"\x01\x02", b"\x03"]),
        0..3,
    );
    let diff = (accounts, slots, codes).prop_map(|(accounts, slots, codes)| {
        let mut edit = Edit::default();
        for (byte, nonce) in accounts {
            edit = edit.account(byte, nonce.map(account));
        }
        for (byte, slot, value) in slots {
            edit = edit.slot(byte, slot, value);
        }
        codes.into_iter().fold(edit, Edit::code).0
    });
    vec(diff, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What a block's header will say is what the databases hold once the block is applied, for every block.
    #[test]
    fn sealed_batches_commit_to_what_is_applied(diffs in any_diffs()) {
        run(|context| async move {
            let databases = open(&context, "a").await;
            for diff in &diffs {
                let sealed = seal(&databases, diff).await;
                let promised = commitment::<Runtime>(&sealed);
                let target = targets::<Runtime>(&promised);
                assert!(Databases::<Runtime>::matches_sync_targets(&sealed, &target));
                apply(&databases, sealed).await;
                assert_eq!(committed(&databases).await, promised);
                assert!(databases.committed_targets().await == target);
            }
            let last = committed(&databases).await;
            drop(databases);
            assert_eq!(committed(&open(&context, "a").await).await, last);
        });
    }

    /// EXE-1: a chain of blocks has the same roots wherever and however it is applied: block by block, or all on
    /// top of one another before the first is applied, as consensus does.
    #[test]
    fn roots_do_not_depend_on_when_blocks_are_applied(diffs in any_diffs()) {
        run(|context| async move {
            let (one, two) = (open(&context, "one").await, open(&context, "two").await);
            let mut pending: Vec<Sealed<Runtime>> = Vec::new();
            for diff in &diffs {
                let batches = match pending.last() {
                    Some(parent) => Databases::<Runtime>::fork_batches(parent),
                    None => two.new_batches().await,
                };
                pending.push(write_diff::<Runtime>(batches, diff).await.unwrap());
            }
            for (diff, ahead) in diffs.iter().zip(pending) {
                let sealed = seal(&one, diff).await;
                assert_eq!(commitment::<Runtime>(&sealed), commitment::<Runtime>(&ahead));
                apply(&one, sealed).await;
                apply(&two, ahead).await;
            }
            assert_eq!(committed(&one).await, committed(&two).await);
        });
    }
}

/// EXE-1: a QMDB root depends on the order of writes, so the order must not depend on how the diff came about.
#[test]
fn the_root_does_not_depend_on_how_a_diff_was_built() {
    run(|context| async move {
        let keys: Vec<u8> = (0..50).collect();
        let build = |keys: &mut dyn Iterator<Item = &u8>| {
            keys.fold(Edit::default(), |edit, key| {
                let edit = edit.account(*key, Some(account(u64::from(*key))));
                edit.slot(*key, 100, 9).slot(1, u64::from(*key), 7)
            })
            .0
        };
        let forward = build(&mut keys.iter());
        let backward = build(&mut keys.iter().rev());
        let databases = open(&context, "a").await;
        let first = commitment::<Runtime>(&seal(&databases, &forward).await);
        let second = commitment::<Runtime>(&seal(&databases, &backward).await);
        assert_eq!(first, second);
    });
}

/// The check of the check above: writing the same keys in another order does give another root.
#[test]
fn qmdb_roots_depend_on_the_order_of_writes() {
    run(|context| async move {
        let databases = open(&context, "a").await;
        let value = || Some(AccountBytes::new(account(1).to_bytes()));
        let keys = [account_key(address(1)), account_key(address(2))];
        let mut roots = Vec::new();
        for order in [[0, 1], [1, 0]] {
            // Each write is a batch of its own, because a batch sorts its writes.
            let (first, ..) = databases.new_batches().await;
            let first = first.write(keys[order[0]].clone(), value());
            let first = first.merkleize().await.unwrap();
            let second = first.new_batch().write(keys[order[1]].clone(), value());
            roots.push(second.merkleize().await.unwrap().root());
        }
        assert_ne!(roots[0], roots[1]);
    });
}

#[test]
fn an_empty_block_still_has_a_commitment_of_its_own() {
    run(|context| async move {
        let databases = open(&context, "a").await;
        apply(
            &databases,
            seal(&databases, &Edit::default().slot(1, 1, 1).0).await,
        )
        .await;
        let before = committed(&databases).await;
        let sealed = seal(&databases, &StateDiff::default()).await;
        let after = commitment::<Runtime>(&sealed);
        apply(&databases, sealed).await;
        assert_eq!(committed(&databases).await, after);
        assert!(after.storage.end > before.storage.end);
    });
}

/// The same contract deployed again, in the same or another block, is the same code under the same key.
#[test]
fn code_is_stored_once() {
    run(|context| async move {
        let databases = open(&context, "a").await;
        let deploy = Edit::default().code(b"\x60\x00").code(b"\x60\x01").0;
        apply(&databases, seal(&databases, &deploy).await).await;
        let once = committed(&databases).await.code;

        let sealed = seal(&databases, &deploy).await;
        let child = write_diff::<Runtime>(Databases::<Runtime>::fork_batches(&sealed), &deploy);
        let child = child.await.unwrap();
        apply(&databases, sealed).await;
        apply(&databases, child).await;
        let again = committed(&databases).await.code;
        // Each block appends its commit operation, and nothing else.
        assert_eq!(again.end, once.end + 2);
        let key = Key::new(keccak256(b"\x60\x00").0);
        let code = databases.2.read().await.get(&key).await.unwrap();
        assert_eq!(code.as_deref(), Some(&b"\x60\x00"[..]));
    });
}

/// "Was cleared" must be provable, so a removed account and a cleared slot are values like any other.
#[test]
fn what_is_cleared_is_written_explicitly() {
    run(|context| async move {
        let databases = open(&context, "a").await;
        let before = Edit::default().account(1, Some(account(1))).slot(1, 1, 5).0;
        apply(&databases, seal(&databases, &before).await).await;
        let after = Edit::default().account(1, None).slot(1, 1, 0).0;
        apply(&databases, seal(&databases, &after).await).await;

        let key = account_key(address(1));
        let stored = databases.0.read().await.get(&key).await.unwrap();
        assert_eq!(
            stored,
            Some(AccountBytes::new(Account::default().to_bytes()))
        );
        let key = storage_key(address(1), U256::from(1));
        let stored = databases.1.read().await.get(&key).await.unwrap();
        assert_eq!(stored, Some(SlotBytes::new([0; 32])));
    });
}

/// What a header commits to proves what an account holds, and nothing else.
#[test]
fn inclusion_proofs_verify_against_the_committed_root() {
    run(|context| async move {
        let databases = open(&context, "a").await;
        for round in 0..5_u64 {
            let edit = (0..60).fold(Edit::default(), |edit, byte| {
                let edit = edit.account(byte, Some(account(u64::from(byte) + round)));
                edit.slot(byte, 1, round + 1)
            });
            apply(&databases, seal(&databases, &edit.slot(7, 2, 0).0).await).await;
        }
        let state = committed(&databases).await;

        let accounts = databases.0.read().await;
        let key = account_key(address(7));
        let proof = accounts.key_value_proof(key.clone()).await.unwrap();
        let verify = |nonce, root: sha256::Digest| {
            let value = AccountBytes::new(account(nonce).to_bytes());
            AccountsDb::<Runtime>::verify_key_value_proof(key.clone(), value, &proof, &root)
        };
        assert!(verify(7 + 4, root(state.accounts.root)));
        assert!(
            !verify(7 + 3, root(state.accounts.root)),
            "an earlier value"
        );
        assert!(
            !verify(7 + 4, root(state.accounts.ops_root)),
            "not the canonical root"
        );
        assert!(!verify(7 + 4, root(state.storage.root)), "another tree");
        let other = account_key(address(8));
        let value = AccountBytes::new(account(7 + 4).to_bytes());
        assert!(!AccountsDb::<Runtime>::verify_key_value_proof(
            other,
            value,
            &proof,
            &root(state.accounts.root)
        ));

        let storage = databases.1.read().await;
        let cleared = storage_key(address(7), U256::from(2));
        let proof = storage.key_value_proof(cleared.clone()).await.unwrap();
        let verify = |value: [u8; 32]| {
            let (key, root) = (cleared.clone(), root(state.storage.root));
            StorageDb::<Runtime>::verify_key_value_proof(key, SlotBytes::new(value), &proof, &root)
        };
        assert!(verify([0; 32]), "a cleared slot is proven to be zero");
        assert!(!verify([1; 32]));

        // As documented: what was never written has no proof.
        let never = storage_key(address(7), U256::from(3));
        let absent = storage.key_value_proof(never).await;
        assert!(matches!(absent, Err(Error::KeyNotFound)));
    });
}

/// A batch whose parent lost against a competing block answers that it is stale, never with the winner's values.
#[test]
fn an_abandoned_batch_is_stale() {
    run(|context| async move {
        let databases = open(&context, "a").await;
        let write = |value| {
            Edit::default()
                .account(1, Some(account(value)))
                .slot(1, 1, value)
                .0
        };
        let loser = seal(&databases, &write(1)).await;
        let winner = seal(&databases, &write(2)).await;
        apply(&databases, winner).await;
        let batches = Databases::<Runtime>::fork_batches(&loser);
        // A value that the abandoned chain itself wrote may still be answered; one below it may not.
        let failed = batches.0.get(&account_key(address(9))).await;
        assert_eq!(failed.map_err(storage_error), Err(StateError::Stale));
        let sealed = write_diff::<Runtime>(batches, &write(3)).await;
        assert_eq!(sealed.err(), Some(StateError::Stale));
    });
}

#[test]
fn other_database_errors_are_not_stale() {
    let error = storage_error(Error::<mmb::Family>::KeyNotFound);
    assert!(matches!(error, StateError::Storage(reason) if reason.contains("KeyNotFound")));
}
