//! The life of a transfer.

use super::*;
use crate::testing::payer::{prove, terms};
use std::num::NonZeroU128;
use trellis_shielded::{Crossing, Held, Terms, pool};

/// Shield, transfer, unshield; PAY-2 at every step.
#[test]
fn a_note_is_spent_and_its_change_is_spent_again() {
    let (light, mut payer) = funded(&[COIN]);
    let genesis = light.chain.genesis().clone();
    let first = payer.spend(&genesis, PRICE, |_| {});
    assert!(first.transaction(light.chain.spec().chain_id()).len() <= 5_000);
    let hash = submit(&light, &first).unwrap();
    let block = mine(&light);
    assert_eq!(block.transactions.len(), 2, "the record and the transfer");
    assert_eq!(block.transactions[0].signer(), KEEPER);
    assert_eq!(*block.transactions[1].tx_hash(), hash);
    assert!(block.receipts.iter().all(|receipt| receipt.status()));
    assert!(light.chain.pooled(hash).is_none());
    payer.follow(&block.receipts);
    // What came in is still there: the fee leaves with the next block.
    let pool = |light: &Light| light.state.account(POOL).unwrap().unwrap().balance;
    assert_eq!(pool(&light), U256::from(COIN));

    let to = alloy_primitives::Address::repeat_byte(0x42);
    let value = NonZeroU128::new(COIN / 2).unwrap();
    let terms = Terms {
        crossing: Crossing::Out {
            asset: 0,
            value,
            recipient: to,
            gas: 0,
            call: Bytes::new(),
        },
        ..terms(PRICE)
    };
    let held = payer.purse.pop().unwrap();
    let second = payer.spend_one(&genesis, &held, terms, |_| {}, prove);
    submit(&light, &second).unwrap();
    let block = mine(&light);
    payer.follow(&block.receipts);
    let left = payer.purse.held()[0].value();
    assert_eq!(
        light.state.account(to).unwrap().unwrap().balance,
        U256::from(COIN / 2)
    );
    let fee = PRICE * 400_000;
    assert_eq!(pool(&light), U256::from(COIN / 2 - fee));

    // The fee of the second leaves too, and the pool has what the last note says.
    light.mine(&[record(&light.chain, head(&light)).unwrap().0]);
    assert_eq!(pool(&light), U256::from(left));
    assert!(record(&light.chain, head(&light)).is_none());
}

/// A leader is paid for gas used beyond the base fee; nobody's account is charged.
#[test]
fn the_beneficiary_gets_its_part_of_the_fee() {
    let (light, mut payer) = funded(&[COIN]);
    let transfer = payer.spend(&light.chain.genesis().clone(), PRICE, |_| {});
    submit(&light, &transfer).unwrap();
    let beneficiary = alloy_primitives::Address::repeat_byte(0xfe);
    let balance = || {
        light
            .state
            .account(beneficiary)
            .unwrap()
            .unwrap_or_default()
            .balance
    };
    let before = balance();
    let block = mine(&light);
    let used = block.receipts[1].cumulative_gas_used() - block.receipts[0].cumulative_gas_used();
    let base = u128::from(block.block.header().base_fee_per_gas.unwrap());
    assert_eq!(
        balance() - before,
        U256::from((PRICE - base) * u128::from(used))
    );
    let sender = trellis_shielded::sender(&transfer.transfer.nullifiers[0]);
    let account = light.state.account(sender).unwrap().unwrap();
    assert_eq!((account.nonce, account.balance), (1, U256::ZERO));
}

/// EXE-1 with transfers in the block: workers and order of execution change nothing.
#[test]
fn transfers_execute_in_parallel_as_in_order() {
    let (light, mut payer) = funded(&[COIN; 12]);
    let genesis = light.chain.genesis().clone();
    for _ in 0..12 {
        let transfer = payer.spend(&genesis, PRICE, |_| {});
        submit(&light, &transfer).unwrap();
    }
    let head = light.chain.head();
    let env = crate::testing::env_on(light.chain.spec(), &head.block);
    let candidates = crate::build::select(&light.chain, &Default::default());
    let state = light.state_after(&head.block);
    let fill = |engine: &Engine| {
        let filled = crate::build::fill(&light.chain, engine, &env, &state, &candidates, &|| false);
        let content = filled.unwrap();
        (content.encoded, content.executed, content.access_list)
    };
    let workers = |count| Engine::new(trellis_executor::Workers::exactly(count));
    let expected = fill(&workers(1));
    assert_eq!(expected.0.len(), 13);
    for count in [2, 3, 4] {
        assert_eq!(fill(&workers(count).eager()), expected, "{count} workers");
    }
}

/// A thousand transfers in one block. Their proofs count as checked, as they do when a transfer waited in the pool; making them takes minutes.
#[test]
fn a_block_holds_a_thousand_transfers() {
    const COUNT: usize = 1_000;
    let spec = crate::ChainSpec {
        gas_limit: 500_000_000,
        ..private_spec()
    };
    let (light, mut payer) = funded_in(spec, &[COIN / 100; COUNT]);
    let genesis = light.chain.genesis().clone();
    let raws = (0..COUNT).map(|n| {
        let proof = |_: &_, _| trellis_circuits::Proof::decode(&[n as u8; 2_912]).unwrap();
        let held = payer.purse.pop().unwrap();
        let proven = payer.spend_one(&genesis, &held, terms(PRICE), |_| {}, proof);
        let raw = raw(&light, &proven);
        light
            .chain
            .proofs()
            .trust(alloy_primitives::keccak256(&raw));
        raw
    });
    let raws = raws.collect();
    let accepted = light.chain.submit_many(raws);
    assert!(accepted.iter().all(Result::is_ok));
    let block = mine(&light);
    assert_eq!(block.transactions.len(), 1 + COUNT);
    assert!(block.receipts.iter().all(|receipt| receipt.status()));
    payer.follow(&block.receipts);
    assert_eq!(payer.purse.held().len(), COUNT);
    assert_eq!(payer.purse.tree().frontier().size(), 4 * COUNT as u64);
    // The chain's tree, hashed level by level and in parallel, is the wallet's, hashed leaf by leaf.
    let notes = light.chain.notes_after(2, block.hash());
    assert_eq!(notes.root(), payer.purse.tree().root());
    // PAY-2: what is in the pool is what the notes say, once the fees are gone.
    light.mine(&[record(&light.chain, head(&light)).unwrap().0]);
    let held: u128 = payer.purse.held().iter().map(Held::value).sum();
    assert_eq!(
        light.state.account(POOL).unwrap().unwrap().balance,
        U256::from(held)
    );
    assert!(record(&light.chain, head(&light)).is_none());
}

/// A root is recorded once, by the block after the one that changed the tree, and read again from the history.
#[test]
fn the_tree_survives_a_restart() {
    let (light, mut payer) = funded(&[COIN, COIN]);
    let genesis = light.chain.genesis().clone();
    for _ in 0..2 {
        let transfer = payer.spend(&genesis, PRICE, |_| {});
        submit(&light, &transfer).unwrap();
        let block = mine(&light);
        payer.follow(&block.receipts);
        payer.purse.pop();
    }
    light.flush();
    for number in 0..=light.chain.head().number() {
        let notes = Notes::read(&light.history, number).unwrap();
        let hash = light.history.block(number).unwrap().unwrap().hash();
        let known = light.chain.notes_after(number, hash);
        assert_eq!(notes.record(), known.record(), "block {number}");
        assert_eq!(notes.records(), known.records(), "block {number}");
    }
    let counts = light.state.storage(POOL, pool::COUNTS_SLOT).unwrap();
    assert_eq!(pool::roots(counts), 2);
    assert_eq!(
        payer.purse.tree().root(),
        light.chain.notes_after(3, light.chain.head().hash()).root()
    );
}

fn head(light: &Light) -> (u64, B256) {
    let head = light.chain.head();
    (head.number(), head.hash())
}
