//! What the databases prove, as who knows only the header checks it (docs/spec/state-proofs.md).

use super::*;
use crate::prove;
use trellis_light::{LightError, StateProof};

/// Writes every account and slot five times, clears slot 2 of account 7, and removes account 8.
async fn filled(context: &Runtime) -> Databases<Runtime> {
    let databases = open(context, "a").await;
    for round in 0..5_u64 {
        let edit = (0..60).fold(Edit::default(), |edit, byte| {
            let edit = edit.account(byte, Some(account(u64::from(byte) + round)));
            edit.slot(byte, 1, round + 1).slot(byte, 2, round)
        });
        apply(&databases, seal(&databases, &edit.0).await).await;
    }
    let edit = Edit::default().slot(7, 2, 0).account(8, None);
    apply(&databases, seal(&databases, &edit.0).await).await;
    databases
}

/// As a client gets it.
fn sent(proof: &StateProof) -> StateProof {
    StateProof::from_bytes(&proof.to_bytes()).unwrap()
}

const REFUSED: Result<(), LightError> = Err(LightError::NotInState);

#[test]
fn accounts_and_slots_are_proven_against_the_commitment() {
    run(|context| async move {
        let databases = filled(&context).await;
        let state = committed(&databases).await;
        let slots = [1, 2, 3].map(U256::from);
        let proven = prove(&databases, &state, address(7), &slots).await.unwrap();

        let (found, proof) = proven.account.unwrap();
        assert_eq!(found, account(7 + 4));
        let proof = sent(&proof);
        let verify = |at, found: &Account| proof.verify_account(&state, address(at), found);
        assert_eq!(verify(7, &found), Ok(()));
        assert_eq!(verify(7, &account(7 + 3)), REFUSED, "an earlier value");
        assert_eq!(verify(6, &found), REFUSED, "another account");

        let [one, two, never] = <[_; 3]>::try_from(proven.slots).unwrap();
        let (value, proof) = one.unwrap();
        assert_eq!(value, U256::from(5));
        let verify = |at, slot, value| {
            let (slot, value) = (U256::from(slot), U256::from(value));
            sent(&proof).verify_slot(&state, address(at), slot, value)
        };
        assert_eq!(verify(7, 1, 5), Ok(()));
        assert_eq!(verify(7, 1, 4), REFUSED, "an earlier value");
        assert_eq!(verify(7, 2, 5), REFUSED, "another slot");
        assert_eq!(verify(6, 1, 5), REFUSED, "another account");
        let mut other = state;
        std::mem::swap(&mut other.accounts, &mut other.storage);
        let found = proof.verify_slot(&other, address(7), U256::from(1), value);
        assert_eq!(found, REFUSED, "another tree");

        let (value, proof) = two.unwrap();
        assert!(value.is_zero(), "a cleared slot is proven to be zero");
        let found = sent(&proof).verify_slot(&state, address(7), U256::from(2), value);
        assert_eq!(found, Ok(()));
        assert_eq!(never, None);
    });
}

#[test]
fn a_removed_account_is_proven_to_be_empty_and_an_unknown_one_is_not() {
    run(|context| async move {
        let databases = filled(&context).await;
        let state = committed(&databases).await;
        let proven = prove(&databases, &state, address(8), &[]).await.unwrap();
        let (found, proof) = proven.account.unwrap();
        assert_eq!(found, Account::default());
        let proof = sent(&proof);
        assert_eq!(proof.verify_account(&state, address(8), &found), Ok(()));
        let before = proof.verify_account(&state, address(8), &account(8 + 4));
        assert_eq!(before, REFUSED);
        let unknown = prove(&databases, &state, address(99), &[U256::ZERO]).await;
        let unknown = unknown.unwrap();
        assert_eq!((unknown.account, unknown.slots), (None, vec![None]));
    });
}

#[test]
fn proofs_are_of_the_state_that_was_asked_for() {
    run(|context| async move {
        let databases = filled(&context).await;
        let before = committed(&databases).await;
        let old = prove(&databases, &before, address(7), &[]).await.unwrap();
        let edit = Edit::default().account(7, Some(account(100)));
        apply(&databases, seal(&databases, &edit.0).await).await;
        let stale = prove(&databases, &before, address(7), &[]).await;
        assert_eq!(stale, Err(StateError::Stale));
        let after = committed(&databases).await;
        let (found, proof) = old.account.unwrap();
        assert_eq!(proof.verify_account(&before, address(7), &found), Ok(()));
        assert_eq!(proof.verify_account(&after, address(7), &found), REFUSED);
        let new = prove(&databases, &after, address(7), &[]).await.unwrap();
        let (found, proof) = new.account.unwrap();
        assert_eq!(found, account(100));
        assert_eq!(proof.verify_account(&after, address(7), &found), Ok(()));
    });
}

/// NET-1: what a server sends is bounded, and no byte of it can be another.
#[test]
fn altered_proofs_are_refused() {
    run(|context| async move {
        let databases = filled(&context).await;
        let state = committed(&databases).await;
        let proven = prove(&databases, &state, address(7), &[]).await.unwrap();
        let (found, proof) = proven.account.unwrap();
        let encoded = proof.to_bytes();
        for at in 0..encoded.len() {
            let mut altered = encoded.to_vec();
            altered[at] ^= 1;
            if let Ok(altered) = StateProof::from_bytes(&altered) {
                let checked = altered.verify_account(&state, address(7), &found);
                assert_eq!(checked, REFUSED, "byte {at} of {}", encoded.len());
            }
            let shorter = StateProof::from_bytes(&encoded[..at]);
            assert_eq!(shorter, Err(LightError::Encoding("state proof")));
        }
        let longer = [encoded.as_ref(), &[0]].concat();
        let longer = StateProof::from_bytes(&longer);
        assert_eq!(longer, Err(LightError::Encoding("state proof")));
        let endless = StateProof::from_bytes(&[0xff; 64]);
        assert_eq!(endless, Err(LightError::Encoding("state proof")));
    });
}
