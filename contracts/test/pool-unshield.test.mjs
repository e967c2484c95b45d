/** What leaves the pool, and the calls of strangers: docs/spec/payments.md, sections 11.4 to 11.6. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { BOB, CAROL } from '../testing/chain.mjs';
import { CALLER, FORM, MOOD, NATIVE, POOL, PoolChain, REENTERED, element } from '../testing/pool.mjs';

const { encodeFunctionData, getAddress, pad } = require('viem');

const SUPPLY = 1_000_000n;
const chain = await PoolChain.create();
const plain = await chain.addToken('PlainToken', [SUPPLY]);
const odd = await chain.addToken('OddToken', [SUPPLY]);
const recipient = await chain.deploy('Recipient');
for (const asset of [NATIVE, plain.asset, odd.asset]) await chain.shield(asset, 100_000n);

const callOf = (functionName, ...args) => encodeFunctionData({ ...POOL, functionName, args });
const held = (token, account) => chain.read(token, 'balanceOf', [account]);
const pooled = (asset) => chain.pool('pooled', asset);
const owed = (asset, account = recipient.address) => chain.pool('owed', asset, account);
const set = (contract, functionName, ...args) => chain.write(contract, functionName, args);
let accounts = 0;
const stranger = () => pad(`0x57${(++accounts).toString(16).padStart(4, '0')}`, { size: 20 });

test('an unshield pays native coin', async () => {
  const [to, before] = [stranger(), await pooled(NATIVE)];
  const made = await chain.unshield(NATIVE, 40n, to);
  assert.deepEqual(
    made.events.map(({ name }) => name),
    ['Transferred', 'Unshielded'],
  );
  const args = { asset: NATIVE, recipient: getAddress(to), value: 40n, paid: true, called: false };
  assert.deepEqual(made.events[1].args, args);
  assert.deepEqual([await chain.balance(to), await pooled(NATIVE)], [40n, before - 40n]);
});

test('an unshield pays a token', async () => {
  const [to, before] = [stranger(), await pooled(plain.asset)];
  const made = await chain.unshield(plain.asset, 40n, to);
  assert.equal(made.paid, true);
  assert.deepEqual([await held(plain, to), await pooled(plain.asset)], [40n, before - 40n]);
});

test('no more leaves than is in the pool', async () => {
  for (const asset of [NATIVE, plain.asset]) {
    const left = await pooled(asset);
    const refused = (value, name, args) =>
      chain.refusesTransfer({ unshield: { asset, value, recipient: BOB } }, name, args);
    await refused(left + 1n, 'NotEnoughPooled', [asset, left, left + 1n]);
    await refused(2n ** 128n - 1n, 'NotEnoughPooled');
    await refused(0n, 'ZeroValue', []);
  }
  await set(plain, 'transfer', POOL.address, 50n);
  const left = await pooled(plain.asset);
  const unshield = { asset: plain.asset, value: left + 1n, recipient: BOB };
  await chain.refusesTransfer({ unshield }, 'NotEnoughPooled', [plain.asset, left, left + 1n]);
  await chain.refusesTransfer({ unshield: { ...unshield, asset: 9 } }, 'UnknownAsset', [9]);
});

test('a native payment that fails is owed, and paid later', async () => {
  for (const mood of [MOOD.Refuses, MOOD.BurnsGas]) {
    await set(recipient, 'setWhenPaid', mood);
    const [left, coin] = [await pooled(NATIVE), await chain.balance(POOL.address)];
    const made = await chain.unshield(NATIVE, 30n, recipient.address, { data: '0x01', gas: 100_000n });
    assert.deepEqual([made.paid, made.called], [false, false]);
    await chain.unshield(NATIVE, 5n, recipient.address);
    assert.deepEqual([await owed(NATIVE), await pooled(NATIVE)], [35n, left - 35n]);
    assert.equal(await chain.balance(POOL.address), coin, 'what is owed is there, but not in the pool');
    const args = [NATIVE, recipient.address];
    await chain.refused(POOL, 'withdraw', args, 'PaymentFailed', [NATIVE, getAddress(recipient.address)]);
    await set(recipient, 'setWhenPaid', MOOD.Kind);
    const before = await chain.balance(recipient.address);
    const receipt = await chain.write(POOL, 'withdraw', args, { from: CAROL });
    const paid = { asset: NATIVE, recipient: getAddress(recipient.address), value: 35n };
    assert.deepEqual(chain.events(receipt, POOL), [{ name: 'Withdrawn', args: paid }]);
    assert.equal((await chain.balance(recipient.address)) - before, 35n);
    assert.deepEqual([await owed(NATIVE), await pooled(NATIVE)], [0n, left - 35n]);
    await chain.refused(POOL, 'withdraw', args, 'NothingOwed', [NATIVE, getAddress(recipient.address)]);
  }
});

test('fees do not destroy what is owed', async () => {
  await set(recipient, 'setWhenPaid', MOOD.Refuses);
  await chain.unshield(NATIVE, 30n, recipient.address);
  await set(recipient, 'setWhenPaid', MOOD.Kind);
  await chain.append({ fees: 2n ** 100n });
  assert.deepEqual([await pooled(NATIVE), await chain.balance(POOL.address)], [0n, 30n]);
  await chain.write(POOL, 'withdraw', [NATIVE, recipient.address]);
  await chain.shield(NATIVE, 100_000n);
});

test('a token that does not pay owes, and pays later', async () => {
  const cases = [
    ['setBlocked', recipient.address, true],
    ['setForm', FORM.SaysFalse],
    ['setForm', FORM.AnswersTwo],
    ['setForm', FORM.AnswersShort],
    ['setMood', MOOD.Refuses],
    ['setMood', MOOD.BurnsGas],
    ['setMood', MOOD.AnswersMuch],
    ['setMood', MOOD.RefusesWithMuch],
  ];
  for (const [name, ...args] of cases) {
    await set(odd, name, ...args);
    const [left, tokens] = [await pooled(odd.asset), await held(odd, POOL.address)];
    const made = await chain.unshield(odd.asset, 30n, recipient.address);
    assert.deepEqual([made.paid, await owed(odd.asset)], [false, 30n], `${name} ${args}`);
    assert.equal(await pooled(odd.asset), left - 30n);
    const debt = [odd.asset, recipient.address];
    // A megabyte of zeros costs the payment its gas or is copied in part: it never says true.
    await chain.refused(POOL, 'withdraw', debt, 'PaymentFailed', undefined);
    await set(odd, name, ...args.slice(0, -1), name === 'setBlocked' ? false : 0);
    await chain.write(POOL, 'withdraw', debt);
    assert.deepEqual([await owed(odd.asset), await held(odd, POOL.address)], [0n, tokens - 30n]);
  }
});

test('a token that answers nothing pays, unless it has no code', async () => {
  await set(odd, 'setForm', FORM.Silent);
  assert.equal((await chain.unshield(odd.asset, 3n, stranger())).paid, true);
  await set(odd, 'setForm', FORM.Plain);
  const code = await chain.client.getCode(odd);
  await chain.client.setCode({ ...odd, bytecode: '0x' });
  const to = stranger();
  assert.equal((await chain.unshield(odd.asset, 3n, to)).paid, false);
  await chain.client.setCode({ ...odd, bytecode: code });
  await chain.write(POOL, 'withdraw', [odd.asset, to]);
});

test('while a payment is made, nothing else moves', async () => {
  await set(recipient, 'setWhenPaid', MOOD.Refuses);
  await chain.unshield(NATIVE, 9n, recipient.address);
  await set(recipient, 'setWhenPaid', MOOD.CallsBack);
  const inputs = [callOf('shield', NATIVE, 1n, element(), '0x'), callOf('withdraw', NATIVE, recipient.address)];
  for (const input of inputs) {
    await set(recipient, 'arm', POOL.address, 0n, input);
    await set(odd, 'arm', POOL.address, 0n, input);
    await set(odd, 'setMood', MOOD.CallsBack);
    for (const [asset, contract] of [
      [NATIVE, recipient],
      [odd.asset, odd],
    ]) {
      const { receipt, paid } = await chain.unshield(asset, 2n, recipient.address);
      assert.equal(paid, true);
      assert.deepEqual(chain.events(receipt, contract)[0].args, { ok: false, answer: REENTERED });
    }
    await set(odd, 'setMood', MOOD.Kind);
  }
  // The second withdrawal inside of the first finds the lock as well.
  const receipt = await chain.write(POOL, 'withdraw', [NATIVE, recipient.address]);
  assert.deepEqual(chain.events(receipt, recipient)[0].args, { ok: false, answer: REENTERED });
  await set(recipient, 'setWhenPaid', MOOD.Kind);
});

test('a call comes after the payment, from an account without rights, with exactly its gas', async () => {
  for (const [gas, length] of [
    [20_000n, 1],
    [300_000n, 4_096],
    [5_000_000n, 33],
  ]) {
    const before = await chain.balance(recipient.address);
    const data = `0x${'ff'.repeat(length)}`;
    const { receipt, called } = await chain.unshield(NATIVE, 7n, recipient.address, { data, gas });
    assert.equal(called, true);
    const [{ args: paid }, { args: seen }] = chain.events(receipt, recipient);
    assert.deepEqual([paid.value, seen.balance, seen.length], [7n, before + 7n, BigInt(length)]);
    assert.equal(seen.caller, CALLER);
    const entry = gas - seen.gasAtStart;
    assert.ok(entry > 0n && entry < 500n, `${entry} gas to get to its first line`);
  }
});

test('a call that fails changes nothing about the transfer', async () => {
  for (const mood of [MOOD.Refuses, MOOD.BurnsGas, MOOD.RefusesWithMuch]) {
    await set(recipient, 'setMood', mood);
    const call = { data: '0x01', gas: 5_000_000n };
    const made = await chain.unshield(plain.asset, 7n, recipient.address, call);
    assert.deepEqual([made.paid, made.called], [true, false]);
    assert.equal(await chain.pool('isSpent', made.nullifiers[0]), true);
  }
  await set(recipient, 'setMood', MOOD.AnswersMuch);
  const made = await chain.unshield(NATIVE, 7n, recipient.address, { data: '0x01', gas: 5_000_000n });
  assert.equal(made.called, true, 'nothing of its answer is copied');
  await set(recipient, 'setMood', MOOD.Kind);
});

test('nothing is called without code', async () => {
  const to = stranger();
  const made = await chain.unshield(NATIVE, 7n, to, { data: '0x01', gas: 50_000n });
  assert.deepEqual([made.paid, made.called, await chain.balance(to)], [true, false, 7n]);
});

test('a call cannot take or pledge what the pool holds', async () => {
  const [tokens, left] = [await held(plain, POOL.address), await pooled(plain.asset)];
  const token = (functionName, ...args) => encodeFunctionData({ ...plain, functionName, args });
  for (const [data, called] of [
    [token('transfer', BOB, tokens - 5n), false],
    [token('transferFrom', POOL.address, BOB, 1n), false],
    [token('approve', BOB, tokens), true],
  ]) {
    const made = await chain.unshield(NATIVE, 1n, plain.address, { data, gas: 200_000n });
    assert.equal(made.paid, false, 'a token takes no coin, so it is not called for coin');
    const paid = await chain.unshield(odd.asset, 1n, plain.address, { data, gas: 200_000n });
    assert.deepEqual([paid.paid, paid.called], [true, called]);
  }
  assert.equal(await chain.read(plain, 'allowance', [POOL.address, BOB]), 0n);
  assert.deepEqual([await held(plain, POOL.address), await pooled(plain.asset)], [tokens, left]);
});

test('a call of the pool itself has no rights either', async () => {
  for (const data of [
    '0x01',
    callOf('append', element(), 0n, 0n, '0x'),
    callOf('pause', 1),
    callOf('transfer', '0x'),
  ]) {
    const made = await chain.unshield(odd.asset, 1n, POOL.address, { data, gas: 200_000n });
    assert.deepEqual([made.paid, made.called], [true, false]);
    assert.equal((await chain.unshield(NATIVE, 1n, POOL.address, { data })).paid, false);
  }
});

test('a call may swap what it was paid and shield it again', async () => {
  const swap = await chain.deploy('Swap');
  await chain.client.setBalance({ ...swap, value: 1_000n });
  const inner = element();
  const data = encodeFunctionData({
    ...swap,
    functionName: 'swap',
    args: [odd.address, POOL.address, 600n, inner],
  });
  const [coin, tokens] = [await pooled(NATIVE), await pooled(odd.asset)];
  const { events, called } = await chain.unshield(odd.asset, 600n, swap.address, { data, gas: 200_000n });
  assert.equal(called, true);
  const names = events.map(({ name }) => name);
  assert.deepEqual(names, ['Transferred', 'Shielded', 'Unshielded']);
  const shielded = { asset: NATIVE, payer: getAddress(swap.address), value: 600n, inner, ciphertext: '0x' };
  assert.deepEqual(events[1].args, shielded);
  assert.deepEqual([await pooled(NATIVE), await pooled(odd.asset)], [coin + 600n, tokens - 600n]);
});

test('a call that enters again settles nothing twice', async () => {
  await set(recipient, 'setMood', MOOD.CallsBack);
  const inner = async (input, value = 0n) => {
    await set(recipient, 'arm', POOL.address, value, input);
    const call = { data: '0x01', gas: 2_000_000n };
    const { receipt } = await chain.unshield(NATIVE, 10n, recipient.address, call);
    return chain.events(receipt, recipient).find(({ name }) => name === 'Inner').args.ok;
  };
  const left = await pooled(NATIVE);
  const { data } = await chain.transfer();
  assert.equal(await inner(callOf('transfer', data)), false);
  assert.equal(await inner(callOf('withdraw', NATIVE, recipient.address)), false, 'nothing is owed');
  assert.equal(await inner(callOf('shield', NATIVE, 10n, element(), '0x'), 10n), true);
  assert.equal(await pooled(NATIVE), left - 20n);
  await set(recipient, 'setMood', MOOD.Kind);
});
