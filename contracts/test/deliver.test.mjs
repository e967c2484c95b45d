import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { ALICE, BOB } from '../testing/chain.mjs';
import { GATEWAY, IMPORTER, RESERVE, attribute, network } from '../testing/module.mjs';

const { encodeFunctionData, getAddress } = require('viem');

const [here, there] = await network();
const probe = await there.deploy('Probe');
let account = 0x1000;
/** An address nobody used. */
const fresh = () => getAddress(`0x${(0xabcdef0000 + account++).toString(16).padStart(40, '0')}`);

/** What the probe says of the message it got. */
const got = (receipt) => there.events(receipt, probe).find(({ name }) => name === 'Got')?.args;

test('the recipient gets id, sender, payload, value and exactly its gas', async () => {
  for (const [value, gasLimit] of [
    [0n, 100_000n],
    [5n, 100_000n],
    [5n, 8_000_000n],
  ]) {
    const attributes = [attribute('gasLimit', gasLimit)];
    const sent = await here.sendMessage(there.address(probe.address), '0x00ff', { attributes, value });
    const { name, args, receipt } = await there.deliverOne(here, sent);
    assert.equal(name, 'MessageDelivered');
    assert.deepEqual(args, { id: sent.id, source: here.index, sequence: sent.sequence });
    const { gasAtStart, ...rest } = got(receipt);
    const expected = { id: sent.id, sender: here.address(ALICE), payload: '0x00ff', value, caller: GATEWAY.address };
    assert.deepEqual(rest, expected);
    // The probe's own way to its first line takes a few hundred gas, the same for each.
    assert.ok(gasAtStart < gasLimit && gasAtStart > gasLimit - 600n, `${gasAtStart} of ${gasLimit}`);
  }
  await there.assertSums();
});

test('value for an account without code is a transfer out of the reserve', async () => {
  const to = fresh();
  const before = await there.balance(GATEWAY.address);
  const sent = await here.sendMessage(there.address(to), '0x', { value: 10n ** 18n });
  const [, settled] = await there.source(here.index);
  assert.equal((await there.deliverOne(here, sent)).name, 'MessageDelivered');
  assert.equal(await there.balance(to), 10n ** 18n);
  assert.equal(before - (await there.balance(GATEWAY.address)), 10n ** 18n);
  assert.deepEqual((await there.source(here.index))[1], settled + 10n ** 18n);
  assert.ok((await here.balance(GATEWAY.address)) >= RESERVE + 10n ** 18n);
  await here.assertSums();
  await there.assertSums();
});

test('only the importing account delivers, in order, from another module', async () => {
  const sent = await here.sendMessage(there.address(probe.address));
  const { message, sequence } = sent;
  const deliver = (source, first, messages = [message]) => [source, first, messages, '0x'];
  const importer = { from: IMPORTER };
  const refused = (args, name, errorArgs, options = importer) =>
    there.refused(GATEWAY, 'deliver', args, name, errorArgs, options);
  await refused(deliver(0n, sequence), 'NotTheImporter', [ALICE], { from: ALICE });
  for (const source of [there.index, 3n, 64n, 2n ** 255n])
    await refused(deliver(source, sequence), 'NotASource', [source]);
  for (const first of [sequence - 1n, sequence + 1n, 0n]) {
    await refused(deliver(0n, first), 'WrongSequence', [first, sequence]);
  }
  await refused(deliver(0n, sequence, []), 'NothingToDeliver', []);
  await there.deliverOne(here, sent);
  await refused(deliver(0n, sequence), 'WrongSequence', [sequence, sequence + 1n]);
});

test('several messages are delivered in one import, each with its own end', async () => {
  const payloads = ['0x00', '0x01', '0x00aa', '0x02', '0x03'];
  const sent = [];
  for (const payload of payloads)
    sent.push(await here.sendMessage(there.address(probe.address), payload, { value: 1n }));
  const receipt = await there.deliver(here, sent);
  const ends = there.events(receipt, GATEWAY).map(({ name, args }) => [name, args.sequence]);
  const names = ['MessageDelivered', 'MessageFailed', 'MessageDelivered', 'MessageFailed', 'MessageFailed'];
  assert.deepEqual(
    ends,
    names.map((name, i) => [name, sent[i].sequence]),
  );
  await there.assertSums();
});

test('less gas than the messages were promised stops the whole import', async () => {
  const sent = await here.sendMessage(there.address(probe.address), '0x00');
  const data = encodeFunctionData({
    ...GATEWAY,
    functionName: 'deliver',
    args: [here.index, sent.sequence, [sent.message], '0x'],
  });
  for (const gas of [100_000n, 200_000n, 230_000n]) {
    await assert.rejects(there.client.call({ account: IMPORTER, to: GATEWAY.address, data, gas }));
  }
  assert.equal((await there.source(here.index))[0], sent.sequence);
  await there.deliverOne(here, sent);
});

/** The least gas with which `data` is executed. */
async function leastGas(data) {
  const works = (gas) =>
    there.client.call({ account: IMPORTER, to: GATEWAY.address, data, gas }).then(
      () => true,
      () => false,
    );
  let [low, high] = [50_000n, 16_000_000n];
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (await works(middle)) high = middle;
    else low = middle;
  }
  return high;
}

test('with the least gas that works, the recipient still has exactly its own', async () => {
  const cases = [
    [() => probe.address, '0x00', 0n, 200_000n],
    [() => probe.address, '0x00', 1n, 21_000n],
    [delegated, '0x00', 1n, 200_000n],
    [delegated, `0x00${'01'.repeat(24_575)}`, 1n, 2_000_000n],
    [() => probe.address, `0x00${'01'.repeat(24_575)}`, 0n, 8_000_000n],
  ];
  for (const [to, payload, value, gasLimit] of cases) {
    const attributes = [attribute('gasLimit', gasLimit)];
    const recipient = await to();
    const sent = await here.sendMessage(there.address(recipient), payload, { attributes, value });
    const args = [here.index, sent.sequence, [sent.message], '0x'];
    const data = encodeFunctionData({ ...GATEWAY, functionName: 'deliver', args });
    const gas = await leastGas(data);
    const snapshot = await there.client.snapshot();
    const starts = [];
    for (const offered of [16_000_000n, gas]) {
      const { logs } = await there.send(GATEWAY.address, data, { from: IMPORTER, gas: offered });
      const own = { ...probe, address: recipient };
      starts.push(there.events({ logs }, own).find(({ name }) => name === 'Got')?.args.gasAtStart);
      if (offered !== gas) await there.client.revert({ id: snapshot });
    }
    assert.ok(starts[0] > gasLimit - 1_000n);
    assert.equal(starts[0], starts[1], `${gasLimit} gas, of ${gas}`);
  }
});

test('coin for a delegated account is a transfer, and a payload is a message', async () => {
  const wallet = await there.deploy('Wallet');
  const person = fresh();
  await there.client.setCode({ address: person, bytecode: `0xef0100${wallet.address.slice(2)}` });
  const coin = await here.sendMessage(there.address(person), '0x', { value: 5n });
  assert.equal((await there.deliverOne(here, coin)).name, 'MessageDelivered');
  assert.equal(await there.balance(person), 5n);
  const call = await here.sendMessage(there.address(person), '0x00', { value: 5n });
  assert.equal((await there.deliverOne(here, call)).name, 'MessageFailed');
  const contract = await here.sendMessage(there.address(wallet.address), '0x', { value: 5n });
  assert.equal((await there.deliverOne(here, contract)).name, 'MessageFailed');
});

test('the gateway is nobody’s recipient', async () => {
  const payload = encodeFunctionData({ ...GATEWAY, functionName: 'sendMessage', args: [there.address(BOB), '0x', []] });
  for (const body of [payload, '0x']) {
    const sent = await here.sendMessage(there.address(GATEWAY.address), body, { value: 3n });
    const { name, args } = await there.deliverOne(here, sent);
    assert.deepEqual([name, args.reason.length], ['MessageFailed', 10]);
  }
  await there.assertSums();
});

test('coin for the importing account stays there, and it has no code to call', async () => {
  const sent = await here.sendMessage(there.address(IMPORTER), '0x', { value: 3n });
  assert.equal((await there.deliverOne(here, sent)).name, 'MessageDelivered');
  const called = await here.sendMessage(there.address(IMPORTER), '0x01');
  assert.equal((await there.deliverOne(here, called)).name, 'MessageFailed');
});

/** An account of a person who delegated it (EIP-7702), each to a contract of its own. */
async function delegated() {
  const address = fresh();
  const { address: delegate } = await there.deploy('Probe');
  await there.client.setCode({ address, bytecode: `0xef0100${delegate.slice(2)}` });
  return address;
}

/** Section 6.2 must hold for the worst there is, or one message could stop a lane for ever. `deliver` gives just that. */
const WORST = {
  'transfers to new accounts': () => [fresh(), '0x', 1n],
  'failures that use all gas, with value': () => [probe.address, '0x02', 1n],
  'failures without code': () => [fresh(), '0x02', 1n],
  'failures of delegated accounts': async () => [await delegated(), '0x02', 1n],
  'failures of a precompile': () => [`0x${'09'.padStart(40, '0')}`, '0x', 1n],
  'small deliveries': () => [probe.address, '0x00', 0n],
};

for (const [what, make] of Object.entries(WORST)) {
  for (const gasLimit of [21_000n, 200_000n]) {
    test(`the gas of an import suffices for 64 ${what} with ${gasLimit} gas`, async () => {
      const attributes = [attribute('gasLimit', gasLimit)];
      const sent = [];
      for (let i = 0; i < 64; i++) {
        const [to, payload, value] = await make();
        sent.push(await here.sendMessage(there.address(to), payload, { attributes, value }));
      }
      const count = gasLimit === 21_000n ? 64 : 48;
      for (let at = 0; at < 64; at += count) await there.deliver(here, sent.slice(at, at + count));
    });
  }
}

test('the gas of an import suffices for precompiles as new accounts, of any answer', async () => {
  for (let at = 1; at <= 0x11; at++) {
    const address = `0x${at.toString(16).padStart(40, '0')}`;
    for (const payload of ['0x', '0x01']) {
      const attributes = [attribute('gasLimit', 21_000n)];
      const sent = [];
      for (let i = 0; i < 8; i++) {
        sent.push(await here.sendMessage(there.address(address), payload, { attributes, value: 1n }));
      }
      await there.deliver(here, sent);
    }
  }
  await there.assertSums();
});

for (const payload of ['0x00', '0x02', '0x04', '0x05', `0x02${'01'.repeat(24_575)}`]) {
  test(`the gas of an import suffices for the highest gas limit and ${payload.slice(0, 6)}`, async () => {
    const attributes = [attribute('gasLimit', 8_000_000n)];
    const options = { attributes, value: 1n };
    await there.deliverOne(here, await here.sendMessage(there.address(probe.address), payload, options));
  });
}

test('the gas of an import suffices for the longest payloads', async () => {
  const sent = [];
  const payload = `0x02${'00'.repeat(24_575)}`;
  const attributes = [attribute('gasLimit', 21_000n)];
  for (let i = 0; i < 16; i++) {
    sent.push(await here.sendMessage(there.address(probe.address), payload, { attributes, value: 1n }));
  }
  await there.deliver(here, sent);
});

test('figures', async (t) => {
  const plain = await here.sendMessage(there.address(probe.address), '0x00ff');
  t.diagnostic(`send with default attributes: ${plain.receipt.gasUsed} (200,000 of them burned)`);
  await there.deliverOne(here, plain);
  for (const count of [1, 10, 64]) {
    const sent = [];
    const attributes = [attribute('gasLimit', 100_000n)];
    for (let i = 0; i < count; i++) sent.push(await here.sendMessage(there.address(fresh()), '0x', { attributes }));
    const used = (await there.deliver(here, sent)).gasUsed;
    const probes = [];
    for (let i = 0; i < count; i++)
      probes.push(await here.sendMessage(there.address(probe.address), '0x00', { attributes }));
    const called = (await there.deliver(here, probes)).gasUsed;
    t.diagnostic(
      `deliver ${count}: ${used / BigInt(count)} each to nobody, ${called / BigInt(count)} each to the probe`,
    );
  }
});
