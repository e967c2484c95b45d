//! Accounts that run a contract's code as their own (EIP-7702).

use crate::{code::*, support::*};
use alloy_eips::eip7702::SignedAuthorization;
use alloy_primitives::{Address, U256, keccak256, uint};
use trellis_executor::{InvalidTransaction, TransactionError};

const DELEGATE: Address = Address::repeat_byte(0xde);

/// Order of the secp256k1 group.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

#[test]
fn a_delegation_is_set_used_replaced_and_cleared() {
    let (alice, bob) = (signer(1), signer(2));
    let mut state = MemoryState::genesis(&[&alice, &bob]);
    let other = Address::repeat_byte(0xdf);
    state.deploy(DELEGATE, &SETTER);
    state.deploy(other, &LOGGER);
    let mut first = set_code(0, bob.address(), vec![authorize(&bob, 0, DELEGATE)]);
    first.input = set(1, 10).into();

    // Set and used in one transaction; the code runs on Bob's own storage.
    let executed = state.run(env(1), &[sign(&alice, first)]);
    assert_eq!(
        state.accounts[&bob.address()].code_hash,
        keccak256(delegation(DELEGATE))
    );
    assert_eq!(state.nonce(bob.address()), 1);
    assert_eq!(state.slot(bob.address(), 1), U256::from(10));
    assert_eq!(executed.diff.code.len(), 1);

    // Replaced within a block: earlier slots stay.
    let replace = set_code(1, bob.address(), vec![authorize(&bob, 1, other)]);
    let executed = state.run(env(2), &[sign(&alice, replace)]);
    assert_eq!(executed.receipts[0].logs().len(), 1);
    assert_eq!(
        state.accounts[&bob.address()].code_hash,
        keccak256(delegation(other))
    );
    assert_eq!(state.slot(bob.address(), 1), U256::from(10));

    // Cleared: a plain account again, which keeps its storage.
    let clear = set_code(2, Address::ZERO, vec![authorize(&bob, 2, Address::ZERO)]);
    let executed = state.run(
        env(3),
        &[
            sign(&alice, clear),
            call(&alice, 3, bob.address(), &set(1, 5)),
        ],
    );
    assert!(!state.accounts[&bob.address()].has_code());
    assert_eq!(state.nonce(bob.address()), 3);
    assert_eq!(state.slot(bob.address(), 1), U256::from(10));
    assert!(executed.diff.code.is_empty());
}

#[test]
fn a_delegation_set_and_cleared_in_one_block_leaves_a_nonce() {
    let (alice, bob) = (signer(1), signer(2));
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(DELEGATE, &SETTER);
    let mut set_and_use = set_code(0, bob.address(), vec![authorize(&bob, 0, DELEGATE)]);
    set_and_use.input = set(1, 10).into();
    let clear = set_code(1, Address::ZERO, vec![authorize(&bob, 1, Address::ZERO)]);
    let executed = state.run(env(1), &[sign(&alice, set_and_use), sign(&alice, clear)]);
    assert!(executed.diff.code.is_empty());
    assert_eq!(state.nonce(bob.address()), 2);
    assert!(!state.accounts[&bob.address()].has_code());
    // The slot was written while it could be.
    assert_eq!(state.slot(bob.address(), 1), U256::from(10));
}

#[test]
fn a_sender_may_authorize_itself() {
    let alice = signer(1);
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(DELEGATE, &SETTER);
    // Its nonce is used by the transaction first, then by the authorization.
    let own = set_code(0, Address::ZERO, vec![authorize(&alice, 1, DELEGATE)]);
    state.run(env(1), &[sign(&alice, own)]);
    assert_eq!(state.nonce(alice.address()), 2);
    assert!(state.accounts[&alice.address()].has_code());
    // A delegated account still sends (EIP-3607 excepts delegations).
    state.run(env(2), &[transfer(&alice, 2, DELEGATE, 1)]);
    assert_eq!(state.nonce(alice.address()), 3);
}

#[test]
fn an_account_that_exists_pays_less() {
    let (alice, bob, new) = (signer(1), signer(2), signer(3));
    let mut state = MemoryState::genesis(&[&alice, &bob]);
    state.deploy(DELEGATE, &SETTER);
    let gas = |state: &mut MemoryState, nonce, authority| {
        let tx = set_code(
            nonce,
            Address::ZERO,
            vec![authorize(authority, 0, DELEGATE)],
        );
        state.run(env(1), &[sign(&alice, tx)]).gas_used
    };
    // 25,000 per authorization; half is refunded for an account that exists, up to a fifth of the whole.
    assert_eq!(gas(&mut state, 0, &new), 46_000);
    assert_eq!(gas(&mut state, 1, &bob), 46_000 - 46_000 / 5);
}

#[test]
fn touching_an_absent_account_earlier_in_the_block_earns_no_refund() {
    let (alice, new) = (signer(1), signer(3));
    let mut state = MemoryState::genesis(&[&alice]);
    state.deploy(DELEGATE, &SETTER);
    let touch = transfer(&alice, 0, new.address(), 0);
    let tx = set_code(1, Address::ZERO, vec![authorize(&new, 0, DELEGATE)]);
    let executed = state.run(env(1), &[touch, sign(&alice, tx)]);
    assert_eq!(executed.gas_used, 21_000 + 46_000);
}

#[test]
fn authorizations_that_do_not_hold_are_skipped() {
    let (alice, bob) = (signer(1), signer(2));
    let mut state = MemoryState::genesis(&[&alice, &bob]);
    state.deploy(DELEGATE, &SETTER);
    let good = authorize(&bob, 0, DELEGATE);
    // The other signature for the same key: s above half the order is not accepted.
    let high_s = SignedAuthorization::new_unchecked(
        good.inner().clone(),
        1 - good.y_parity(),
        good.r(),
        ORDER - good.s(),
    );
    let wrong_nonce = authorize(&bob, 1, DELEGATE);
    let mut elsewhere = good.inner().clone();
    elsewhere.chain_id = U256::from(CHAIN_ID + 1);
    let elsewhere = SignedAuthorization::new_unchecked(elsewhere, 0, U256::ONE, U256::ONE);
    let garbage =
        SignedAuthorization::new_unchecked(good.inner().clone(), 9, U256::MAX, U256::ZERO);
    for (nonce, bad) in [high_s, wrong_nonce, elsewhere, garbage]
        .into_iter()
        .enumerate()
    {
        let tx = set_code(nonce as u64, Address::ZERO, vec![bad]);
        let executed = state.run(env(1), &[sign(&alice, tx)]);
        assert!(executed.receipts[0].status());
        assert_eq!(state.nonce(bob.address()), 0, "authorization {nonce}");
        assert!(
            !state.accounts[&bob.address()].has_code(),
            "authorization {nonce}"
        );
    }
}

#[test]
fn a_delegated_account_can_be_drained_before_its_own_transaction() {
    let (alice, bob) = (signer(1), signer(2));
    let mut state = MemoryState::genesis(&[&alice, &bob]);
    // Sends all it has to the caller.
    use revm::bytecode::opcode as op;
    let drain = [
        op::PUSH0,
        op::PUSH0,
        op::PUSH0,
        op::PUSH0,
        op::SELFBALANCE,
        op::CALLER,
        op::GAS,
        op::CALL,
        op::STOP,
    ];
    state.deploy(DELEGATE, &drain);
    let tx = sign(
        &alice,
        set_code(0, bob.address(), vec![authorize(&bob, 0, DELEGATE)]),
    );
    let mut executor = trellis_executor::BlockExecutor::new(env(1), &state).unwrap();
    executor.execute(&tx).unwrap();
    let error = executor
        .execute(&transfer(&bob, 1, alice.address(), 1))
        .unwrap_err();
    assert!(matches!(
        error,
        TransactionError::Invalid(InvalidTransaction::InsufficientFunds {
            balance: U256::ZERO,
            ..
        })
    ));
}

#[test]
fn a_delegated_sender_that_creates_moves_its_nonce() {
    let (alice, bob) = (signer(1), signer(2));
    let mut state = MemoryState::genesis(&[&alice, &bob]);
    use revm::bytecode::opcode as op;
    state.deploy(
        DELEGATE,
        &[op::PUSH0, op::PUSH0, op::PUSH0, op::CREATE, op::STOP],
    );
    let tx = sign(
        &alice,
        set_code(0, bob.address(), vec![authorize(&bob, 0, DELEGATE)]),
    );
    state.run(env(1), &[tx]);
    // One for the authorization, one for the creation.
    assert_eq!(state.nonce(bob.address()), 2);
    state.run(env(2), &[transfer(&bob, 2, alice.address(), 1)]);
}
