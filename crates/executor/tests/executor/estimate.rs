//! `eth_estimateGas` and `eth_createAccessList`.

use crate::{
    code::*,
    simulate::{CONTRACT, GAS_CAP, deployed, eth_call, request},
    support::*,
};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_rpc_types_eth::TransactionRequest;
use revm::bytecode::opcode as op;
use trellis_executor::{
    InvalidTransaction, execute_block,
    simulate::{CallOutcome, SimulateError, access_list, estimate_gas},
};
use trellis_primitives::Class;

fn estimate(state: &MemoryState, request: &TransactionRequest) -> Result<u64, SimulateError> {
    estimate_gas(env(5), state, request, None, None, GAS_CAP)
}

/// The estimate lets the transaction succeed in a real block, and much less does not.
fn assert_tight(state: &MemoryState, to: Option<Address>, input: &[u8], value: u64) -> u64 {
    let alice = signer(1);
    let mut request = TransactionRequest {
        from: Some(alice.address()),
        to: to.map(TxKind::Call),
        value: Some(U256::from(value)),
        ..Default::default()
    };
    request.input.input = Some(Bytes::copy_from_slice(input));
    let gas = estimate(state, &request).unwrap();
    let succeeds = |gas_limit| {
        let mut tx = dynamic(0, to.map_or(TxKind::Create, TxKind::Call));
        tx.input = Bytes::copy_from_slice(input);
        tx.value = U256::from(value);
        tx.gas_limit = gas_limit;
        let tx = sign(&alice, tx);
        execute_block(env(5), state, &[tx]).is_ok_and(|block| block.receipts[0].status())
    };
    assert!(succeeds(gas), "{gas} does not suffice");
    assert!(!succeeds(gas - gas / 50), "{gas} is far too much");
    gas
}

#[test]
fn a_plain_transfer_costs_21000() {
    let state = deployed(&[op::STOP]);
    let to = Address::repeat_byte(0x77);
    assert_eq!(assert_tight(&state, Some(to), &[], 5), 21_000);
    assert_eq!(estimate(&state, &request(to)), Ok(21_000));
    // A recipient with code is no plain transfer, though it may cost the same.
    assert!(assert_tight(&state, Some(CONTRACT), &[], 0) >= 21_000);
}

#[test]
fn estimates_are_close_above_what_is_needed() {
    // Storage, with a refund that must be paid for first.
    let mut state = deployed(&SETTER);
    for slot in 0..4 {
        state
            .storage
            .insert((CONTRACT, U256::from(slot)), U256::from(1));
    }
    assert_tight(&state, Some(CONTRACT), &set(9, 9), 0);
    assert_tight(&state, Some(CONTRACT), &set(1, 0), 0);
    // Creation.
    assert_tight(
        &state,
        None,
        &deployer(&store(&[(1, 1), (2, 2)]), &SETTER),
        0,
    );
    // Calldata bound by its floor (EIP-7623).
    assert_tight(&state, Some(Address::repeat_byte(0x77)), &[1; 500], 0);
}

#[test]
fn call_chains_keep_their_64th() {
    // Each contract calls the next with all gas and reverts if that fails; the last one writes three slots.
    let mut state = deployed(&[]);
    let link = |next: Address| {
        let head = [
            op::PUSH0,
            op::PUSH0,
            op::PUSH0,
            op::PUSH0,
            op::PUSH0,
            op::PUSH20,
        ];
        let tail = [
            op::GAS,
            op::CALL,
            op::PUSH1,
            34,
            op::JUMPI,
            op::PUSH0,
            op::PUSH0,
            op::REVERT,
            op::JUMPDEST,
            op::STOP,
        ];
        [&head[..], next.as_slice(), &tail].concat()
    };
    let chain: Vec<_> = (1..=10).map(Address::repeat_byte).collect();
    for pair in chain.windows(2) {
        state.deploy(pair[0], &link(pair[1]));
    }
    state.deploy(
        chain[9],
        &[&store(&[(1, 1), (2, 2), (3, 3)])[..], &[op::STOP]].concat(),
    );
    assert_tight(&state, Some(chain[0]), &[], 0);
}

#[test]
fn an_estimate_that_cannot_be_says_why() {
    let alice = Some(signer(1).address());
    let state = deployed(&reverting());
    let error = estimate(&state, &request(CONTRACT)).unwrap_err();
    assert_eq!(error.to_string(), "execution reverted: no");
    assert!(!error.revert_data().unwrap().is_empty());
    assert_eq!(error.class(), Class::Invalid);

    let state = deployed(&[op::INVALID]);
    assert!(matches!(
        estimate(&state, &request(CONTRACT)),
        Err(SimulateError::Halted { .. })
    ));

    // An endless loop needs more than any transaction may have (EIP-7825), whatever the block's limit.
    let state = deployed(&[op::JUMPDEST, op::PUSH0, op::JUMP]);
    let expected = SimulateError::GasRequired { allowance: 1 << 24 };
    assert_eq!(estimate(&state, &request(CONTRACT)), Err(expected.clone()));
    assert_eq!(
        expected.to_string(),
        "gas required exceeds allowance (16777216)"
    );
    let limited = TransactionRequest {
        gas: Some(100_000),
        ..request(CONTRACT)
    };
    let expected = SimulateError::GasRequired { allowance: 100_000 };
    assert_eq!(estimate(&state, &limited), Err(expected));

    // With a price, the balance is the bound.
    let poor = Address::repeat_byte(0x90);
    let mut state = deployed(&SETTER);
    state.fund(poor, 30_000 * MAX_FEE);
    let mut priced = TransactionRequest {
        from: Some(poor),
        gas_price: Some(MAX_FEE),
        ..request(CONTRACT)
    };
    priced.input.input = Some(set(1, 1).into());
    let expected = SimulateError::GasRequired { allowance: 30_000 };
    assert_eq!(estimate(&state, &priced), Err(expected));
    let value = U256::from(2_000 * ETHER);
    let broke = TransactionRequest {
        from: alice,
        value: Some(value),
        ..request(CONTRACT)
    };
    let balance = U256::from(1_000 * ETHER);
    let rule = InvalidTransaction::InsufficientFunds {
        balance,
        cost: value,
    };
    assert_eq!(estimate(&state, &broke), Err(rule.into()));
}

#[test]
fn an_access_list_names_what_else_is_touched() {
    // Reads its slot 3 and the balance of another account; its own address and the precompiles are left out.
    let other = Address::repeat_byte(0x88);
    let code = [
        &[op::PUSH1, 3, op::SLOAD, op::PUSH20][..],
        other.as_slice(),
        &[op::BALANCE, op::PUSH1, 4, op::BALANCE, op::STOP],
    ]
    .concat();
    let state = deployed(&code);
    let found = access_list(env(5), &state, &request(CONTRACT), None, None, GAS_CAP).unwrap();
    let slot = B256::from(U256::from(3));
    let expected = AccessList(vec![
        AccessListItem {
            address: other,
            storage_keys: vec![],
        },
        AccessListItem {
            address: CONTRACT,
            storage_keys: vec![slot],
        },
    ]);
    assert_eq!(found.access_list, expected);
    assert_eq!(found.error, None);
    // The gas is that of a call which declares the list.
    let listed = TransactionRequest {
        access_list: Some(expected),
        ..request(CONTRACT)
    };
    let Ok(CallOutcome::Success { gas_used, .. }) = eth_call(&state, &listed) else {
        panic!()
    };
    assert_eq!(found.gas_used, gas_used);

    let state = deployed(&reverting());
    let failing = access_list(env(5), &state, &request(CONTRACT), None, None, GAS_CAP).unwrap();
    assert_eq!(failing.error.as_deref(), Some("execution reverted: no"));
}
