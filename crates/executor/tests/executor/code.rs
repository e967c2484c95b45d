//! Short ways to write contracts.

use alloy_primitives::{Address, B256, U256, keccak256};
use revm::bytecode::opcode as op;

/// The code an account delegated to `delegate` has.
pub(crate) fn delegation(delegate: Address) -> Vec<u8> {
    [&[0xef, 0x01, 0x00], delegate.as_slice()].concat()
}

/// Code: stores each `(slot, value)`, all below 256.
pub(crate) fn store(pairs: &[(u8, u8)]) -> Vec<u8> {
    pairs
        .iter()
        .flat_map(|(slot, value)| [op::PUSH1, *value, op::PUSH1, *slot, op::SSTORE])
        .collect()
}

/// Code: returns the word on top of the stack.
pub(crate) fn return_word() -> [u8; 7] {
    [
        op::PUSH0,
        op::MSTORE,
        op::PUSH1,
        32,
        op::PUSH0,
        op::RETURN,
        op::STOP,
    ]
}

/// Code: stores the word at `calldata[32..64]` in the slot `calldata[0..32]`.
pub(crate) const SETTER: [u8; 7] = [
    op::PUSH1,
    32,
    op::CALLDATALOAD,
    op::PUSH0,
    op::CALLDATALOAD,
    op::SSTORE,
    op::STOP,
];

/// Input of [`SETTER`].
pub(crate) fn set(slot: u64, value: u64) -> Vec<u8> {
    [
        U256::from(slot).to_be_bytes::<32>(),
        U256::from(value).to_be_bytes::<32>(),
    ]
    .concat()
}

/// Code: reverts with the text `no` as `Error(string)`.
pub(crate) fn reverting() -> Vec<u8> {
    use alloy_sol_types::SolError;
    let data = alloy_sol_types::Revert::from("no").abi_encode();
    let len = u8::try_from(data.len()).expect("short");
    let head = [
        op::PUSH1,
        len,
        op::PUSH1,
        10,
        op::PUSH0,
        op::CODECOPY,
        op::PUSH1,
        len,
        op::PUSH0,
        op::REVERT,
    ];
    [&head[..], &data].concat()
}

/// Code: logs one topic, the word `calldata[0..32]`, with no data.
pub(crate) const LOGGER: [u8; 6] = [
    op::PUSH0,
    op::CALLDATALOAD,
    op::PUSH0,
    op::PUSH0,
    op::LOG1,
    op::STOP,
];

/// Initcode that deploys `runtime`, after running `first`.
pub(crate) fn deployer(first: &[u8], runtime: &[u8]) -> Vec<u8> {
    let len = u8::try_from(runtime.len()).expect("short");
    let start = u8::try_from(first.len() + 10).expect("short");
    let copy = [
        op::PUSH1,
        len,
        op::PUSH1,
        start,
        op::PUSH0,
        op::CODECOPY,
        op::PUSH1,
        len,
        op::PUSH0,
        op::RETURN,
    ];
    [first, &copy[..], runtime].concat()
}

/// Code: runs its calldata as initcode through CREATE2 with salt 0.
pub(crate) const FACTORY: [u8; 13] = [
    op::CALLDATASIZE,
    op::PUSH0,
    op::PUSH0,
    op::CALLDATACOPY, // initcode to memory
    op::PUSH0,
    op::CALLDATASIZE,
    op::PUSH0,
    op::CALLVALUE,
    op::CREATE2,
    op::PUSH0,
    op::SSTORE, // slot 0 = address
    op::STOP,
    op::STOP,
];

/// Where [`FACTORY`] at `factory` puts what `initcode` deploys.
pub(crate) fn created2(factory: Address, initcode: &[u8]) -> Address {
    factory.create2(B256::ZERO, keccak256(initcode))
}

/// Code: logs the balance of `address`, then its own.
pub(crate) fn balances_logged(address: Address) -> Vec<u8> {
    let mut code = vec![op::PUSH20];
    code.extend_from_slice(address.as_slice());
    code.extend([op::BALANCE, op::PUSH0, op::MSTORE]);
    code.extend([op::SELFBALANCE, op::PUSH1, 32, op::MSTORE]);
    code.extend([op::PUSH1, 64, op::PUSH0, op::LOG0, op::STOP]);
    code
}

/// Code: with input, pays two wei to the caller and stores how that ended; without, takes what it is sent.
pub(crate) fn purse_code() -> Vec<u8> {
    let mut code = vec![
        op::CALLDATASIZE,
        op::PUSH1,
        5,
        op::JUMPI,
        op::STOP,
        op::JUMPDEST,
    ];
    code.extend([op::PUSH0, op::PUSH0, op::PUSH0, op::PUSH0]);
    code.extend([op::PUSH1, 2, op::CALLER, op::GAS, op::CALL]);
    code.extend([op::CALLER, op::SSTORE, op::STOP]);
    code
}

/// Code: stores the hash of the block whose number is the input, under that number.
pub(crate) fn block_hash_stored() -> Vec<u8> {
    let number = [op::PUSH0, op::CALLDATALOAD];
    [
        &number[..],
        &[op::BLOCKHASH],
        &number[..],
        &[op::SSTORE, op::STOP],
    ]
    .concat()
}
