//! Swaps in real Uniswap v3 pools: the published contracts, set up by the transactions anyone would send.

use crate::{
    Sample,
    artifact::Packages,
    chain::{Chain, Reached},
    workload::{WorkloadError, block_gas_limit, person, setting},
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
/// OpenZeppelin's ERC-20 of the release that v3-periphery is built with.
const TOKEN: &str = "@uniswap/v3-periphery/node_modules/@openzeppelin/contracts/build/contracts/ERC20PresetFixedSupply.json";

/// Deploys everything, owns all tokens at first, and provides all liquidity.
const PROVIDER: Address = Address::repeat_byte(0xde);

/// Pools take 0.3 %, in millionths.
const FEE: u64 = 3_000;
/// Ticks that pools of that fee may use are multiples of 60; these are the outermost.
const TICK_MAX: i32 = 887_220;
/// Unix time, in seconds, after every generated block.
const DEADLINE: u64 = 2_000_000_000;
/// Gas a user's wallet asks for.
const SWAP_GAS_LIMIT: u64 = 200_000;

/// Whole tokens of each kind: all there are, in a pool, and with a user.
const SUPPLY: u64 = 1_000_000_000;
const LIQUIDITY: u64 = 10_000;
const ALLOTMENT: u64 = 100;

sol! {
    function approve(address spender, uint256 amount);
    function transfer(address to, uint256 amount);

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

/// Which pools the users of a block trade in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pools {
    /// Each in one of their own, of two tokens nobody else trades.
    Own,
    /// All in the same.
    Shared,
}

/// A block of `count` swaps, each by a user of its own, and the state before it.
///
/// # Errors
/// [`WorkloadError`] if the contracts are not there, or cannot be set up.
pub(crate) fn block(name: &str, pools: Pools, count: usize) -> Result<Sample, WorkloadError> {
    let mut exchange = Exchange::deploy(&Packages::find())?;
    let pools = match pools {
        Pools::Own => count,
        Pools::Shared => count.min(1),
    };
    let pairs = exchange.open_pools(pools)?;
    // Pairs in turn: with as many as users, each has one.
    let swaps: Vec<Swap> = (0..count)
        .map(|index| Swap::new(index, pairs[index % pools]))
        .collect();
    exchange.admit(&swaps)?;
    let router = exchange.router;
    let Reached {
        state,
        mut senders,
        number,
    } = exchange.chain.finish();
    let transactions = swaps.iter().map(|swap| {
        let input = swap.call().abi_encode().into();
        senders.transaction(swap.user, router.into(), SWAP_GAS_LIMIT, U256::ZERO, input)
    });
    Ok(Sample {
        name: format!("{name} {count}"),
        setting: setting(number, block_gas_limit(count)),
        transactions: transactions.collect(),
        state,
    })
}

/// The two tokens of a pool, in the order of their addresses.
type Pair = [Address; 2];

/// One user's trade.
#[derive(Clone, Copy, Debug)]
struct Swap {
    user: Address,
    sold: Address,
    bought: Address,
    amount: U256,
}

impl Swap {
    /// Directions alternate, and both sell the same amounts in the long run: the price stays where it is.
    fn new(index: usize, pair: Pair) -> Self {
        Self {
            user: person(index),
            sold: pair[index % 2],
            bought: pair[(index + 1) % 2],
            amount: whole(1 + index as u64 % 9),
        }
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

/// The contracts of Uniswap v3 on a chain of their own.
struct Exchange {
    chain: Chain,
    router: Address,
    positions: Address,
    token_code: Bytes,
}

impl Exchange {
    fn deploy(packages: &Packages) -> Result<Self, WorkloadError> {
        let token_code = packages.creation_code(TOKEN)?;
        let mut chain = Chain::new();
        chain.fund(PROVIDER, SUPPLY);
        let factory = chain.create(PROVIDER, &packages.creation_code(FACTORY)?, &[]);
        let ether = chain.create(PROVIDER, &packages.creation_code(WRAPPED_ETHER)?, &[]);
        let arguments = (factory, ether).abi_encode_params();
        let router = chain.create(PROVIDER, &packages.creation_code(ROUTER)?, &arguments);
        // Nobody looks at the pictures of the positions, so nothing draws them.
        let arguments = (factory, ether, Address::ZERO).abi_encode_params();
        let positions = chain.create(PROVIDER, &packages.creation_code(POSITIONS)?, &arguments);
        chain.mine("deploying the exchange")?;
        Ok(Self {
            chain,
            router,
            positions,
            token_code,
        })
    }

    /// Opens pools of two new tokens each, at a price of one to one, which have liquidity and have been traded in.
    fn open_pools(&mut self, count: usize) -> Result<Vec<Pair>, WorkloadError> {
        let pairs: Vec<Pair> = (0..count).map(|_| self.create_tokens()).collect();
        self.chain.mine("creating tokens")?;
        for pair in &pairs {
            self.create_pool(*pair);
        }
        self.chain.mine("creating pools")?;
        for pair in &pairs {
            self.provide(*pair);
        }
        self.chain.mine("providing liquidity")?;
        // The first fees and balances fill empty slots, which costs more than all later trades. The second trade is the
        // larger one: it leaves the price off the tick it started on, as prices are.
        for [token0, token1] in pairs.iter().copied() {
            self.trade(token0, token1, 10);
            self.trade(token1, token0, 50);
        }
        self.chain.mine("trading for the first time")?;
        Ok(pairs)
    }

    fn create_tokens(&mut self) -> Pair {
        let arguments = ("Token", "TKN", whole(SUPPLY), PROVIDER).abi_encode_params();
        let create = |_| self.chain.create(PROVIDER, &self.token_code, &arguments);
        let mut pair: Pair = std::array::from_fn(create);
        pair.sort();
        pair
    }

    fn create_pool(&mut self, [token0, token1]: Pair) {
        let call = createAndInitializePoolIfNecessaryCall {
            token0,
            token1,
            fee: U24::from(FEE),
            sqrtPriceX96: U160::from(1) << 96,
        };
        self.chain.call(PROVIDER, self.positions, &call);
    }

    /// Mints one position over all prices, and lets the router sell the provider's tokens.
    fn provide(&mut self, [token0, token1]: Pair) {
        for token in [token0, token1] {
            self.approve(PROVIDER, token, self.positions);
            self.approve(PROVIDER, token, self.router);
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
        self.chain.call(PROVIDER, self.positions, &call);
    }

    fn trade(&mut self, sold: Address, bought: Address, tokens: u64) {
        let swap = Swap {
            user: PROVIDER,
            sold,
            bought,
            amount: whole(tokens),
        };
        self.chain.call(PROVIDER, self.router, &swap.call());
    }

    /// Gives users ether and both tokens, and lets the router sell the one they sell.
    fn admit(&mut self, swaps: &[Swap]) -> Result<(), WorkloadError> {
        for swap in swaps {
            self.chain.fund(swap.user, 1);
            for token in [swap.sold, swap.bought] {
                let (to, amount) = (swap.user, whole(ALLOTMENT));
                let call = transferCall { to, amount };
                self.chain.call(PROVIDER, token, &call);
            }
            self.approve(swap.user, swap.sold, self.router);
        }
        self.chain.mine("funding users")
    }

    /// Without a limit, as wallets do.
    fn approve(&mut self, owner: Address, token: Address, spender: Address) {
        let amount = U256::MAX;
        let call = approveCall { spender, amount };
        self.chain.call(owner, token, &call);
    }
}

/// Whole tokens in their smallest unit: all have 18 decimals.
fn whole(tokens: u64) -> U256 {
    U256::from(tokens) * U256::from(10_u128.pow(18))
}
