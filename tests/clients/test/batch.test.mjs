/** Many calls in one: JSON-RPC batches, Multicall3, and the CREATE2 deployer. */
import assert from 'node:assert/strict';
import {
  createPublicClient,
  encodeDeployData,
  getCreate2Address,
  http,
  numberToHex,
  pad,
  parseAbi,
  parseEther,
} from 'viem';
import { network, onModules } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';
import { CREATE2_DEPLOYER, MULTICALL3, devAccount } from '../lib/module.mjs';
import { post } from '../lib/rpc.mjs';

const net = await network(import.meta.url);
const call = (id, method, ...params) => ({ jsonrpc: '2.0', id, method, params });

onModules(net, 'raw batch: an answer per id, good and bad mixed', async (m) => {
  const { json } = await post(m.url, [
    call(1, 'eth_chainId'),
    call('two', 'eth_blockNumber'),
    call(3, 'eth_noSuchMethod'),
    call(4, 'eth_getBalance', 5),
    call(5, 'eth_getBalance', devAccount(1).address, 'latest'),
  ]);
  const byId = new Map(json.map((a) => [a.id, a]));
  assert.deepEqual([...byId.keys()], [1, 'two', 3, 4, 5], 'answers in the order of the calls');
  assert.equal(Number(byId.get(1).result), m.chainId);
  assert.equal(byId.get(3).error.code, -32601);
  assert.equal(byId.get(4).error.code, -32602);
  assert(BigInt(byId.get(5).result) > 0n);
  for (const answer of json) assert.equal(answer.jsonrpc, '2.0');
});

onModules(
  net,
  'raw batch: empty is an invalid request, one call is a list of one, junk entries are answered',
  async (m) => {
    const empty = await post(m.url, []);
    assert.equal(empty.json.error.code, -32600);
    const one = await post(m.url, [call(9, 'eth_chainId')]);
    assert.deepEqual(
      one.json.map((a) => a.id),
      [9],
    );
    const junk = await post(m.url, [1, call(2, 'eth_chainId'), {}, 'x', null]);
    assert.equal(junk.json.length, 5);
    assert.deepEqual(
      junk.json.map((a) => a.error?.code),
      [-32600, undefined, -32600, -32600, -32600],
    );
  },
  { needs: 'strictInput' },
);

onModules(
  net,
  'raw batch: one over the limit is refused as a whole, names the limit, and the next call works',
  async (m) => {
    const account = await m.fresh();
    const raw = await m.sign(account, { to: account.address });
    const calls = Array.from({ length: 20_000 }, (_, id) => call(id, 'eth_chainId'));
    const { json } = await post(m.url, [call(-1, 'eth_sendRawTransaction', raw), ...calls]);
    assert(!Array.isArray(json), 'a batch of 20,001 calls must be refused');
    assert.match(json.error.message, /batch/i);
    const limit = Number(
      json.error.message
        .replaceAll(/[,_](?=\d)/g, '')
        .match(/\d+/g)
        ?.map(Number)
        .find((n) => n < 20_001),
    );
    assert(limit >= 100, `the limit is named: ${json.error.message}`);
    assert.equal(await m.nonce(account.address), 0, 'nothing of a refused batch is done');
    const most = await post(m.url, calls.slice(0, limit));
    assert.equal(most.json.length, limit);
  },
  { needs: 'batchLimit' },
);

onModules(net, 'raw batch: 200 signed transactions in one request, each accepted and included', async (m) => {
  const account = await m.fresh('2');
  const raws = await Promise.all(
    Array.from({ length: 200 }, (_, nonce) => m.sign(account, { to: account.address, nonce })),
  );
  const { json } = await post(
    m.url,
    raws.map((raw, id) => call(id, 'eth_sendRawTransaction', raw)),
  );
  for (const answer of json) assert(answer.result, JSON.stringify(answer.error));
  const last = await m.receipt(json.at(-1).result);
  assert.equal(last.status, '0x1');
  assert.equal(await m.nonce(account.address, 'latest'), 200);
});

onModules(net, 'viem batch transport: one request for many reads', async (m) => {
  let requests = 0;
  const transport = http(m.url, { batch: { batchSize: 50 }, retryCount: 0, onFetchRequest: () => void requests++ });
  const client = m.wallet(devAccount(1), transport);
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => client.getBalance({ address: devAccount(1 + (i % 9)).address })),
  );
  assert.equal(answers.length, 100);
  assert(requests <= 4, `${requests} requests for 100 reads`);
  assert(answers.every((b) => b > parseEther('100')));
});

onModules(net, 'ethers batches what is asked at once', async (m) => {
  const provider = m.ethers({ batchMaxCount: 100, batchStallTime: 10 });
  const asked = Array.from({ length: 60 }, (_, i) => provider.getBalance(devAccount(1 + (i % 9)).address));
  assert.equal((await Promise.all([...asked, provider.getBlockNumber()])).length, 61);
});

onModules(net, 'viem multicall through Multicall3: results, failures, and the block they are from', async (m) => {
  const account = await m.fresh();
  const address = await m.deploy(account, artifacts.Token, ['Multi', 'MC', 1000n]);
  const { abi } = artifacts.Token;
  const contracts = [
    { address, abi, functionName: 'symbol' },
    { address, abi, functionName: 'balanceOf', args: [account.address] },
    { address, abi, functionName: 'transfer', args: [account.address, 1n] },
  ];
  const results = await m.public.multicall({ contracts });
  assert.deepEqual(
    results.map((r) => r.status),
    ['success', 'success', 'failure'],
  );
  assert.deepEqual([results[0].result, results[1].result], ['MC', 1000n]);
  assert.match(String(results[2].error), /ERC20InsufficientBalance/);
  const abi3 = parseAbi([
    'function getBlockNumber() view returns (uint256)',
    'function getChainId() view returns (uint256)',
    'function getEthBalance(address) view returns (uint256)',
  ]);
  const chain = await m.public.readContract({ address: MULTICALL3, abi: abi3, functionName: 'getChainId' });
  assert.equal(chain, BigInt(m.chainId));
  const ether = await m.public.readContract({
    address: MULTICALL3,
    abi: abi3,
    functionName: 'getEthBalance',
    args: [account.address],
  });
  assert.equal(ether, await m.public.getBalance({ address: account.address }));
});

onModules(net, 'viem batches concurrent reads through Multicall3', async (m) => {
  const account = await m.fresh();
  const address = await m.deploy(account, artifacts.Token, ['Multi', 'MC', 1000n]);
  let calls = 0;
  const transport = http(m.url, { retryCount: 0, onFetchRequest: () => void calls++ });
  const client = createPublicClient({ chain: m.chain, transport, batch: { multicall: { wait: 10 } } });
  const names = ['name', 'symbol', 'decimals', 'totalSupply', 'owner'];
  const results = await Promise.all(
    names.map((functionName) => client.readContract({ address, abi: artifacts.Token.abi, functionName })),
  );
  assert.deepEqual(results, ['Multi', 'MC', 18, 1000n, account.address]);
  assert.equal(calls, 1);
});

onModules(net, 'the CREATE2 deployer gives the address everybody computes', async (m) => {
  const account = await m.fresh();
  const initcode = encodeDeployData({ ...artifacts.Child, args: [BigInt(m.chainId)] });
  const salt = pad(numberToHex(Date.now()));
  const expected = getCreate2Address({ from: CREATE2_DEPLOYER, salt, bytecode: initcode });
  const receipt = await m.send(account, { to: CREATE2_DEPLOYER, data: `${salt}${initcode.slice(2)}`, gas: 500_000n });
  assert.equal(receipt.status, '0x1');
  const value = await m.public.readContract({ address: expected, abi: artifacts.Child.abi, functionName: 'value' });
  assert.equal(value, BigInt(m.chainId));
  const again = await m.send(account, { to: CREATE2_DEPLOYER, data: `${salt}${initcode.slice(2)}`, gas: 500_000n });
  assert.equal(again.status, '0x0', 'a second deployment to the same address fails');
});
