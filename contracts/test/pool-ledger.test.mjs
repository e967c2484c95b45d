/** The sums of the pool against a plain ledger, over random operations (PAY-2, section 11.5 of docs/spec/payments.md). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { ALICE, BOB, CAROL } from '../testing/chain.mjs';
import { MOOD, NATIVE, POOL, PoolChain } from '../testing/pool.mjs';

const { pad } = require('viem');

const STEPS = 250;
const chain = await PoolChain.create();
const tokens = [await chain.addToken('PlainToken', [10n ** 9n]), await chain.addToken('OddToken', [10n ** 9n])];
const odd = tokens[1];
const wallet = await chain.deploy('Recipient');
const PEOPLE = [wallet.address, pad('0x0b0b', { size: 20 }), pad('0x0c0c', { size: 20 })];
const ASSETS = [NATIVE, ...tokens.map(({ asset }) => asset)];

let seed = 20_261_126n;
/** A number below `n`. */
function random(n) {
  seed = (seed * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n) & (2n ** 64n - 1n);
  return Number((seed >> 33n) % BigInt(n));
}
const pick = (list) => list[random(list.length)];

/** What should be so: in the pool, owed and paid, per asset and person. */
const ledger = {
  pooled: ASSETS.map(() => 0n),
  owed: ASSETS.map(() => PEOPLE.map(() => 0n)),
  paid: ASSETS.map(() => PEOPLE.map(() => 0n)),
  destroyed: 0n,
  accepting: true,
};

const takes = (asset, person) => ledger.accepting || person !== 0 || asset === tokens[0].asset;

const operations = {
  async shield() {
    const [asset, value] = [pick(ASSETS), BigInt(1 + random(5_000))];
    await chain.shield(asset, value, { from: asset === NATIVE ? pick([ALICE, BOB, CAROL]) : ALICE });
    ledger.pooled[asset] += value;
  },
  async transfer() {
    await chain.transfer();
  },
  async unshield() {
    const [asset, person] = [pick(ASSETS), random(PEOPLE.length)];
    const value = BigInt(1 + random(4_000));
    const unshield = { asset, value, recipient: PEOPLE[person] };
    if (value > ledger.pooled[asset]) return chain.refusesTransfer({ unshield }, 'NotEnoughPooled');
    const made = await chain.transfer({ unshield });
    ledger.pooled[asset] -= value;
    assert.equal(made.paid, takes(asset, person));
    ledger[made.paid ? 'paid' : 'owed'][asset][person] += value;
    // What was made cannot be made again.
    await chain.refusesTransfer({ ...made, from: undefined, gas: undefined }, 'AlreadySpent');
  },
  async withdraw() {
    const [asset, person] = [pick(ASSETS), random(PEOPLE.length)];
    const args = [asset, PEOPLE[person]];
    const value = ledger.owed[asset][person];
    if (value === 0n) return chain.refused(POOL, 'withdraw', args, 'NothingOwed');
    if (!takes(asset, person)) return chain.refused(POOL, 'withdraw', args, 'PaymentFailed');
    await chain.write(POOL, 'withdraw', args, { from: CAROL });
    ledger.owed[asset][person] = 0n;
    ledger.paid[asset][person] += value;
  },
  async append() {
    const fees = BigInt(random(2_000));
    await chain.append({ fees });
    const left = ledger.pooled[NATIVE];
    const destroyed = fees < left ? fees : left;
    ledger.pooled[NATIVE] -= destroyed;
    ledger.destroyed += destroyed;
  },
  /** The wallet takes coin and the odd token, or neither. */
  async change() {
    ledger.accepting = !ledger.accepting;
    await chain.write(wallet, 'setWhenPaid', [ledger.accepting ? MOOD.Kind : MOOD.Refuses]);
    await chain.write(odd, 'setBlocked', [wallet.address, !ledger.accepting]);
  },
};

async function assertLedger() {
  for (const asset of ASSETS) {
    const holds = (account) =>
      asset === NATIVE ? chain.balance(account) : chain.read(tokens[asset - 1], 'balanceOf', [account]);
    assert.equal(await chain.pool('pooled', asset), ledger.pooled[asset], `pool of ${asset}`);
    for (const [i, person] of PEOPLE.entries()) {
      assert.equal(await chain.pool('owed', asset, person), ledger.owed[asset][i]);
      assert.equal(await holds(person), ledger.paid[asset][i]);
    }
    const owed = ledger.owed[asset].reduce((a, b) => a + b);
    assert.equal(await holds(POOL.address), ledger.pooled[asset] + owed, `balance of ${asset}`);
  }
}

test('random operations keep the sums', async (t) => {
  const counts = {};
  const often = ['shield', 'shield', 'unshield', 'unshield', 'transfer', 'withdraw', 'append', 'change'];
  for (let step = 0; step < STEPS; step++) {
    const name = pick(often);
    await operations[name]();
    counts[name] = (counts[name] ?? 0) + 1;
    if (step % 5 === 0) await assertLedger();
  }
  await assertLedger();
  t.diagnostic(`${JSON.stringify(counts)}, ${ledger.destroyed} wei destroyed`);
});
