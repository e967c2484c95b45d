//! Private transfers: no signature, and a fee that somebody else pays (docs/spec/payments.md, 11.1), in every way of executing.

use crate::support::*;
use alloy_consensus::{Signed, TxEnvelope, TxLegacy, transaction::Recovered};
use alloy_primitives::{Address, Signature, U256};
use revm::bytecode::opcode as op;
use trellis_executor::{Transaction, execute_block};
use trellis_primitives::system::POOL;

const GAS: u64 = 200_000;
/// An account without code.
const CONTRACT: Address = Address::repeat_byte(0xcc);

/// A transfer from a sender of its own.
fn transfer(sender: u8, price: u128, input: &[u8]) -> Transaction {
    let tx = TxLegacy {
        chain_id: Some(CHAIN_ID),
        nonce: 0,
        gas_price: price,
        gas_limit: GAS,
        to: POOL.into(),
        value: U256::ZERO,
        input: input.to_vec().into(),
    };
    let unsigned = Signature::new(U256::ZERO, U256::ZERO, false);
    let envelope = TxEnvelope::Legacy(Signed::new_unhashed(tx, unsigned));
    Recovered::new_unchecked(envelope, Address::repeat_byte(sender))
}

/// A pool that stores the beneficiary's balance, and reverts if it is called without data.
fn pool() -> Vec<u8> {
    let mut code = vec![
        op::CALLDATASIZE,
        op::PUSH1,
        7,
        op::JUMPI,
        op::PUSH0,
        op::PUSH0,
        op::REVERT,
    ];
    code.extend([op::JUMPDEST, op::PUSH20]);
    code.extend(BENEFICIARY.as_slice());
    code.extend([op::BALANCE, op::CALLER, op::SSTORE, op::STOP]);
    code
}

fn state(code: &[u8]) -> MemoryState {
    let mut state = MemoryState::genesis(&[&signer(1)]);
    state.deploy(POOL, code);
    state
}

/// Whether the beneficiary's account is in the transaction's hands or not, it gets the same.
#[test]
fn the_beneficiary_is_paid_and_the_sender_is_not_charged() {
    let alice = signer(1);
    for code in [vec![op::STOP], pool()] {
        let mut state = state(&code);
        let price = u128::from(BASE_FEE) * 3;
        let block = [
            transfer(0xa1, price, b"a"),
            call(&alice, 0, CONTRACT, &[]),
            transfer(0xa2, price, b"b"),
            transfer(0xa3, price * 2, b"c"),
        ];
        let before = state.supply();
        let executed = state.run(env(10), &block);
        assert!(executed.receipts.iter().all(|receipt| receipt.status()));
        let used = |index: usize| {
            let before = index
                .checked_sub(1)
                .map(|i| executed.receipts[i].cumulative_gas_used());
            U256::from(executed.receipts[index].cumulative_gas_used() - before.unwrap_or_default())
        };
        let base = U256::from(BASE_FEE);
        let tips = (used(0) + used(2)) * base * U256::from(2) + used(3) * base * U256::from(5);
        let others = used(1) * U256::from(TIP);
        assert_eq!(state.balance(BENEFICIARY), tips + others);
        // What the transfers pay leaves the pool later; what others burn is gone.
        assert_eq!(state.supply() + used(1) * base, before + tips);
        for sender in [0xa1, 0xa2, 0xa3].map(Address::repeat_byte) {
            assert_eq!(
                (state.nonce(sender), state.balance(sender)),
                (1, U256::ZERO)
            );
        }
    }
}

#[test]
fn what_the_pool_refuses_stands_in_no_block() {
    let price = u128::from(BASE_FEE);
    let state = state(&pool());
    let refused = [transfer(0xa1, price, b"a"), transfer(0xa2, price, b"")];
    let error = execute_block(env(10), &state, &refused).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("transaction 1: private transfer: the pool refuses it"),
        "{error}"
    );
    // The same sender is the same first nullifier.
    let twice = [transfer(0xa1, price, b"a"), transfer(0xa1, price, b"b")];
    let error = execute_block(env(10), &state, &twice).unwrap_err();
    assert!(error.to_string().contains("nonce too low"), "{error}");
    let cheap = [transfer(0xa1, price - 1, b"a")];
    let error = execute_block(env(10), &state, &cheap).unwrap_err();
    assert!(
        error.to_string().contains("less than block base fee"),
        "{error}"
    );
}

/// Only what nobody signed is a transfer.
#[test]
fn a_signed_call_of_the_pool_pays_as_ever() {
    let alice = signer(1);
    let mut state = state(&pool());
    let executed = state.run(env(10), &[call(&alice, 0, POOL, &[])]);
    assert!(
        !executed.receipts[0].status(),
        "it reverts, and is in the block"
    );
    assert!(state.balance(alice.address()) < U256::from(1_000 * ETHER));
}
