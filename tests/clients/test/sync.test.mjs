/** eth_sendRawTransactionSync (EIP-7966): one call from signed bytes to receipt. */
import assert from 'node:assert/strict';
import { encodeDeployData, numberToHex } from 'viem';
import { sendRawTransactionSync } from 'viem/actions';
import { network, onModules } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';
import { RpcError, Socket } from '../lib/rpc.mjs';

const net = await network(import.meta.url);

onModules(net, 'raw: answers the receipt, the same as eth_getTransactionReceipt', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { to: account.address });
  const receipt = await m.rpc('eth_sendRawTransactionSync', raw);
  assert.equal(receipt.status, '0x1');
  assert.deepEqual(receipt, await m.rpc('eth_getTransactionReceipt', receipt.transactionHash));
  assert.equal(await m.nonce(account.address, 'latest'), 1, 'the state is there with the receipt');
  const block = await m.rpc('eth_getBlockByNumber', receipt.blockNumber, false);
  assert(block.transactions.includes(receipt.transactionHash));
});

onModules(
  net,
  'raw: a timeout may be a number or hex, and over WebSocket too',
  async (m, t) => {
    const account = await m.fresh();
    const socket = await Socket.open(m.wsUrl);
    t.after(() => socket.close());
    const request = { to: account.address };
    const first = await m.rpc('eth_sendRawTransactionSync', await m.sign(account, request), 10_000);
    const second = await m.rpc('eth_sendRawTransactionSync', await m.sign(account, request), numberToHex(10_000));
    const third = await socket.request('eth_sendRawTransactionSync', await m.sign(account, request));
    for (const receipt of [first, second, third]) assert.equal(receipt.status, '0x1');
  },
  { needs: 'syncTimeout' },
);

onModules(net, 'viem: sendRawTransactionSync and sendTransactionSync', async (m) => {
  const account = await m.fresh();
  const wallet = m.wallet(account);
  const serializedTransaction = await m.sign(account, { to: account.address });
  const receipt = await sendRawTransactionSync(wallet, { serializedTransaction });
  assert.equal(receipt.status, 'success');
  assert.equal(typeof receipt.blockNumber, 'bigint');
  const next = await wallet.sendTransactionSync({ to: account.address, value: 1n });
  assert.equal(next.status, 'success');
  assert(next.blockNumber >= receipt.blockNumber);
});

onModules(net, 'viem: deployment and a failing transaction give their receipts', async (m) => {
  const account = await m.fresh();
  const wallet = m.wallet(account);
  const data = encodeDeployData({ ...artifacts.Child, args: [5n] });
  const { contractAddress } = await wallet.sendTransactionSync({ data });
  assert.equal(
    await m.public.readContract({ address: contractAddress, abi: artifacts.Child.abi, functionName: 'value' }),
    5n,
  );
  const failing = await m.sign(account, { data: '0x60006000fd', gas: 100_000n });
  const receipt = await m.rpc('eth_sendRawTransactionSync', failing);
  assert.equal(receipt.status, '0x0');
});

onModules(net, 'many senders at once: each gets its own receipt', async (m) => {
  const accounts = await Promise.all(Array.from({ length: 20 }, () => m.fresh('0.1')));
  const raws = await Promise.all(
    accounts.map((account) => m.sign(account, { to: account.address, value: 1n, nonce: 0 })),
  );
  const receipts = await Promise.all(raws.map((raw) => m.rpc('eth_sendRawTransactionSync', raw)));
  assert.deepEqual(
    receipts.map((r) => r.from),
    accounts.map((a) => a.address.toLowerCase()),
  );
  for (const receipt of receipts) assert.equal(receipt.status, '0x1');
});

onModules(net, 'a refused transaction is refused as eth_sendRawTransaction would', async (m) => {
  const account = await m.fresh();
  await m.send(account, { to: account.address });
  const low = await m.refusal(
    'eth_sendRawTransactionSync',
    await m.sign(account, { to: account.address, value: 1n, nonce: 0 }),
  );
  assert.match(low.message, /nonce too low/);
  const poor = await m.refusal(
    'eth_sendRawTransactionSync',
    await m.sign(account, { to: account.address, value: 10n ** 21n }),
  );
  assert.match(poor.message, /insufficient funds/i);
});

onModules(
  net,
  'a nonce gap is error 6 with the nonce expected, and the transaction still waits',
  async (m) => {
    const account = await m.fresh();
    const raw = await m.sign(account, { to: account.address, nonce: 1 });
    const gap = await m.refusal('eth_sendRawTransactionSync', raw, 5_000);
    assert.equal(gap.code, 6, gap.message);
    assert.equal(Number(gap.data), 0);
    await m.send(account, { to: account.address, nonce: 0 });
    const receipt = await m.rpc('eth_sendRawTransactionSync', raw, 10_000);
    assert.equal(receipt.status, '0x1', 'asking again for the same transaction gives its receipt');
  },
  { needs: 'syncErrors' },
);

onModules(net, 'sent again after inclusion it answers the receipt, and never spends twice', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { to: account.address });
  const first = await m.rpc('eth_sendRawTransactionSync', raw);
  const again = await m.rpc('eth_sendRawTransactionSync', raw).catch((e) => e);
  if (again instanceof RpcError) assert.match(again.message, /nonce too low|already known/);
  else assert.deepEqual(again, first);
  assert.equal(await m.nonce(account.address), 1);
});
