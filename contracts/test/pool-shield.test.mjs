/** What comes into the pool: docs/spec/payments.md, sections 11.4 to 11.6. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { artifacts } from '../testing/artifacts.mjs';
import { ALICE, BOB } from '../testing/chain.mjs';
import { FORM, MOOD, NATIVE, POOL, PoolChain, R, REENTERED, element } from '../testing/pool.mjs';

const { encodeFunctionData, getAddress, pad, toHex, zeroAddress } = require('viem');

const SUPPLY = 1_000_000n;
const chain = await PoolChain.create();
const plain = await chain.addToken('PlainToken', [SUPPLY]);
const odd = await chain.addToken('OddToken', [SUPPLY]);
const callOf = (functionName, ...args) => encodeFunctionData({ ...POOL, functionName, args });
const held = (token, account) => chain.read(token, 'balanceOf', [account]);

/** Asserts that shielding is refused. The errors of tokens and of SafeERC20 are known, too. */
function refused(asset, value, name, args, { inner = element(), ciphertext = '0x', ...options } = {}) {
  const contract = { ...POOL, abi: [...POOL.abi, ...artifacts.PlainToken.abi] };
  return chain.refused(contract, 'shield', [asset, value, inner, ciphertext], name, args, options);
}

/** Runs `body` while the odd token has another form or mood. */
async function odder({ form = FORM.Plain, mood = MOOD.Kind }, body) {
  await chain.write(odd, 'setForm', [form]);
  await chain.write(odd, 'setMood', [mood]);
  await body();
  await chain.write(odd, 'setForm', [FORM.Plain]);
  await chain.write(odd, 'setMood', [MOOD.Kind]);
}

test('assets have numbers in order, and a token has one', async () => {
  assert.deepEqual([plain.asset, odd.asset], [1, 2]);
  assert.equal(await chain.pool('assets'), 3);
  assert.equal(await chain.pool('tokenOf', 1), getAddress(plain.address));
  assert.deepEqual([await chain.pool('tokenOf', 0), await chain.pool('tokenOf', 3)], [zeroAddress, zeroAddress]);
  assert.equal(await chain.pool('assetOf', BOB), 0);
  const again = await chain.write(POOL, 'addAsset', [plain.address], { from: BOB });
  assert.equal(again.logs.length, 0);
  assert.equal(await chain.pool('assets'), 3);
  const token = await chain.deploy('OddToken', [1n]);
  const receipt = await chain.write(POOL, 'addAsset', [token.address], { from: BOB });
  const args = { asset: 3, token: getAddress(token.address) };
  assert.deepEqual(chain.events(receipt, POOL), [{ name: 'AssetAdded', args }]);
  for (const account of [BOB, zeroAddress]) {
    await chain.refused(POOL, 'addAsset', [account], 'NotAToken', [account]);
  }
});

test('native coin comes in with the call', async () => {
  const inner = element();
  const ciphertext = pad('0x01', { size: 770 });
  const receipt = await chain.shield(NATIVE, 500n, { inner, ciphertext });
  const args = { asset: NATIVE, payer: ALICE, value: 500n, inner, ciphertext };
  assert.deepEqual(chain.events(receipt, POOL), [{ name: 'Shielded', args }]);
  assert.equal(await chain.pool('pooled', NATIVE), 500n);
  for (const value of [499n, 501n, 0n]) await refused(NATIVE, 500n, 'WrongCoin', [value, 500n], { value });
  await refused(NATIVE, 0n, 'ZeroValue', []);
});

test('a token is pulled', async () => {
  const before = await held(plain, ALICE);
  const inner = element();
  const receipt = await chain.shield(plain.asset, 300n, { inner });
  const args = { asset: plain.asset, payer: ALICE, value: 300n, inner, ciphertext: '0x' };
  assert.deepEqual(chain.events(receipt, POOL), [{ name: 'Shielded', args }]);
  assert.deepEqual([await held(plain, ALICE), await held(plain, POOL.address)], [before - 300n, 300n]);
  assert.equal(await chain.pool('pooled', plain.asset), 300n);
  await refused(plain.asset, 0n, 'ZeroValue', []);
  await refused(plain.asset, 1n, 'WrongCoin', [1n, 0n], { value: 1n });
  await refused(plain.asset, 1n, 'ERC20InsufficientAllowance', undefined, { from: BOB });
  await refused(99, 1n, 'UnknownAsset', [99]);
  await refused(2 ** 32 - 1, 1n, 'UnknownAsset');
});

test('a shielded note has a canonical commitment, and a ciphertext or none', async () => {
  for (const inner of [R, R + 1n, 2n ** 256n - 1n].map((value) => toHex(value))) {
    await refused(NATIVE, 1n, 'NotCanonical', [inner], { inner, value: 1n });
  }
  for (const length of [1, 769, 771, 802]) {
    const options = { ciphertext: pad('0x', { size: length }), value: 1n };
    await refused(NATIVE, 1n, 'InvalidCiphertext', [BigInt(length)], options);
  }
  await chain.shield(NATIVE, 1n, { inner: toHex(R - 1n) });
});

test('a token that answers nothing is as good as one that says true', async () => {
  await odder({ form: FORM.Silent }, async () => {
    await chain.shield(odd.asset, 10n);
    assert.equal(await held(odd, POOL.address), await chain.pool('pooled', odd.asset));
  });
});

test('a token that fails, takes a fee or lies is refused', async () => {
  const [pool, value] = [await held(odd, POOL.address), 10n];
  const amount = (after) => [odd.asset, pool, after, value];
  for (const [how, name, args] of [
    [{ form: FORM.SaysFalse }, 'SafeERC20FailedOperation', [getAddress(odd.address)]],
    [{ form: FORM.AnswersTwo }, 'SafeERC20FailedOperation', [getAddress(odd.address)]],
    [{ form: FORM.TakesFee }, 'WrongAmount', amount(pool + 9n)],
    [{ form: FORM.MovesNothing }, 'WrongAmount', amount(pool)],
    [{ mood: MOOD.Refuses }, 'Error', ['refused']],
  ]) {
    await odder(how, () => refused(odd.asset, value, name, args));
  }
  await chain.write(odd, 'arm', [odd.address, 0n, mintToPool(1n)]);
  await odder({ mood: MOOD.CallsBack }, () => refused(odd.asset, value, 'WrongAmount', amount(pool + 11n)));
});

const mintToPool = (value) => encodeFunctionData({ ...odd, functionName: 'mint', args: [POOL.address, value] });

test('a token whose code is gone is refused', async () => {
  const gone = await chain.addToken('OddToken', [1n]);
  await chain.client.setCode({ address: gone.address, bytecode: '0x' });
  await assert.rejects(chain.shield(gone.asset, 1n), /reverted/);
});

test('while a token is pulled, nothing else moves', async () => {
  await chain.client.setBalance({ address: odd.address, value: 10n });
  const pool = await chain.pool('pooled', odd.asset);
  for (const [input, value] of [
    [callOf('shield', odd.asset, 5n, element(), '0x'), 0n],
    [callOf('shield', plain.asset, 5n, element(), '0x'), 0n],
    [callOf('shield', NATIVE, 5n, element(), '0x'), 5n],
    [callOf('withdraw', NATIVE, BOB), 0n],
  ]) {
    await chain.write(odd, 'arm', [POOL.address, value, input]);
    await odder({ mood: MOOD.CallsBack }, async () => {
      const receipt = await chain.shield(odd.asset, 10n);
      const [{ args }] = chain.events(receipt, odd);
      assert.deepEqual(args, { ok: false, answer: REENTERED });
      assert.equal(chain.events(receipt, POOL).length, 1);
    });
  }
  assert.equal(await chain.pool('pooled', odd.asset), pool + 40n);
  // Views answer meanwhile, and the lock ends with the pull.
  await chain.write(odd, 'arm', [POOL.address, 0n, callOf('pooled', odd.asset)]);
  await odder({ mood: MOOD.CallsBack }, async () => {
    const receipt = await chain.shield(odd.asset, 10n);
    assert.deepEqual(chain.events(receipt, odd)[0].args, { ok: true, answer: toHex(pool + 40n, { size: 32 }) });
  });
});

test('coin and tokens that come without shielding are in nobody’s note', async () => {
  const [coin, tokens] = [await chain.pool('pooled', NATIVE), await chain.pool('pooled', plain.asset)];
  await chain.write(plain, 'transfer', [POOL.address, 77n]);
  assert.equal(await chain.pool('pooled', plain.asset), tokens);
  await assert.rejects(chain.send(POOL.address, '0x', { value: 1n }), /reverted/);
  assert.equal(await chain.pool('pooled', NATIVE), coin);
});
