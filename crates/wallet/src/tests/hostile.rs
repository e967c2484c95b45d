//! Nodes that lie, forget, or begin anew, and reading that is interrupted.

use super::*;
use crate::node::{PoolEvent, PoolLog};
use crate::{Head, Keep, Latest, Node, NodeError, Receipt, Record, StoreError};
use std::sync::atomic::{AtomicU64, Ordering};
use trellis_shielded::pool::Event;

const COIN: u128 = 1_000_000_000_000_000;

/// A chain with strangers' notes and some of Alice's, over many blocks.
fn busy() -> (MockChain, Person) {
    let chain = chain();
    let (mut alice, mut stranger) = (Person::new(1), Person::new(4));
    for round in 0..30 {
        stranger.shield(&chain, 0, COIN);
        if round % 7 == 0 {
            alice.shield(&chain, 0, COIN + round);
        }
        chain.mine();
    }
    chain.mine();
    alice.sync(&chain);
    alice.pay(&chain, 0, COIN / 2, stranger.address()).unwrap();
    settle(&chain, &mut [&mut alice]);
    (chain, alice)
}

fn outcome(chain: &MockChain, tamper: impl FnOnce(&mut Vec<PoolLog>)) -> String {
    chain.tamper(tamper);
    let mut wallet = Person::new(1).wallet;
    let error = wallet.sync(chain, &mut Forget, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Inconsistent(_)), "{error}");
    error.to_string()
}

fn is_note(log: &PoolLog) -> bool {
    log.leaves() > 0
}

#[test]
fn a_node_that_leaves_notes_out_is_found_out() {
    outcome(&busy().0, |logs| {
        let place = logs.iter().position(is_note).unwrap();
        logs.remove(place);
    });
    outcome(&busy().0, |logs| {
        let place = logs.iter().rposition(is_note).unwrap();
        logs.remove(place);
    });
    outcome(&busy().0, |logs| logs.retain(|log| !is_note(log)));
}

#[test]
fn a_node_that_changes_notes_or_roots_is_found_out() {
    outcome(&busy().0, |logs| {
        let twice = logs.iter().find(|log| is_note(log)).unwrap().event.clone();
        logs.iter_mut()
            .rfind(|log| matches!(log.event, PoolEvent::Notes(Event::Shielded { .. })))
            .unwrap()
            .event = twice;
    });
    outcome(&busy().0, |logs| logs.swap(0, 5));
    outcome(&busy().0, |logs| {
        let roots = logs
            .iter_mut()
            .rfind(|log| matches!(log.event, PoolEvent::Notes(Event::Appended { .. })));
        if let Some(PoolEvent::Notes(Event::Appended { size, .. })) =
            roots.map(|log| &mut log.event)
        {
            *size = u64::MAX;
        }
    });
}

#[test]
fn a_wallet_with_a_wrong_tree_reads_it_again() {
    let (chain, mut alice) = busy();
    let balance = alice.balance(0);
    let right = alice.wallet.data.chain.clone();
    alice.wallet.data.chain.shards = Default::default();
    assert!(alice.sync(&chain).repaired);
    assert_eq!(alice.balance(0), balance);
    assert!(alice.wallet.data.chain.notes == right.notes);
    assert!(!alice.sync(&chain).repaired);
}

#[test]
fn another_chain_or_an_older_one_is_refused() {
    let (chain, mut alice) = busy();
    let mut other = identity();
    other.genesis = B256::ZERO;
    let anew = MockChain::new(other, Vec::new(), None);
    let sync =
        |alice: &mut Person, chain: &MockChain| alice.wallet.sync(chain, &mut Forget, &mut |_| {});
    assert!(matches!(sync(&mut alice, &anew), Err(Error::OtherChain)));
    let behind = super::chain();
    assert!(matches!(
        sync(&mut alice, &behind),
        Err(Error::Behind { node: 0, .. })
    ));
    assert!(sync(&mut alice, &chain).is_ok());
}

#[test]
fn a_node_does_not_make_the_fee_higher_than_its_owner_allows() {
    let (chain, mut alice) = busy();
    chain.set_base_fee(u128::MAX);
    let to = alice.address();
    let refused = alice.pay(&chain, 0, 1, to).unwrap_err();
    assert!(matches!(refused, Error::FeeTooHigh { .. }), "{refused}");
}

#[test]
fn a_birthday_spares_what_is_older_and_misses_nothing_younger() {
    let (chain, mut alice) = busy();
    for birthday in [0, 1, 5, 20, 31, 32, 33, 500] {
        let mut young = Person::with(keys(1), birthday);
        young.sync(&chain);
        let since = |note: &&crate::OwnedNote| note.at.block >= birthday;
        let expected: Vec<_> = alice
            .wallet
            .notes()
            .filter(since)
            .map(|note| note.position)
            .collect();
        let found: Vec<_> = young
            .wallet
            .notes()
            .filter(since)
            .map(|note| note.position)
            .collect();
        assert_eq!(found, expected, "{birthday}");
        let start = young.wallet.data.chain.start.unwrap().block;
        assert!(start <= birthday && (birthday < 2 || start > 0));
    }
    let mut young = Person::with(keys(1), 20);
    young.shield(&chain, 0, 9 * COIN);
    settle(&chain, &mut [&mut young, &mut alice]);
    young.pay(&chain, 0, 5 * COIN, alice.address()).unwrap();
    settle(&chain, &mut [&mut young]);
    assert!(young.wallet.pending().is_empty());
}

/// A node that stops answering after some questions.
struct Tired<'a>(&'a MockChain, AtomicU64);

impl Tired<'_> {
    fn answer(&self) -> Result<(), NodeError> {
        let left = self
            .1
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        left.map(|_| ()).map_err(|_| NodeError::Unreachable {
            url: "nowhere".into(),
            reason: "tired".into(),
        })
    }
}

impl Node for Tired<'_> {
    fn identity(&self) -> Result<Identity, NodeError> {
        self.0.identity()
    }
    fn head(&self) -> Result<Head, NodeError> {
        self.0.head()
    }
    fn latest(&self, block: u64) -> Result<Latest, NodeError> {
        self.0.latest(block)
    }
    fn events(&self, from: u64, to: u64) -> Result<Vec<PoolLog>, NodeError> {
        self.answer()?;
        self.0.events(from, to)
    }
    fn record(&self, block: u64) -> Result<Option<Record>, NodeError> {
        self.0.record(block)
    }
    fn base_fee(&self) -> Result<u128, NodeError> {
        self.0.base_fee()
    }
    fn send(&self, raw: &[u8]) -> Result<B256, NodeError> {
        self.0.send(raw)
    }
    fn receipt(&self, hash: B256) -> Result<Option<Receipt>, NodeError> {
        self.0.receipt(hash)
    }
    fn token(&self, asset: u32) -> Result<Option<Token>, NodeError> {
        self.0.token(asset)
    }
    fn asset_of(&self, token: Account) -> Result<Option<u32>, NodeError> {
        self.0.asset_of(token)
    }
}

/// Goes through the file's bytes, as a process that is killed does.
struct Bytes(Vec<u8>);

impl Keep for Bytes {
    fn keep(&mut self, wallet: &Wallet) -> Result<(), StoreError> {
        self.0 = crate::store::to_bytes(wallet).to_vec();
        Ok(())
    }
}

/// 4,000 blocks, in which Alice is paid and pays; wherever reading stops, it goes on, and comes to the same.
#[test]
fn reading_goes_on_where_it_was_interrupted() {
    let chain = chain();
    let (mut alice, bob) = (Person::new(1), Person::new(2));
    for round in 0..40_u128 {
        alice.shield(&chain, 0, 5 * COIN + round);
        for _ in 0..100 {
            chain.mine();
        }
        if round % 8 == 1 {
            alice.sync(&chain);
            alice.pay(&chain, 0, 2 * COIN, bob.address()).unwrap();
        }
    }
    chain.mine();
    alice.sync(&chain);
    let expected = &alice.wallet.data.chain;
    for answers in 0..6 {
        let mut wallet = Person::new(1).wallet;
        let mut kept = Bytes(Vec::new());
        let mut tries = 0;
        let tired = |answers| Tired(&chain, AtomicU64::new(answers));
        while wallet
            .sync(&tired(answers + tries / 3), &mut kept, &mut |_| {})
            .is_err()
        {
            tries += 1;
            assert!(tries < 30);
            let bytes = crate::store::to_bytes(&wallet).to_vec();
            wallet = crate::store::from_bytes(&bytes).unwrap();
        }
        let found = &wallet.data.chain;
        assert!(found.notes == expected.notes, "{answers}");
        assert!(found.activities == expected.activities, "{answers}");
        assert_eq!(found.spans, expected.spans);
        let again = crate::store::from_bytes(&kept.0).unwrap();
        assert!(again.data == wallet.data);
        let mut person = Person {
            wallet,
            rng: StdRng::seed_from_u64(3),
        };
        person.pay(&chain, 0, COIN, bob.address()).unwrap();
    }
}
