/** Rules of transfers, the record of the root and the governance: docs/spec/payments.md, sections 6 and 11. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { artifacts } from '../testing/artifacts.mjs';
import { ALICE, BOB } from '../testing/chain.mjs';
import * as pool from '../testing/pool.mjs';

const {
  concat,
  encodeFunctionData,
  getAddress,
  getContractAddress,
  pad,
  size,
  slice,
  toHex,
  zeroAddress,
} = require('viem');
const { APPENDER, FINGERPRINT, GOVERNANCE, NATIVE, POOL, PoolChain, R } = pool;
const { element, encodeTransfer, mappingSlot, senderOf } = pool;

const chain = await PoolChain.create();
const clock = await chain.deploy('Clock');
const probe = await chain.deploy('Probe');
const refused = (changes, name, args) => chain.refusesTransfer(changes, name, args);
const govern = (functionName, ...args) => chain.writeFree(functionName, args, GOVERNANCE);
const callOf = (functionName, ...args) => encodeFunctionData({ ...POOL, functionName, args });

test('storage is laid out as genesis and nodes have it', () => {
  const { storage, types } = artifacts.Pool.storageLayout;
  const layout = storage.slice(0, 8).map(({ slot, offset, type }) => [Number(slot), offset, types[type].label]);
  assert.deepEqual(layout, [
    [0, 0, 'address'],
    [1, 0, 'bytes32'],
    [2, 0, 'uint64'],
    [2, 8, 'uint64'],
    [2, 16, 'uint32'],
    [3, 0, 'mapping(bytes32 => uint64)'],
    [4, 0, 'mapping(bytes32 => uint64)'],
    [5, 0, 'mapping(uint32 => bytes32)'],
  ]);
  assert.deepEqual([storage[8].slot, types[storage[8].type].label], ['6', 'mapping(uint32 => bool)']);
  assert.ok(storage.slice(9).every(({ slot }) => Number(slot) > 6));
});

test('a transfer spends two nullifiers, and its outputs are in the log', async () => {
  const made = await chain.transfer();
  assert.equal(size(made.data), 4_387);
  assert.deepEqual(made.events, [
    {
      name: 'Transferred',
      args: { nullifier0: made.nullifiers[0], nullifier1: made.nullifiers[1], outputs: slice(made.data, 125, 1_475) },
    },
  ]);
  for (const nullifier of made.nullifiers) {
    assert.equal(await chain.pool('isSpent', nullifier), true);
    assert.equal(await chain.pool('spentAt', nullifier), made.receipt.blockNumber);
    const stored = await chain.client.getStorageAt({ ...POOL, slot: mappingSlot(nullifier, 3) });
    assert.equal(BigInt(stored), made.receipt.blockNumber);
  }
  assert.equal(await chain.pool('isSpent', element()), false);
});

test('a note is spent once (PAY-2)', async () => {
  const { nullifiers, receipt } = await chain.transfer();
  const [first, second] = nullifiers;
  const fresh = element();
  for (const [pair, spent] of [
    [[first, second], first],
    [[first, fresh], first],
    [[second, fresh], second],
    [[fresh, first], first],
    [[fresh, second], second],
  ]) {
    await refused({ nullifiers: pair }, 'AlreadySpent', [spent, receipt.blockNumber]);
  }
  await refused({ nullifiers: [fresh, fresh] }, 'EqualNullifiers', [fresh]);
  await chain.transfer({ nullifiers: [fresh, element()] });
});

test('only the account of the first nullifier transfers, in a transaction of its own', async () => {
  const fields = await chain.fields();
  const data = encodeTransfer(fields);
  const sender = senderOf(fields.nullifiers[0]);
  const expected = (caller) => [getAddress(caller), getAddress(sender)];
  for (const from of [ALICE, APPENDER, senderOf(fields.nullifiers[1])]) {
    await refused({ ...fields, from }, 'NotTheSender', expected(from));
  }
  const all = { address: sender, abi: [...artifacts.Probe.abi, ...POOL.abi] };
  const relay = [POOL.address, callOf('transfer', data)];
  const delegation = concat(['0xef0100', probe.address]);
  for (const [bytecode, from] of [
    [artifacts.Probe.deployed, ALICE],
    [delegation, ALICE],
    [delegation, sender],
  ]) {
    await chain.client.setCode({ address: sender, bytecode });
    await chain.refused(all, 'run', relay, 'NotTheSender', expected(sender), { from });
  }
  await chain.client.setCode({ address: sender, bytecode: '0x' });
  await chain.transfer(fields);
});

test('a transfer has exactly one length', async () => {
  const plain = encodeTransfer(await chain.fields());
  const nullifiers = [slice(plain, 44, 76), slice(plain, 76, 108)];
  for (const [data, length] of [
    [`${plain}00`, 4_388n],
    [plain.slice(0, -2), 4_386n],
    ['0x', 0n],
  ]) {
    await refused({ data, nullifiers }, 'InvalidLength', [length, 4_387n]);
  }
  const unshield = { asset: NATIVE, value: 1n, recipient: BOB, data: '0x112233' };
  const out = encodeTransfer(await chain.fields({ unshield }));
  for (const [data, length] of [
    [`${out}00`, 4_441n],
    [out.slice(0, -2), 4_439n],
  ]) {
    await refused({ data, nullifiers }, 'InvalidLength', [length, 4_440n]);
  }
  // An unshield that has no room for its public part: what it reads as a length lies in an output.
  await refused({ publicPart: '0x02' }, 'CallDataTooLong', [65_535n, 4_096n]);
});

test('a public part that comes in, or is unknown, is refused', async () => {
  const rest = pad('0x', { size: 50 });
  for (const kind of [1, 3, 255]) {
    await refused({ publicPart: toHex(kind, { size: 1 }) }, 'InvalidPublicPart', [kind]);
    await refused({ publicPart: concat([toHex(kind, { size: 1 }), rest]) }, 'InvalidPublicPart', [kind]);
  }
});

test('call data has at most 4,096 bytes', async () => {
  const unshield = (length) => ({ asset: NATIVE, value: 1n, recipient: BOB, data: pad('0x', { size: length }) });
  await chain.shield(NATIVE, 1n);
  await refused({ unshield: unshield(4_097) }, 'CallDataTooLong', [4_097n, 4_096n]);
  await chain.transfer({ unshield: unshield(4_096) });
});

test('every element has one encoding', async () => {
  const fields = await chain.fields();
  const alias = (value) => toHex(BigInt(value) + R, { size: 32 });
  for (const index of [0, 1, 2]) {
    const commitments = fields.commitments.with(index, alias(fields.commitments[index]));
    await refused({ ...fields, commitments }, 'NotCanonical', [commitments[index]]);
    const unshield = { asset: NATIVE, value: 1n, recipient: BOB, data: '0x0102' };
    await refused({ ...fields, commitments, unshield }, 'NotCanonical', [commitments[index]]);
  }
  for (const index of [0, 1]) {
    const nullifiers = fields.nullifiers.with(index, alias(fields.nullifiers[index]));
    await refused({ ...fields, nullifiers }, 'NotCanonical', [nullifiers[index]]);
    const order = fields.nullifiers.with(index, toHex(R));
    await refused({ ...fields, nullifiers: order }, 'NotCanonical', [toHex(R)]);
  }
  await refused({ ...fields, anchor: alias(fields.anchor) }, 'NotCanonical', [alias(fields.anchor)]);
  await chain.transfer({ nullifiers: [element(), toHex(R - 1n)] });
});

test('a transfer is valid until its expiry, which is at most 1,200 blocks ahead', async () => {
  const now = await chain.read(clock, 'number');
  await refused({ expiry: now - 1n }, 'Expired', [now - 1n, now]);
  await refused({ expiry: 0n }, 'Expired', [0n, now]);
  await refused({ expiry: now + 1_201n }, 'ExpiryTooFar', [now + 1_201n, now + 1_200n]);
  await refused({ expiry: 2n ** 64n - 1n }, 'ExpiryTooFar');
  for (const ahead of [0n, 1_200n]) {
    const fields = await chain.fields({ expiry: now + ahead });
    const account = senderOf(fields.nullifiers[0]);
    const args = [encodeTransfer(fields)];
    await chain.client.simulateContract({ ...POOL, functionName: 'transfer', args, account, gasPrice: 0n });
  }
});

test('the last 600 roots are anchors', async () => {
  const known = chain.anchor;
  const number = await chain.pool('rootNumber', known);
  const unknown = element();
  await refused({ anchor: unknown }, 'UnknownAnchor', [unknown]);
  await refused({ anchor: pad('0x', { size: 32 }) }, 'UnknownAnchor');
  const roots = (count) => chain.setSlot(POOL.address, 2, (1n << 128n) | count);
  await roots(number + 599n);
  await chain.transfer({ anchor: known });
  await roots(number + 600n);
  await refused({ anchor: known }, 'StaleAnchor', [known, number, number + 600n]);
  // A root that comes again is an anchor again.
  await chain.append({ root: known });
  assert.equal(await chain.pool('rootNumber', known), number + 601n);
  await chain.transfer({ anchor: known });
});

test('append records root and size, and only its account does', async () => {
  const roots = await chain.pool('roots');
  const root = element();
  const receipt = await chain.append({ root, size: 7n, frontier: pad('0x', { size: 96 }) });
  assert.deepEqual(chain.events(receipt, POOL), [{ name: 'Appended', args: { root, size: 7n } }]);
  assert.deepEqual(await chain.pool('latest'), [root, 7n]);
  assert.equal(await chain.pool('rootNumber', root), roots + 1n);
  assert.equal(await chain.client.getStorageAt({ ...POOL, slot: 1 }), root);
  const packed = BigInt(await chain.client.getStorageAt({ ...POOL, slot: 2 }));
  assert.equal(packed, (1n << 128n) | (7n << 64n) | (roots + 1n));
  for (const from of [ALICE, GOVERNANCE]) {
    await chain.refused(POOL, 'append', [root, 7n, 0n, '0x'], 'NotTheAppender', [getAddress(from)], { from });
  }
});

test('append destroys the fees, and never more than there is', async () => {
  await chain.shield(NATIVE, 1_000n);
  const held = await chain.pool('pooled', NATIVE);
  const destroyed = async (fees) => {
    const nonce = BigInt(await chain.client.getTransactionCount(POOL));
    const before = await chain.balance(POOL.address);
    await chain.append({ fees });
    const address = getContractAddress({ from: POOL.address, nonce });
    assert.equal(await chain.balance(address), 0n, 'nobody has it');
    assert.equal(await chain.client.getCode({ address }), undefined);
    return before - (await chain.balance(POOL.address));
  };
  assert.equal(await destroyed(0n), 0n);
  assert.equal(await destroyed(400n), 400n);
  assert.equal(await destroyed(2n ** 128n - 1n), held - 400n);
  assert.equal(await destroyed(5n), 0n);
});

test('a full tree ends transfers and shielding', async () => {
  const most = 2n ** 32n - 2n ** 20n;
  await chain.append({ size: most });
  await chain.transfer();
  await chain.append({ size: most + 1n });
  await refused({}, 'TreeFull', [most + 1n]);
  const options = { value: 1n };
  await chain.refused(POOL, 'shield', [NATIVE, 1n, element(), '0x'], 'TreeFull', [most + 1n], options);
  await chain.append({ size: 7n });
});

test('circuits are paused, resumed and added', async () => {
  await refused({ circuit: 2 }, 'UnknownCircuit', [2]);
  assert.deepEqual(await chain.pool('circuit', 1), [FINGERPRINT, false]);
  const paused = await govern('pause', 1);
  assert.deepEqual(chain.events(paused, POOL), [{ name: 'Paused', args: { circuit: 1 } }]);
  assert.deepEqual(await chain.pool('circuit', 1), [FINGERPRINT, true]);
  assert.equal(BigInt(await chain.client.getStorageAt({ ...POOL, slot: mappingSlot(1, 6) })), 1n);
  await refused({}, 'CircuitPaused', [1]);
  const other = element();
  const receipt = await govern('addCircuit', 2, other);
  const added = [{ name: 'CircuitAdded', args: { circuit: 2, fingerprint: other } }];
  assert.deepEqual(chain.events(receipt, POOL), added);
  await chain.transfer({ circuit: 2 });
  const resumed = await govern('resume', 1);
  assert.deepEqual(chain.events(resumed, POOL), [{ name: 'Resumed', args: { circuit: 1 } }]);
  await chain.transfer();
  for (const name of ['pause', 'resume']) {
    await chain.refused(POOL, name, [3], 'UnknownCircuit', [3], { from: GOVERNANCE });
  }
  await chain.refused(POOL, 'addCircuit', [2, element()], 'CircuitExists', [2], { from: GOVERNANCE });
  await chain.refused(POOL, 'addCircuit', [3, pad('0x', { size: 32 })], 'ZeroFingerprint', [], { from: GOVERNANCE });
});

test('only the governance governs, and hands itself over', async () => {
  const calls = { pause: [1], resume: [1], addCircuit: [4, element()], setGovernance: [ALICE] };
  for (const [name, args] of Object.entries(calls)) {
    await chain.refused(POOL, name, args, 'NotGovernance', [ALICE]);
  }
  await chain.refused(POOL, 'setGovernance', [zeroAddress], 'ZeroAddress', [], { from: GOVERNANCE });
  const receipt = await govern('setGovernance', BOB);
  assert.deepEqual(chain.events(receipt, POOL), [{ name: 'GovernanceChanged', args: { account: BOB } }]);
  assert.equal(await chain.pool('governance'), BOB);
  await chain.refused(POOL, 'pause', [1], 'NotGovernance', [getAddress(GOVERNANCE)], { from: GOVERNANCE });
  await chain.write(POOL, 'setGovernance', [GOVERNANCE], { from: BOB });
});

test('nothing else reaches the pool', async () => {
  for (const [data, value] of [
    ['0x', 1n],
    ['0x', 0n],
    ['0x12345678', 0n],
  ]) {
    await assert.rejects(chain.client.call({ account: ALICE, to: POOL.address, data, value }), /reverted/);
  }
});
