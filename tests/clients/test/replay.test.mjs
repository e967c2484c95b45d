/** What is signed for one module is worth nothing on another (EIP-155, EIP-7702). */
import assert from 'node:assert/strict';
import { JsonRpcProvider, Wallet, isError } from 'ethers';
import { parseEther } from 'viem';
import { network, onModules, onNetwork } from '../harness.mjs';
import { devAccount } from '../lib/module.mjs';
import { Socket } from '../lib/rpc.mjs';

const net = await network(import.meta.url);

for (const type of ['legacy', 'eip2930', 'eip1559']) {
  onModules(net, `a signed ${type} transaction of this module is refused by every other`, async (m) => {
    const sender = await m.fresh();
    const target = (await m.fresh('0')).address;
    const raw = await m.sign(sender, { type, to: target, value: parseEther('0.1') });
    for (const other of net.all.filter((x) => x !== m)) {
      const error = await other.refusal('eth_sendRawTransaction', raw);
      if (!net.missing('gethTexts')) assert.match(error.message, /invalid chain id/i, `${m.name} to ${other.name}`);
      assert.equal(await other.public.getBalance({ address: target }), 0n);
    }
    const receipt = await m.receipt(await m.rpc('eth_sendRawTransaction', raw));
    assert.equal(receipt.status, '0x1');
  });
}

onNetwork(net, 'the same key pays on hub and market independently', async () => {
  const { hub, market } = net.modules;
  const account = await hub.fresh();
  await market.pay(account.address, parseEther('2'));
  await hub.send(account, { to: account.address });
  assert.equal(await hub.nonce(account.address), 1);
  assert.equal(await market.nonce(account.address), 0);
  assert.equal(await market.public.getBalance({ address: account.address }), parseEther('2'));
});

onNetwork(net, 'nothing of one module is announced or found on another', async (_, t) => {
  const { hub, market } = net.modules;
  const socket = await Socket.open(market.wsUrl);
  t.after(() => socket.close());
  const feeds = [await socket.subscribe('newPendingTransactions'), await socket.subscribe('newHeads')];
  const [there, here] = [await hub.fresh(), await market.fresh()];
  const elsewhere = await hub.send(there, { to: there.address });
  const { transactionHash, blockHash } = await market.send(here, { to: here.address });
  await feeds[0].take('the transaction of market', (hash) => hash === transactionHash);
  await feeds[1].take('the block of market', (head) => head.hash === blockHash);
  assert(!feeds[0].items.includes(elsewhere.transactionHash), 'a pending transaction of the hub came up on market');
  assert(
    feeds[1].items.every((head) => head.hash !== elsewhere.blockHash),
    'a block of the hub came up on market',
  );
  assert.equal(await market.rpc('eth_getTransactionByHash', elsewhere.transactionHash), null);
  assert.equal(await market.rpc('eth_getTransactionReceipt', elsewhere.transactionHash), null);
  assert.equal(await market.rpc('eth_getBlockByHash', elsewhere.blockHash, false), null);
});

onNetwork(
  net,
  "viem: a transaction made for another module's chain is refused, by viem itself or by the node",
  async () => {
    const { hub, market } = net.modules;
    const account = await hub.fresh();
    const mixed = hub.wallet(account).sendTransaction({ chain: market.chain, to: account.address });
    await assert.rejects(mixed, /does not match the target chain|invalid chain id/);
  },
);

onNetwork(
  net,
  "ethers: a transaction made for another module's chain is refused, by ethers itself or by the node",
  async () => {
    const { hub, market } = net.modules;
    const provider = new JsonRpcProvider(hub.url, undefined, { staticNetwork: false });
    try {
      assert.equal((await provider.getNetwork()).chainId, BigInt(hub.chainId));
      const signer = new Wallet((await hub.fresh()).key, provider);
      const wrong = await signer
        .sendTransaction({ to: devAccount(1).address, chainId: market.chainId })
        .catch((e) => e);
      assert(isError(wrong, 'INVALID_ARGUMENT') || /invalid chain id/.test(wrong.info?.error?.message), String(wrong));
    } finally {
      provider.destroy();
    }
  },
);
