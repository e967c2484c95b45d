/** Four validators with real consensus, seen from outside: the same answers, nothing lost, an orderly end (CON-1). */
import assert from 'node:assert/strict';
import { network, onModules, onNetwork } from '../harness.mjs';
import { until } from '../lib/poll.mjs';
import { Socket, post } from '../lib/rpc.mjs';

const net = await network(import.meta.url, { own: true, args: ['--validators', '4'] });

onModules(
  net,
  'a transfer is final with its receipt',
  async (m) => {
    const account = await m.fresh();
    const receipt = await m.rpc('eth_sendRawTransactionSync', await m.sign(account, { to: account.address }), 20_000);
    assert.equal(receipt.status, '0x1');
    const block = await m.rpc('eth_getBlockByNumber', 'finalized', false);
    assert(Number(block.number) >= Number(receipt.blockNumber));
  },
  { needs: 'lifecycle' },
);

onModules(
  net,
  'bursts of 200 transactions in one request are included whole, one after the other',
  async (m) => {
    const account = await m.fresh('5');
    for (let round = 0; round < 3; round++) {
      const nonces = Array.from({ length: 200 }, (_, i) => round * 200 + i);
      const raws = await Promise.all(nonces.map((nonce) => m.sign(account, { to: account.address, nonce })));
      const { json } = await post(
        m.url,
        raws.map((raw, id) => ({ jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw] })),
      );
      for (const answer of json) assert(answer.result, JSON.stringify(answer.error));
      const included = async () => (await m.nonce(account.address, 'latest')) === (round + 1) * 200;
      await until(`${m.name}: all of burst ${round} in blocks`, included, { deadline: 30_000 });
    }
  },
  { needs: 'lifecycle', timeout: 120_000 },
);

onModules(
  net,
  'blocks come in order and without gaps while others send',
  async (m, t) => {
    const socket = await Socket.open(m.wsUrl);
    t.after(() => socket.close());
    const heads = await socket.subscribe('newHeads');
    const accounts = await Promise.all(Array.from({ length: 5 }, () => m.fresh()));
    const receipts = await Promise.all(accounts.map((a) => m.send(a, { to: a.address })));
    const last = Math.max(...receipts.map((r) => Number(r.blockNumber)));
    await heads.take('the last block', (head) => Number(head.number) >= last);
    for (let i = 1; i < heads.items.length; i++) assert.equal(heads.items[i].parentHash, heads.items[i - 1].hash);
  },
  { needs: 'lifecycle' },
);

onNetwork(
  net,
  'all modules make blocks at the same time',
  async () => {
    const send = async (m) => {
      const account = await m.fresh();
      for (let i = 0; i < 3; i++) await m.send(account, { to: account.address });
    };
    await Promise.all(net.all.map(send));
  },
  { needs: 'lifecycle' },
);
