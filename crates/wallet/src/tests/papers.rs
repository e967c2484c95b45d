//! Viewing keys, disclosures, statements.

use super::*;
use crate::{Disclosure, Kind, Node as _, PoolEvent};
use trellis_shielded::pool::Event;

const COIN: u128 = 1_000_000_000_000_000;

/// Alice has shielded, paid Bob in both assets, and taken something out.
fn story() -> (MockChain, Person, Person) {
    let chain = chain();
    let (mut alice, mut bob) = (Person::new(1), Person::new(2));
    alice.shield(&chain, 0, 9 * COIN);
    alice.shield(&chain, 1, 5_000_000);
    settle(&chain, &mut [&mut alice]);
    alice.pay(&chain, 0, COIN, bob.address()).unwrap();
    settle(&chain, &mut [&mut alice]);
    alice.pay(&chain, 1, 2_000_000, bob.address()).unwrap();
    settle(&chain, &mut [&mut alice]);
    let to = Target::Public {
        recipient: Account::repeat_byte(3),
        gas: 0,
        call: Default::default(),
    };
    alice
        .order(
            &chain,
            &Order {
                asset: 1,
                value: 1_000_000,
                to,
            },
        )
        .unwrap();
    settle(&chain, &mut [&mut alice, &mut bob]);
    (chain, alice, bob)
}

fn watch(chain: &MockChain, text: &str) -> Person {
    let keys = Keys::watching(identity().network(), text).unwrap();
    let mut watcher = Person::with(keys, 0);
    watcher.sync(chain);
    watcher
}

fn kinds(person: &Person) -> Vec<Kind> {
    person
        .wallet
        .history()
        .iter()
        .map(|line| line.kind)
        .collect()
}

#[test]
fn each_viewing_key_sees_its_part() {
    use Kind::{Fee, Sent, Shielded, Unshielded};
    let (chain, alice, _) = story();
    let full = alice.wallet.keys().full().unwrap();
    let all = [Shielded, Shielded, Sent, Fee, Sent, Fee, Unshielded, Fee];
    assert_eq!(kinds(&alice), all);
    let mut watcher = watch(&chain, &full.to_text());
    assert_eq!(watcher.wallet.history(), alice.wallet.history());
    assert_eq!(watcher.wallet.balances(), alice.wallet.balances());
    let to = alice.address();
    let refused = watcher.pay(&chain, 0, 1, to).unwrap_err();
    assert!(matches!(refused, Error::CannotWith("full viewing")));

    let incoming = watch(&chain, &full.incoming().to_text());
    assert_eq!(
        kinds(&incoming),
        [Shielded, Shielded],
        "change is no income"
    );
    let outgoing = watch(&chain, &full.outgoing().to_text());
    assert_eq!(
        kinds(&outgoing),
        [Sent, Sent],
        "an unshield is in no note that the key opens"
    );
    let sent = outgoing.wallet.history();
    assert_eq!(sent[0].memo.as_deref(), Some("1000000000000000 of 0"));
    assert!(outgoing.wallet.address().is_err());
}

#[test]
fn one_payment_is_shown_and_nothing_else() {
    let (chain, alice, bob) = story();
    let sent: Vec<_> = alice
        .wallet
        .history()
        .into_iter()
        .filter(|line| line.kind == Kind::Sent)
        .collect();
    let audience = Some("the tax office".to_owned());
    let shown = alice
        .wallet
        .disclose(sent[1].transaction, 0, audience, Some("42".into()))
        .unwrap();
    let text = shown.to_json();
    let read = Disclosure::parse(&text).unwrap();
    assert_eq!(read, shown);
    let facts = read.verify(&chain).unwrap();
    assert_eq!(facts.payee, bob.address());
    assert_eq!((facts.asset, facts.value), (1, 2_000_000));
    assert_eq!(facts.memo.as_deref(), Some("2000000 of 1"));
    assert_eq!(
        (facts.block, facts.timestamp),
        (sent[1].block, sent[1].timestamp)
    );

    // The payee can show the same, the payer not her change.
    assert_eq!(
        bob.wallet
            .disclose(sent[1].transaction, 0, None, None)
            .unwrap()
            .value,
        2_000_000
    );
    assert!(
        alice
            .wallet
            .disclose(sent[1].transaction, 1, None, None)
            .is_err()
    );

    let lie = |change: &dyn Fn(&mut Disclosure)| {
        let mut lie = read.clone();
        change(&mut lie);
        lie.verify(&chain).unwrap_err().to_string()
    };
    lie(&|d| d.value = 2_000_001);
    lie(&|d| d.asset = 0);
    lie(&|d| d.payee = alice.address().to_string());
    lie(&|d| d.transaction = sent[0].transaction);
    lie(&|d| d.transaction = B256::ZERO);
    lie(&|d| d.identity.module = 0);

    // It leads neither to the seed of the note, nor to the channel, nor to a key.
    let channel = &alice.wallet.data.contacts[0].channel.as_ref().unwrap().0;
    let secrets = [
        alloy_primitives::hex::encode(*channel.to_saved()),
        alice.wallet.keys().full().unwrap().to_text().to_string(),
    ];
    assert!(secrets.iter().all(|secret| !text.contains(secret)));
    for junk in [
        "",
        "{}",
        "[]",
        &text.replace("\"trellisDisclosure\": 1", "\"trellisDisclosure\": 2"),
        &text.replace("}", ",\"x\":1}"),
    ] {
        assert!(matches!(Disclosure::parse(junk), Err(Error::Disclosure(_))));
    }
}

#[test]
fn a_statement_adds_up() {
    let (chain, alice, _) = story();
    let end = chain.head().unwrap().timestamp + 1;
    let all = alice.wallet.statement(0, end);
    assert_eq!(all.len(), 8);
    let json = all.to_json();
    let native = json["closing"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["asset"] == "ETH")
        .unwrap();
    let ready = alice.wallet.balances()[0].ready.amount().to_string();
    assert_eq!(native["amount"], ready.as_str());
    let csv = all.to_csv();
    assert_eq!(csv.lines().count(), 9);
    assert!(csv.contains(",sent,USD,-2,3,"), "{csv}");

    let second = alice.wallet.history()[2].timestamp;
    let (before, after) = (
        alice.wallet.statement(0, second),
        alice.wallet.statement(second, end),
    );
    assert_eq!((before.len(), after.len()), (2, 6));
    assert_eq!(before.to_json()["closing"], after.to_json()["opening"]);
    assert!(alice.wallet.statement(end, end).is_empty());

    let full = alice.wallet.keys().full().unwrap();
    let incoming = watch(&chain, &full.incoming().to_text());
    assert!(incoming.wallet.statement(0, end).to_json()["closing"].is_null());
}

/// Class 22: whatever a transfer does, it looks like any other.
#[test]
fn transfers_look_alike() {
    let (chain, ..) = story();
    let logs = chain.events(0, chain.head().unwrap().number).unwrap();
    let mut tags = Vec::new();
    for log in &logs {
        if let PoolEvent::Notes(Event::Transferred { outputs, .. }) = &log.event {
            assert!(outputs.iter().all(|output| output.epk != [0; 32]));
            tags.extend(outputs.iter().map(|output| output.contact_tag));
        }
    }
    let number = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!((number, tags.len()), (9, 9), "no tag is used twice");
}
