//! What block start writes, and what `BLOCKHASH` and its relatives answer.

use crate::support::*;
use alloy_eips::{
    eip2935::{HISTORY_SERVE_WINDOW, HISTORY_STORAGE_ADDRESS},
    eip4788::BEACON_ROOTS_ADDRESS,
};
use alloy_primitives::{Address, B256, U256, keccak256};
use revm::bytecode::opcode as op;
use trellis_executor::execute_block;
use trellis_primitives::system::{GATEWAY, IMPORTER};

const CONTRACT: Address = Address::repeat_byte(0xcc);

/// Code: slot 0 = BLOCKHASH(calldata[0..32]).
const HASH_OF: [u8; 6] = [
    op::PUSH0,
    op::CALLDATALOAD,
    op::BLOCKHASH,
    op::PUSH0,
    op::SSTORE,
    op::STOP,
];

#[test]
fn block_start_writes_parent_hash_and_beacon_root() {
    let mut state = MemoryState::genesis(&[]);
    let block = env(10);
    let executed = state.run(block, &[]);
    let window = HISTORY_SERVE_WINDOW as u64;
    assert_eq!(
        state.slot(HISTORY_STORAGE_ADDRESS, 9),
        U256::from_be_bytes(block.parent_hash.0)
    );
    let time = block.timestamp % window;
    assert_eq!(
        state.slot(BEACON_ROOTS_ADDRESS, time),
        U256::from(block.timestamp)
    );
    let root = U256::from_be_bytes(block.parent_beacon_root.0);
    assert_eq!(state.slot(BEACON_ROOTS_ADDRESS, time + window), root);
    assert_eq!(executed.diff.storage.len(), 3);
    // The system address is touched and stays absent (EIP-161).
    assert!(executed.diff.accounts.is_empty());
    assert_eq!(executed.gas_used, 0);
}

#[test]
fn a_chain_without_system_contracts_has_no_system_calls() {
    let executed = execute_block(env(10), MemoryState::default(), &[]).unwrap();
    assert!(executed.diff.is_empty());
}

#[test]
fn blockhash_answers_from_the_history_contract() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(CONTRACT, &HASH_OF);
    for number in 1..=300 {
        state.run(env(number), &[]);
    }
    let mut nonce = 0;
    let mut ask = |state: &mut MemoryState, number: u64| {
        let word = B256::from(U256::from(number));
        state.run(env(301), &[call(&alice, nonce, CONTRACT, word.as_slice())]);
        nonce += 1;
        state.slot(CONTRACT, 0)
    };
    // Block n's hash is what block n + 1 calls its parent.
    let hash = |number: u64| U256::from_be_bytes(keccak256((number + 1).to_be_bytes()).0);
    for number in [300, 299, 100, 45] {
        assert_eq!(ask(&mut state, number), hash(number), "block {number}");
    }
    // This block, the future, and more than 256 blocks ago.
    for number in [301, 302, u64::MAX, 44, 0] {
        assert_eq!(ask(&mut state, number), U256::ZERO, "block {number}");
    }
}

#[test]
fn the_history_ring_wraps_around() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(CONTRACT, &HASH_OF);
    let window = HISTORY_SERVE_WINDOW as u64;
    for number in window - 2..=window + 2 {
        state.run(env(number), &[]);
    }
    let word = B256::from(U256::from(window - 1));
    state.run(
        env(window + 3),
        &[call(&alice, 0, CONTRACT, word.as_slice())],
    );
    let expected = U256::from_be_bytes(keccak256(window.to_be_bytes()).0);
    assert_eq!(state.slot(CONTRACT, 0), expected);
}

#[test]
fn the_environment_is_visible() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let opcodes = [
        op::NUMBER,
        op::TIMESTAMP,
        op::COINBASE,
        op::GASLIMIT,
        op::BASEFEE,
        op::CHAINID,
        op::DIFFICULTY,
        op::BLOBBASEFEE,
        op::GASPRICE,
    ];
    let slots = 0..u8::try_from(opcodes.len()).unwrap();
    let code: Vec<_> = slots
        .zip(opcodes)
        .flat_map(|(slot, code)| [code, op::PUSH1, slot, op::SSTORE])
        .collect();
    state.deploy(CONTRACT, &code);
    let block = env(12);
    state.run(block, &[call(&alice, 0, CONTRACT, &[])]);
    let expected = [
        U256::from(12),
        U256::from(block.timestamp),
        U256::from_be_bytes(BENEFICIARY.into_word().0),
        U256::from(30_000_000),
        U256::from(BASE_FEE),
        U256::from(CHAIN_ID),
        U256::from_be_bytes(block.prev_randao.0),
        U256::ONE,
        U256::from(u128::from(BASE_FEE) + TIP),
    ];
    for (slot, value) in expected.into_iter().enumerate() {
        assert_eq!(state.slot(CONTRACT, slot as u64), value, "slot {slot}");
    }
}

#[test]
fn osaka_opcodes_and_precompiles_are_on() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    // slot 0 = CLZ(1) (EIP-7939).
    state.deploy(
        CONTRACT,
        &[op::PUSH1, 1, op::CLZ, op::PUSH0, op::SSTORE, op::STOP],
    );
    state.run(env(1), &[call(&alice, 0, CONTRACT, &[])]);
    assert_eq!(state.slot(CONTRACT, 0), U256::from(255));
    // P256VERIFY (EIP-7951) is called at 0x100: 6,900 gas, and a plain account would cost nothing.
    let precompile = Address::with_last_byte(0);
    let precompile = Address::from_word(B256::from(U256::from(0x100)) | precompile.into_word());
    let used = state
        .run(env(2), &[call(&alice, 1, precompile, &[])])
        .gas_used;
    assert_eq!(used, 21_000 + 6_900);
}

/// An import: to the gateway, without signature and fee.
fn import(nonce: u64, input: &[u8]) -> trellis_executor::Transaction {
    let tx = alloy_consensus::TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce,
        gas_price: 0,
        gas_limit: 200_000,
        to: GATEWAY.into(),
        value: U256::ZERO,
        input: input.to_vec().into(),
    };
    let signature = alloy_primitives::Signature::new(U256::ZERO, U256::ZERO, false);
    let envelope =
        alloy_consensus::TxEnvelope::Legacy(alloy_consensus::Signed::new_unhashed(tx, signature));
    alloy_consensus::transaction::Recovered::new_unchecked(envelope, IMPORTER)
}

/// In every way of executing, between transactions that pay.
#[test]
fn the_importer_pays_no_fee() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    // Slot 0 = gas price; slot 1 = caller.
    let code = [
        op::GASPRICE,
        op::PUSH0,
        op::SSTORE,
        op::CALLER,
        op::PUSH1,
        1,
        op::SSTORE,
        op::STOP,
    ];
    state.deploy(GATEWAY, &code);
    let block = [
        import(0, b"a"),
        import(1, b"b"),
        call(&alice, 0, CONTRACT, &[]),
        call(&alice, 1, GATEWAY, &[]),
        import(2, b"c"),
    ];
    let supply = state.supply();
    let executed = state.run(env(10), &block);
    assert!(executed.receipts.iter().all(|receipt| receipt.status()));
    assert_eq!(state.slot(GATEWAY, 0), U256::ZERO);
    assert_eq!(
        state.slot(GATEWAY, 1),
        U256::from_be_bytes(IMPORTER.into_word().0)
    );
    assert_eq!(
        (state.nonce(IMPORTER), state.balance(IMPORTER)),
        (3, U256::ZERO)
    );
    let paid =
        executed.receipts[3].cumulative_gas_used() - executed.receipts[1].cumulative_gas_used();
    let burned = U256::from(paid) * U256::from(BASE_FEE);
    assert_eq!(supply - state.supply(), burned, "only others pay");
}

#[test]
fn others_without_a_fee_are_refused_as_ever() {
    let alice = signer(1);
    let state = MemoryState::genesis(&[&alice]);
    let (tx, _) = import(0, &[]).into_parts();
    let forged = alloy_consensus::transaction::Recovered::new_unchecked(tx, alice.address());
    let error = execute_block(env(10), &state, &[forged]).unwrap_err();
    assert!(error.to_string().contains("base fee"), "{error}");
}
