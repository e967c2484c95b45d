/** Uniswap v2 exactly as published on npm: factory, router, two tokens, liquidity, swaps. */
import assert from 'node:assert/strict';
import { getContract, getCreate2Address, encodePacked, keccak256, maxUint256, parseEther, parseEventLogs } from 'viem';
import { network, onModules } from '../harness.mjs';
import { artifacts, npmArtifact } from '../lib/contracts.mjs';

const net = await network(import.meta.url);
const FACTORY = npmArtifact('@uniswap/v2-core/build/UniswapV2Factory.json');
const PAIR = npmArtifact('@uniswap/v2-core/build/UniswapV2Pair.json');
const ROUTER = npmArtifact('@uniswap/v2-periphery/build/UniswapV2Router02.json');
const WETH = npmArtifact('@uniswap/v2-periphery/build/WETH9.json');
const DEADLINE = 2n ** 40n;
/** A pair's first change in a new second writes more storage, so an exact estimate from the second before is too low. */
const GAS = { gas: 5_000_000n };

/** The constant-product formula with the 0.3% fee, as UniswapV2Library has it. */
const amountOut = (amountIn, reserveIn, reserveOut) =>
  (amountIn * 997n * reserveOut) / (reserveIn * 1000n + amountIn * 997n);

/** Factory, router, WETH and two tokens with approvals, for one liquidity provider. */
async function setUp(m) {
  const account = await m.fresh('20');
  const wallet = m.wallet(account);
  const at = (artifact, address) => getContract({ address, abi: artifact.abi, client: wallet });
  const done = async (hash) => {
    const receipt = await wallet.waitForTransactionReceipt({ hash: await hash });
    assert.equal(receipt.status, 'success');
    return receipt;
  };
  const weth = await m.deploy(account, WETH);
  const factory = at(FACTORY, await m.deploy(account, FACTORY, [account.address]));
  const router = at(ROUTER, await m.deploy(account, ROUTER, [factory.address, weth]));
  const tokens = [];
  for (const symbol of ['AAA', 'BBB']) {
    const token = at(
      artifacts.Token,
      await m.deploy(account, artifacts.Token, [symbol, symbol, parseEther('1000000')]),
    );
    await done(token.write.approve([router.address, maxUint256]));
    tokens.push(token);
  }
  return { account, at, done, weth, factory, router, tokens };
}

onModules(
  net,
  'Uniswap v2: addLiquidity, swap, price, removeLiquidity',
  async (m) => {
    const {
      account,
      at,
      done,
      factory,
      router,
      tokens: [a, b],
    } = await setUp(m);
    const [inA, inB] = [parseEther('1000'), parseEther('4000')];
    await done(router.write.addLiquidity([a.address, b.address, inA, inB, 0n, 0n, account.address, DEADLINE], GAS));

    const [token0, token1] = [a.address, b.address].sort((x, y) => (x.toLowerCase() < y.toLowerCase() ? -1 : 1));
    const salt = keccak256(encodePacked(['address', 'address'], [token0, token1]));
    const expected = getCreate2Address({ from: factory.address, salt, bytecode: PAIR.bytecode });
    const pair = at(PAIR, await factory.read.getPair([a.address, b.address]));
    assert.equal(pair.address, expected, 'the pair is where CREATE2 puts it, so the router finds it');

    const amountIn = parseEther('10');
    const quote = await router.read.getAmountsOut([amountIn, [a.address, b.address]]);
    assert.deepEqual(quote, [amountIn, amountOut(amountIn, inA, inB)]);
    const before = await b.read.balanceOf([account.address]);
    const { logs } = await done(
      router.write.swapExactTokensForTokens([amountIn, 0n, [a.address, b.address], account.address, DEADLINE], GAS),
    );
    assert.equal((await b.read.balanceOf([account.address])) - before, quote[1]);
    const [swap] = parseEventLogs({ abi: PAIR.abi, logs, eventName: 'Swap' });
    assert.equal(swap.args.to, account.address);

    const shares = await pair.read.balanceOf([account.address]);
    await done(pair.write.approve([router.address, shares]));
    await done(router.write.removeLiquidity([a.address, b.address, shares, 0n, 0n, account.address, DEADLINE], GAS));
    const [left0, left1] = await pair.read.getReserves();
    assert(left0 < 10_000n && left1 < 10_000n, 'only the locked minimum stays');
  },
  { timeout: 90_000 },
);

onModules(
  net,
  'Uniswap v2: pools against the native coin, exact output, too tight a limit',
  async (m) => {
    const {
      account,
      done,
      weth,
      router,
      tokens: [a],
    } = await setUp(m);
    await done(
      router.write.addLiquidityETH([a.address, parseEther('500'), 0n, 0n, account.address, DEADLINE], {
        ...GAS,
        value: parseEther('5'),
      }),
    );
    const path = [weth, a.address];
    const want = parseEther('20');
    const [cost] = await router.read.getAmountsIn([want, path]);
    const before = await a.read.balanceOf([account.address]);
    await done(
      router.write.swapETHForExactTokens([want, path, account.address, DEADLINE], { ...GAS, value: cost * 2n }),
    );
    assert.equal((await a.read.balanceOf([account.address])) - before, want);
    const reserve = await m.public.readContract({ address: weth, abi: WETH.abi, functionName: 'totalSupply' });
    assert.equal(reserve, parseEther('5') + cost, 'the change came back');

    const tight = { address: router.address, abi: ROUTER.abi, account, functionName: 'swapExactTokensForETH' };
    const limit = m.public.simulateContract({
      ...tight,
      args: [want, parseEther('1'), [...path].reverse(), account.address, DEADLINE],
    });
    await assert.rejects(limit, /INSUFFICIENT_OUTPUT_AMOUNT/);
    const late = m.public.simulateContract({ ...tight, args: [want, 0n, [...path].reverse(), account.address, 1n] });
    await assert.rejects(late, /EXPIRED/);
  },
  { timeout: 90_000 },
);
