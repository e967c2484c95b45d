//! `eth_call`, `eth_estimateGas` and `eth_createAccessList`, in the words and numbers clients expect of geth.

use crate::support::*;
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use alloy_rpc_types_eth::{
    BlockOverrides, TransactionRequest,
    state::{AccountOverride, StateOverride},
};
use revm::bytecode::opcode as op;
use trellis_executor::{
    InvalidTransaction, StaticError, execute_block,
    simulate::{CallOutcome, SimulateError, access_list, call as simulate_call, estimate_gas},
};
use trellis_primitives::{Class, StateError};

const CONTRACT: Address = Address::repeat_byte(0xcc);
const GAS_CAP: u64 = 50_000_000;

fn request(to: Address) -> TransactionRequest {
    TransactionRequest {
        to: Some(to.into()),
        ..TransactionRequest::default()
    }
}

fn deployed(code: &[u8]) -> MemoryState {
    let mut state = MemoryState::genesis(&[&signer(1)]);
    state.deploy(CONTRACT, code);
    state
}

fn eth_call(
    state: &MemoryState,
    request: &TransactionRequest,
) -> Result<CallOutcome, SimulateError> {
    simulate_call(env(5), state, request, None, None, GAS_CAP)
}

/// The word a call returns.
fn word(outcome: Result<CallOutcome, SimulateError>) -> U256 {
    match outcome {
        Ok(CallOutcome::Success { output, .. }) => U256::from_be_slice(&output),
        other => panic!("{other:?}"),
    }
}

/// Code that returns the result of `code`.
fn returning(code: &[u8]) -> Vec<u8> {
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
fn overrides_replace_accounts_code_and_storage() {
    let mut state = deployed(&returning(&[op::PUSH0, op::CALLDATALOAD, op::SLOAD]));
    state
        .storage
        .insert((CONTRACT, U256::from(1)), U256::from(10));
    state
        .storage
        .insert((CONTRACT, U256::from(2)), U256::from(20));
    let read = |slot: u64, with: AccountOverride| {
        let mut request = request(CONTRACT);
        request.input.input = Some(Bytes::copy_from_slice(
            &U256::from(slot).to_be_bytes::<32>(),
        ));
        let overrides = StateOverride::from_iter([(CONTRACT, with)]);
        simulate_call(env(5), &state, &request, Some(&overrides), None, GAS_CAP)
    };
    let slot =
        |slot: u64, value: u64| [(B256::from(U256::from(slot)), B256::from(U256::from(value)))];
    let none = AccountOverride::default;
    assert_eq!(word(read(1, none())), U256::from(10));
    assert_eq!(
        word(read(1, none().with_state_diff(slot(1, 11)))),
        U256::from(11)
    );
    assert_eq!(
        word(read(2, none().with_state_diff(slot(1, 11)))),
        U256::from(20)
    );
    assert_eq!(
        word(read(1, none().with_state(slot(1, 11)))),
        U256::from(11)
    );
    assert_eq!(word(read(2, none().with_state(slot(1, 11)))), U256::ZERO);
    let balance = returning(&[op::SELFBALANCE]);
    let rich = none()
        .with_code(balance)
        .with_balance(U256::from(5))
        .with_nonce(9);
    assert_eq!(word(read(0, rich)), U256::from(5));
    // Code on an account that has none, and none on one that has.
    let Ok(CallOutcome::Success { output, .. }) = read(0, none().with_code(Bytes::new())) else {
        panic!()
    };
    assert!(output.is_empty());

    let both = none().with_state(slot(1, 1)).with_state_diff(slot(1, 1));
    let moved = AccountOverride {
        move_precompile_to: Some(CONTRACT),
        ..none()
    };
    let malformed = none().with_code(vec![0xef, 0x01, 0x00]);
    for bad in [both, moved, malformed] {
        let error = read(0, bad).unwrap_err();
        assert!(
            matches!(
                error,
                SimulateError::Override {
                    address: CONTRACT,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn block_overrides_are_visible() {
    let overrides = BlockOverrides {
        number: Some(U256::MAX),
        time: Some(99),
        gas_limit: Some(1_234),
        coinbase: Some(CONTRACT),
        random: Some(B256::repeat_byte(3)),
        base_fee: Some(U256::from(7)),
        ..Default::default()
    };
    let see = |code: &[u8], overrides: &BlockOverrides| {
        let state = deployed(&returning(code));
        word(simulate_call(
            env(5),
            &state,
            &request(CONTRACT),
            None,
            Some(overrides),
            GAS_CAP,
        ))
    };
    assert_eq!(see(&[op::NUMBER], &overrides), U256::MAX);
    assert_eq!(see(&[op::TIMESTAMP], &overrides), U256::from(99));
    assert_eq!(see(&[op::GASLIMIT], &overrides), U256::from(1_234));
    assert_eq!(
        see(&[op::COINBASE], &overrides),
        U256::from_be_slice(CONTRACT.as_slice())
    );
    assert_eq!(
        see(&[op::DIFFICULTY], &overrides),
        U256::from_be_bytes([3; 32])
    );
    assert_eq!(see(&[op::BASEFEE], &overrides), U256::from(7));
    let hashes = BlockOverrides {
        block_hash: Some([(3, B256::repeat_byte(9))].into()),
        ..Default::default()
    };
    assert_eq!(
        see(&[op::PUSH1, 3, op::BLOCKHASH], &hashes),
        U256::from_be_bytes([9; 32])
    );
    // The parent's hash is known without the history contract.
    let parent = U256::from_be_bytes(env(5).parent_hash.0);
    assert_eq!(
        see(&[op::PUSH1, 4, op::BLOCKHASH], &BlockOverrides::default()),
        parent
    );
    let absurd = BlockOverrides {
        base_fee: Some(U256::MAX),
        ..Default::default()
    };
    let state = deployed(&[]);
    let error = simulate_call(
        env(5),
        &state,
        &request(CONTRACT),
        None,
        Some(&absurd),
        GAS_CAP,
    );
    assert!(matches!(error, Err(SimulateError::Request(_))));
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
