//! Value, fees and what of them shows in the state difference.

use crate::support::*;
use alloy_consensus::TxLegacy;
use alloy_primitives::{Address, U256};
use trellis_executor::{BlockExecutor, execute_block};
use trellis_primitives::{Account, Change};

const FEE: u128 = 21_000 * (BASE_FEE as u128 + TIP);

#[test]
fn value_moves_and_fees_are_paid() {
    let (alice, bob) = (signer(1), signer(2));
    let mut state = MemoryState::genesis(&[&alice, &bob]);
    let supply = state.supply();

    let executed = state.run(env(1), &[transfer(&alice, 0, bob.address(), ETHER)]);

    assert_eq!(executed.gas_used, 21_000);
    assert_eq!(
        state.balance(alice.address()),
        U256::from(999 * ETHER - FEE)
    );
    assert_eq!(state.nonce(alice.address()), 1);
    assert_eq!(state.balance(bob.address()), U256::from(1_001 * ETHER));
    assert_eq!(state.balance(BENEFICIARY), U256::from(21_000 * TIP));
    // The base fee is burnt (EIP-1559).
    assert_eq!(supply - state.supply(), U256::from(21_000 * BASE_FEE));
}

#[test]
fn a_new_account_appears_with_its_balance() {
    let (alice, new) = (signer(1), Address::repeat_byte(0x42));
    let mut state = MemoryState::genesis(&[&alice]);
    let executed = state.run(env(1), &[transfer(&alice, 0, new, 5)]);
    let created = Account {
        balance: U256::from(5),
        ..Account::default()
    };
    assert_eq!(
        executed.diff.accounts[&new],
        Change {
            before: None,
            after: Some(created)
        }
    );
    assert!(executed.diff.code.is_empty());
}

#[test]
fn touching_an_empty_account_changes_nothing() {
    let (alice, nobody) = (signer(1), Address::repeat_byte(0x43));
    let mut state = MemoryState::genesis(&[&alice]);
    // EIP-161: twice, so that the second sees what the first left.
    let transactions = [
        transfer(&alice, 0, nobody, 0),
        transfer(&alice, 1, nobody, 0),
    ];
    let executed = state.run(env(1), &transactions);
    assert!(!executed.diff.accounts.contains_key(&nobody));
}

#[test]
fn an_account_created_and_emptied_in_one_block_keeps_its_nonce() {
    let (alice, bob) = (signer(1), signer(2));
    let mut state = MemoryState::genesis(&[&alice]);
    let price = 21_000 * MAX_FEE;
    let mut all = TxLegacy {
        gas_limit: 21_000,
        ..legacy(0, alice.address())
    };
    all.value = U256::from(ETHER - price);
    let transactions = [transfer(&alice, 0, bob.address(), ETHER), sign(&bob, all)];
    let executed = state.run(env(1), &transactions);
    let kept = Account {
        nonce: 1,
        ..Account::default()
    };
    let change = Change {
        before: None,
        after: Some(kept),
    };
    assert_eq!(executed.diff.accounts[&bob.address()], change);
}

#[test]
fn one_account_in_several_roles() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    let own = transfer(&alice, 0, alice.address(), ETHER);
    state.run(env(1), &[own]);
    assert_eq!(
        state.balance(alice.address()),
        U256::from(1_000 * ETHER - FEE)
    );

    // The sender is also the fee recipient: only the base fee is lost.
    let before = state.balance(alice.address());
    let mut block = env(2);
    block.beneficiary = alice.address();
    state.run(block, &[transfer(&alice, 1, alice.address(), ETHER)]);
    assert_eq!(
        before - state.balance(alice.address()),
        U256::from(21_000 * BASE_FEE)
    );
}

/// EXE-1: who is paid the fees of a block also sends and receives in it, as miners that pay out do.
#[test]
fn the_beneficiary_sends_and_receives() {
    let (alice, bob, carol) = (signer(1), signer(2), signer(3));
    let mut state = MemoryState::genesis(&[&alice, &bob, &carol]);
    let mut block = env(1);
    block.beneficiary = alice.address();
    let executed = state.run(
        block,
        &[
            transfer(&alice, 0, bob.address(), ETHER),
            transfer(&bob, 0, alice.address(), 3 * ETHER),
            transfer(&carol, 0, bob.address(), 5),
            transfer(&alice, 1, carol.address(), 7),
        ],
    );
    assert_eq!(executed.gas_used, 84_000);
    // It gets back the tips it pays, and those of the others.
    let paid = 2 * 21_000 * u128::from(BASE_FEE);
    let tips = 2 * 21_000 * TIP;
    let balance = 1_000 * ETHER + 2 * ETHER - 7 - paid + tips;
    assert_eq!(state.balance(alice.address()), U256::from(balance));
    assert_eq!(state.nonce(alice.address()), 2);
}

#[test]
fn a_block_is_its_transactions_one_after_the_other() {
    let (alice, bob) = (signer(1), signer(2));
    let mut together = MemoryState::genesis(&[&alice, &bob]);
    let mut apart = together.clone();
    let transactions: Vec<_> = (0..20)
        .flat_map(|nonce| {
            [
                transfer(&alice, nonce, bob.address(), ETHER + u128::from(nonce)),
                transfer(&bob, nonce, alice.address(), ETHER / 2),
            ]
        })
        .collect();
    let mut genesis = env(0);
    genesis.base_fee = BASE_FEE;
    let executed = together.run(genesis, &transactions);
    for transaction in &transactions {
        apart.run(genesis, std::slice::from_ref(transaction));
    }
    assert_eq!(together, apart);
    assert_eq!(executed.gas_used, 40 * 21_000);
}

#[test]
fn nonces_and_gas_can_be_watched_while_building() {
    let (alice, bob) = (signer(1), signer(2));
    let state = MemoryState::genesis(&[&alice, &bob]);
    let mut executor = BlockExecutor::new(env(1), &state).unwrap();
    assert_eq!(executor.gas_left(), 30_000_000);
    assert_eq!(executor.nonce(alice.address()), Ok(0));
    executor
        .execute(&transfer(&alice, 0, bob.address(), 1))
        .unwrap();
    assert_eq!(executor.nonce(alice.address()), Ok(1));
    assert_eq!(executor.nonce(Address::repeat_byte(9)), Ok(0));
    assert_eq!(
        (executor.gas_used(), executor.gas_left()),
        (21_000, 29_979_000)
    );
}

#[test]
fn an_empty_genesis_block_changes_nothing() {
    let state = MemoryState::genesis(&[]);
    let executed = execute_block(env(0), &state, &[]).unwrap();
    assert!(executed.diff.is_empty());
    assert_eq!(executed.receipts_root, alloy_trie::EMPTY_ROOT_HASH);
}
