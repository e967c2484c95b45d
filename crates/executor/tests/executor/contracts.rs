//! Creation, storage and self-destruction.

use crate::{code::*, support::*};
use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, U256, keccak256};
use revm::bytecode::opcode as op;
use trellis_primitives::{Account, Change};

const FACTORY_AT: Address = Address::repeat_byte(0xfa);

/// Code: destroys itself in favour of the caller.
const DESTROY: [u8; 2] = [op::CALLER, op::SELFDESTRUCT];

#[test]
fn a_creation_stores_code_and_slots() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let initcode = deployer(&store(&[(1, 11), (2, 22), (3, 0)]), &SETTER);
    let executed = state.run(env(1), &[create(&alice, 0, &initcode)]);

    let contract = alice.address().create(0);
    assert!(executed.receipts[0].status());
    let created = Account {
        nonce: 1,
        code_hash: keccak256(SETTER),
        ..Account::default()
    };
    assert_eq!(
        executed.diff.accounts[&contract],
        Change {
            before: None,
            after: Some(created)
        }
    );
    let code: Vec<_> = executed.diff.code.values().cloned().collect();
    assert_eq!(code, [Bytes::from_static(&SETTER)]);
    assert_eq!(
        (state.slot(contract, 1), state.slot(contract, 2)),
        (U256::from(11), U256::from(22))
    );
    // A zero written over nothing is no change.
    assert!(
        !executed
            .diff
            .storage
            .contains_key(&(contract, U256::from(3)))
    );
}

#[test]
fn storage_is_written_zeroed_and_restored() {
    let alice = signer(1);
    let contract = Address::repeat_byte(0xcc);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(contract, &SETTER);
    state
        .storage
        .insert((contract, U256::from(1)), U256::from(10));
    state
        .storage
        .insert((contract, U256::from(2)), U256::from(20));
    let transactions = [
        call(&alice, 0, contract, &set(1, 0)),
        call(&alice, 1, contract, &set(2, 99)),
        call(&alice, 2, contract, &set(2, 20)),
        call(&alice, 3, contract, &set(3, 30)),
        call(&alice, 4, contract, &set(4, 40)),
        call(&alice, 5, contract, &set(4, 0)),
    ];
    let executed = state.run(env(1), &transactions);

    let changes: Vec<_> = executed
        .diff
        .storage
        .iter()
        .filter(|((address, _), _)| *address == contract)
        .map(|((_, slot), change)| (slot.to::<u64>(), change.before.to(), change.after.to()))
        .collect();
    // Slot 2 is back where it was and slot 4 never was: both are left out.
    assert_eq!(changes, [(1, 10_u64, 0_u64), (3, 0, 30)]);
    assert!(!executed.diff.accounts.contains_key(&contract));
}

#[test]
fn create2_in_one_block_runs_in_the_next_transaction() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(FACTORY_AT, &FACTORY);
    let initcode = deployer(&[], &SETTER);
    let child = created2(FACTORY_AT, &initcode);
    let transactions = [
        call(&alice, 0, FACTORY_AT, &initcode),
        call(&alice, 1, child, &set(5, 55)),
    ];
    let executed = state.run(env(1), &transactions);
    assert_eq!(state.slot(child, 5), U256::from(55));
    assert_eq!(state.nonce(FACTORY_AT), 2);
    assert_eq!(executed.diff.code.len(), 1);

    // Again: a collision (EIP-684), so the factory stores zero and the child stays.
    let again = call(&alice, 2, FACTORY_AT, &initcode);
    state.run(env(2), &[again]);
    assert_eq!(state.slot(FACTORY_AT, 0), U256::ZERO);
    assert_eq!(state.slot(child, 5), U256::from(55));
}

#[test]
fn a_contract_destroyed_where_it_was_created_is_gone() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(FACTORY_AT, &FACTORY);
    // Initcode that stores and destroys itself before it has code (EIP-6780).
    let initcode = [&store(&[(1, 1)])[..], &DESTROY].concat();
    let child = created2(FACTORY_AT, &initcode);
    let funded = |nonce| {
        let input = Bytes::from(initcode.clone());
        sign(
            &alice,
            TxEip1559 {
                input,
                value: U256::from(7),
                ..dynamic(nonce, FACTORY_AT)
            },
        )
    };
    // Twice: the address is free again, and its storage reads zero.
    let executed = state.run(env(1), &[funded(0), funded(1)]);
    assert!(executed.receipts.iter().all(|receipt| receipt.status()));
    assert!(!executed.diff.accounts.contains_key(&child));
    assert!(
        executed
            .diff
            .storage
            .keys()
            .all(|(address, _)| *address != child)
    );
    assert!(executed.diff.code.is_empty());
    // The factory called, so it was paid back.
    assert_eq!(state.balance(FACTORY_AT), U256::from(14));
    // Value sent there afterwards makes a plain account.
    state.run(env(2), &[transfer(&alice, 2, child, 3)]);
    let plain = Account {
        balance: U256::from(3),
        ..Account::default()
    };
    assert_eq!(state.accounts[&child], plain);
}

#[test]
fn slots_set_at_creation_can_be_cleared_in_the_block() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(FACTORY_AT, &FACTORY);
    let initcode = deployer(&store(&[(9, 9)]), &SETTER);
    let child = created2(FACTORY_AT, &initcode);
    let transactions = [
        call(&alice, 0, FACTORY_AT, &initcode),
        call(&alice, 1, child, &set(9, 0)),
        call(&alice, 2, child, &set(8, 8)),
    ];
    let executed = state.run(env(1), &transactions);
    assert_eq!(
        (state.slot(child, 9), state.slot(child, 8)),
        (U256::ZERO, U256::from(8))
    );
    assert!(!executed.diff.storage.contains_key(&(child, U256::from(9))));
}

#[test]
fn an_older_contract_survives_selfdestruct_without_its_balance() {
    let alice = signer(1);
    let contract = Address::repeat_byte(0xdd);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(contract, &DESTROY);
    state.fund(contract, ETHER);
    state
        .storage
        .insert((contract, U256::from(1)), U256::from(1));
    let supply = state.supply();

    let executed = state.run(env(1), &[call(&alice, 0, contract, &[])]);
    // EIP-6780: code, nonce and storage stay.
    assert_eq!(state.balance(contract), U256::ZERO);
    assert_eq!(state.accounts[&contract].code_hash, keccak256(DESTROY));
    assert_eq!(state.slot(contract, 1), U256::from(1));
    let burnt = U256::from(u128::from(executed.gas_used) * u128::from(BASE_FEE));
    assert_eq!(supply - state.supply(), burnt);
}

#[test]
fn a_contract_destroyed_to_itself_where_it_was_created_burns_its_balance() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let supply = state.supply();
    let mut tx = dynamic(0, alloy_primitives::TxKind::Create);
    tx.input = Bytes::from_static(&[op::ADDRESS, op::SELFDESTRUCT]);
    tx.value = U256::from(ETHER);
    let executed = state.run(env(1), &[sign(&alice, tx)]);
    let fees = U256::from(u128::from(executed.gas_used) * u128::from(BASE_FEE));
    assert_eq!(supply - state.supply(), fees + U256::from(ETHER));
    assert!(!state.accounts.contains_key(&alice.address().create(0)));
}

#[test]
fn a_creation_on_a_funded_address_keeps_the_balance() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let contract = alice.address().create(0);
    state.fund(contract, 77);
    state.run(env(1), &[create(&alice, 0, &deployer(&[], &SETTER))]);
    let account = state.accounts[&contract];
    assert_eq!((account.balance, account.nonce), (U256::from(77), 1));
}

#[test]
fn a_failed_creation_uses_the_nonce() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let executed = state.run(env(1), &[create(&alice, 0, &[op::INVALID])]);
    assert!(!executed.receipts[0].status());
    assert_eq!(state.nonce(alice.address()), 1);
    assert!(executed.diff.code.is_empty());
}

#[test]
fn code_that_starts_with_0xef_is_refused() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    // EIP-3541, also for code shaped like a delegation (EIP-7702).
    let runtime = delegation(Address::repeat_byte(1));
    let executed = state.run(env(1), &[create(&alice, 0, &deployer(&[], &runtime))]);
    assert!(!executed.receipts[0].status());
    assert!(!state.accounts.contains_key(&alice.address().create(0)));
}

#[test]
fn transient_storage_ends_with_the_transaction() {
    let alice = signer(1);
    let contract = Address::repeat_byte(0xcc);
    let mut state = MemoryState::genesis(&[&alice]);
    // slot 0 += transient 0; transient 0 = 1 (EIP-1153).
    let code = [
        op::PUSH0,
        op::TLOAD,
        op::PUSH0,
        op::SLOAD,
        op::ADD,
        op::PUSH0,
        op::SSTORE,
        op::PUSH1,
        1,
        op::PUSH0,
        op::TSTORE,
        op::STOP,
    ];
    state.deploy(contract, &code);
    state.run(
        env(1),
        &[
            call(&alice, 0, contract, &[]),
            call(&alice, 1, contract, &[]),
        ],
    );
    assert_eq!(state.slot(contract, 0), U256::ZERO);
}
