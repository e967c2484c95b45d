/** Reading state and simulating: eth_call with overrides, access lists, history, receipts, storage, code. */
import assert from 'node:assert/strict';
import {
  decodeFunctionResult,
  encodeAbiParameters,
  encodeDeployData,
  encodeFunctionData,
  keccak256,
  numberToHex,
  pad,
  parseEther,
} from 'viem';
import { network, onModules } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';

const net = await network(import.meta.url);
const { abi, bytecode, deployed } = artifacts.Probe;
const NOBODY = `0x${'77'.repeat(20)}`;
const countSlot = (address) =>
  keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [address, 1n]));

async function setUp(m) {
  const account = await m.fresh();
  const address = await m.deploy(account, artifacts.Probe);
  const send = (functionName, ...args) =>
    m.send(account, { to: address, data: encodeFunctionData({ abi, functionName, args }), gas: 300_000n });
  const read = (functionName, args = [], options = {}) =>
    m.public.readContract({ address, abi, functionName, args, ...options });
  return { account, address, send, read };
}

onModules(net, 'state overrides: balance, code, nonce, state and stateDiff', async (m) => {
  const { account, address, send, read } = await setUp(m);
  await send('set', 5n);
  const slot = pad('0x0');
  const value = pad('0x2a');
  const over = (override) => read('number', [], { stateOverride: [{ address, ...override }] });
  assert.equal(await over({ stateDiff: [{ slot, value }] }), 42n);
  assert.equal(await over({ state: [{ slot: pad('0x9'), value }] }), 0n, 'state replaces all storage');
  assert.equal(await read('number'), 5n, 'nothing stays');
  const rich = await read('sender', [], { account, stateOverride: [{ address, balance: 77n }] });
  assert.deepEqual(rich, [account.address, account.address, 77n]);
  const elsewhere = { address: NOBODY, code: deployed, stateDiff: [{ slot, value }] };
  assert.equal(
    await m.public.readContract({ address: NOBODY, abi, functionName: 'number', stateOverride: [elsewhere] }),
    42n,
  );
  const poor = { account: NOBODY, to: account.address, value: parseEther('1000000') };
  await assert.rejects(m.public.call(poor));
  await m.public.call({ ...poor, stateOverride: [{ address: NOBODY, balance: parseEther('1000001') }] });
  const gas = await m.public.estimateGas({
    ...poor,
    stateOverride: [{ address: NOBODY, balance: parseEther('1000001') }],
  });
  assert.equal(gas, 21_000n);
});

onModules(net, 'state overrides: state and stateDiff of one account together are refused', async (m) => {
  const { address } = await setUp(m);
  const storage = { [pad('0x0')]: pad('0x1') };
  await m.refusal('eth_call', { to: address, data: '0x8381f58a' }, 'latest', {
    [address]: { state: storage, stateDiff: storage },
  });
});

onModules(net, 'block overrides: number, time, base fee, coinbase, gas limit', async (m) => {
  const { read } = await setUp(m);
  const blockOverrides = {
    number: 123_456n,
    time: 2_000_000_000n,
    baseFeePerGas: 9n,
    coinbase: NOBODY,
    gasLimit: 33_000_000n,
  };
  const raw = {
    number: '0x1e240',
    time: '0x77359400',
    baseFeePerGas: '0x9',
    feeRecipient: NOBODY,
    gasLimit: '0x1f78a40',
  };
  const env = await read('env', [], { blockOverrides });
  assert.equal(env.number, 123_456n);
  assert.equal(env.timestamp, 2_000_000_000n);
  assert.equal(env.gasLimit, 33_000_000n);
  const { to, data } = { to: NOBODY, data: encodeFunctionData({ abi, functionName: 'env' }) };
  const answer = await m.rpc('eth_call', { to, data }, 'latest', { [to]: { code: deployed } }, raw);
  const decoded = decodeFunctionResult({ abi, functionName: 'env', data: answer });
  assert.equal(decoded.number, 123_456n);
  assert.equal(decoded.coinbase, NOBODY);
});

onModules(net, "the EVM sees the module's chain id and the block it runs in", async (m) => {
  const { send, read } = await setUp(m);
  const { blockNumber } = await send('set', 1n);
  const block = await m.public.getBlock({ blockNumber: BigInt(blockNumber) });
  const env = await read('env', [], { blockNumber: block.number });
  assert.equal(env.chainId, BigInt(m.chainId));
  assert.equal(env.number, block.number);
  assert.equal(env.timestamp, block.timestamp);
  assert.equal(env.parent, block.parentHash);
  assert.equal(env.gasLimit, block.gasLimit);
  assert.equal(env.coinbase.toLowerCase(), block.miner);
  const older = await m.public.getBlock({ blockNumber: block.number - 2n });
  assert.equal(await read('hashOf', [older.number], { blockNumber: block.number }), older.hash);
});

onModules(net, 'Osaka opcodes and precompiles: TSTORE, MCOPY, CLZ, P-256', async (m) => {
  const { account, address, read } = await setUp(m);
  const { result } = await m.public.simulateContract({ address, abi, functionName: 'opcodes', args: [255n], account });
  assert.deepEqual(result, [255n, 248n, numberToHex(255, { size: 32 })]);
  const { generateKeyPairSync, sign, createHash } = await import('node:crypto');
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const message = Buffer.from('trellis');
  const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const digest = createHash('sha256').update(message).digest();
  const input = Buffer.concat([digest, signature, Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const [ok, output] = await read('p256', [`0x${input.toString('hex')}`]);
  assert.deepEqual([ok, output], [true, pad('0x1')]);
  input[0] ^= 1;
  assert.deepEqual(await read('p256', [`0x${input.toString('hex')}`]), [true, '0x']);
});

onModules(net, 'history: call, balance, nonce, storage and code as of a block, by number and by hash', async (m) => {
  const { account, address, send, read } = await setUp(m);
  const [one, two] = [await send('set', 1n), await send('set', 2n)];
  const [at1, at2] = [BigInt(one.blockNumber), BigInt(two.blockNumber)];
  assert.equal(await read('number', [], { blockNumber: at1 }), 1n);
  assert.equal(await read('number', [], { blockNumber: at2 }), 2n);
  const data = encodeFunctionData({ abi, functionName: 'number' });
  const byHash = await m.rpc('eth_call', { to: address, data }, { blockHash: one.blockHash });
  assert.equal(BigInt(byHash), 1n);
  assert.equal(BigInt(await m.rpc('eth_call', { to: address, data }, { blockNumber: one.blockNumber })), 1n);
  const spent = BigInt(two.gasUsed) * BigInt(two.effectiveGasPrice);
  const [b1, b2] = await Promise.all(
    [at1, at2].map((blockNumber) => m.public.getBalance({ address: account.address, blockNumber })),
  );
  assert.equal(b1 - b2, spent);
  assert.equal(await m.public.getTransactionCount({ address: account.address, blockNumber: at1 }), 2);
  assert.equal(await m.rpc('eth_getStorageAt', address, '0x0', one.blockNumber), pad('0x1'));
  assert.equal(await m.rpc('eth_getCode', address, '0x0'), '0x', 'no code before the deployment');
});

onModules(net, 'getStorageAt and getCode: values, empty slots, accounts without code', async (m) => {
  const { account, address, send } = await setUp(m);
  await send('set', 0xbeefn);
  assert.equal(await m.rpc('eth_getStorageAt', address, '0x0', 'latest'), pad('0xbeef'));
  assert.equal(await m.rpc('eth_getStorageAt', address, countSlot(account.address), 'latest'), pad('0x1'));
  assert.equal(await m.rpc('eth_getStorageAt', address, pad('0x5'), 'latest'), pad('0x0'));
  assert.equal(await m.public.getStorageAt({ address, slot: '0x0' }), pad('0xbeef'));
  assert.equal(BigInt(await m.ethers().getStorage(address, 0)), 0xbeefn);
  assert.equal(await m.rpc('eth_getCode', address, 'latest'), deployed);
  assert.equal(await m.rpc('eth_getCode', account.address, 'latest'), '0x');
  assert.equal(await m.rpc('eth_getBalance', NOBODY, 'latest'), '0x0');
});

onModules(net, 'getBlockReceipts by number, hash and tag is every receipt of the block', async (m) => {
  const { send } = await setUp(m);
  const { blockHash, blockNumber } = await send('pings', 1n, 3n);
  const block = await m.rpc('eth_getBlockByHash', blockHash, false);
  const receipts = await m.rpc('eth_getBlockReceipts', blockNumber);
  assert.deepEqual(await m.rpc('eth_getBlockReceipts', blockHash), receipts);
  assert.deepEqual(await Promise.all(block.transactions.map((h) => m.rpc('eth_getTransactionReceipt', h))), receipts);
  let total = 0n;
  for (const [i, r] of receipts.entries()) {
    total += BigInt(r.gasUsed);
    assert.equal(BigInt(r.cumulativeGasUsed), total);
    assert.equal(Number(r.transactionIndex), i);
  }
  assert.equal(total, BigInt(block.gasUsed));
  assert(Array.isArray(await m.rpc('eth_getBlockReceipts', 'latest')));
  assert.equal(await m.rpc('eth_getBlockReceipts', '0xffffffffff'), null);
});

onModules(net, 'createAccessList names what the call touches, and using it changes no result', async (m) => {
  const { account, address } = await setUp(m);
  const data = encodeFunctionData({ abi, functionName: 'set', args: [3n] });
  const { accessList, gasUsed } = await m.public.createAccessList({ account, to: address, data });
  const entry = accessList.find((e) => e.address.toLowerCase() === address.toLowerCase());
  assert.deepEqual([...entry.storageKeys].sort(), [pad('0x0'), countSlot(account.address)].sort());
  assert(gasUsed > 21_000n);
  const receipt = await m.send(account, { type: 'eip2930', to: address, data, accessList, gas: 300_000n });
  assert.equal(receipt.status, '0x1');
});

onModules(
  net,
  'createAccessList of a reverting call reports the error',
  async (m) => {
    const { account, address } = await setUp(m);
    const data = encodeFunctionData({ abi, functionName: 'failRequire' });
    const answer = await m.rpc('eth_createAccessList', { from: account.address, to: address, data }, 'latest');
    assert.match(String(answer.error), /revert/i);
  },
  { needs: 'accessListErrors' },
);

onModules(net, 'eth_call creates: the answer is the runtime code', async (m) => {
  const account = await m.fresh('0');
  const child = encodeDeployData({ ...artifacts.Child, args: [6n] });
  const { data } = await m.public.call({ account, data: child });
  assert.equal(data.length, artifacts.Child.deployed.length);
  assert.equal(await m.rpc('eth_call', { from: account.address, data: bytecode }), deployed);
});

onModules(
  net,
  'eth_getProof is refused as an unknown method, so clients fall back',
  async (m) => {
    const error = await m.refusal('eth_getProof', NOBODY, [], 'latest');
    assert.equal(error.code, -32601, error.message);
  },
  { needs: 'noProofs' },
);

onModules(net, 'state of a block that does not exist is an error, not zero', async (m) => {
  const future = '0xfffffffff';
  for (const [method, ...params] of [
    ['eth_getBalance', NOBODY],
    ['eth_getCode', NOBODY],
    ['eth_call', { to: NOBODY }],
  ]) {
    const error = await m.refusal(method, ...params, future);
    assert.match(error.message, /not found|unknown|future|out of range|outofrange/i);
  }
});
