//! Blocks of calls to made-up contracts: the cheapest of their kind, so that the overhead per transaction shows.

use crate::{
    Memory, Sample, assemble,
    senders::Senders,
    workload::{Action, block_gas_limit, setting},
};
use alloy_primitives::{Address, Bytes, U256, keccak256};
use trellis_executor::Transaction;

const TOKEN: Address = Address::repeat_byte(0x70);

/// `transfer(address,uint256)` of a token with balances in a mapping at slot 0, and its event.
const TOKEN_CODE: &str = "
    0x00 CALLDATALOAD 0xe0 SHR 0xa9059cbb EQ @transfer JUMPI
    fail: 0x00 0x00 REVERT
    transfer:
    0x24 CALLDATALOAD                                   ; amount
    CALLER 0x00 MSTORE 0x00 0x20 MSTORE 0x40 0x00 KECCAK256
    DUP1 SLOAD DUP3 DUP2 LT @fail JUMPI                 ; the sender has it
    DUP3 SWAP1 SUB SWAP1 SSTORE
    0x04 CALLDATALOAD 0x00 MSTORE 0x40 0x00 KECCAK256
    DUP1 SLOAD DUP3 ADD SWAP1 SSTORE
    0x00 MSTORE
    0x04 CALLDATALOAD CALLER
    0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef
    0x20 0x00 LOG3
    0x01 0x00 MSTORE 0x20 0x00 RETURN";

/// Swaps the input along a constant product: reserves in slots 0 and 1, what the caller got under its address.
const POOL_CODE: &str = "
    0x00 CALLDATALOAD
    0x00 SLOAD DUP2 ADD DUP1 0x00 SSTORE
    0x01 SLOAD DUP1 DUP4 MUL DUP3 SWAP1 DIV
    DUP1 SWAP2 SUB 0x01 SSTORE
    CALLER SLOAD ADD CALLER SSTORE STOP";

/// The block that does this, and the state before it.
pub(crate) fn block(name: String, actions: &[Action]) -> Sample {
    let mut maker = Maker::new(actions.len());
    for action in actions {
        match *action {
            Action::Pay { from, to } => maker.pay(from, to),
            Action::Token { from, to } => maker.token(from, to),
            Action::Swap { user, pool } => maker.swap(user, pool),
        }
    }
    Sample {
        name,
        setting: setting(1, block_gas_limit(actions.len())),
        transactions: maker.transactions,
        state: maker.state,
    }
}

/// Where a pool is, spread over all addresses.
fn pool_address(number: usize) -> Address {
    Address::from_slice(&keccak256((number as u64 | 1 << 63).to_be_bytes())[..20])
}

/// Makes transactions, and the state they need.
struct Maker {
    state: Memory,
    transactions: Vec<Transaction>,
    senders: Senders,
    pool: Bytes,
}

impl Maker {
    fn new(count: usize) -> Self {
        let mut state = Memory::default();
        state.insert(TOKEN, U256::ZERO, 1, assemble(TOKEN_CODE));
        Self {
            state,
            transactions: Vec::with_capacity(count),
            senders: Senders::default(),
            pool: assemble(POOL_CODE),
        }
    }

    fn pay(&mut self, from: Address, to: Address) {
        self.send(from, to, 21_000, U256::from(1_000), Bytes::new());
    }

    fn token(&mut self, from: Address, to: Address) {
        let slot = |holder: Address| {
            let key = [holder.into_word().0, [0; 32]].concat();
            U256::from_be_bytes(keccak256(key).0)
        };
        let balance = U256::from(10_u128.pow(18));
        self.state.store(TOKEN, slot(from), balance);
        self.state.store(TOKEN, slot(to), balance);
        let mut input = vec![0xa9, 0x05, 0x9c, 0xbb];
        input.extend_from_slice(to.into_word().as_slice());
        input.extend_from_slice(&U256::from(5).to_be_bytes::<32>());
        self.send(from, TOKEN, 80_000, U256::ZERO, input.into());
    }

    fn swap(&mut self, from: Address, pool: usize) {
        let pool = pool_address(pool);
        self.state.insert(pool, U256::ZERO, 1, self.pool.clone());
        let reserve = U256::from(10_u128.pow(24));
        self.state.store(pool, U256::ZERO, reserve);
        self.state.store(pool, U256::from(1), reserve);
        let input = U256::from(1_000_000).to_be_bytes::<32>();
        self.send(from, pool, 90_000, U256::ZERO, input.to_vec().into());
    }

    fn send(&mut self, from: Address, to: Address, gas_limit: u64, value: U256, input: Bytes) {
        if self.senders.nonce(from) == 0 {
            let ether = U256::from(10_u128.pow(18));
            self.state.insert(from, ether, 0, Bytes::new());
        }
        let tx = self
            .senders
            .transaction(from, to.into(), gas_limit, value, input);
        self.transactions.push(tx);
    }
}
