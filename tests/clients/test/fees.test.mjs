/** The fee market as wallets read it: base fee, history, suggestions. */
import assert from 'node:assert/strict';
import { parseGwei } from 'viem';
import { network, onModules } from '../harness.mjs';

const net = await network(import.meta.url);

/** Four blocks with one transaction each. @returns {Promise<bigint>} the number of the last */
async function makeBlocks(m) {
  const account = await m.fresh();
  let last;
  for (let i = 0; i < 4; i++)
    last = await m.send(account, { to: account.address, maxPriorityFeePerGas: parseGwei('2') });
  return BigInt(last.blockNumber);
}

/** EIP-1559's next base fee, from the block before. */
function nextBaseFee({ gasUsed, gasLimit, baseFeePerGas }) {
  const target = gasLimit / 2n;
  if (gasUsed === target) return baseFeePerGas;
  if (gasUsed > target) {
    const step = (baseFeePerGas * (gasUsed - target)) / target / 8n;
    return baseFeePerGas + (step > 1n ? step : 1n);
  }
  return baseFeePerGas - (baseFeePerGas * (target - gasUsed)) / target / 8n;
}

onModules(net, 'the base fee follows EIP-1559 from block to block', async (m) => {
  const last = await makeBlocks(m);
  let parent = await m.public.getBlock({ blockNumber: last - 4n });
  for (let n = last - 3n; n <= last; n++) {
    const block = await m.public.getBlock({ blockNumber: n });
    assert.equal(block.baseFeePerGas, nextBaseFee(parent), `block ${n}`);
    parent = block;
  }
});

onModules(net, 'feeHistory agrees with the blocks, next base fee included', async (m) => {
  const last = await makeBlocks(m);
  const history = await m.public.getFeeHistory({ blockCount: 4, blockNumber: last, rewardPercentiles: [0, 50, 100] });
  assert.equal(history.oldestBlock, last - 3n);
  assert.equal(history.baseFeePerGas.length, 5);
  assert.equal(history.gasUsedRatio.length, 4);
  assert.deepEqual(
    history.reward.map((r) => r.length),
    [3, 3, 3, 3],
  );
  for (let i = 0; i < 4; i++) {
    const block = await m.public.getBlock({ blockNumber: history.oldestBlock + BigInt(i) });
    assert.equal(history.baseFeePerGas[i], block.baseFeePerGas);
    const ratio = Number(block.gasUsed) / Number(block.gasLimit);
    assert(Math.abs(history.gasUsedRatio[i] - ratio) < 1e-9, `ratio ${history.gasUsedRatio[i]}, block ${ratio}`);
    if (i === 3) assert.equal(history.baseFeePerGas[4], nextBaseFee(block));
    assert(
      history.reward[i][0] <= history.reward[i][1] && history.reward[i][1] <= history.reward[i][2],
      'percentiles rise',
    );
  }
  assert(history.reward[3][2] >= parseGwei('2'), 'the tip paid shows up');
});

onModules(net, 'feeHistory takes hex, numbers and tags, without percentiles, and clips at genesis', async (m) => {
  await makeBlocks(m);
  const bare = await m.rpc('eth_feeHistory', '0x2', 'latest');
  assert.equal(bare.baseFeePerGas.length, 3);
  assert(bare.reward === undefined || bare.reward === null || bare.reward.length === 0);
  const typed = await m.rpc('eth_feeHistory', 2, 'latest', []);
  assert.equal(typed.gasUsedRatio.length, 2);
  const early = await m.rpc('eth_feeHistory', '0x5', '0x1', [50]);
  assert.equal(early.oldestBlock, '0x0');
  assert.equal(early.gasUsedRatio.length, 2);
});

onModules(
  net,
  'feeHistory refuses percentiles out of order or out of range, and blocks of the future',
  async (m) => {
    for (const percentiles of [[50, 10], [-1], [101]]) {
      await m.refusal('eth_feeHistory', '0x1', 'latest', percentiles);
    }
    await m.refusal('eth_feeHistory', '0x1', '0xffffffff', []);
  },
  { needs: 'strictInput' },
);

onModules(net, 'gasPrice and maxPriorityFeePerGas are enough for the next block', async (m) => {
  const account = await m.fresh();
  const [gasPrice, tip] = [await m.public.getGasPrice(), await m.public.estimateMaxPriorityFeePerGas()];
  const { baseFeePerGas } = await m.public.getBlock();
  assert(gasPrice >= baseFeePerGas, `gas price ${gasPrice} under base fee ${baseFeePerGas}`);
  const legacy = await m.send(account, { to: account.address, type: 'legacy', gasPrice });
  assert.equal(legacy.status, '0x1');
  assert(tip >= 0n);
});

onModules(net, 'viem estimateFeesPerGas and ethers getFeeData give a transaction that is included', async (m) => {
  const account = await m.fresh();
  const fees = await m.public.estimateFeesPerGas();
  assert(fees.maxFeePerGas >= fees.maxPriorityFeePerGas);
  assert.equal((await m.send(account, { to: account.address, ...fees })).status, '0x1');
  const data = await m.ethers().getFeeData();
  assert(data.maxFeePerGas > 0n && data.gasPrice > 0n && data.maxPriorityFeePerGas !== null);
  const { maxFeePerGas, maxPriorityFeePerGas } = data;
  assert.equal((await m.send(account, { to: account.address, maxFeePerGas, maxPriorityFeePerGas })).status, '0x1');
});

onModules(
  net,
  'the highest tip goes first in a block',
  async (m) => {
    const accounts = await Promise.all(Array.from({ length: 6 }, () => m.fresh()));
    const raws = await Promise.all(
      accounts.map((a, i) => m.sign(a, { to: a.address, nonce: 0, maxPriorityFeePerGas: parseGwei(String(i + 1)) })),
    );
    const hashes = await Promise.all(raws.map((raw) => m.rpc('eth_sendRawTransaction', raw)));
    const receipts = await Promise.all(hashes.map((hash) => m.receipt(hash)));
    for (const a of receipts) {
      for (const b of receipts.filter((r) => r.blockNumber === a.blockNumber && r !== a)) {
        const first = Number(a.transactionIndex) < Number(b.transactionIndex) ? a : b;
        const second = first === a ? b : a;
        assert(BigInt(first.effectiveGasPrice) >= BigInt(second.effectiveGasPrice), 'order within the block');
      }
    }
  },
  { needs: 'intervalBlocks' },
);
