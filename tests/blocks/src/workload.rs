//! Generated blocks: from no conflicts at all to nothing but conflicts. The same name and size always give the same block.

use crate::{ArtifactError, Sample, made_up, published, senders::CHAIN_ID};
use alloy_primitives::{Address, keccak256};
use revm::primitives::hardfork::SpecId;
use trellis_executor::{BlockEnv, ExecutionError, Setting};

/// Accounts that trade one hot token.
const CROWD: usize = 20;

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
///
/// Those that call contracts come in pairs. The contracts of one are made up: they are the cheapest of their kind, so that it
/// shows the overhead per transaction, and it needs no packages. The other does the same with published contracts, whose
/// transactions cost what they do on mainnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Transfers between accounts that appear once.
    Transfers,
    /// Transfers of many to one.
    OneRecipient,
    /// Each transfer's recipient sends the next one.
    Chain,
    /// Transfers of a made-up token between holders that appear once.
    Tokens,
    /// Transfers of a made-up token among twenty holders.
    HotToken,
    /// Swaps, each in a made-up pool of its own.
    Pools,
    /// Swaps in one made-up pool.
    OnePool,
    /// Transfers, made-up token transfers and swaps; three of ten meet in one pool.
    Mixed,
    /// [`Tokens`](Self::Tokens) with OpenZeppelin's ERC-20.
    Erc20,
    /// [`HotToken`](Self::HotToken) with OpenZeppelin's ERC-20.
    Erc20Hot,
    /// [`Pools`](Self::Pools) with Uniswap v3.
    Uniswap,
    /// [`OnePool`](Self::OnePool) with Uniswap v3.
    UniswapOnePool,
    /// [`Mixed`](Self::Mixed) with OpenZeppelin's ERC-20 and Uniswap v3.
    UniswapMixed,
}

/// What one transaction of a block does, whichever contracts it calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Sends ether.
    Pay { from: Address, to: Address },
    /// Sends some of the one token everybody has.
    Token { from: Address, to: Address },
    /// Trades in a pool; they are numbered from 0, without gaps.
    Swap { user: Address, pool: usize },
}

impl Workload {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Transfers,
        Self::OneRecipient,
        Self::Chain,
        Self::Tokens,
        Self::HotToken,
        Self::Pools,
        Self::OnePool,
        Self::Mixed,
        Self::Erc20,
        Self::Erc20Hot,
        Self::Uniswap,
        Self::UniswapOnePool,
        Self::UniswapMixed,
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
            Self::Erc20 => "erc20",
            Self::Erc20Hot => "erc20-hot",
            Self::Uniswap => "uniswap",
            Self::UniswapOnePool => "uniswap-one-pool",
            Self::UniswapMixed => "uniswap-mixed",
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
        matches!(
            self,
            Self::Erc20
                | Self::Erc20Hot
                | Self::Uniswap
                | Self::UniswapOnePool
                | Self::UniswapMixed
        )
    }

    /// A block of it with `count` transactions.
    ///
    /// # Errors
    /// [`WorkloadError`], only if it [needs packages](Self::needs_packages).
    pub fn block(self, count: usize) -> Result<Sample, WorkloadError> {
        let name = format!("{} {count}", self.name());
        let actions: Vec<Action> = (0..count).map(|index| self.action(index)).collect();
        if self.needs_packages() {
            published::block(name, &actions)
        } else {
            Ok(made_up::block(name, &actions))
        }
    }

    fn action(self, index: usize) -> Action {
        let (from, to) = (person(2 * index), person(2 * index + 1));
        match self {
            Self::Transfers => Action::Pay { from, to },
            Self::OneRecipient => Action::Pay {
                from,
                to: person(1),
            },
            Self::Chain => Action::Pay {
                from: person(index),
                to: person(index + 1),
            },
            Self::Tokens | Self::Erc20 => Action::Token { from, to },
            Self::HotToken | Self::Erc20Hot => Action::Token {
                from: person(index % CROWD),
                to: person((index * 7 + 3) % CROWD),
            },
            Self::Pools | Self::Uniswap => Action::Swap {
                user: from,
                pool: index,
            },
            Self::OnePool | Self::UniswapOnePool => Action::Swap {
                user: from,
                pool: 0,
            },
            Self::Mixed | Self::UniswapMixed => mixed(index, from, to),
        }
    }
}

/// Pool 0 is the one in which many meet.
const fn mixed(index: usize, from: Address, to: Address) -> Action {
    match index % 10 {
        0..=2 => Action::Swap {
            user: from,
            pool: 0,
        },
        3..=5 => Action::Token { from, to },
        6 => Action::Swap {
            user: from,
            pool: 1 + index / 10,
        },
        _ => Action::Pay { from, to },
    }
}

/// An address from a number, spread over all addresses.
pub(crate) fn person(number: usize) -> Address {
    Address::from_slice(&keccak256((number as u64).to_be_bytes())[..20])
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
