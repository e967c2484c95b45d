use super::*;
use crate::testing::{BALANCE, NOBODY, address, bare_genesis, leader, no_state, spec};
use alloy_primitives::b256;
use commonware_cryptography::Digestible as _;

#[test]
fn the_genesis_block_is_a_function_of_the_spec() {
    let block = bare_genesis(&spec());
    assert_eq!(block.hash(), bare_genesis(&spec()).hash());
    let header = block.header();
    assert_eq!(header.number, 0);
    assert_eq!(header.parent_hash, spec().identity());
    assert_eq!(header.gas_limit, spec().gas_limit);
    assert_eq!(header.gas_used, 0);
    assert_eq!(header.base_fee_per_gas, Some(1_000_000_000));
    assert_eq!(header.timestamp, spec().timestamp_ms / 1_000);
    assert_eq!(header.receipts_root, rules::EMPTY_ROOT);
    assert_eq!(header.transactions_root, rules::EMPTY_ROOT);
    assert_eq!(header.state_root, no_state().root());
    assert_eq!(block.extension().timestamp_ms, spec().timestamp_ms);
    assert_eq!(block.extension().module, spec().id);
    assert!(block.transactions().is_empty());
    assert_eq!(digest(block.hash()), block.digest());
}

#[test]
fn the_genesis_block_binds_the_committed_state() {
    let mut state = no_state();
    state.accounts.root = B256::repeat_byte(1);
    let other = block(&spec(), state, leader()).unwrap();
    assert_ne!(other.hash(), bare_genesis(&spec()).hash());
}

/// Addresses and code are those of every other chain, so that tools find what they expect.
#[test]
fn predeploys_are_the_well_known_ones() {
    let hashes: Vec<_> = predeploys(&spec())
        .into_iter()
        .map(|(_, address, code)| (address, keccak256(code)))
        .collect();
    let known = [
        (
            address!("0x0000F90827F1C53a10cb7A02335B175320002935"),
            keccak256(&HISTORY_STORAGE_CODE),
        ),
        (
            address!("0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02"),
            keccak256(&BEACON_ROOTS_CODE),
        ),
        (GATEWAY, keccak256(gateway::code())),
        (
            address!("0x4e59b44847b379578588920cA78FbF26c0B4956C"),
            b256!("0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"),
        ),
        (
            address!("0xcA11bde05977b3631167028862bE2a173976CA11"),
            b256!("0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891"),
        ),
    ];
    assert_eq!(hashes, known);
}

#[test]
fn the_state_holds_allocations_and_predeploys() {
    let state = state(&spec());
    // The gateway knows the network: how many modules, and the chain id of the first.
    let [(slot, value)] = gateway::genesis_storage(spec().modules, spec().first_chain_id());
    assert_eq!(state.storage.len(), 1);
    assert_eq!(state.storage[&(GATEWAY, slot)].after, value);
    let holder = state.accounts[&GATEWAY].after.unwrap();
    assert_eq!(holder.balance, gateway::RESERVE);
    for index in 0..spec().alloc.len() {
        let account = state.accounts[&address(u8::try_from(index).unwrap())]
            .after
            .unwrap();
        let expected = Account {
            balance: BALANCE,
            ..Account::default()
        };
        assert_eq!(account, expected);
    }
    for (name, address, code) in predeploys(&spec()) {
        let account = state.accounts[&address].after.unwrap();
        assert_eq!(account.nonce, 1, "{name}");
        assert_eq!(state.code[&account.code_hash], code, "{name}");
    }
    let count = spec().alloc.len() + predeploys(&spec()).len();
    assert_eq!(state.accounts.len(), count);
    assert!(
        state
            .accounts
            .values()
            .all(|change| change.before.is_none())
    );
}

#[test]
fn allocations_to_one_address_add_up() {
    let mut spec = spec();
    let give = |address, balance| crate::Allocation {
        address,
        balance: U256::from(balance),
    };
    spec.alloc = vec![give(NOBODY, 1), give(MULTICALL3, 5), give(NOBODY, 2)];
    let state = state(&spec);
    assert_eq!(
        state.accounts[&NOBODY].after.unwrap().balance,
        U256::from(3)
    );
    let multicall = state.accounts[&MULTICALL3].after.unwrap();
    assert_eq!(multicall.balance, U256::from(5));
    assert!(multicall.has_code());
}
