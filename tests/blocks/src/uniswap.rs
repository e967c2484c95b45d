//! Swaps in real Uniswap v3 pools: the published contracts, set up by the transactions anyone would send.

use crate::{
    artifact::Packages,
    chain::Chain,
    token::{Issuer, PROVIDER, whole},
    workload::WorkloadError,
};
use alloy_primitives::{
    Address, Bytes, U160, U256,
    aliases::{I24, U24},
};
use alloy_sol_types::{SolCall, SolValue, sol};

const FACTORY: &str =
    "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json";
const ROUTER: &str = "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json";
const POSITIONS: &str = "@uniswap/v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json";
const WRAPPED_ETHER: &str = "@uniswap/v2-periphery/build/WETH9.json";

/// Pools take 0.3 %, in millionths.
const FEE: u64 = 3_000;
/// Ticks that pools of that fee may use are multiples of 60; these are the outermost.
const TICK_MAX: i32 = 887_220;
/// Unix time, in seconds, after every generated block.
const DEADLINE: u64 = 2_000_000_000;
/// Whole tokens of each kind in a pool.
const LIQUIDITY: u64 = 10_000;

sol! {
    function createAndInitializePoolIfNecessary(address token0, address token1, uint24 fee, uint160 sqrtPriceX96);

    struct MintParams {
        address token0;
        address token1;
        uint24 fee;
        int24 tickLower;
        int24 tickUpper;
        uint256 amount0Desired;
        uint256 amount1Desired;
        uint256 amount0Min;
        uint256 amount1Min;
        address recipient;
        uint256 deadline;
    }
    function mint(MintParams params);

    struct ExactInputSingleParams {
        address tokenIn;
        address tokenOut;
        uint24 fee;
        address recipient;
        uint256 deadline;
        uint256 amountIn;
        uint256 amountOutMinimum;
        uint160 sqrtPriceLimitX96;
    }
    function exactInputSingle(ExactInputSingleParams params);
}

/// The two tokens of a pool, in the order of their addresses.
pub(crate) type Pair = [Address; 2];

/// One user's trade.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swap {
    user: Address,
    sold: Address,
    bought: Address,
    amount: U256,
}

impl Swap {
    /// A user's trade in a pool, the `turn`th in it: directions alternate, and both sell the same amounts in the long run, so
    /// the price stays where it is.
    pub(crate) fn new(user: Address, turn: usize, pair: Pair) -> Self {
        Self {
            user,
            sold: pair[turn % 2],
            bought: pair[(turn + 1) % 2],
            amount: whole(1 + turn as u64 % 9),
        }
    }

    /// Input of the transaction to the router.
    pub(crate) fn input(&self) -> Bytes {
        self.call().abi_encode().into()
    }

    fn call(&self) -> exactInputSingleCall {
        exactInputSingleCall {
            params: ExactInputSingleParams {
                tokenIn: self.sold,
                tokenOut: self.bought,
                fee: U24::from(FEE),
                recipient: self.user,
                deadline: U256::from(DEADLINE),
                amountIn: self.amount,
                amountOutMinimum: self.amount / U256::from(2),
                sqrtPriceLimitX96: U160::ZERO,
            },
        }
    }
}

/// The contracts of Uniswap v3.
pub(crate) struct Exchange {
    router: Address,
    positions: Address,
}

impl Exchange {
    /// Deploys them.
    ///
    /// # Errors
    /// [`WorkloadError`] if they are not there, or are others than this knows.
    pub(crate) fn deploy(chain: &mut Chain, packages: &Packages) -> Result<Self, WorkloadError> {
        let factory = chain.create(PROVIDER, &packages.creation_code(FACTORY)?, &[]);
        let ether = chain.create(PROVIDER, &packages.creation_code(WRAPPED_ETHER)?, &[]);
        let arguments = (factory, ether).abi_encode_params();
        let router = chain.create(PROVIDER, &packages.creation_code(ROUTER)?, &arguments);
        // Nobody looks at the pictures of the positions, so nothing draws them.
        let arguments = (factory, ether, Address::ZERO).abi_encode_params();
        let positions = chain.create(PROVIDER, &packages.creation_code(POSITIONS)?, &arguments);
        chain.mine("deploying the exchange")?;
        Ok(Self { router, positions })
    }

    /// What users send their swaps to.
    pub(crate) const fn router(&self) -> Address {
        self.router
    }

    /// Opens pools of two new tokens each, at a price of one to one, which have liquidity and have been traded in.
    ///
    /// # Errors
    /// [`WorkloadError`] if a step fails.
    pub(crate) fn open_pools(
        &self,
        issuer: &mut Issuer,
        count: usize,
    ) -> Result<Vec<Pair>, WorkloadError> {
        let pairs: Vec<Pair> = (0..count).map(|_| create_tokens(issuer)).collect();
        issuer.chain.mine("creating tokens")?;
        for pair in &pairs {
            self.create_pool(issuer, *pair);
        }
        issuer.chain.mine("creating pools")?;
        for pair in &pairs {
            self.provide(issuer, *pair);
        }
        issuer.chain.mine("providing liquidity")?;
        // The first fees and balances fill empty slots, which costs more than all later trades. The second trade is the
        // larger one: it leaves the price off the tick it started on, as prices are.
        for [token0, token1] in pairs.iter().copied() {
            self.trade(issuer, token0, token1, 10);
            self.trade(issuer, token1, token0, 50);
        }
        issuer.chain.mine("trading for the first time")?;
        Ok(pairs)
    }

    fn create_pool(&self, issuer: &mut Issuer, [token0, token1]: Pair) {
        let call = createAndInitializePoolIfNecessaryCall {
            token0,
            token1,
            fee: U24::from(FEE),
            sqrtPriceX96: U160::from(1) << 96,
        };
        issuer.chain.call(PROVIDER, self.positions, &call);
    }

    /// Mints one position over all prices, and lets the router sell the provider's tokens.
    fn provide(&self, issuer: &mut Issuer, [token0, token1]: Pair) {
        for token in [token0, token1] {
            issuer.approve(PROVIDER, token, self.positions);
            issuer.approve(PROVIDER, token, self.router);
        }
        let tick = I24::try_from(TICK_MAX).expect("a tick is 24 bits");
        let params = MintParams {
            token0,
            token1,
            fee: U24::from(FEE),
            tickLower: -tick,
            tickUpper: tick,
            amount0Desired: whole(LIQUIDITY),
            amount1Desired: whole(LIQUIDITY),
            amount0Min: U256::ZERO,
            amount1Min: U256::ZERO,
            recipient: PROVIDER,
            deadline: U256::from(DEADLINE),
        };
        let call = mintCall { params };
        issuer.chain.call(PROVIDER, self.positions, &call);
    }

    fn trade(&self, issuer: &mut Issuer, sold: Address, bought: Address, tokens: u64) {
        let swap = Swap {
            user: PROVIDER,
            sold,
            bought,
            amount: whole(tokens),
        };
        issuer.chain.call(PROVIDER, self.router, &swap.call());
    }

    /// Gives a user both tokens in the next block, and lets the router sell the one that is sold.
    pub(crate) fn admit(&self, issuer: &mut Issuer, swap: &Swap) {
        issuer.allot(swap.sold, swap.user);
        issuer.allot(swap.bought, swap.user);
        issuer.approve(swap.user, swap.sold, self.router);
    }
}

fn create_tokens(issuer: &mut Issuer) -> Pair {
    let mut pair: Pair = std::array::from_fn(|_| issuer.create());
    pair.sort();
    pair
}
