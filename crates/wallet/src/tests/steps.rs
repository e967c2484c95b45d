//! Payments that take more than one transfer, and those that nobody knows the end of.

use super::*;
use crate::{Keep, StoreError};

const COIN: u128 = 1_000_000_000_000_000;

/// Carries an order out to its end, and says how many transfers it took.
fn carry_out(chain: &MockChain, person: &mut Person, order: Order) -> usize {
    let (mut next, mut transfers) = (Some(order), 0);
    while let Some(order) = next {
        let terms = Terms::ask(chain, Terms::MOST).unwrap();
        let plan = person.wallet.plan(&order, &terms).unwrap();
        let Person { wallet, rng } = person;
        let sent = wallet.dispatch(chain, &mut Forget, &Unproven, plan, &terms, rng);
        next = sent.unwrap().rest;
        transfers += 1;
        settle(chain, &mut [person]);
    }
    transfers
}

fn to(person: &Person, memo: &str) -> Target {
    Target::Private {
        address: Box::new(person.address()),
        memo: Some(memo.into()),
    }
}

#[test]
fn native_coin_in_many_notes_is_joined() {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    for _ in 0..5 {
        alice.shield(&chain, 0, COIN);
    }
    settle(&chain, &mut [&mut alice]);
    let value = 4 * COIN;
    let refused = alice.pay(&chain, 0, value, bob.address()).unwrap_err();
    assert!(
        matches!(refused, Error::NeedsSteps { transfers: 4 }),
        "{refused}"
    );
    let order = Order {
        asset: 0,
        value,
        to: to(&bob, "rent"),
    };
    assert_eq!(carry_out(&chain, &mut alice, order), 4);
    bob.sync(&chain);
    let memos: Vec<_> = bob
        .wallet
        .notes()
        .map(|note| note.memo.as_deref())
        .collect();
    assert_eq!((bob.balance(0).0, memos), (value, vec![Some("rent")]));
    assert_eq!(alice.balance(0).0, COIN - 4 * FEE);
}

#[test]
fn another_asset_is_paid_in_parts() {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    for value in [2_000_000, 2_000_000, 1_000_000] {
        alice.shield(&chain, 1, value);
    }
    alice.shield(&chain, 0, COIN);
    settle(&chain, &mut [&mut alice]);
    let order = Order {
        asset: 1,
        value: 4_500_000,
        to: to(&bob, "rent"),
    };
    assert_eq!(carry_out(&chain, &mut alice, order), 3);
    bob.sync(&chain);
    let memos = bob
        .wallet
        .notes()
        .filter(|note| note.memo.is_some())
        .count();
    assert_eq!(
        (bob.balance(1).0, memos),
        (4_500_000, 1),
        "the memo goes with the last part"
    );
    assert_eq!(alice.balance(1).0, 500_000);
}

#[test]
fn fees_in_small_notes_are_joined_first() {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    alice.shield(&chain, 1, 2_000_000);
    for _ in 0..3 {
        alice.shield(&chain, 0, FEE - 1);
    }
    settle(&chain, &mut [&mut alice]);
    let order = Order {
        asset: 1,
        value: 2_000_000,
        to: to(&bob, ""),
    };
    let terms = Terms::ask(&chain, Terms::MOST).unwrap();
    let short = alice.wallet.plan(&order, &terms).unwrap_err();
    assert!(
        matches!(short, Error::NoFee(_)),
        "two joins cost two fees: {short}"
    );
    for _ in 0..2 {
        alice.shield(&chain, 0, FEE - 1);
    }
    alice.shield(&chain, 0, 10);
    settle(&chain, &mut [&mut alice]);
    let plan = alice.wallet.plan(&order, &terms);
    assert!(plan.is_err(), "as many joins as notes eat all of them");
    alice.shield(&chain, 0, 2 * FEE);
    settle(&chain, &mut [&mut alice]);
    assert_eq!(carry_out(&chain, &mut alice, order), 1);
    bob.sync(&chain);
    assert_eq!(bob.balance(1).0, 2_000_000);
}

/// Keeps what a file would hold.
#[derive(Default)]
struct Copy(Option<Wallet>);

impl Keep for Copy {
    fn keep(&mut self, wallet: &Wallet) -> Result<(), StoreError> {
        self.0 = Some(wallet.clone());
        Ok(())
    }
}

#[test]
fn a_transfer_is_known_before_it_is_sent_and_forgotten_when_it_is_too_late() {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    alice.shield(&chain, 0, 5 * COIN);
    settle(&chain, &mut [&mut alice]);
    chain.set_deaf(true);
    let order = Order {
        asset: 0,
        value: COIN,
        to: to(&bob, "once"),
    };
    let mut kept = Copy::default();
    let Person { wallet, rng } = &mut alice;
    let sent = wallet
        .send(&chain, &mut kept, &Unproven, &order, Terms::MOST, rng)
        .unwrap();
    chain.set_deaf(false);

    // The process dies, the node lost the transfer.
    let mut alice = Person {
        wallet: kept.0.unwrap(),
        rng: StdRng::seed_from_u64(9),
    };
    settle(&chain, &mut [&mut alice, &mut bob]);
    assert_eq!((bob.balance(0).0, alice.wallet.pending().len()), (0, 1));
    assert!(
        matches!(
            alice.order(&chain, &order),
            Err(Error::NotEnough(_) | Error::NoFee(_))
        ),
        "its note is locked"
    );
    let mut forgetful = alice.wallet.clone();
    assert!(alice.wallet.resend(&chain).is_empty());
    assert!(
        alice.wallet.resend(&chain).is_empty(),
        "sending twice is no error"
    );
    settle(&chain, &mut [&mut alice, &mut bob]);
    assert_eq!((bob.balance(0).0, alice.wallet.pending().len()), (COIN, 0));
    assert_eq!(chain_receipt(&chain, sent.transaction), Some(true));

    // If nobody had sent it again, its notes would be free after its expiry.
    forgetful
        .data
        .chain
        .notes
        .values_mut()
        .for_each(|note| note.spent = None);
    forgetful.settle(sent.expiry);
    assert_eq!(forgetful.pending().len(), 1);
    forgetful.settle(sent.expiry + 1);
    assert!(forgetful.pending().is_empty());
}

fn chain_receipt(chain: &MockChain, transaction: B256) -> Option<bool> {
    let receipt = crate::Node::receipt(chain, transaction).unwrap();
    receipt.map(|receipt| receipt.success)
}
