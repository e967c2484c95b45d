use super::*;
use crate::{
    ChainSpec, imports,
    testing::{Light, address, sign, spec, transfer},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{Address, Bytes, TxKind, U256};
use trellis_executor::Transaction;
use trellis_messaging::gateway::{Stage, counts, received_slot};
use trellis_primitives::{StateReader as _, system::GATEWAY};
use trellis_txpool::Limits;

/// Gas of the transactions that send.
const SEND_GAS: u64 = 200_000;

fn module(index: u32) -> ModuleId {
    ModuleId::new(index).unwrap()
}

fn spec_of(index: u32) -> ChainSpec {
    ChainSpec {
        id: module(index),
        ..spec()
    }
}

/// Modules of one process, the first of them the one `sign` signs for.
fn modules(indexes: [u32; 2]) -> [Light; 2] {
    let exchange = Exchange::insecure(spec().network_id);
    indexes.map(|index| Light::among(spec_of(index), 8, Limits::default(), exchange.clone()))
}

/// A message of `signer(0)` from module 1 to module 2, with a value that tells it from others.
fn message(nonce: u64, recipient: Address, payload: &'static [u8]) -> Transaction {
    message_from(1, nonce, recipient, payload)
}

fn message_from(
    source: u32,
    nonce: u64,
    recipient: Address,
    payload: &'static [u8],
) -> Transaction {
    let to = spec_of(2).chain_id();
    sign(0, nonce, |tx| {
        tx.chain_id = spec_of(source).chain_id();
        tx.to = TxKind::Call(GATEWAY);
        tx.gas_limit = SEND_GAS;
        tx.value = U256::from(nonce + 1);
        tx.input = gateway::send(to, recipient, Bytes::from_static(payload), 30_000);
    })
}

/// A certificate that names `block`, with a signature that is a point and nothing more.
fn certificate(block: &Block) -> Finalization {
    const POINT: [u8; 48] = hex!(
        "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
    );
    let encoded = [&[0, 1, 0], block.hash().as_slice(), &POINT].concat();
    Finalization::decode(bytes::Bytes::from(encoded)).unwrap()
}

/// Publishes a block of these transactions and certifies it.
fn publish(light: &Light, transactions: &[Transaction]) {
    let parent = light.chain.head();
    let candidate = light.build(&parent.block, transactions);
    light.publish(&candidate);
    let block = &candidate.recorded.block;
    let exchange = light.chain.exchange();
    exchange.certify(light.chain.spec().id, certificate(block), block);
}

fn imports_of(light: &Light) -> Vec<(Transaction, Bytes)> {
    let number = light.chain.head().number() + 1;
    imports::make(&light.chain, number, &light.state).unwrap()
}

/// MSG-1: sent in one module, proven, imported in another, once.
#[test]
fn messages_get_from_one_module_to_another() {
    let [source, destination] = modules([1, 2]);
    let parent = destination.chain.genesis().clone();
    assert_eq!(destination.chain.demand(&parent), crate::Demand::None);
    assert!(imports_of(&destination).is_empty());

    let payee = Address::repeat_byte(0x99);
    publish(
        &source,
        &[message(0, payee, b""), message(1, payee, b"fails")],
    );
    assert_eq!(
        destination.chain.demand(&parent),
        crate::Demand::Transactions
    );
    let made = imports_of(&destination);
    let [(import, _)] = made.as_slice() else {
        panic!("{} imports", made.len());
    };
    let body = [import.clone(), transfer(0, 0)];
    assert_eq!(imports::check(&destination.chain, 0, &body), Ok(1));

    // Transfers are signed for module 1, so only the import is executed here.
    let candidate = destination.build(&parent, std::slice::from_ref(import));
    assert!(candidate.recorded.receipts[0].status());
    let stages: Vec<_> = candidate.events.iter().map(|event| event.stage).collect();
    let source_id = module(1);
    let delivered = Stage::Delivered {
        source: source_id,
        sequence: 0,
    };
    let failed = Stage::Failed {
        source: source_id,
        sequence: 1,
    };
    assert_eq!(stages, [delivered, failed]);
    // In flight, nothing is left to do; once published, neither.
    let block = candidate.recorded.block.clone();
    assert_eq!(destination.chain.demand(&block), crate::Demand::None);
    destination.publish(&candidate);
    assert!(imports_of(&destination).is_empty());
    assert_eq!(destination.chain.demand(&block), crate::Demand::None);
    let account = destination.state.account(payee).unwrap().unwrap();
    assert_eq!(account.balance, U256::from(1));
    let slot = destination
        .state
        .storage(GATEWAY, received_slot(source_id))
        .unwrap();
    assert_eq!(counts(slot), (2, U256::from(1)));

    // The next one continues where this ended.
    publish(&source, &[message(2, payee, b"")]);
    let next = imports_of(&destination);
    let import = Import::decode(next[0].0.inner()).unwrap();
    assert_eq!((import.first, import.messages.len()), (2, 1));
    assert_eq!(next[0].0.inner().nonce(), 1);
}

/// An import that repeats or skips messages is proven and fails all the same: the gateway counts.
#[test]
fn what_is_not_the_next_message_fails() {
    let [source, destination] = modules([1, 2]);
    let payee = Address::repeat_byte(0x99);
    publish(&source, &[message(0, payee, b""), message(1, payee, b"")]);
    let parent = destination.chain.genesis().clone();
    let exchange = destination.chain.exchange().clone();
    let skipping = exchange.collect(&destination.chain, 0, &[(module(1), 1)].into());
    let (skipping, _) = skipping.unwrap()[0].transaction(destination.chain.spec().chain_id(), 0);
    assert_eq!(
        imports::check(&destination.chain, 0, std::slice::from_ref(&skipping)),
        Ok(1)
    );
    let candidate = destination.build(&parent, &[skipping]);
    let receipts = &candidate.recorded.receipts;
    assert!(receipts[0].logs().is_empty());
    let rule = imports::check_outcome(0, 1, receipts).unwrap_err();
    assert!(rule.contains("not the next"), "{rule}");
}

/// Every rule of a block's imports, each with its own words.
#[test]
fn imports_that_break_a_rule_are_refused() {
    let [source, destination] = modules([1, 2]);
    let payee = Address::repeat_byte(0x99);
    publish(&source, &[message(0, payee, b""), message(1, payee, b"")]);
    let chain = &destination.chain;
    let (honest, _) = imports_of(&destination).remove(0);
    let import = Import::decode(honest.inner()).unwrap();
    let chain_id = chain.spec().chain_id();
    let edited = |edit: &dyn Fn(&mut Import)| {
        let mut import = import.clone();
        edit(&mut import);
        vec![import.transaction(chain_id, 0).0]
    };
    let cases: [(Vec<Transaction>, &str); 9] = [
        (
            vec![transfer(0, 0), honest.clone()],
            "behind other transactions",
        ),
        (edited(&|i| i.messages[0].value += U256::from(1)), "outbox"),
        (edited(&|i| i.messages.swap(0, 1)), "outbox"),
        (edited(&|i| drop(i.messages.pop())), "proof"),
        (edited(&|i| i.first += 1), "last message of the lane"),
        (edited(&|i| i.source = module(2)), "not another module"),
        (edited(&|i| i.source = module(0)), "module"),
        // Known blocks are taken by their certificate; with another one, the signature counts.
        (
            edited(&|i| {
                i.evidence.finalization.proposal.parent = commonware_consensus::types::View::new(9);
            }),
            "certificate",
        ),
        (
            vec![honest; import::IMPORTS_MAX + 1],
            "more than 128 imports",
        ),
    ];
    for (index, (body, words)) in cases.into_iter().enumerate() {
        let (_, rule) = imports::check(chain, 0, &body).unwrap_err();
        assert!(rule.contains(words), "case {index}: {rule}");
    }
}

/// The sources take turns, so that none holds up another; and a block is never asked to import more than it may.
#[test]
fn sources_take_turns() {
    let exchange = Exchange::insecure(spec().network_id);
    let light = |index| Light::among(spec_of(index), 8, Limits::default(), exchange.clone());
    let (hub, source, destination) = (light(0), light(1), light(2));
    let payee = address(7);
    let many = |from, count| -> Vec<_> {
        let message = |nonce| message_from(from, nonce, payee, b"");
        (0..count).map(message).collect()
    };
    publish(&hub, &many(0, 10));
    publish(&source, &many(1, 100));
    let none: BTreeMap<_, _> = [(module(0), 0), (module(1), 0)].into();
    let ranges = |round| {
        let collected = exchange.collect(&destination.chain, round, &none).unwrap();
        let gas = |import: &Import| {
            alloy_consensus::Transaction::gas_limit(import.transaction(1, 0).0.inner())
        };
        let asked: u64 = collected.iter().map(gas).sum();
        assert!(asked <= import::gas_max(destination.chain.spec().gas_limit));
        let range = |import: &Import| (import.source, import.first, import.messages.len());
        collected.iter().map(range).collect::<Vec<_>>()
    };
    let (first, second) = (module(0), module(1));
    // A source with much does not keep one with little waiting, whoever is first.
    assert_eq!(
        ranges(6),
        [(first, 0, 10), (second, 0, 64), (second, 64, 36)]
    );
    assert_eq!(
        ranges(7),
        [(second, 0, 64), (first, 0, 10), (second, 64, 36)]
    );
}

/// After a restart the index is read from the history, and proves what was sent before.
#[test]
fn the_index_survives_a_restart() {
    let [source, _] = modules([1, 2]);
    let payee = Address::repeat_byte(0x99);
    publish(&source, &[message(0, payee, b""), message(1, payee, b"")]);
    publish(&source, &[]);
    publish(&source, &[message(2, payee, b"")]);
    source.flush();
    let exchange = Exchange::insecure(spec().network_id);
    let again = Chain::open(
        spec_of(1),
        source.chain.genesis().clone(),
        source.history.clone(),
        8,
        Limits::default(),
        trellis_executor::Engine::default(),
        exchange.clone(),
    )
    .unwrap();
    for height in 0..=3 {
        let before = source.chain.lanes_at(height);
        assert_eq!(
            again.lanes_at(height).root(),
            before.root(),
            "block {height}"
        );
    }
    let lane = Lane::from(module(2));
    assert_eq!(
        again.messages(lane, 0..3).unwrap(),
        source.chain.messages(lane, 0..3).unwrap()
    );
    assert!(
        exchange.evidence(module(1), lane, 0..3).is_none(),
        "nothing is certified yet"
    );
    let head = again.head();
    exchange.certify(module(1), certificate(&head.block), &head.block);
    let evidence = exchange.evidence(module(1), lane, 1..3).unwrap();
    assert_eq!(evidence.count, 3);
}
