/** Subscriptions over WebSocket: every block and log, in order, without gaps, for viem, ethers and raw sockets. */
import assert from 'node:assert/strict';
import { Contract } from 'ethers';
import { encodeFunctionData, numberToHex, parseAbiItem, toEventSelector } from 'viem';
import { network, onModules, onNetwork } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';
import { until, within } from '../lib/poll.mjs';
import { RpcError, Socket } from '../lib/rpc.mjs';

const net = await network(import.meta.url);
const { abi } = artifacts.Probe;
const PING = toEventSelector('Ping(address,uint256,uint256)');
const PING_EVENT = parseAbiItem('event Ping(address indexed from, uint256 indexed tag, uint256 value)');

async function setUp(m) {
  const account = await m.fresh();
  const address = (await m.deploy(account, artifacts.Probe)).toLowerCase();
  const emit = (functionName, ...args) =>
    m.send(account, { to: address, data: encodeFunctionData({ abi, functionName, args }), gas: 300_000n });
  return { account, address, emit };
}

/** A raw socket closed at the end of the test. */
async function open(m, t) {
  const socket = await Socket.open(m.wsUrl);
  t.after(() => socket.close());
  return socket;
}

onModules(net, 'newHeads has no gap and no repeat, and each head is the block', async (m, t) => {
  const socket = await open(m, t);
  const { emit } = await setUp(m);
  const heads = await socket.subscribe('newHeads');
  let last;
  for (let i = 0n; i < 5n; i++) last = await emit('ping', 1n, i);
  await heads.take('the last block', (h) => h.hash === last.blockHash);
  for (let i = 1; i < heads.items.length; i++) {
    assert.equal(Number(heads.items[i].number), Number(heads.items[i - 1].number) + 1);
    assert.equal(heads.items[i].parentHash, heads.items[i - 1].hash);
  }
  for (const head of heads.items) {
    const block = await m.rpc('eth_getBlockByHash', head.hash, false);
    for (const key of [
      'number',
      'parentHash',
      'stateRoot',
      'receiptsRoot',
      'logsBloom',
      'gasUsed',
      'timestamp',
      'baseFeePerGas',
    ]) {
      assert.equal(head[key], block[key], key);
    }
  }
});

onModules(net, 'a block is visible to every method by the time its head is announced', async (m, t) => {
  const socket = await open(m, t);
  const { account } = await setUp(m);
  const heads = await socket.subscribe('newHeads');
  const hash = await m.rpc('eth_sendRawTransaction', await m.sign(account, { to: account.address }));
  const nonce = await m.nonce(account.address);
  for (;;) {
    const head = await heads.take('the block of the transaction');
    const block = await socket.request('eth_getBlockByHash', head.hash, false);
    assert(block, `block ${head.number} was announced but is not there`);
    assert(Number(await socket.request('eth_blockNumber')) >= Number(head.number));
    if (!block.transactions.includes(hash)) continue;
    const receipt = await socket.request('eth_getTransactionReceipt', hash);
    assert.equal(receipt?.blockHash, head.hash, 'the receipt is there with the head');
    assert.equal(Number(await socket.request('eth_getTransactionCount', account.address, 'latest')), nonce);
    return;
  }
});

onModules(net, 'logs: address and topic select, order and fields are those of getLogs', async (m, t) => {
  const socket = await open(m, t);
  const [mine, other] = await Promise.all([setUp(m), setUp(m)]);
  const all = await socket.subscribe('logs', { address: mine.address });
  const tagged = await socket.subscribe('logs', {
    topics: [PING, null, numberToHex(2, { size: 32 })],
    address: [mine.address],
  });
  await other.emit('ping', 2n, 99n);
  await mine.emit('pings', 1n, 3n);
  await mine.emit('note', numberToHex(1, { size: 32 }), 'x');
  const last = await mine.emit('ping', 2n, 7n);
  await tagged.take('the tagged ping', (l) => BigInt(l.data) === 7n);
  await all.take('the last log', (l) => l.transactionHash === last.transactionHash);
  assert.equal(tagged.items.length, 1);
  const logs = await m.rpc('eth_getLogs', { address: mine.address, fromBlock: '0x0', toBlock: 'latest' });
  assert.deepEqual(all.items, logs);
});

onModules(net, 'newPendingTransactions announces what was sent, once', async (m, t) => {
  const socket = await open(m, t);
  const { account } = await setUp(m);
  const pending = await socket.subscribe('newPendingTransactions');
  const first = await m.send(account, { to: account.address });
  const second = await m.send(account, { to: account.address });
  await pending.take('the first hash', (h) => h === first.transactionHash);
  await pending.take('the second hash', (h) => h === second.transactionHash);
  assert.equal(pending.items.filter((h) => h === first.transactionHash).length, 1);
});

onModules(net, 'unsubscribe stops the items, and of an unknown subscription is refused or false', async (m, t) => {
  const socket = await open(m, t);
  const { emit } = await setUp(m);
  const [one, two] = [await socket.subscribe('newHeads'), await socket.subscribe('newHeads')];
  assert.notEqual(one.id, two.id);
  assert.equal(await one.unsubscribe(), true);
  const seen = one.items.length;
  const { blockHash } = await emit('ping', 1n, 1n);
  await two.take('the block', (h) => h.hash === blockHash);
  assert.equal(one.items.length, seen);
  const again = await one.unsubscribe().catch((e) => e);
  assert(again === false || again instanceof RpcError, String(again));
});

onModules(net, 'an unknown subscription is an error and the connection lives on', async (m, t) => {
  const socket = await open(m, t);
  await assert.rejects(socket.request('eth_subscribe', 'newNothing'), RpcError);
  await assert.rejects(socket.request('eth_subscribe'), RpcError);
  await assert.rejects(socket.request('eth_noSuchMethod'), net.missing('strictInput') ? RpcError : { code: -32601 });
  assert.equal(Number(await socket.request('eth_chainId')), m.chainId);
});

onModules(
  net,
  'eth_subscribe over HTTP is refused with a hint',
  async (m) => {
    const error = await m.refusal('eth_subscribe', 'newHeads');
    assert.match(error.message, /websocket|notifications not supported|not available|not supported/i);
  },
  { needs: 'gethTexts' },
);

onModules(
  net,
  'malformed text and batches over one socket are answered',
  async (m, t) => {
    const socket = await open(m, t);
    const parse = await socket.sendText('{"jsonrpc":', 'no id');
    assert.equal(parse.error.code, -32700);
    const batch = ['eth_chainId', 'eth_blockNumber', 'eth_noSuchMethod'].map((method, id) => ({
      jsonrpc: '2.0',
      id,
      method,
      params: [],
    }));
    const answers = await socket.sendText(JSON.stringify(batch), 'batch');
    assert.deepEqual(answers.map((a) => a.id).sort(), [0, 1, 2]);
    assert.equal(answers.find((a) => a.id === 2).error.code, -32601);
    assert.equal(Number(await socket.request('eth_chainId')), m.chainId);
  },
  { needs: 'strictInput' },
);

onModules(net, 'viem over WebSocket: watchBlocks, watchEvent, watchPendingTransactions', async (m) => {
  const { account, address, emit } = await setUp(m);
  const client = m.socketClient();
  const [blocks, values, hashes, failures] = [[], [], [], []];
  const onError = (error) => failures.push(error);
  const stops = [
    client.watchBlocks({ onBlock: (block) => blocks.push(block.number), onError }),
    client.watchEvent({
      address,
      event: PING_EVENT,
      onLogs: (logs) => values.push(...logs.map((l) => l.args.value)),
      onError,
    }),
    client.watchPendingTransactions({ onTransactions: (some) => hashes.push(...some), onError }),
  ];
  await until('all three subscriptions to be live', async () => {
    await emit('ping', 1n, 0n);
    return blocks.length > 0 && values.length > 0 && hashes.length > 0;
  });
  for (let i = 1n; i <= 4n; i++) await emit('ping', 1n, i);
  const { transactionHash } = await m.send(account, { to: account.address });
  await until('the last event and the last hash', () => values.includes(4n) && hashes.includes(transactionHash));
  // viem fetches each announced block on its own, so close ones may arrive in either order.
  await until('block numbers without gaps', () => {
    const sorted = [...blocks].sort((a, b) => Number(a - b));
    return sorted.every((number, i) => i === 0 || number === sorted[i - 1] + 1n);
  });
  for (const stop of stops) stop();
  assert.deepEqual(failures, []);
  assert.deepEqual(
    values.filter((v) => v > 0n),
    [1n, 2n, 3n, 4n],
  );
});

onModules(net, 'viem over WebSocket: reads, sends and waits on the same connection', async (m) => {
  const account = await m.fresh();
  const client = m.socketClient();
  const hash = await client.sendRawTransaction({
    serializedTransaction: await m.sign(account, { to: account.address }),
  });
  const receipt = await client.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, 'success');
  assert.equal(await client.getTransactionCount({ address: account.address }), 1);
});

onModules(net, 'ethers WebSocketProvider: block, pending, event and a confirmed transaction', async (m) => {
  const { account, address, emit } = await setUp(m);
  const provider = m.ethersSocket();
  const probe = new Contract(address, abi, provider);
  const [blocks, values, hashes] = [[], [], []];
  await provider.on('block', (number) => blocks.push(number));
  await provider.on('pending', (hash) => hashes.push(hash));
  await probe.on('Ping', (_from, _tag, value) => values.push(value));
  await until('all three subscriptions to be live', async () => {
    await emit('ping', 1n, 0n);
    return blocks.length > 0 && values.length > 0 && hashes.length > 0;
  });
  for (let i = 1n; i <= 4n; i++) await emit('ping', 1n, i);
  const response = await m.signer(account, provider).sendTransaction({ to: account.address, value: 1n });
  assert.equal((await response.wait()).status, 1);
  await until('the last event and the last hash', () => values.includes(4n) && hashes.includes(response.hash));
  assert.deepEqual(
    values.filter((v) => v > 0n),
    [1n, 2n, 3n, 4n],
  );
  for (let i = 1; i < blocks.length; i++) assert.equal(blocks[i], blocks[i - 1] + 1, 'block numbers without gaps');
  await provider.removeAllListeners();
});

// ethers keeps an answer for 250 ms, the absence of a receipt too, and asks again with the next block. Nothing else is sent.
onNetwork(net, 'ethers over WebSocket waits for a transaction of an idle module', async () => {
  const m = net.modules.pay;
  const account = await m.fresh();
  const signer = m.signer(account, m.ethersSocket());
  for (let i = 0; i < 4; i++) {
    const response = await signer.sendTransaction({ to: account.address, value: 1n });
    assert.equal((await within('the receipt', response.wait())).status, 1);
  }
});

onModules(net, 'many sockets and subscriptions at once all get the block', async (m, t) => {
  const { emit } = await setUp(m);
  const sockets = await Promise.all(Array.from({ length: 25 }, () => open(m, t)));
  const feeds = await Promise.all(
    sockets.flatMap((s) => [s.subscribe('newHeads'), s.subscribe('logs', { topics: [PING] })]),
  );
  const { blockHash, transactionHash } = await emit('ping', 3n, 3n);
  const arrivals = feeds.map((feed) =>
    feed.take('block or log', (x) => x.hash === blockHash || x.transactionHash === transactionHash),
  );
  assert.equal((await Promise.all(arrivals)).length, 50);
});
