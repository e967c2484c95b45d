/** Gas of the pool against the limits of docs/spec/payments.md, section 11.1, in the worst cases. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { BOB } from '../testing/chain.mjs';
import { CALLER, FORM, MOOD, NATIVE, PoolChain } from '../testing/pool.mjs';

const { hexToBytes, pad } = require('viem');

const SUPPLY = 2n ** 128n;
const LONGEST = `0x${'ff'.repeat(4_096)}`;
const chain = await PoolChain.create();
const plain = await chain.addToken('PlainToken', [SUPPLY]);
const odd = await chain.addToken('OddToken', [SUPPLY]);
const recipient = await chain.deploy('Recipient');
const set = (contract, functionName, ...args) => chain.write(contract, functionName, args);
const zeros = (data) => BigInt(hexToBytes(data).filter((byte) => byte === 0).length);
let accounts = 0;
const stranger = () => pad(`0x58${(++accounts).toString(16).padStart(4, '0')}`, { size: 20 });

/** Gas of a transfer if no byte of it were zero, which none can be without. Reports and bounds it. */
function worst(t, what, { receipt, data, gas }) {
  const used = receipt.gasUsed + 12n * zeros(data);
  t.diagnostic(`${what}: ${receipt.gasUsed}, at most ${used} of ${gas}`);
  assert.ok(used <= gas, what);
}

/** Unshields of the largest values, so that all slots they write are new. */
async function unshield(t, what, asset, to, call, expected) {
  const made = await chain.unshield(asset, 2n ** 60n + BigInt(accounts), to, call);
  assert.deepEqual([made.paid, made.called], expected, what);
  worst(t, what, made);
}

for (const asset of [NATIVE, plain.asset, odd.asset]) await chain.shield(asset, 2n ** 66n);

test('a transfer', async (t) => {
  for (let i = 0; i < 3; i++) worst(t, 'transfer', await chain.transfer({ fee: 2n ** 128n - 1n }));
});

test('shielding', async (t) => {
  const ciphertext = `0x${'ff'.repeat(770)}`;
  for (const [what, asset] of [
    ['native coin', NATIVE],
    ['a token', plain.asset],
  ]) {
    t.diagnostic(`shield of ${what}: ${(await chain.shield(asset, 9n)).gasUsed}`);
    t.diagnostic(`with ciphertext: ${(await chain.shield(asset, 9n, { ciphertext })).gasUsed}`);
  }
});

test('append, with the longest right edge and fees to destroy', async (t) => {
  const frontier = `0x${'ff'.repeat(32 * 32)}`;
  const size = 2n ** 32n - 2n ** 20n;
  const { gasUsed } = await chain.append({ size, fees: 5n, frontier });
  t.diagnostic(`append: ${gasUsed}`);
  assert.ok(gasUsed <= 600_000n);
});

test('payments without a call', async (t) => {
  await unshield(t, 'native coin to a new account', NATIVE, stranger(), {}, [true, false]);
  await unshield(t, 'native coin to Bob', NATIVE, BOB, {}, [true, false]);
  await unshield(t, 'token to a new account', plain.asset, stranger(), {}, [true, false]);
  await set(recipient, 'setWhenPaid', MOOD.BurnsGas);
  await unshield(t, 'native coin that burns its gas', NATIVE, recipient.address, {}, [false, false]);
  await set(recipient, 'setWhenPaid', MOOD.Kind);
  for (const [what, mood] of [
    ['burns its gas', MOOD.BurnsGas],
    ['answers much', MOOD.AnswersMuch],
    ['refuses with much', MOOD.RefusesWithMuch],
  ]) {
    await set(odd, 'setMood', mood);
    await unshield(t, `token that ${what}`, odd.asset, stranger(), {}, [false, false]);
  }
  await set(odd, 'setMood', MOOD.Kind);
});

test('calls that use all of their gas', async (t) => {
  await set(recipient, 'setUsesAllGas', true);
  assert.equal(await chain.client.getCode({ address: CALLER }), undefined);
  for (const data of [LONGEST, '0x01']) {
    for (const gas of [0n, 1n, 5_000n, 50_000n, 1_000_000n, 12_000_000n]) {
      for (const [name, asset] of [
        ['native coin', NATIVE],
        ['token', plain.asset],
      ]) {
        const what = `${name}, ${data.length / 2 - 1} bytes, ${gas} gas`;
        await unshield(t, what, asset, recipient.address, { data, gas }, [true, gas >= 5_000n]);
      }
    }
  }
});

test('a token that just manages, then a call that burns all', async (t) => {
  await set(odd, 'setMood', MOOD.Kind);
  await set(odd, 'setForm', FORM.Slow);
  await set(recipient, 'setUsesAllGas', true);
  await unshield(t, 'slow token', odd.asset, recipient.address, { data: LONGEST, gas: 12_000_000n }, [true, true]);
  // The same with the account that calls still to be made.
  await chain.client.setCode({ address: CALLER, bytecode: '0x' });
  await chain.client.setNonce({ address: CALLER, nonce: 0 });
  const call = { data: LONGEST, gas: 12_000_000n };
  await unshield(t, 'slow token, first call', odd.asset, recipient.address, call, [true, true]);
  await set(odd, 'setForm', FORM.Plain);
});

test('a transfer with less gas than it should have is refused', async () => {
  const fields = {
    unshield: { asset: NATIVE, value: 1n, recipient: recipient.address, data: '0x01', gas: 2_000_000n },
  };
  await chain.refusesTransfer({ ...fields, gas: 2_300_000n }, 'NotEnoughGas');
  await chain.refusesTransfer({ gas: 250_000n }, 'NotEnoughGas');
  assert.equal((await chain.transfer(fields)).called, true);
});
