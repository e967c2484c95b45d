/**
 * Transactions that pay less than the base fee: they wait, the base fee falls towards them, and they are included
 * without being sent again; or they are replaced before. On a network of its own, where the base fee is still high.
 */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { parseGwei } from 'viem';
import { network, onModules, onNetwork } from '../harness.mjs';
import { until } from '../lib/poll.mjs';

const net = await network(import.meta.url, { own: true });

const baseFee = async (m) => (await m.public.getBlock()).baseFeePerGas;
/** Signs with this cap; the whole of it may go to the validator. */
const capped = (m, account, maxFeePerGas, request = {}) =>
  m.sign(account, { to: account.address, maxFeePerGas, maxPriorityFeePerGas: 1n, ...request });

onModules(
  net,
  'a fee under the base fee is accepted, waits, and is included when the base fee has fallen',
  async (m) => {
    const account = await m.fresh();
    const start = await baseFee(m);
    assert(start > 1_000n, `the base fee ${start} leaves no room to go under`);
    const cap = start / 2n;
    const hash = await m.rpc('eth_sendRawTransaction', await capped(m, account, cap));
    const waiting = await m.rpc('eth_getTransactionByHash', hash);
    if ((await baseFee(m)) > cap) assert.equal(waiting.blockNumber, null);
    assert.equal(await m.nonce(account.address), 1, 'it counts as pending');
    const receipt = await m.receipt(hash);
    assert.equal(receipt.status, '0x1');
    const block = await m.rpc('eth_getBlockByHash', receipt.blockHash, false);
    assert(BigInt(block.baseFeePerGas) <= cap, `base fee ${Number(block.baseFeePerGas)}, cap ${cap}`);
    assert(BigInt(receipt.effectiveGasPrice) <= cap);
  },
  { needs: 'feeWaiting' },
);

onModules(
  net,
  'a waiting transaction is replaced by one that pays',
  async (m) => {
    const account = await m.fresh();
    const { address } = await m.fresh('0');
    const low = (await baseFee(m)) / 20n;
    const stuck = await m.rpc('eth_sendRawTransaction', await capped(m, account, low));
    const paying = await capped(m, account, parseGwei('30'), {
      to: address,
      value: 7n,
      nonce: 0,
      maxPriorityFeePerGas: parseGwei('2'),
    });
    const receipt = await m.receipt(await m.rpc('eth_sendRawTransaction', paying));
    assert.equal(receipt.status, '0x1');
    assert.equal(await m.public.getBalance({ address }), 7n);
    assert.equal(await m.rpc('eth_getTransactionByHash', stuck), null);
    assert.equal(await m.nonce(account.address), 1);
  },
  { needs: 'feeWaiting' },
);

onModules(
  net,
  'transactions behind a waiting one wait with it, and all land in order',
  async (m) => {
    const account = await m.fresh();
    const cap = ((await baseFee(m)) * 3n) / 4n;
    const first = await m.rpc('eth_sendRawTransaction', await capped(m, account, cap, { nonce: 0 }));
    const second = await m.rpc('eth_sendRawTransaction', await capped(m, account, parseGwei('50'), { nonce: 1 }));
    assert.equal(await m.nonce(account.address), 2);
    const [one, two] = await Promise.all([m.receipt(first), m.receipt(second)]);
    const place = (r) => Number(r.blockNumber) * 1e6 + Number(r.transactionIndex);
    assert(place(one) < place(two));
  },
  { needs: 'feeWaiting' },
);

onNetwork(
  net,
  'a module without transactions makes no blocks while another makes many',
  async () => {
    const { pay } = net.modules;
    const account = await pay.fresh();
    const heads = () => Promise.all(net.tested.map((m) => m.rpc('eth_blockNumber')));
    // What was sent before has been closed with an empty block when a second passes without any.
    let before;
    await until('the other modules to be idle', async () => {
      before = await heads();
      await new Promise((wake) => setTimeout(wake, 1_000));
      return isDeepStrictEqual(await heads(), before);
    });
    const start = Number(await pay.rpc('eth_blockNumber'));
    for (let i = 0; i < 10; i++) await pay.send(account, { to: account.address });
    assert(Number(await pay.rpc('eth_blockNumber')) >= start + 10);
    assert.deepEqual(await heads(), before);
  },
  { needs: 'emptyBlocks' },
);
