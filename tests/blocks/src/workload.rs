//! Generated blocks: from no conflicts at all to nothing but conflicts. The same name and size always give the same block.

use crate::{
    ArtifactError, Memory, Sample, assemble,
    senders::{CHAIN_ID, Senders},
    uniswap::{self, Pools},
};
use alloy_primitives::{Address, Bytes, U256, keccak256};
use revm::primitives::hardfork::SpecId;
use trellis_executor::{BlockEnv, ExecutionError, Setting, Transaction};

const TOKEN: Address = Address::repeat_byte(0x70);
const POOL: Address = Address::repeat_byte(0x90);
/// Accounts that trade one hot token.
const CROWD: usize = 20;

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

/// Why a generated block cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// A contract it calls cannot be had.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A transaction that prepares its state breaks a rule.
    #[error("{step}: {source}")]
    Invalid {
        /// What the transaction was for.
        step: &'static str,
        /// The rule.
        source: ExecutionError,
    },
    /// A transaction that prepares its state reverts, as it does with contracts of another version.
    #[error("{step}: a transaction reverted")]
    Failed {
        /// What the transaction was for.
        step: &'static str,
    },
}

/// A kind of generated block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Transfers between accounts that appear once.
    Transfers,
    /// Transfers of many to one.
    OneRecipient,
    /// Each transfer's recipient sends the next one.
    Chain,
    /// Token transfers between holders that appear once.
    Tokens,
    /// Token transfers among twenty holders.
    HotToken,
    /// Swaps, each in a pool of its own.
    Pools,
    /// Swaps in one pool.
    OnePool,
    /// Transfers, token transfers and swaps; three of ten meet in one pool.
    Mixed,
    /// Swaps through the published contracts of Uniswap v3, each in a pool of its own.
    Uniswap,
    /// The same in one pool.
    UniswapOnePool,
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Transfers,
        Self::OneRecipient,
        Self::Chain,
        Self::Tokens,
        Self::HotToken,
        Self::Pools,
        Self::OnePool,
        Self::Mixed,
        Self::Uniswap,
        Self::UniswapOnePool,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transfers => "transfers",
            Self::OneRecipient => "one-recipient",
            Self::Chain => "chain",
            Self::Tokens => "tokens",
            Self::HotToken => "hot-token",
            Self::Pools => "pools",
            Self::OnePool => "one-pool",
            Self::Mixed => "mixed",
            Self::Uniswap => "uniswap",
            Self::UniswapOnePool => "uniswap-one-pool",
        }
    }

    /// The workload of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|workload| workload.name() == name)
    }

    /// Whether it needs contracts from npm packages, those of `tests/clients` unless `TRELLIS_NODE_MODULES` names others.
    pub const fn needs_packages(self) -> bool {
        matches!(self, Self::Uniswap | Self::UniswapOnePool)
    }

    /// A block of it with `count` transactions.
    ///
    /// # Errors
    /// [`WorkloadError`], only if it [needs packages](Self::needs_packages).
    pub fn block(self, count: usize) -> Result<Sample, WorkloadError> {
        let add: fn(&mut Maker, usize) = match self {
            Self::Transfers => |maker, index| maker.pay(person(2 * index), person(2 * index + 1)),
            Self::OneRecipient => |maker, index| maker.pay(person(2 * index), person(1)),
            Self::Chain => |maker, index| maker.pay(person(index), person(index + 1)),
            Self::Tokens => |maker, index| maker.token(person(2 * index), person(2 * index + 1)),
            Self::HotToken => |maker, index| {
                let (from, to) = (index % CROWD, (index * 7 + 3) % CROWD);
                maker.token(person(from), person(to));
            },
            Self::Pools => |maker, index| maker.swap(person(2 * index), own_pool(index)),
            Self::OnePool => |maker, index| maker.swap(person(2 * index), POOL),
            Self::Mixed => Maker::mixed,
            Self::Uniswap => return uniswap::block(self.name(), Pools::Own, count),
            Self::UniswapOnePool => return uniswap::block(self.name(), Pools::Shared, count),
        };
        let mut maker = Maker::new(count);
        for index in 0..count {
            add(&mut maker, index);
        }
        Ok(Sample {
            name: format!("{} {count}", self.name()),
            setting: setting(1, block_gas_limit(count)),
            transactions: maker.transactions,
            state: maker.state,
        })
    }
}

/// An address from a number, spread over all addresses.
pub(crate) fn person(number: usize) -> Address {
    Address::from_slice(&keccak256((number as u64).to_be_bytes())[..20])
}

fn own_pool(number: usize) -> Address {
    Address::from_slice(&keccak256((number as u64 | 1 << 63).to_be_bytes())[..20])
}

/// Gas limit of a block with `count` transactions.
pub(crate) fn block_gas_limit(count: usize) -> u64 {
    (count as u64 * 200_000).max(30_000_000)
}

/// A block's environment; one block takes 12 seconds.
pub(crate) fn setting(number: u64, gas_limit: u64) -> Setting {
    let env = BlockEnv {
        chain_id: CHAIN_ID,
        number,
        timestamp: 1_700_000_000 + 12 * number,
        beneficiary: Address::repeat_byte(0xfe),
        gas_limit,
        base_fee: 1_000_000_000,
        ..BlockEnv::default()
    };
    Setting::of(&env, SpecId::OSAKA)
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
        let mut maker = Self {
            state,
            transactions: Vec::with_capacity(count),
            senders: Senders::default(),
            pool: assemble(POOL_CODE),
        };
        maker.open(POOL);
        maker
    }

    fn open(&mut self, pool: Address) {
        self.state.insert(pool, U256::ZERO, 1, self.pool.clone());
        let reserve = U256::from(10_u128.pow(24));
        self.state.store(pool, U256::ZERO, reserve);
        self.state.store(pool, U256::from(1), reserve);
    }

    fn mixed(&mut self, index: usize) {
        let (from, to) = (person(2 * index), person(2 * index + 1));
        match index % 10 {
            0..=2 => self.swap(from, POOL),
            3..=5 => self.token(from, to),
            6 => self.swap(from, own_pool(index)),
            _ => self.pay(from, to),
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

    fn swap(&mut self, from: Address, pool: Address) {
        if pool != POOL {
            self.open(pool);
        }
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
