import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { ALICE, BOB, interoperable } from '../testing/chain.mjs';
import { FIRST_CHAIN, GATEWAY, MODULES, attribute, messageId, network } from '../testing/module.mjs';

const { encodeFunctionData, pad, toFunctionSelector } = require('viem');

const [here, there] = await network();

const lower = (message) => Object.fromEntries(Object.entries(message).map(([k, v]) => [k, v.toLowerCase?.() ?? v]));

test('the genesis values can be read', async () => {
  assert.equal(await here.read(GATEWAY, 'modules'), BigInt(MODULES));
  assert.equal(await here.read(GATEWAY, 'firstChainId'), BigInt(FIRST_CHAIN));
  for (const signature of ['gasLimit(uint256)', 'refundTo(address)', 'outside()']) {
    assert.equal(await here.read(GATEWAY, 'supportsAttribute', [toFunctionSelector(signature)]), true);
  }
  assert.equal(await here.read(GATEWAY, 'supportsAttribute', ['0x00000000']), false);
});

test('a message has the id of section 2 and the events of section 3', async () => {
  const attributes = [attribute('refundTo', BOB), attribute('gasLimit', 50_000n)];
  const [sequence] = await here.lane(1n);
  const recipient = there.address(BOB);
  const sent = await here.sendMessage(recipient, '0x1234', { attributes, value: 7n });
  assert.deepEqual([sent.lane, sent.sequence], [1n, sequence]);
  const expected = { sender: ALICE, recipient: BOB, value: 7n, gasLimit: 50_000n, refundTo: BOB, payload: '0x1234' };
  assert.deepEqual(lower(sent.message), lower(expected));
  assert.equal(sent.id, messageId(FIRST_CHAIN, FIRST_CHAIN + 1, sequence, expected));
  assert.equal(sent.event.sender, here.address(ALICE));
  assert.equal(sent.event.recipient, recipient);
  assert.deepEqual(sent.event.attributes, attributes);
  await here.assertSums();
});

test('without attributes a delivery has 200,000 gas and the value goes back to the sender', async () => {
  const { message } = await here.sendMessage(there.address(BOB));
  assert.deepEqual([message.gasLimit, message.refundTo], [200_000n, ALICE]);
});

test('sequences count up per lane, with the value taken in', async () => {
  const before = await here.lane(2n);
  const recipient = interoperable(FIRST_CHAIN + 2, BOB);
  const sequences = [];
  for (const value of [1n, 2n, 3n]) sequences.push((await here.sendMessage(recipient, '0x', { value })).sequence);
  assert.deepEqual(sequences, [before[0], before[0] + 1n, before[0] + 2n]);
  assert.deepEqual(await here.lane(2n), [before[0] + 3n, before[1] + 6n]);
  await here.assertSums();
});

test('the sender burns exactly the gas of the delivery', async () => {
  await here.sendMessage(there.address(BOB));
  const used = [];
  for (const gas of [100_000n, 200_000n, 8_000_000n]) {
    const { receipt } = await here.sendMessage(there.address(BOB), '0x', { attributes: [attribute('gasLimit', gas)] });
    used.push(receipt.gasUsed - gas);
  }
  // The attribute's own bytes differ by a few zeros, which cost 12 gas each less than others.
  for (const rest of used) assert.ok(rest - used[0] > -60n && rest - used[0] < 60n, `${used}`);
});

test('too little gas for the delivery is refused by name', async () => {
  const attributes = [attribute('gasLimit', 8_000_000n)];
  await here.refused(GATEWAY, 'sendMessage', [there.address(BOB), '0x', attributes], 'NotEnoughGas', undefined, {
    gas: 8_100_000n,
  });
});

test('every malformed recipient is refused with what is wrong', async () => {
  const good = there.address(BOB);
  const body = good.slice(2);
  const chain = body.slice(10, 18);
  const address = body.slice(20);
  const cases = [
    ['0x', 'InvalidAddressLength', [0n, 6n]],
    ['0x0001000004', 'InvalidAddressLength', [5n, 6n]],
    [`0x0002${body.slice(4)}`, 'UnsupportedAddressVersion', [2n]],
    [`0x00010002${body.slice(8)}`, 'UnsupportedChainType', [2n]],
    [`0x0001000005${body.slice(10, 18)}`, 'InvalidAddressLength', [9n, 11n]],
    [`0x000100000014${address}`, 'InvalidChainReference', ['0x']],
    [`0x000100000500${chain}14${address}`, 'InvalidChainReference', [`0x00${chain}`]],
    [`0x0001000021${'11'.repeat(33)}14${address}`, 'InvalidChainReference', [`0x${'11'.repeat(33)}`]],
    [`0x0001000004${chain}00`, 'InvalidAccountLength', [0n]],
    [`0x0001000004${chain}20${'00'.repeat(12)}${address}`, 'InvalidAccountLength', [32n]],
    [`0x0001000004${chain}14${address.slice(2)}`, 'InvalidAddressLength', [29n, 30n]],
    [`${good}00`, 'InvalidAddressLength', [31n, 30n]],
  ];
  for (const [recipient, name, args] of cases) {
    await here.refused(GATEWAY, 'sendMessage', [recipient, '0x', []], name, args);
  }
});

test('a chain that cannot be reached is refused', async () => {
  const send = (chainId) => [interoperable(chainId, BOB), '0x', []];
  const bounds = [BigInt(FIRST_CHAIN), BigInt(MODULES)];
  for (const chainId of [1, FIRST_CHAIN - 1, FIRST_CHAIN + MODULES, 2 ** 40]) {
    await here.refused(GATEWAY, 'sendMessage', send(chainId), 'NotAModule', [BigInt(chainId), ...bounds]);
  }
  await here.refused(GATEWAY, 'sendMessage', send(FIRST_CHAIN), 'RecipientInSameModule', [BigInt(FIRST_CHAIN)]);
});

test('a payload has at most 24,576 bytes', async () => {
  const payload = (size) => `0x${'ab'.repeat(size)}`;
  await here.sendMessage(there.address(BOB), payload(24_576));
  const args = [there.address(BOB), payload(24_577), []];
  await here.refused(GATEWAY, 'sendMessage', args, 'PayloadTooLong', [24_577n, 24_576n]);
});

test('attributes are refused that are unknown, malformed, repeated, or out of range', async () => {
  const gas = (limit) => attribute('gasLimit', limit);
  const refundTo = attribute('refundTo', BOB);
  const dirty = `${refundTo.slice(0, 10)}01${refundTo.slice(12)}`;
  const range = [21_000n, 8_000_000n];
  const cases = [
    [['0x12345678'], 'UnsupportedAttribute', ['0x12345678']],
    [['0x'], 'MalformedAttribute', ['0x']],
    [[gas(50_000n).slice(0, 8)], 'MalformedAttribute', undefined],
    [[gas(50_000n).slice(0, -2)], 'MalformedAttribute', undefined],
    [[`${gas(50_000n)}00`], 'MalformedAttribute', undefined],
    [[dirty], 'MalformedAttribute', [dirty]],
    [[attribute('refundTo', pad('0x', { size: 20 }))], 'MalformedAttribute', undefined],
    [[`${attribute('outside')}00`], 'MalformedAttribute', undefined],
    [[gas(50_000n), gas(60_000n)], 'RepeatedAttribute', [gas(0n).slice(0, 10)]],
    [[refundTo, refundTo], 'RepeatedAttribute', [refundTo.slice(0, 10)]],
    [[attribute('outside'), attribute('outside')], 'RepeatedAttribute', [attribute('outside')]],
    [[gas(20_999n)], 'GasLimitOutOfRange', [20_999n, ...range]],
    [[gas(0n)], 'GasLimitOutOfRange', [0n, ...range]],
    [[gas(8_000_001n)], 'GasLimitOutOfRange', [8_000_001n, ...range]],
    [[gas(2n ** 200n)], 'GasLimitOutOfRange', [2n ** 200n, ...range]],
  ];
  for (const [attributes, name, args] of cases) {
    await here.refused(GATEWAY, 'sendMessage', [there.address(BOB), '0x', attributes], name, args);
  }
});

test('a message for outside goes to lane 64, moves no value and burns no gas', async () => {
  const outside = interoperable(11_155_111, BOB);
  const attributes = [attribute('outside')];
  const { lane, receipt, id, message, sequence } = await here.sendMessage(outside, '0xaa', { attributes });
  assert.equal(lane, 64n);
  assert.ok(receipt.gasUsed < 120_000n, `${receipt.gasUsed}`);
  assert.equal(id, messageId(FIRST_CHAIN, 11_155_111, sequence, message));
  await here.refused(GATEWAY, 'sendMessage', [outside, '0x', attributes], 'ValueForOutsideChain', [1n], { value: 1n });
  const inside = [there.address(BOB), '0x', attributes];
  await here.refused(GATEWAY, 'sendMessage', inside, 'NotOutside', [BigInt(FIRST_CHAIN + 1)]);
});

test('strangers cannot make the gateway burn or keep anything', async () => {
  for (const [data, value] of [
    ['0x', 1n],
    ['0x', 0n],
    ['0x12345678', 0n],
  ]) {
    await assert.rejects(here.client.call({ account: ALICE, to: GATEWAY.address, data, value }));
  }
  const call = encodeFunctionData({ ...GATEWAY, functionName: 'modules' });
  await assert.rejects(here.client.call({ account: ALICE, to: GATEWAY.address, data: call, value: 1n }));
});
