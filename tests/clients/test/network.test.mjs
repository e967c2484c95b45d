/** The network as clients meet it: paths, chain ids, accounts, tags, and blocks that any Ethereum client can parse. */
import assert from 'node:assert/strict';
import { keccak256, parseEther, toRlp, trim } from 'viem';
import { MODULES, network, onModules, onNetwork } from '../harness.mjs';
import { CREATE2_DEPLOYER, MULTICALL3, devAccount } from '../lib/module.mjs';
import { post, rpc } from '../lib/rpc.mjs';

const net = await network(import.meta.url);

onNetwork(net, 'GET /ready says 200', async () => {
  const { status } = await fetch(`${net.url}/ready`);
  assert.equal(status, 200);
});

onNetwork(net, 'every module has a chain id of its own', async () => {
  const ids = net.all.map((m) => m.chainId);
  assert.equal(new Set(ids).size, MODULES.length, `chain ids ${ids}`);
  for (const id of ids) assert(id > 1 && Number.isSafeInteger(id) && id < 2 ** 52, `MetaMask refuses chain id ${id}`);
  for (const m of net.all) assert.equal(await m.rpc('net_version'), String(m.chainId));
});

onNetwork(
  net,
  'every module has a genesis block of its own',
  async () => {
    const hashes = await Promise.all(
      net.all.map(async (m) => (await m.rpc('eth_getBlockByNumber', '0x0', false)).hash),
    );
    assert.equal(new Set(hashes).size, MODULES.length);
  },
  { needs: 'modulePaths' },
);

onNetwork(net, '/ is the hub', async () => {
  assert.equal(Number(await rpc(`${net.url}/`, 'eth_chainId')), net.modules.hub.chainId);
  assert.equal(Number(await rpc(net.url, 'eth_chainId')), net.modules.hub.chainId);
});

onNetwork(net, 'an unknown path is 404 and names the modules', async () => {
  const { status, json, text } = await post(`${net.url}/nosuch`, { jsonrpc: '2.0', id: 1, method: 'eth_chainId' });
  assert.equal(status, 404);
  assert(json, `not JSON: ${text}`);
  for (const name of MODULES) assert(text.includes(name), `${name} is not named in ${text}`);
});

onNetwork(net, 'the ten accounts of the test mnemonic are funded in every module', async () => {
  for (const module of net.all) {
    for (let i = 0; i < 10; i++) {
      const { address } = devAccount(i);
      const balance = await module.public.getBalance({ address });
      assert(balance >= parseEther('1000'), `${module.name}: account ${i} ${address} has ${balance}`);
    }
  }
});

onModules(net, 'web3_clientVersion, net_listening, eth_syncing and web3_sha3 answer', async (m) => {
  assert.match(await m.rpc('web3_clientVersion'), /^\w[\w.-]*\/v?\d+\.\d+/);
  assert.equal(await m.rpc('net_listening'), true);
  assert.equal(await m.rpc('eth_syncing'), false);
  assert.equal(await m.rpc('web3_sha3', '0x68656c6c6f'), keccak256('0x68656c6c6f'));
});

onModules(
  net,
  'latest, safe and finalized are the same block',
  async (m) => {
    const account = await m.fresh();
    const { blockHash } = await m.send(account, { to: account.address });
    const tags = ['latest', 'safe', 'finalized'];
    const { json } = await post(
      m.url,
      tags.map((tag, id) => ({ jsonrpc: '2.0', id, method: 'eth_getBlockByNumber', params: [tag, false] })),
    );
    const sent = await m.rpc('eth_getBlockByHash', blockHash, false);
    for (const { id, result } of json) {
      assert(BigInt(result.number) >= BigInt(sent.number), `${tags[id]} is ${result.number}, behind ${sent.number}`);
    }
  },
  { needs: 'bftFinality' },
);

/** The header's fields in RLP order, as Prague and Osaka define them. */
const HEADER = [
  'parentHash',
  'sha3Uncles',
  'miner',
  'stateRoot',
  'transactionsRoot',
  'receiptsRoot',
  'logsBloom',
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'extraData',
  'mixHash',
  'nonce',
  'baseFeePerGas',
  'withdrawalsRoot',
  'blobGasUsed',
  'excessBlobGas',
  'parentBeaconBlockRoot',
  'requestsHash',
];
const QUANTITIES = new Set([
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'baseFeePerGas',
  'blobGasUsed',
  'excessBlobGas',
]);

function headerHash(block) {
  const field = (name) => {
    const value = block[name];
    assert(value !== undefined, `the block has no ${name}`);
    if (!QUANTITIES.has(name)) return value;
    const hex = BigInt(value).toString(16);
    return value === '0x0' ? '0x' : `0x${hex.length % 2 ? '0' : ''}${hex}`;
  };
  return keccak256(toRlp(HEADER.map(field)));
}

onModules(net, 'a block hash is the keccak of its RLP header, and parents link', async (m) => {
  const account = await m.fresh();
  const { blockNumber } = await m.send(account, { to: account.address });
  let child;
  for (let n = BigInt(blockNumber); n >= 0n && n > BigInt(blockNumber) - 5n; n--) {
    const block = await m.rpc('eth_getBlockByNumber', `0x${n.toString(16)}`, false);
    assert.equal(headerHash(block), block.hash, `block ${n}`);
    if (child) assert.equal(child.parentHash, block.hash);
    assert(block.extraData.length <= 66, `extraData of ${block.extraData.length} characters`);
    child = block;
  }
});

onModules(net, 'a block read by number, by hash, with and without bodies is one block', async (m) => {
  const account = await m.fresh();
  const receipt = await m.send(account, { to: account.address });
  const bare = await m.rpc('eth_getBlockByHash', receipt.blockHash, false);
  const full = await m.rpc('eth_getBlockByNumber', receipt.blockNumber, true);
  assert.equal(bare.hash, full.hash);
  assert.deepEqual(
    full.transactions.map((t) => t.hash),
    bare.transactions,
  );
  const index = Number(receipt.transactionIndex);
  assert.equal(bare.transactions[index], receipt.transactionHash);
  assert.equal(Number(await m.rpc('eth_getBlockTransactionCountByHash', bare.hash)), bare.transactions.length);
  assert.equal(Number(await m.rpc('eth_getBlockTransactionCountByNumber', bare.number)), bare.transactions.length);
  const byIndex = [
    await m.rpc('eth_getTransactionByBlockHashAndIndex', bare.hash, receipt.transactionIndex),
    await m.rpc('eth_getTransactionByBlockNumberAndIndex', bare.number, receipt.transactionIndex),
    await m.rpc('eth_getTransactionByHash', receipt.transactionHash),
  ];
  for (const transaction of byIndex) assert.deepEqual(transaction, full.transactions[index]);
  assert.deepEqual(bare.uncles, []);
  assert.equal(Number(await m.rpc('eth_getUncleCountByBlockHash', bare.hash)), 0);
});

onModules(net, 'what does not exist is null, not an error', async (m) => {
  const nowhere = `0x${'ab'.repeat(32)}`;
  assert.equal(await m.rpc('eth_getBlockByHash', nowhere, false), null);
  assert.equal(await m.rpc('eth_getBlockByNumber', '0xffffffffff', false), null);
  assert.equal(await m.rpc('eth_getTransactionByHash', nowhere), null);
  assert.equal(await m.rpc('eth_getTransactionReceipt', nowhere), null);
});

onModules(net, 'the contracts tools count on are there: Multicall3 and the CREATE2 deployer', async (m) => {
  for (const address of [MULTICALL3, CREATE2_DEPLOYER]) {
    const code = await m.rpc('eth_getCode', address, 'latest');
    assert(code.length > 100, `no code at ${address}`);
  }
});

onModules(net, 'the history contract of EIP-2935 serves the parent hash', async (m) => {
  const account = await m.fresh();
  const { blockNumber } = await m.send(account, { to: account.address });
  const number = BigInt(blockNumber);
  const block = await m.rpc('eth_getBlockByNumber', blockNumber, false);
  const data = `0x${(number - 1n).toString(16).padStart(64, '0')}`;
  const call = { to: '0x0000F90827F1C53a10cb7A02335B175320002935', data };
  assert.equal(await m.rpc('eth_call', call, blockNumber), block.parentHash);
  assert.notEqual(trim(block.parentHash), '0x');
});
