//! `eth_call`, in the words and numbers clients expect of geth.

use crate::{code::*, support::*};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rpc_types_eth::{
    TransactionRequest,
    state::{AccountOverride, StateOverride},
};
use revm::bytecode::opcode as op;
use trellis_executor::{
    InvalidTransaction, StaticError,
    simulate::{CallOutcome, SimulateError, call as simulate_call},
};
use trellis_primitives::{Class, StateError};

pub(crate) const CONTRACT: Address = Address::repeat_byte(0xcc);
pub(crate) const GAS_CAP: u64 = 50_000_000;

pub(crate) fn request(to: Address) -> TransactionRequest {
    TransactionRequest {
        to: Some(to.into()),
        ..TransactionRequest::default()
    }
}

pub(crate) fn deployed(code: &[u8]) -> MemoryState {
    let mut state = MemoryState::genesis(&[&signer(1)]);
    state.deploy(CONTRACT, code);
    state
}

pub(crate) fn eth_call(
    state: &MemoryState,
    request: &TransactionRequest,
) -> Result<CallOutcome, SimulateError> {
    simulate_call(env(5), state, request, None, None, GAS_CAP)
}

/// The word a call returns.
pub(crate) fn word(outcome: Result<CallOutcome, SimulateError>) -> U256 {
    match outcome {
        Ok(CallOutcome::Success { output, .. }) => U256::from_be_slice(&output),
        other => panic!("{other:?}"),
    }
}

/// Code that returns the result of `code`.
pub(crate) fn returning(code: &[u8]) -> Vec<u8> {
    [code, &return_word()].concat()
}

#[test]
fn a_call_returns_and_changes_nothing() {
    let state = deployed(&returning(&[
        op::PUSH0,
        op::CALLDATALOAD,
        op::PUSH1,
        1,
        op::ADD,
    ]));
    let mut add = request(CONTRACT);
    add.input.data = Some(Bytes::copy_from_slice(&U256::from(41).to_be_bytes::<32>()));
    let before = state.clone();
    assert_eq!(word(eth_call(&state, &add)), U256::from(42));
    assert_eq!(state, before);
    // Both spellings of the input, as some libraries send it.
    add.input.input = add.input.data.clone();
    assert_eq!(word(eth_call(&state, &add)), U256::from(42));
    add.input.input = Some(Bytes::new());
    assert!(matches!(
        eth_call(&state, &add),
        Err(SimulateError::Request(_))
    ));
}

#[test]
fn a_creation_returns_its_code() {
    let state = deployed(&[]);
    let mut creation = TransactionRequest {
        from: Some(signer(1).address()),
        ..Default::default()
    };
    creation.input.input = Some(deployer(&[], &SETTER).into());
    let Ok(CallOutcome::Success { output, .. }) = eth_call(&state, &creation) else {
        panic!()
    };
    assert_eq!(output.as_ref(), SETTER);
}

#[test]
fn reverts_and_halts_are_outcomes() {
    let state = deployed(&reverting());
    let Ok(CallOutcome::Reverted { output, gas_used }) = eth_call(&state, &request(CONTRACT))
    else {
        panic!()
    };
    assert_eq!(
        trellis_executor::simulate::revert_reason(&output).as_deref(),
        Some("no")
    );
    assert!(gas_used > 21_000 && gas_used < 22_000);
    let error = SimulateError::Reverted {
        output: output.clone(),
    };
    assert_eq!(error.to_string(), "execution reverted: no");
    assert_eq!(error.revert_data(), Some(&output));
    assert_eq!(
        SimulateError::Reverted {
            output: Bytes::new()
        }
        .to_string(),
        "execution reverted"
    );

    let state = deployed(&[op::INVALID]);
    let outcome = eth_call(&state, &request(CONTRACT)).unwrap();
    assert!(
        matches!(
            outcome,
            CallOutcome::Halted {
                gas_used: GAS_CAP,
                ..
            }
        ),
        "{outcome:?}"
    );
}

#[test]
fn gas_is_capped_and_otherwise_as_asked() {
    let state = deployed(&returning(&[op::GAS]));
    let left = |gas| {
        let request = TransactionRequest {
            gas,
            ..request(CONTRACT)
        };
        word(eth_call(&state, &request)).to::<u64>()
    };
    // GAS itself costs two. More than a transaction may have (EIP-7825) and more than the block (30M) are fine here.
    assert_eq!(left(None), GAS_CAP - 21_000 - 2);
    assert_eq!(left(Some(u64::MAX)), GAS_CAP - 21_000 - 2);
    assert_eq!(left(Some(40_000_000)), 40_000_000 - 21_000 - 2);
    let too_low = TransactionRequest {
        gas: Some(20_000),
        ..request(CONTRACT)
    };
    let rule = StaticError::IntrinsicGas {
        needed: 21_000,
        got: 20_000,
    };
    assert_eq!(
        eth_call(&state, &too_low),
        Err(SimulateError::Invalid(rule.into()))
    );
}

#[test]
fn without_a_price_nothing_is_paid() {
    let poor = Address::repeat_byte(0x90);
    let from = |code: &[u8]| {
        let state = deployed(&returning(code));
        let request = TransactionRequest {
            from: Some(poor),
            ..request(CONTRACT)
        };
        word(eth_call(&state, &request))
    };
    assert_eq!(from(&[op::CALLER]), U256::from_be_slice(poor.as_slice()));
    assert_eq!(from(&[op::GASPRICE]), U256::ZERO);
    assert_eq!(from(&[op::BASEFEE]), U256::ZERO);
    assert_eq!(from(&[op::CALLER, op::BALANCE]), U256::ZERO);
}

#[test]
fn with_a_price_the_rules_of_payment_hold() {
    let state = deployed(&returning(&[op::GASPRICE]));
    let rich = TransactionRequest {
        from: Some(signer(1).address()),
        ..request(CONTRACT)
    };
    let priced = TransactionRequest {
        gas_price: Some(MAX_FEE),
        ..rich.clone()
    };
    assert_eq!(word(eth_call(&state, &priced)), U256::from(MAX_FEE));
    let dynamic = TransactionRequest {
        max_fee_per_gas: Some(MAX_FEE),
        max_priority_fee_per_gas: Some(TIP),
        ..rich.clone()
    };
    assert_eq!(
        word(eth_call(&state, &dynamic)),
        U256::from(TIP + u128::from(BASE_FEE))
    );

    let cheap = TransactionRequest {
        gas_price: Some(1),
        ..rich.clone()
    };
    let rule = InvalidTransaction::FeeBelowBaseFee {
        base_fee: BASE_FEE,
        max_fee: 1,
    };
    assert_eq!(eth_call(&state, &cheap), Err(rule.into()));
    let both = TransactionRequest {
        gas_price: Some(MAX_FEE),
        ..dynamic.clone()
    };
    assert!(matches!(
        eth_call(&state, &both),
        Err(SimulateError::Request(_))
    ));
    let inverted = TransactionRequest {
        max_priority_fee_per_gas: Some(MAX_FEE + 1),
        ..dynamic
    };
    let rule = StaticError::PriorityAboveMax {
        priority: MAX_FEE + 1,
        max_fee: MAX_FEE,
    };
    assert_eq!(
        eth_call(&state, &inverted),
        Err(SimulateError::Invalid(rule.into()))
    );
    // What the balance pays for is what the call gets when it does not say.
    let state = deployed(&returning(&[op::GAS]));
    let all = TransactionRequest {
        gas_price: Some(ETHER / 100),
        ..rich
    };
    assert_eq!(
        word(eth_call(&state, &all)),
        U256::from(100_000 - 21_000 - 2)
    );
    // Numbers no balance covers are refused, not overflowed.
    let absurd = TransactionRequest {
        gas_price: Some(u128::MAX),
        gas: Some(30_000),
        ..all
    };
    let error = eth_call(&state, &absurd).unwrap_err();
    assert_eq!(error.class(), Class::Invalid);
}

#[test]
fn value_must_be_covered_unless_overridden() {
    let state = deployed(&returning(&[op::CALLVALUE]));
    let poor = Address::repeat_byte(0x90);
    let value = U256::from(ETHER);
    let paying = TransactionRequest {
        from: Some(poor),
        value: Some(value),
        ..request(CONTRACT)
    };
    let rule = InvalidTransaction::InsufficientFunds {
        balance: U256::ZERO,
        cost: value,
    };
    assert_eq!(eth_call(&state, &paying), Err(rule.into()));
    let overrides =
        StateOverride::from_iter([(poor, AccountOverride::default().with_balance(value))]);
    let outcome = simulate_call(env(5), &state, &paying, Some(&overrides), None, GAS_CAP);
    assert_eq!(word(outcome), value);
}

#[test]
fn nonce_and_sender_code_do_not_matter() {
    let state = deployed(&returning(&[op::CALLER]));
    let own = TransactionRequest {
        from: Some(CONTRACT),
        nonce: Some(77),
        ..request(CONTRACT)
    };
    assert_eq!(
        word(eth_call(&state, &own)),
        U256::from_be_slice(CONTRACT.as_slice())
    );
    let last = TransactionRequest {
        nonce: Some(u64::MAX),
        ..own
    };
    assert_eq!(
        word(eth_call(&state, &last)),
        U256::from_be_slice(CONTRACT.as_slice())
    );
}

#[test]
fn what_trellis_has_not_is_refused() {
    let state = deployed(&[]);
    let blob = TransactionRequest {
        max_fee_per_blob_gas: Some(1),
        ..request(CONTRACT)
    };
    let error = eth_call(&state, &blob).unwrap_err();
    assert_eq!(error, SimulateError::Invalid(StaticError::Blob.into()));
    let elsewhere = TransactionRequest {
        chain_id: Some(1),
        ..request(CONTRACT)
    };
    let rule = StaticError::ChainId {
        expected: CHAIN_ID,
        got: 1,
    };
    assert_eq!(
        eth_call(&state, &elsewhere),
        Err(SimulateError::Invalid(rule.into()))
    );
    let creation = TransactionRequest {
        authorization_list: Some(vec![authorize(&signer(2), 0, CONTRACT)]),
        ..Default::default()
    };
    assert!(matches!(
        eth_call(&state, &creation),
        Err(SimulateError::Request(_))
    ));
    let empty = TransactionRequest {
        authorization_list: Some(vec![]),
        ..request(CONTRACT)
    };
    let rule = StaticError::EmptyAuthorizations;
    assert_eq!(
        eth_call(&state, &empty),
        Err(SimulateError::Invalid(rule.into()))
    );
}

#[test]
fn authorizations_and_access_lists_take_effect() {
    let mut state = deployed(&returning(&[op::ADDRESS]));
    let bob = signer(2);
    let delegated = TransactionRequest {
        from: Some(signer(1).address()),
        authorization_list: Some(vec![authorize(&bob, 0, CONTRACT)]),
        ..request(bob.address())
    };
    let expected = U256::from_be_slice(bob.address().as_slice());
    assert_eq!(word(eth_call(&state, &delegated)), expected);

    state.deploy(CONTRACT, &[op::PUSH0, op::SLOAD, op::STOP]);
    let gas = |request: &TransactionRequest| match eth_call(&state, request) {
        Ok(CallOutcome::Success { gas_used, .. }) => gas_used,
        other => panic!("{other:?}"),
    };
    let plain = request(CONTRACT);
    let item = AccessListItem {
        address: CONTRACT,
        storage_keys: vec![B256::ZERO],
    };
    let listed = TransactionRequest {
        access_list: Some(AccessList(vec![item])),
        ..plain.clone()
    };
    assert_eq!(gas(&listed), gas(&plain) + 2_400 + 1_900 - 2_000);
}

#[test]
fn unreadable_state_is_no_outcome() {
    let state = deployed(&[op::PUSH0, op::SLOAD]);
    let reader = Fetching::new(&state);
    let mut pending = 0;
    loop {
        match simulate_call(env(5), &reader, &request(CONTRACT), None, None, GAS_CAP) {
            Ok(outcome) => {
                assert!(matches!(outcome, CallOutcome::Success { .. }));
                break;
            }
            Err(error) => {
                assert_eq!(error, SimulateError::State(StateError::Pending));
                assert_eq!(error.class(), Class::Unavailable);
                pending += 1;
            }
        }
    }
    assert!(pending >= 4);
}
