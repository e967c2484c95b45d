use super::*;
use crate::testing::MockChain;
use proptest::prelude::*;
use std::collections::BTreeMap;
use trellis_circuits::{Prover, Verifier};

const COIN: u128 = 1_000_000_000_000_000;

#[test]
fn a_payment_arrives_with_its_memo_and_its_change_comes_back() {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    alice.shield(&chain, 0, 5 * COIN);
    chain.mine();
    alice.sync(&chain);
    assert_eq!(alice.balance(0), (5 * COIN, 0));

    let sent = alice.pay(&chain, 0, COIN, bob.address()).unwrap();
    assert_eq!(sent.fee, FEE);
    assert_eq!(
        alice.balance(0),
        (0, 4 * COIN - FEE),
        "the note is locked, its change on the way"
    );
    let early = alice
        .pay(&chain, 0, COIN, bob.address())
        .unwrap_err()
        .to_string();
    assert!(early.ends_with("ETH arrive with the next block"), "{early}");
    chain.mine();
    alice.sync(&chain);
    bob.sync(&chain);
    assert!(alice.wallet.pending().is_empty());
    assert_eq!(alice.balance(0), (4 * COIN - FEE, 0));
    assert_eq!(bob.balance(0), (COIN, 0));
    let note = bob.wallet.notes().next().unwrap();
    assert_eq!(note.memo.as_deref(), Some("1000000000000000 of 0"));
    assert_eq!(chain.pooled(0), 5 * COIN - FEE);
}

#[test]
fn a_token_is_paid_with_a_fee_in_native_coin() {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    alice.shield(&chain, 1, 5_000_000);
    settle(&chain, &mut [&mut alice]);
    let poor = alice.pay(&chain, 1, 2_000_000, bob.address()).unwrap_err();
    assert!(matches!(poor, Error::NoFee(_)), "{poor}");
    alice.shield(&chain, 0, COIN);
    settle(&chain, &mut [&mut alice]);
    alice.pay(&chain, 1, 2_000_000, bob.address()).unwrap();
    settle(&chain, &mut [&mut alice, &mut bob]);
    assert_eq!(
        (alice.balance(1).0, bob.balance(1).0),
        (3_000_000, 2_000_000)
    );
    assert_eq!(alice.balance(0).0, COIN - FEE);
    assert_eq!(bob.wallet.asset(1).money(2_000_000).to_string(), "2 USD");
}

#[test]
fn value_goes_out_to_an_account() {
    let chain = chain();
    let mut alice = Person::new(1);
    alice.shield(&chain, 0, 5 * COIN);
    settle(&chain, &mut [&mut alice]);
    let to = Target::Public {
        recipient: Account::repeat_byte(3),
        gas: 0,
        call: Default::default(),
    };
    let order = Order {
        asset: 0,
        value: COIN,
        to,
    };
    let sent = alice.order(&chain, &order).unwrap();
    settle(&chain, &mut [&mut alice]);
    assert_eq!(sent.fee, 650_000 * (1 << 20));
    assert_eq!(alice.balance(0).0, 4 * COIN - sent.fee);
    assert_eq!(chain.pooled(0), alice.balance(0).0);
    let out = alice
        .wallet
        .activities()
        .last()
        .unwrap()
        .unshielded
        .unwrap();
    assert_eq!((out.recipient, out.value), (Account::repeat_byte(3), COIN));
}

/// With the circuit itself, once.
#[test]
fn a_payment_is_proven_and_verified() {
    let verifier = Verifier::new().unwrap();
    let chain = MockChain::new(identity(), Vec::new(), Some(verifier));
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    alice.shield(&chain, 0, 5 * COIN);
    settle(&chain, &mut [&mut alice]);
    let unproven = alice.pay(&chain, 0, COIN, bob.address());
    assert!(matches!(unproven, Err(Error::Unsure { .. })));
    let mut alice = Person::new(1);
    alice.sync(&chain);
    let to = Target::Private {
        address: Box::new(bob.address()),
        memo: None,
    };
    let order = Order {
        asset: 0,
        value: COIN,
        to,
    };
    let prover = Prover::new().unwrap();
    let Person { wallet, rng } = &mut alice;
    wallet
        .send(&chain, &mut Forget, &prover, &order, Terms::MOST, rng)
        .unwrap();
    settle(&chain, &mut [&mut alice, &mut bob]);
    assert_eq!(bob.balance(0).0, COIN);
}

#[test]
fn later_payments_to_a_contact_are_found_by_tag() {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    for _ in 0..4 {
        alice.shield(&chain, 0, 5 * COIN);
    }
    settle(&chain, &mut [&mut alice]);
    for payments in 0..4 {
        alice.pay(&chain, 0, COIN, bob.address()).unwrap();
        settle(&chain, &mut [&mut alice, &mut bob]);
        assert_eq!(alice.wallet.data.contacts[0].number, payments);
        let payers = &bob.wallet.data.chain.payers;
        assert_eq!((payers.len(), payers[0].number), (1, payments));
    }
    // The payer's file is lost: her next payment goes on where the last was.
    let mut again = Person::new(1);
    again.sync(&chain);
    assert_eq!(again.wallet.data.contacts[0].number, 3);
    assert_eq!(again.wallet.data.own_number, alice.wallet.data.own_number);
}

#[test]
fn a_restored_wallet_does_not_tell_an_address_twice() {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    alice.shield(&chain, 0, 5 * COIN);
    let labels = ["rent", "shop"].map(|label| bob.wallet.new_address(Some(label.into())).unwrap());
    settle(&chain, &mut [&mut alice]);
    alice.pay(&chain, 0, COIN, labels[1].1).unwrap();
    settle(&chain, &mut [&mut bob]);
    assert_eq!(
        bob.wallet
            .notes()
            .next()
            .map(|note| bob.wallet.label(note.address)),
        Some(Some("shop"))
    );
    let mut again = Person::new(2);
    again.sync(&chain);
    let (number, address) = again.wallet.new_address(None).unwrap();
    assert_eq!(
        (number, again.wallet.address().unwrap().1),
        (labels[1].0 + 1, address)
    );
    assert_eq!(again.wallet.address_number(2).unwrap(), labels[1].1);
}

/// One of what may happen.
#[derive(Clone, Debug)]
enum Move {
    Shield {
        who: usize,
        asset: u32,
        value: u128,
    },
    Pay {
        from: usize,
        to: usize,
        asset: u32,
        value: u128,
    },
    Out {
        who: usize,
        asset: u32,
        value: u128,
    },
    Block,
    Sync {
        who: usize,
    },
}

fn moves() -> impl Strategy<Value = Move> {
    let (who, asset) = (0..3_usize, 0..2_u32);
    let value = 1..4 * COIN;
    prop_oneof![
        3 => (who.clone(), asset.clone(), value.clone()).prop_map(|(who, asset, value)| Move::Shield { who, asset, value }),
        4 => (who.clone(), who.clone(), asset.clone(), value.clone())
            .prop_map(|(from, to, asset, value)| Move::Pay { from, to, asset, value }),
        1 => (who.clone(), asset, value).prop_map(|(who, asset, value)| Move::Out { who, asset, value }),
        4 => Just(Move::Block),
        3 => who.prop_map(|who| Move::Sync { who }),
    ]
}

/// What everybody has, in plain numbers.
type Ledger = BTreeMap<(usize, u32), u128>;

fn make(chain: &MockChain, people: &mut [Person; 3], ledger: &mut Ledger, next: Move) {
    let mut change = |who, asset, more: u128, less: u128| {
        let sum = ledger.entry((who, asset)).or_default();
        *sum = *sum + more - less;
    };
    match next {
        Move::Shield { who, asset, value } => {
            people[who].shield(chain, asset, value);
            change(who, asset, value, 0);
        }
        Move::Pay {
            from,
            to,
            asset,
            value,
        } => {
            let address = people[to].address();
            if let Ok(sent) = people[from].pay(chain, asset, value, address) {
                change(to, asset, value, 0);
                change(from, asset, 0, value);
                change(from, 0, 0, sent.fee);
            }
        }
        Move::Out { who, asset, value } => {
            let to = Target::Public {
                recipient: Account::repeat_byte(3),
                gas: 0,
                call: Default::default(),
            };
            if let Ok(sent) = people[who].order(chain, &Order { asset, value, to }) {
                change(who, asset, 0, value);
                change(who, 0, 0, sent.fee);
            }
        }
        Move::Block => {
            chain.mine();
        }
        Move::Sync { who } => {
            people[who].sync(chain);
        }
    }
}

/// PAY-2, and issue 5's property: balances equal the ledger, the pool is the sum of unspent notes, and a wallet restored from its
/// phrase is the wallet that was lost.
fn check(
    chain: &MockChain,
    people: &mut [Person; 3],
    ledger: &Ledger,
) -> Result<(), TestCaseError> {
    let mut sums: BTreeMap<u32, u128> = BTreeMap::new();
    for (who, person) in people.iter_mut().enumerate() {
        prop_assert!(!person.sync(chain).repaired);
        prop_assert!(person.wallet.pending().is_empty());
        for asset in [0, 1] {
            let expected = ledger.get(&(who, asset)).copied().unwrap_or_default();
            prop_assert_eq!(person.balance(asset), (expected, 0), "{} of {}", asset, who);
            *sums.entry(asset).or_default() += expected;
        }
        let lines = person.wallet.history();
        for asset in [0, 1] {
            let of = lines.iter().filter(|line| line.asset == asset);
            let sum = of.fold(0_i128, |sum, line| {
                let value = line.value as i128;
                if line.kind.is_out() {
                    sum - value
                } else {
                    sum + value
                }
            });
            prop_assert_eq!(sum, person.balance(asset).0 as i128);
        }
        let mut restored = Person::new(who as u8 + 1);
        restored.sync(chain);
        let (old, new) = (&person.wallet.data.chain, &restored.wallet.data.chain);
        prop_assert!(old.notes == new.notes, "notes of {}", who);
        prop_assert!(old.activities == new.activities, "activities of {}", who);
        prop_assert_eq!(old.root, new.root);
        let channels = |wallet: &Wallet| {
            let contacts = wallet.data.contacts.iter();
            let channels = contacts
                .filter_map(|contact| Some((contact.address.clone(), contact.channel.clone()?)));
            channels
                .map(|(address, channel)| (address, channel.0))
                .collect::<Vec<_>>()
        };
        let (mut before, mut after) = (channels(&person.wallet), channels(&restored.wallet));
        before.sort_by(|a, b| a.0.cmp(&b.0));
        after.sort_by(|a, b| a.0.cmp(&b.0));
        prop_assert!(before == after, "channels of {}", who);
    }
    for asset in [0, 1] {
        prop_assert_eq!(chain.pooled(asset), sums[&asset]);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn balances_equal_a_plain_ledger(moves in proptest::collection::vec(moves(), 1..60)) {
        let chain = chain();
        let mut people = [1, 2, 3].map(Person::new);
        let mut ledger = Ledger::new();
        for next in moves {
            make(&chain, &mut people, &mut ledger, next);
        }
        chain.mine();
        check(&chain, &mut people, &ledger)?;
    }
}
