//! Receipts, blooms and the receipts root of every transaction type.

use crate::{code::*, support::*};
use alloy_consensus::{ReceiptEnvelope, TxEip1559, TxType};
use alloy_eips::{
    Encodable2718,
    eip2930::{AccessList, AccessListItem},
};
use alloy_primitives::{Address, B256, Bloom, BloomInput, Bytes, U256};
use alloy_trie::{HashBuilder, Nibbles};
use revm::bytecode::opcode as op;

const CONTRACT: Address = Address::repeat_byte(0xcc);

#[test]
fn every_type_has_its_receipt() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(CONTRACT, &LOGGER);
    let topic = Bytes::copy_from_slice(B256::with_last_byte(7).as_slice());
    let item = AccessListItem {
        address: CONTRACT,
        storage_keys: vec![B256::ZERO],
    };
    let mut old = legacy(0, CONTRACT);
    old.input = topic.clone();
    let mut listed = with_access_list(1, CONTRACT, AccessList(vec![item]));
    listed.input = topic.clone();
    let bob = signer(2);
    let mut delegating = set_code(3, CONTRACT, vec![authorize(&bob, 0, CONTRACT)]);
    delegating.input = topic.clone();
    let transactions = [
        sign(&alice, old),
        sign(&alice, listed),
        sign(
            &alice,
            TxEip1559 {
                input: topic,
                ..dynamic(2, CONTRACT)
            },
        ),
        sign(&alice, delegating),
    ];
    let executed = state.run(env(1), &transactions);

    let types: Vec<_> = executed
        .receipts
        .iter()
        .map(ReceiptEnvelope::tx_type)
        .collect();
    assert_eq!(
        types,
        [
            TxType::Legacy,
            TxType::Eip2930,
            TxType::Eip1559,
            TxType::Eip7702
        ]
    );
    let gas: Vec<_> = executed
        .receipts
        .iter()
        .map(ReceiptEnvelope::cumulative_gas_used)
        .collect();
    // 21,000, 31 zero bytes and another, 9 of code, a log with a topic; then what the list or authorization adds.
    let plain = gas[0];
    assert_eq!(plain, 21_000 + 31 * 4 + 16 + 9 + 2 * 375);
    assert_eq!(gas[1], 2 * plain + 2_400 + 1_900);
    assert_eq!(gas[2], 3 * plain + 2_400 + 1_900);
    assert_eq!(gas[3], 4 * plain + 2_400 + 1_900 + 25_000);
    assert_eq!(executed.gas_used, gas[3]);
    for receipt in &executed.receipts {
        assert!(receipt.status());
        assert_eq!(receipt.logs()[0].address, CONTRACT);
        assert_eq!(receipt.logs()[0].topics(), [B256::with_last_byte(7)]);
    }
}

#[test]
fn bloom_and_root_match_their_definitions() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(CONTRACT, &LOGGER);
    let silent = Address::repeat_byte(0x51);
    let mut transactions = vec![transfer(&alice, 0, silent, 1)];
    for nonce in 1..20_u8 {
        transactions.push(call(&alice, nonce.into(), CONTRACT, &[nonce; 32]));
    }
    let executed = state.run(env(1), &transactions);

    let mut bloom = Bloom::ZERO;
    assert_eq!(executed.receipts[0].logs_bloom(), &Bloom::ZERO);
    for nonce in 1..20_u8 {
        let mut one = Bloom::ZERO;
        one.accrue(BloomInput::Raw(CONTRACT.as_slice()));
        one.accrue(BloomInput::Raw(&[nonce; 32]));
        assert_eq!(executed.receipts[usize::from(nonce)].logs_bloom(), &one);
        bloom |= one;
    }
    assert_eq!(executed.logs_bloom, bloom);
    assert_eq!(executed.receipts_root, root(&executed.receipts));
}

/// The ordered trie, leaf by leaf.
fn root(receipts: &[ReceiptEnvelope]) -> B256 {
    let mut leaves: Vec<_> = receipts
        .iter()
        .enumerate()
        .map(|(index, receipt)| {
            (
                Nibbles::unpack(alloy_rlp::encode(index)),
                receipt.encoded_2718(),
            )
        })
        .collect();
    leaves.sort();
    let mut builder = HashBuilder::default();
    for (key, value) in &leaves {
        builder.add_leaf(*key, value);
    }
    builder.root()
}

#[test]
fn a_revert_keeps_nonce_and_gas_and_drops_the_rest() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    // Stores, logs, then reverts.
    let code = [
        &store(&[(1, 1)])[..],
        &[op::PUSH0, op::PUSH0, op::LOG0],
        &reverting(),
    ]
    .concat();
    state.deploy(CONTRACT, &code);
    let mut paid = dynamic(0, CONTRACT);
    paid.value = U256::from(9);
    let executed = state.run(env(1), &[sign(&alice, paid)]);

    let receipt = &executed.receipts[0];
    assert!(!receipt.status());
    assert!(receipt.logs().is_empty());
    assert_eq!(receipt.logs_bloom(), &Bloom::ZERO);
    assert!(executed.gas_used > 21_000 && executed.gas_used < 100_000);
    assert_eq!(state.nonce(alice.address()), 1);
    assert_eq!(state.balance(CONTRACT), U256::ZERO);
    assert!(
        executed
            .diff
            .storage
            .keys()
            .all(|(address, _)| *address != CONTRACT)
    );
    let price = u128::from(BASE_FEE) + TIP;
    let fee = U256::from(price * u128::from(executed.gas_used));
    assert_eq!(
        state.balance(alice.address()),
        U256::from(1_000 * ETHER) - fee
    );
}

#[test]
fn a_halt_uses_all_gas() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(CONTRACT, &[op::INVALID]);
    let executed = state.run(env(1), &[call(&alice, 0, CONTRACT, &[])]);
    assert!(!executed.receipts[0].status());
    assert_eq!(executed.gas_used, 500_000);
}

#[test]
fn calldata_has_a_floor() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let executed = state.run(
        env(1),
        &[call(&alice, 0, Address::repeat_byte(5), &[1; 1_000])],
    );
    // EIP-7623: 4 tokens per non-zero byte, 10 gas each, instead of 16 gas per byte.
    assert_eq!(executed.gas_used, 21_000 + 1_000 * 40);
}

#[test]
fn refunds_are_capped_at_a_fifth() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(CONTRACT, &store(&[(0, 0), (1, 0), (2, 0), (3, 0)]));
    for slot in 0..4 {
        state
            .storage
            .insert((CONTRACT, U256::from(slot)), U256::from(1));
    }
    let executed = state.run(env(1), &[call(&alice, 0, CONTRACT, &[])]);
    // Clearing a cold slot costs 5,000 gas and gives back 4,800, of all of which a fifth counts (EIP-3529).
    let spent = 21_000 + 4 * (3 + 3 + 5_000);
    assert_eq!(executed.gas_used, spent - spent / 5);
    assert!((0..4).all(|slot| state.slot(CONTRACT, slot).is_zero()));
}
