import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { ALICE, BOB, CAROL } from '../testing/chain.mjs';
import { GATEWAY, attribute, messageId, network } from '../testing/module.mjs';
import { artifacts } from '../testing/artifacts.mjs';

const { decodeErrorResult, encodeFunctionData, size, zeroHash } = require('viem');

const [here, there] = await network();
const probe = await there.deploy('Probe');
const DAY = 86_400n;

/** Sends a message that fails, and returns it with its reason. */
async function failing(payload, { to = probe.address, ...options } = {}) {
  const sent = await here.sendMessage(there.address(to), payload, options);
  const { name, args } = await there.deliverOne(here, sent);
  assert.equal(name, 'MessageFailed');
  return { ...sent, reason: args.reason };
}

const settle = (sent) => [here.index, sent.sequence, sent.message];
const failure = (id) => there.read(GATEWAY, 'failure', [id]);

/** Lets a message fail because the probe is closed, and opens it again. */
async function closedOnce(payload, options) {
  await there.write(probe, 'close', [true]);
  const sent = await failing(payload, options);
  await there.write(probe, 'close', [false]);
  return sent;
}

test('each kind of failure keeps the value and says why in at most 256 bytes', async () => {
  const eoa = '0x00000000000000000000000000000000000e0a00';
  const cases = [
    ['0x01', {}, 100],
    ['0x02', {}, 0],
    ['0x03', {}, 32],
    ['0x04', { attributes: [attribute('gasLimit', 4_000_000n)] }, 256],
    ['0x05', { attributes: [attribute('gasLimit', 4_000_000n)] }, 256],
    ['0x07', {}, 0],
    ['0x01', { to: eoa }, 36],
  ];
  for (const [payload, options, length] of cases) {
    const value = 11n;
    const balance = await there.balance(GATEWAY.address);
    const sent = await failing(payload, { ...options, value });
    assert.equal(size(sent.reason), length, payload);
    assert.equal(await there.balance(GATEWAY.address), balance);
    const { timestamp } = await there.client.getBlock();
    assert.equal(await failure(sent.id), timestamp);
  }
  const { reason } = await failing('0x01');
  assert.deepEqual(decodeErrorResult({ abi: [], data: reason }).args, ['refused']);
  const noCode = await failing('0x01', { to: eoa });
  assert.equal(decodeErrorResult({ abi: artifacts.IGateway.abi, data: noCode.reason }).errorName, 'RecipientHasNoCode');
  await there.assertSums();
});

test('anybody retries, once, and a failing retry changes nothing', async () => {
  const sent = await closedOnce('0x00', { value: 9n });
  await there.write(probe, 'close', [true]);
  await there.refused(GATEWAY, 'retry', settle(sent), 'DeliveryFailed', undefined, { from: CAROL });
  assert.ok((await failure(sent.id)) > 0n);
  await there.write(probe, 'close', [false]);
  const [, settled] = await there.source(here.index);
  const receipt = await there.write(GATEWAY, 'retry', settle(sent), { from: CAROL });
  assert.deepEqual(
    there.events(receipt, GATEWAY).map(({ name }) => name),
    ['MessageDelivered'],
  );
  assert.equal((await there.source(here.index))[1], settled + 9n);
  for (const name of ['retry', 'refund']) {
    await there.refused(GATEWAY, name, settle(sent), 'NothingToSettle', [sent.id], { from: probe.address });
  }
  await there.assertSums();
});

test('a retry has at least the gas the message was promised', async () => {
  const sent = await closedOnce('0x00', { attributes: [attribute('gasLimit', 2_000_000n)] });
  const options = { from: CAROL, gas: 1_900_000n };
  await there.refused(GATEWAY, 'retry', settle(sent), 'NotEnoughGas', undefined, options);
  await there.write(GATEWAY, 'retry', settle(sent), { from: CAROL, gas: 2_200_000n });
});

test('only the message that failed can be settled', async () => {
  const sent = await failing('0x01', { value: 4n });
  const other = { ...sent.message, value: 5n };
  for (const name of ['retry', 'refund']) {
    await there.refused(GATEWAY, name, [here.index, sent.sequence, other], 'NothingToSettle');
    await there.refused(GATEWAY, name, [here.index, sent.sequence + 1n, sent.message], 'NothingToSettle');
    await there.refused(GATEWAY, name, [2n, sent.sequence, sent.message], 'NothingToSettle');
  }
});

test('recipient and refundTo refund at once, others a day later', async () => {
  await there.impersonate(probe.address);
  for (const from of [probe.address, BOB]) {
    const sent = await failing('0x01', { value: 4n, attributes: [attribute('refundTo', BOB)] });
    await there.refused(GATEWAY, 'refund', settle(sent), 'RefundTooEarly', undefined, { from: CAROL });
    await there.write(GATEWAY, 'refund', settle(sent), { from });
  }
  const sent = await failing('0x01', { value: 4n });
  const allowed = (await failure(sent.id)) + DAY;
  await there.refused(GATEWAY, 'refund', settle(sent), 'RefundTooEarly', [sent.id, allowed], { from: CAROL });
  await there.client.setNextBlockTimestamp({ timestamp: allowed });
  await there.client.mine({ blocks: 1 });
  await there.write(GATEWAY, 'refund', settle(sent), { from: CAROL });
  await there.assertSums();
});

/** Refunds `sent` and brings the value back to its source. */
async function refundAndReturn(sent, from = sent.message.refundTo) {
  const receipt = await there.write(GATEWAY, 'refund', settle(sent), { from });
  const [back] = there.messages(receipt);
  const refunded = there.events(receipt, GATEWAY).find(({ name }) => name === 'MessageRefunded');
  assert.deepEqual(refunded.args, { id: sent.id, refundId: back.id });
  return { back, receipt };
}

test('a refund travels back to refundTo as a message of the gateway', async () => {
  const sent = await failing('0x01', { value: 10n ** 18n, attributes: [attribute('refundTo', CAROL)] });
  const { back, receipt } = await refundAndReturn(sent);
  assert.ok(receipt.gasUsed > 100_000n);
  const { sender, recipient, value, gasLimit, refundTo, payload } = back.message;
  assert.deepEqual([sender, value, gasLimit, payload], [GATEWAY.address, 10n ** 18n, 100_000n, '0x']);
  assert.deepEqual([recipient, refundTo].map(BigInt), [CAROL, probe.address].map(BigInt));
  assert.equal(back.id, messageId(there.chainId, here.chainId, back.sequence, back.message));
  await there.assertSums();
  const balance = await here.balance(CAROL);
  assert.equal((await here.deliverOne(there, back)).name, 'MessageDelivered');
  assert.equal((await here.balance(CAROL)) - balance, 10n ** 18n);
  await here.assertSums();
});

test('a refund reaches a contract that takes coin but no messages', async () => {
  const wallet = await here.deploy('Wallet');
  const input = encodeFunctionData({
    ...GATEWAY,
    functionName: 'sendMessage',
    args: [there.address(probe.address), '0x01', []],
  });
  const receipt = await here.write(wallet, 'run', [GATEWAY.address, 77n, input], { value: 77n });
  const [sent] = here.messages(receipt);
  await there.deliverOne(here, sent);
  await there.impersonate(probe.address);
  const { back } = await refundAndReturn(sent, probe.address);
  assert.equal((await here.deliverOne(there, back)).name, 'MessageDelivered');
  assert.equal(await here.balance(wallet.address), 77n);
});

test('a refund that fails too goes to whom the value was meant for', async () => {
  const closed = await here.deploy('Probe');
  await there.impersonate(probe.address);
  const sent = await failing('0x01', { value: 5n, attributes: [attribute('refundTo', closed.address)] });
  const { back } = await refundAndReturn(sent, probe.address);
  assert.equal((await here.deliverOne(there, back)).name, 'MessageFailed');
  await here.impersonate(closed.address);
  const receipt = await here.write(GATEWAY, 'refund', [there.index, back.sequence, back.message], {
    from: closed.address,
  });
  const [again] = here.messages(receipt);
  assert.equal(BigInt(again.message.recipient), BigInt(probe.address));
  await here.assertSums();
  await there.deliverOne(here, again);
  await there.assertSums();
});

test('a failed message without value is closed', async () => {
  const sent = await failing('0x01');
  const receipt = await there.write(GATEWAY, 'refund', settle(sent));
  assert.deepEqual(
    there.events(receipt, GATEWAY).map(({ name, args }) => [name, args]),
    [['MessageRefunded', { id: sent.id, refundId: zeroHash }]],
  );
  assert.ok(receipt.gasUsed < 60_000n);
});

test('a recipient that calls back settles nothing twice', async () => {
  const call = (functionName, args) => encodeFunctionData({ ...GATEWAY, functionName, args });
  const inner = async (receipt) => there.events(receipt, probe).find(({ name }) => name === 'Inner').args;
  await there.client.setBalance({ address: probe.address, value: 0n });
  for (const name of ['retry', 'refund']) {
    // Failed before: the retry's call tries to settle the same message again.
    const sent = await closedOnce('0x06', { value: 6n });
    await there.write(probe, 'arm', [GATEWAY.address, 0n, call(name, settle(sent))]);
    const receipt = await there.write(GATEWAY, 'retry', settle(sent));
    assert.equal((await inner(receipt)).ok, false);
    // Not failed yet: the first delivery's call tries it.
    const next = await here.sendMessage(there.address(probe.address), '0x06', { value: 6n });
    await there.write(probe, 'arm', [GATEWAY.address, 0n, call(name, settle(next))]);
    const first = await there.deliver(here, [next]);
    assert.equal((await inner(first)).ok, false);
    await there.assertSums();
  }
});

test('a recipient may settle another message and send its own', async () => {
  const call = (functionName, args) => encodeFunctionData({ ...GATEWAY, functionName, args });
  const failed = await failing('0x01', { value: 8n });
  await there.write(probe, 'arm', [GATEWAY.address, 0n, call('refund', settle(failed))]);
  const outer = await here.sendMessage(there.address(probe.address), '0x06', {
    value: 2n,
    attributes: [attribute('gasLimit', 1_000_000n)],
  });
  const receipt = await there.deliver(here, [outer]);
  const names = there.events(receipt, GATEWAY).map(({ name }) => name);
  assert.deepEqual(names, ['MessageSent', 'MessageQueued', 'MessageRefunded', 'MessageDelivered']);
  await there.write(probe, 'arm', [GATEWAY.address, 2n, call('sendMessage', [here.address(ALICE), '0x', []])]);
  const sender = await here.sendMessage(there.address(probe.address), '0x06', {
    value: 2n,
    attributes: [attribute('gasLimit', 1_000_000n)],
  });
  const [own] = there.messages(await there.deliver(here, [sender]));
  assert.equal(BigInt(own.message.sender), BigInt(probe.address));
  await there.assertSums();
});

test('what a failed delivery sent or settled is undone with it', async () => {
  const call = encodeFunctionData({ ...GATEWAY, functionName: 'sendMessage', args: [here.address(ALICE), '0x', []] });
  await there.write(probe, 'arm', [GATEWAY.address, 0n, call]);
  const [count] = await there.lane(here.index);
  await failing('0x06', { attributes: [attribute('gasLimit', 150_000n)] }).catch(() => undefined);
  assert.ok((await there.lane(here.index))[0] === count);
});

test('figures', async (t) => {
  const sent = await closedOnce('0x00', { value: 9n });
  t.diagnostic(`retry with value: ${(await there.write(GATEWAY, 'retry', settle(sent))).gasUsed}`);
  const plain = await closedOnce('0x00');
  t.diagnostic(`retry: ${(await there.write(GATEWAY, 'retry', settle(plain))).gasUsed}`);
  const value = await failing('0x01', { value: 1n });
  t.diagnostic(`refund (100,000 burned): ${(await there.write(GATEWAY, 'refund', settle(value))).gasUsed}`);
});
