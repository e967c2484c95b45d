/**
 * The pending nonce: what wallets build their next transaction on. It never goes backwards, never lags behind a block
 * that is already visible, and survives many senders at once.
 */
import assert from 'node:assert/strict';
import { NonceManager } from 'ethers';
import { createNonceManager, parseGwei } from 'viem';
import { jsonRpc } from 'viem/nonce';
import { privateKeyToAccount } from 'viem/accounts';
import { network, onModules } from '../harness.mjs';
import { until } from '../lib/poll.mjs';
import { post } from '../lib/rpc.mjs';

const net = await network(import.meta.url);
const MANY = 200;

const batchOf = (calls) => calls.map(([method, ...params], id) => ({ jsonrpc: '2.0', id, method, params }));

/** Presigned plain transfers with nonces 0..count. */
const presign = (m, account, count) =>
  Promise.all(Array.from({ length: count }, (_, nonce) => m.sign(account, { to: account.address, value: 1n, nonce })));

onModules(net, 'pending nonce counts what was just accepted, at once', async (m) => {
  const account = await m.fresh();
  for (const [nonce, raw] of (await presign(m, account, 30)).entries()) {
    await m.rpc('eth_sendRawTransaction', raw);
    assert.equal(await m.nonce(account.address), nonce + 1, `after sending nonce ${nonce}`);
  }
});

onModules(net, 'while blocks land, pending never goes backwards and is never behind latest', async (m) => {
  const account = await m.fresh('2');
  const raws = await presign(m, account, MANY);
  let [accepted, lastPending, lastLatest, polls] = [0, 0, 0, 0];
  const poll = async () => {
    const before = accepted;
    // One after the other: whatever lands in between can only raise the second.
    const latest = await m.nonce(account.address, 'latest');
    const pending = await m.nonce(account.address, 'pending');
    assert(pending >= latest, `pending ${pending} is behind latest ${latest}`);
    assert(pending >= lastPending, `pending went from ${lastPending} back to ${pending}`);
    assert(latest >= lastLatest, `latest went from ${lastLatest} back to ${latest}`);
    assert(pending >= before, `${before} transactions were accepted, pending nonce is ${pending}`);
    assert(pending <= MANY && latest <= MANY);
    [lastPending, lastLatest, polls] = [pending, latest, polls + 1];
    return latest === MANY;
  };
  const polling = until('all transactions in blocks', poll, { deadline: 40_000, every: 2 });
  for (const raw of raws) {
    await m.rpc('eth_sendRawTransaction', raw);
    accepted++;
  }
  await polling;
  assert.equal(lastPending, MANY);
  assert(polls > 5, `only ${polls} polls`);
});

onModules(net, 'a visible block has its nonces, receipts and pool change visible too', async (m) => {
  const account = await m.fresh('2');
  const raws = await presign(m, account, 60);
  const sender = account.address.toLowerCase();
  const sending = (async () => {
    for (const raw of raws) await m.rpc('eth_sendRawTransaction', raw);
  })();
  let seen = 0;
  const check = async () => {
    const block = await m.rpc('eth_getBlockByNumber', 'latest', true);
    const mine = block.transactions.filter((t) => t.from === sender);
    if (mine.length === 0) return false;
    const next = Number(mine.at(-1).nonce) + 1;
    const answers = (
      await post(
        m.url,
        batchOf([
          ['eth_getTransactionCount', account.address, 'latest'],
          ['eth_getTransactionCount', account.address, 'pending'],
          ['eth_getTransactionReceipt', mine[0].hash],
          ['eth_getTransactionReceipt', mine.at(-1).hash],
          ['eth_blockNumber'],
        ]),
      )
    ).json.map((a) => a.result);
    assert(Number(answers[0]) >= next, `block ${block.number} holds nonce ${next - 1}, latest nonce is ${answers[0]}`);
    assert(Number(answers[1]) >= next, `block ${block.number} holds nonce ${next - 1}, pending nonce is ${answers[1]}`);
    for (const receipt of answers.slice(2, 4)) assert.equal(receipt?.blockHash, block.hash);
    assert(Number(answers[4]) >= Number(block.number));
    seen = next;
    return seen === 60;
  };
  await until('the last transaction in a visible block', check, { deadline: 40_000, every: 2 });
  await sending;
});

onModules(
  net,
  `viem: ${MANY} transactions at once from one wallet with a nonce manager`,
  async (m) => {
    const fresh = await m.fresh('3');
    const account = privateKeyToAccount(fresh.key, { nonceManager: createNonceManager({ source: jsonRpc() }) });
    const wallet = m.wallet(account);
    const { address } = await m.fresh('0');
    const fees = { gas: 21_000n, maxFeePerGas: parseGwei('20'), maxPriorityFeePerGas: parseGwei('1') };
    const hashes = await Promise.all(
      Array.from({ length: MANY }, () => wallet.sendTransaction({ to: address, value: 1n, ...fees })),
    );
    const receipts = await Promise.all(hashes.map((hash) => m.receipt(hash)));
    assert(receipts.every((r) => r.status === '0x1'));
    assert.equal(await m.public.getBalance({ address }), BigInt(MANY));
    assert.equal(await m.nonce(account.address), MANY);
  },
  { timeout: 90_000 },
);

onModules(net, 'ethers: 50 transactions at once through NonceManager', async (m) => {
  const account = await m.fresh('2');
  const signer = new NonceManager(m.signer(account));
  const responses = await Promise.all(
    Array.from({ length: 50 }, () => signer.sendTransaction({ to: account.address, value: 1n })),
  );
  await Promise.all(responses.map((r) => m.receipt(r.hash)));
  assert.equal(await m.nonce(account.address), 50);
});

onModules(net, 'transactions sent in reverse order all land, in nonce order', async (m) => {
  const account = await m.fresh();
  const raws = (await presign(m, account, 20)).reverse();
  const hashes = [];
  for (const raw of raws) hashes.unshift(await m.rpc('eth_sendRawTransaction', raw));
  const receipts = await Promise.all(hashes.map((hash) => m.receipt(hash)));
  const places = receipts.map((r) => Number(r.blockNumber) * 1e6 + Number(r.transactionIndex));
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
});

onModules(net, 'a nonce gap waits: it is known, has no receipt, does not move the pending nonce', async (m) => {
  const account = await m.fresh();
  const hash = await m.rpc('eth_sendRawTransaction', await m.sign(account, { to: account.address, nonce: 2 }));
  const waiting = await m.rpc('eth_getTransactionByHash', hash);
  assert.equal(waiting.blockHash, null);
  assert.equal(waiting.blockNumber, null);
  assert.equal(await m.rpc('eth_getTransactionReceipt', hash), null);
  assert.equal(await m.nonce(account.address), 0);
  await m.send(account, { to: account.address, nonce: 0 });
  assert.equal(await m.nonce(account.address), 1);
  await m.send(account, { to: account.address, nonce: 1 });
  assert.equal((await m.receipt(hash)).status, '0x1');
  assert.equal(await m.nonce(account.address), 3);
});

onModules(net, 'senders do not disturb each other: 40 accounts, 5 transactions each', async (m) => {
  const accounts = await Promise.all(Array.from({ length: 40 }, () => m.fresh('0.1')));
  const raws = (await Promise.all(accounts.map((a) => presign(m, a, 5)))).flat();
  const { json } = await post(m.url, batchOf(raws.map((raw) => ['eth_sendRawTransaction', raw])));
  for (const answer of json) assert(answer.result, JSON.stringify(answer.error));
  const nonces = () => Promise.all(accounts.map((a) => m.nonce(a.address, 'latest')));
  await until('all nonces at 5', async () => (await nonces()).every((n) => n === 5));
});
