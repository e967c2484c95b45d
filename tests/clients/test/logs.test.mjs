/** eth_getLogs, filters and the watchers built on them: nothing missing, nothing twice, nothing foreign. */
import assert from 'node:assert/strict';
import { Contract, Interface, id } from 'ethers';
import { encodeFunctionData, numberToHex, pad, parseAbiItem, toEventSelector } from 'viem';
import { network, onModules } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';
import { until } from '../lib/poll.mjs';

const net = await network(import.meta.url);
const { abi } = artifacts.Probe;
const PING = toEventSelector('Ping(address,uint256,uint256)');
const NOTE = toEventSelector('Note(bytes32,string)');
const PING_EVENT = parseAbiItem('event Ping(address indexed from, uint256 indexed tag, uint256 value)');
const topicOf = (number) => numberToHex(number, { size: 32 });
const encode = (functionName, args) => encodeFunctionData({ abi, functionName, args });

async function setUp(m) {
  const account = await m.fresh();
  const address = await m.deploy(account, artifacts.Probe);
  const emit = (functionName, ...args) =>
    m.send(account, { to: address, data: encode(functionName, args), gas: 300_000n });
  return { account, address: address.toLowerCase(), emit };
}

/** Receipts of six transactions in at least one block: pings with tags 1, 2, 1; three at once with tag 3; two notes. */
async function emitSome(m, emit) {
  const receipts = [];
  for (const [name, ...args] of [
    ['ping', 1n, 10n],
    ['ping', 2n, 20n],
    ['ping', 1n, 30n],
    ['pings', 3n, 3n],
    ['note', topicOf(9), 'nine'],
    ['note', topicOf(8), ''],
  ])
    receipts.push(await emit(name, ...args));
  for (const r of receipts) assert.equal(r.status, '0x1');
  return receipts;
}

onModules(net, "getLogs over a range is exactly the receipts' logs, field by field", async (m) => {
  const { address, emit } = await setUp(m);
  const receipts = await emitSome(m, emit);
  const [fromBlock, toBlock] = [receipts[0].blockNumber, receipts.at(-1).blockNumber];
  const logs = await m.rpc('eth_getLogs', { address, fromBlock, toBlock });
  const expected = receipts.flatMap((r) => r.logs);
  assert.equal(logs.length, 8);
  assert.deepEqual(logs, expected);
  for (const log of logs) assert.equal(log.removed, false);
});

onModules(net, 'getLogs without an address finds what every receipt of the range holds', async (m) => {
  const { emit } = await setUp(m);
  const receipts = await emitSome(m, emit);
  const [from, to] = [Number(receipts[0].blockNumber), Number(receipts.at(-1).blockNumber)];
  const found = await m.rpc('eth_getLogs', { fromBlock: numberToHex(from), toBlock: numberToHex(to) });
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => numberToHex(from + i));
  const blocks = await Promise.all(numbers.map((n) => m.rpc('eth_getBlockReceipts', n)));
  assert.deepEqual(
    found,
    blocks.flat().flatMap((r) => r.logs),
  );
  for (const [n, block] of blocks.entries()) {
    const indices = block.flatMap((r) => r.logs).map((l) => Number(l.logIndex));
    assert.deepEqual(
      indices,
      indices.map((_, i) => i),
      `log indices of block ${numbers[n]}`,
    );
  }
});

onModules(net, 'getLogs by topics: exact, any-of, wildcard, several positions, none', async (m) => {
  const { account, address, emit } = await setUp(m);
  const receipts = await emitSome(m, emit);
  const range = { address, fromBlock: receipts[0].blockNumber, toBlock: 'latest' };
  const count = async (topics) => (await m.rpc('eth_getLogs', { ...range, topics })).length;
  assert.equal(await count([PING]), 6);
  assert.equal(await count([NOTE]), 2);
  assert.equal(await count([[PING, NOTE]]), 8);
  assert.equal(await count([null, pad(account.address).toLowerCase()]), 6);
  assert.equal(await count([PING, null, topicOf(1)]), 2);
  assert.equal(await count([PING, null, [topicOf(1), topicOf(3)]]), 5);
  assert.equal(await count([[NOTE], topicOf(9)]), 1);
  assert.equal(await count([]), 8);
  assert.equal(await count([NOTE, null, topicOf(1)]), 0);
});

onModules(net, 'getLogs by block hash, by several addresses, and of an empty range', async (m) => {
  const { address, emit } = await setUp(m);
  const receipt = await emit('pings', 7n, 4n);
  const { blockHash, blockNumber } = receipt;
  assert.deepEqual(await m.rpc('eth_getLogs', { blockHash, address }), receipt.logs);
  const nobody = `0x${'11'.repeat(20)}`;
  const both = await m.rpc('eth_getLogs', { address: [nobody, address], fromBlock: blockNumber, toBlock: blockNumber });
  assert.deepEqual(both, receipt.logs);
  assert.deepEqual(await m.rpc('eth_getLogs', { address: nobody, fromBlock: '0x0', toBlock: 'latest' }), []);
  assert.deepEqual(await m.rpc('eth_getLogs', { address, fromBlock: '0x0', toBlock: '0x0' }), []);
});

onModules(
  net,
  'getLogs refuses nonsense: unknown block hash, hash with range, from after to',
  async (m) => {
    const unknown = await m.refusal('eth_getLogs', { blockHash: `0x${'ab'.repeat(32)}` });
    assert.match(unknown.message, /not found|unknown/i);
    const both = await m.refusal('eth_getLogs', { blockHash: `0x${'ab'.repeat(32)}`, fromBlock: '0x1' });
    assert.equal(both.code, -32602, both.message);
    const backwards = await m.refusal('eth_getLogs', { fromBlock: '0x2', toBlock: '0x1' });
    assert.equal(backwards.code, -32602, backwards.message);
    const text = await m.refusal('eth_getLogs', { address: 'nobody' });
    assert.equal(text.code, -32602, text.message);
  },
  { needs: 'strictInput' },
);

onModules(net, 'viem getLogs and getContractEvents decode arguments', async (m) => {
  const { account, address, emit } = await setUp(m);
  const [first] = await emitSome(m, emit);
  const fromBlock = BigInt(first.blockNumber);
  const ones = await m.public.getLogs({ address, event: PING_EVENT, args: { tag: [1n, 3n] }, fromBlock });
  assert.deepEqual(
    ones.map((l) => l.args.value),
    [10n, 30n, 0n, 1n, 2n],
  );
  const mine = await m.public.getContractEvents({
    address,
    abi,
    eventName: 'Ping',
    args: { from: account.address },
    fromBlock,
  });
  assert.equal(mine.length, 6);
});

onModules(net, 'ethers queryFilter decodes arguments', async (m) => {
  const { account, address, emit } = await setUp(m);
  const [first] = await emitSome(m, emit);
  const probe = new Contract(address, abi, m.ethers());
  const events = await probe.queryFilter(probe.filters.Ping(account.address, [1n, 2n]), Number(first.blockNumber));
  assert.deepEqual(
    events.map((e) => e.args.value),
    [10n, 20n, 30n],
  );
  const notes = await probe.queryFilter('Note', Number(first.blockNumber), 'latest');
  assert.deepEqual(
    notes.map((e) => e.args.text),
    ['nine', ''],
  );
});

onModules(net, 'a log filter gives each log once, getFilterLogs all, and is gone after uninstall', async (m) => {
  const { address, emit } = await setUp(m);
  const filter = await m.rpc('eth_newFilter', { address, topics: [PING] });
  const seen = [];
  for (let i = 0n; i < 3n; i++) {
    await emit('ping', 5n, i);
    seen.push(
      ...(await until('the new log', async () => {
        const logs = await m.rpc('eth_getFilterChanges', filter);
        return logs.length > 0 && logs;
      })),
    );
  }
  await emit('note', topicOf(1), 'not a ping');
  assert.deepEqual(await m.rpc('eth_getFilterChanges', filter), []);
  assert.deepEqual(
    seen.map((l) => BigInt(l.data)),
    [0n, 1n, 2n],
  );
  assert.equal(await m.rpc('eth_uninstallFilter', filter), true);
  const gone = await m.refusal('eth_getFilterChanges', filter);
  assert.match(gone.message, /filter not found/i);
  assert.equal(await m.rpc('eth_uninstallFilter', filter), false);
});

onModules(net, 'getFilterLogs answers the whole range of the filter', async (m) => {
  const { address, emit } = await setUp(m);
  const receipts = await emitSome(m, emit);
  const filter = await m.rpc('eth_newFilter', { address, fromBlock: receipts[0].blockNumber, toBlock: 'latest' });
  assert.deepEqual(
    await m.rpc('eth_getFilterLogs', filter),
    receipts.flatMap((r) => r.logs),
  );
});

onModules(net, 'a block filter gives every block hash once and in order', async (m) => {
  const { emit } = await setUp(m);
  const filter = await m.rpc('eth_newBlockFilter');
  const receipts = [await emit('ping', 1n, 1n), await emit('ping', 1n, 2n), await emit('ping', 1n, 3n)];
  const hashes = [];
  await until('the last block in the filter', async () => {
    hashes.push(...(await m.rpc('eth_getFilterChanges', filter)));
    return hashes.includes(receipts.at(-1).blockHash);
  });
  for (const r of receipts) assert(hashes.includes(r.blockHash), `block ${r.blockNumber} is missing`);
  const blocks = await Promise.all(hashes.map((h) => m.rpc('eth_getBlockByHash', h, false)));
  for (let i = 1; i < blocks.length; i++) assert.equal(blocks[i].parentHash, hashes[i - 1], 'no gap, no repeat');
});

onModules(net, 'a pending transaction filter gives the hash of what was sent', async (m) => {
  const { account } = await setUp(m);
  const filter = await m.rpc('eth_newPendingTransactionFilter');
  const { transactionHash } = await m.send(account, { to: account.address });
  const seen = [];
  await until('the hash in the filter', async () => {
    seen.push(...(await m.rpc('eth_getFilterChanges', filter)));
    return seen.includes(transactionHash);
  });
  assert.equal(seen.filter((h) => h === transactionHash).length, 1);
});

onModules(net, 'viem watchEvent over HTTP sees every event once', async (m) => {
  const { address, emit } = await setUp(m);
  const values = [];
  const failures = [];
  const stop = m.public.watchEvent({
    address,
    event: PING_EVENT,
    onLogs: (logs) => values.push(...logs.map((l) => l.args.value)),
    onError: (error) => failures.push(error),
  });
  // The watcher begins at the block it first sees, so the first event may come before it looks.
  await until('the watcher to see a ping', async () => {
    await emit('ping', 1n, 0n);
    return values.length > 0;
  });
  for (let i = 1n; i <= 4n; i++) await emit('ping', 1n, i);
  await until('the last event', () => values.includes(4n));
  stop();
  assert.deepEqual(failures, []);
  assert.deepEqual(
    values.filter((v) => v > 0n),
    [1n, 2n, 3n, 4n],
  );
});

onModules(net, 'ethers contract.on over HTTP sees every event once', async (m) => {
  const { address, emit } = await setUp(m);
  const probe = new Contract(address, new Interface(abi), m.ethers());
  const values = [];
  await probe.on('Ping', (_from, _tag, value) => values.push(value));
  await until('the listener to see a ping', async () => {
    await emit('ping', 1n, 0n);
    return values.length > 0;
  });
  for (let i = 1n; i <= 4n; i++) await emit('ping', 1n, i);
  // ethers asks its filter once per block it notices, and may skip one while it is still asking: another block wakes it.
  await until('the last event', async () => values.includes(4n) || (await emit('ping', 1n, 0n), false));
  await probe.removeAllListeners();
  assert.deepEqual(
    values.filter((v) => v > 0n),
    [1n, 2n, 3n, 4n],
  );
  assert.equal(id('Ping(address,uint256,uint256)'), PING);
});
