//! Overrides of state and block in simulations.

use crate::{
    simulate::{CONTRACT, GAS_CAP, deployed, request, returning, word},
    support::*,
};
use alloy_primitives::{B256, Bytes, U256};
use alloy_rpc_types_eth::{
    BlockOverrides,
    state::{AccountOverride, StateOverride},
};
use revm::bytecode::opcode as op;
use trellis_executor::simulate::{CallOutcome, SimulateError, call as simulate_call};

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
    // Blocks that are not there have no hash, even if the ring of stored ones has a slot for them.
    let mut state = deployed(&returning(&[op::PUSH0, op::CALLDATALOAD, op::BLOCKHASH]));
    state.run(env(4), &[]);
    let far = BlockOverrides {
        number: Some(U256::from(8_200)),
        ..Default::default()
    };
    let mut ask = request(CONTRACT);
    ask.input.input = Some(B256::from(U256::from(8_191 + 3)).to_vec().into());
    let outcome = simulate_call(env(5), &state, &ask, None, Some(&far), GAS_CAP);
    assert_eq!(word(outcome), U256::ZERO);
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
