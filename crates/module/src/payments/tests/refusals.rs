//! What is refused, each with its own error (docs/spec/payments.md, 11.2).

use super::*;
use crate::testing::payer::{prove, terms};
use trellis_shielded::{Crossing, Transfer, pool};

/// The error for a transfer that was changed after it was proven, or before.
fn refused(change: impl FnOnce(&mut ProvenTransfer)) -> String {
    let (light, mut payer) = funded(&[COIN]);
    let mut proven = payer.spend(&light.chain.genesis().clone(), PRICE, |_| {});
    change(&mut proven);
    submit(&light, &proven).unwrap_err()
}

/// The error for a transfer that is proven as it is.
fn refused_as_proven(edit: impl FnOnce(&mut Transfer)) -> String {
    let (light, mut payer) = funded(&[COIN]);
    let proven = payer.spend(&light.chain.genesis().clone(), PRICE, edit);
    submit(&light, &proven).unwrap_err()
}

/// PAY-3: nothing of a transfer can be changed, and no proof be taken from another.
#[test]
fn a_changed_transfer_has_a_wrong_proof() {
    let wrong = "private transfer: the proof is wrong";
    let changes: [fn(&mut ProvenTransfer); 5] = [
        |proven| proven.transfer.expiry += 1,
        |proven| proven.transfer.fee += 400_000,
        |proven| proven.transfer.outputs[1].note[0] ^= 1,
        |proven| proven.transfer.memo.0[0] ^= 1,
        |proven| proven.transfer.outputs.swap(1, 2),
    ];
    for change in changes {
        let error = refused(change);
        assert!(error.starts_with(wrong), "{error}");
    }
}

#[test]
fn a_transfer_counts_on_its_own_chain_only() {
    let (light, mut payer) = funded(&[COIN]);
    let proven = payer.spend(&light.chain.genesis().clone(), PRICE, |_| {});
    let other = Light::with(
        crate::ChainSpec {
            network_id: 123_457,
            ..private_spec()
        },
        8,
        trellis_txpool::Limits::default(),
    );
    let error = other.chain.submit(raw(&light, &proven)).unwrap_err();
    assert!(error.to_string().starts_with("invalid chain id"), "{error}");
    let error = submit(&other, &proven).unwrap_err();
    assert!(error.contains("no root of this module"), "{error}");
    let without = Light::new();
    let error = submit(&without, &proven).unwrap_err();
    assert!(error.contains("no private payments"), "{error}");
}

#[test]
fn anchors_expiries_and_assets_have_errors_of_their_own() {
    let error = refused(|proven| proven.transfer.anchor = 5.into());
    assert!(error.contains("the anchor is no root"), "{error}");
    let error = refused_as_proven(|transfer| transfer.expiry = 1);
    assert!(
        error.contains("it expired with block 1, the next is 2"),
        "{error}"
    );
    let error = refused_as_proven(|transfer| transfer.expiry = 2 + pool::EXPIRY_MAX + 1);
    assert!(error.contains("more than 1200 blocks ahead"), "{error}");
    let error = refused(|proven| {
        proven.transfer.nullifiers[1] = proven.transfer.nullifiers[0];
    });
    assert!(
        error.contains("both nullifiers are the same (PAY-2)"),
        "{error}"
    );
    let error = refused(|proven| {
        proven.transfer.crossing = Crossing::Out {
            asset: 3,
            value: std::num::NonZeroU128::MIN,
            recipient: address(1),
            gas: 0,
            call: Bytes::new(),
        };
        proven.transfer.fee = PRICE * 650_000;
    });
    assert!(error.contains("asset 3 does not exist"), "{error}");
}

#[test]
fn fee_and_gas_limit_are_what_the_transfer_says() {
    let (light, mut payer) = funded(&[COIN]);
    let mut proven = payer.spend(&light.chain.genesis().clone(), PRICE, |_| {});
    proven.transfer.fee += 1;
    let error = submit(&light, &proven).unwrap_err();
    assert!(error.contains("is not gas price"), "{error}");
    proven.transfer.fee = 400_000;
    let error = submit(&light, &proven).unwrap_err();
    assert!(error.starts_with("transaction underpriced"), "{error}");
}

/// PAY-2, and vulnerability class 4: in a block, in the pool, and after it was spent.
#[test]
fn a_note_is_spent_once() {
    let (light, mut payer) = funded(&[COIN]);
    let genesis = light.chain.genesis().clone();
    let note = payer.purse.pop().unwrap();
    let mut spend = || payer.spend_one(&genesis, &note, terms(PRICE), |_| {}, prove);
    let (first, second) = (spend(), spend());
    // The same note as the second input: another sender.
    let mut swapped = second.clone();
    swapped.transfer.nullifiers.swap(0, 1);
    submit(&light, &first).unwrap();
    let error = submit(&light, &first).unwrap_err();
    assert!(error.contains("already known"), "{error}");
    let error = submit(&light, &second).unwrap_err();
    assert!(error.contains("underpriced"), "{error}");
    let error = submit(&light, &swapped).unwrap_err();
    assert!(error.contains("the proof is wrong"), "{error}");

    // A leader that includes both is contradicted by the contract.
    let env = crate::testing::env_on(light.chain.spec(), &light.chain.head().block);
    let state = light.state_after(&light.chain.head().block);
    let front = record(&light.chain, (1, light.chain.head().hash()))
        .unwrap()
        .0;
    let sign = |proven: &ProvenTransfer| {
        crate::imports::decode(light.chain.spec(), &raw(&light, proven)).unwrap()
    };
    let both = [front, sign(&first), sign(&swapped)];
    let error = trellis_executor::execute_block(env, &state, &both).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("transaction 2: private transfer"),
        "{error}"
    );

    mine(&light);
    let error = submit(&light, &second).unwrap_err();
    assert!(error.contains("was spent before (PAY-2)"), "{error}");
}

/// A transfer that no block can take any more does not stay.
#[test]
fn the_pool_forgets_what_cannot_be_included() {
    let (light, mut payer) = funded(&[COIN]);
    let genesis = light.chain.genesis().clone();
    let expiring = payer.spend(&genesis, PRICE, |transfer| transfer.expiry = 3);
    let hash = submit(&light, &expiring).unwrap();
    let front = record(&light.chain, (1, light.chain.head().hash()))
        .unwrap()
        .0;
    light.mine(&[front]);
    assert!(light.chain.pooled(hash).is_some());
    light.mine(&[]);
    assert!(
        light.chain.pooled(hash).is_none(),
        "block 4 is past its expiry"
    );
}

/// One bad proof does not take the others with it (vulnerability class 21).
#[test]
fn a_bad_proof_among_good_ones_is_found() {
    let (light, mut payer) = funded(&[COIN; 3]);
    let genesis = light.chain.genesis().clone();
    let mut transfers: Vec<_> = (0..3)
        .map(|_| payer.spend(&genesis, PRICE, |_| {}))
        .collect();
    transfers[1].transfer.memo.0[9] ^= 1;
    let raws = transfers.iter().map(|proven| raw(&light, proven)).collect();
    let results = light.chain.submit_many(raws);
    assert!(results[0].is_ok() && results[2].is_ok());
    assert!(matches!(
        results[1],
        Err(SubmitError::Payment(PaymentError::Proof))
    ));
}

/// 11.1: a key of a sender's account would be worth nothing.
#[test]
fn a_signed_transfer_is_refused() {
    let (light, mut payer) = funded(&[COIN]);
    let proven = payer.spend(&light.chain.genesis().clone(), PRICE, |_| {});
    let signed = call_pool(0, 1, 0, proven.input());
    let error = light
        .chain
        .submit(crate::testing::raw(&signed))
        .unwrap_err();
    assert!(matches!(error, SubmitError::Payment(PaymentError::Signed)));
    assert_eq!(check_signed(&[signed]).unwrap_err().0, 0);
}

/// Only the record that follows from the parent may stand in front.
#[test]
fn a_block_begins_with_the_record_its_parent_asks_for() {
    let (light, _) = funded(&[COIN]);
    let parent = light.chain.head().block.clone();
    let front = record(&light.chain, (1, parent.hash())).unwrap().0;
    assert_eq!(
        check_record(&light.chain, &parent, std::slice::from_ref(&front)),
        Ok(1)
    );
    let rule = |transactions: &[Transaction]| {
        check_record(&light.chain, &parent, transactions).unwrap_err()
    };
    assert!(rule(&[]).1.contains("must begin with the record"));
    assert_eq!(rule(&[front.clone(), front.clone()]).0, 1);
    let genesis = light.chain.genesis().clone();
    let unasked = check_record(&light.chain, &genesis, std::slice::from_ref(&front));
    assert!(unasked.unwrap_err().1.contains("nothing asks for"));
    let other = Recovered::new_unchecked(call_pool(0, 0, 0, Bytes::new()).into_inner(), KEEPER);
    assert_eq!(rule(&[other]).0, 0);
}
