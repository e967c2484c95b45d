//! OpenZeppelin's ERC-20 as people deploy it.

use crate::{ArtifactError, artifact::Packages, chain::Chain};
use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, SolValue, sol};

/// OpenZeppelin's ERC-20 of the release that Uniswap's v3-periphery is built with.
const TOKEN: &str = "@uniswap/v3-periphery/node_modules/@openzeppelin/contracts/build/contracts/ERC20PresetFixedSupply.json";

/// Deploys everything, and owns all tokens at first.
pub(crate) const PROVIDER: Address = Address::repeat_byte(0xde);

/// Whole tokens of each kind: all there are, and what a user gets.
const SUPPLY: u64 = 1_000_000_000;
const ALLOTMENT: u64 = 100;

sol! {
    function approve(address spender, uint256 amount);
    function transfer(address to, uint256 amount);
}

/// Issues tokens on a chain.
pub(crate) struct Issuer {
    /// What it issues them on.
    pub(crate) chain: Chain,
    code: Bytes,
}

impl Issuer {
    /// On a new chain, with an account of its own that has ether.
    ///
    /// # Errors
    /// [`ArtifactError`] if the token's contract is not there.
    pub(crate) fn new(packages: &Packages) -> Result<Self, ArtifactError> {
        let code = packages.creation_code(TOKEN)?;
        let mut chain = Chain::new();
        chain.fund(PROVIDER, SUPPLY);
        Ok(Self { chain, code })
    }

    /// Creates a token in the next block.
    pub(crate) fn create(&mut self) -> Address {
        let arguments = ("Token", "TKN", whole(SUPPLY), PROVIDER).abi_encode_params();
        self.chain.create(PROVIDER, &self.code, &arguments)
    }

    /// Gives a user some of a token in the next block.
    pub(crate) fn allot(&mut self, token: Address, to: Address) {
        let amount = whole(ALLOTMENT);
        let call = transferCall { to, amount };
        self.chain.call(PROVIDER, token, &call);
    }

    /// Lets `spender` spend in the next block, without a limit, as wallets do.
    pub(crate) fn approve(&mut self, owner: Address, token: Address, spender: Address) {
        let amount = U256::MAX;
        let call = approveCall { spender, amount };
        self.chain.call(owner, token, &call);
    }
}

/// Input of a transaction that sends tokens, in their smallest unit.
pub(crate) fn transfer(to: Address, amount: U256) -> Bytes {
    transferCall { to, amount }.abi_encode().into()
}

/// Whole tokens in their smallest unit: all have 18 decimals.
pub(crate) fn whole(tokens: u64) -> U256 {
    U256::from(tokens) * U256::from(10_u128.pow(18))
}
