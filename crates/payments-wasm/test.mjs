// node --test crates/payments-wasm/test.mjs, after `just payments-wasm` has built the file named by TRELLIS_PAYMENTS_WASM.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { Payments } from "./payments.mjs";

const vector = JSON.parse(await readFile(new URL("./vectors/payment.json", import.meta.url), "utf8"));
const wasm = await readFile(process.env.TRELLIS_PAYMENTS_WASM);
const payments = await Payments.load(wasm);
const { network, phrase, payment } = vector;
const { chain } = payment;

const timed = (what, work) => {
  const start = performance.now();
  const result = work();
  console.log(`${what}: ${(performance.now() - start).toFixed(0)} ms`);
  return result;
};

test("an address is the phrase's", () => {
  assert.equal(payments.address({ network, phrase, account: 1 }), vector.payee);
  assert.throws(() => payments.address({ network, phrase: "no such words" }), /phrase/);
});

test("a transfer that was proven elsewhere is right, and only where it belongs", () => {
  const transfer = vector.transfer;
  timed("first check", () => payments.verify({ chain, transfer }));
  timed("check", () => payments.verify({ chain, transfer }));
  assert.throws(() => payments.verify({ chain: { ...chain, chainId: 78 }, transfer }), /proof/);
  const changed = transfer.slice(0, -2) + (transfer.endsWith("00") ? "01" : "00");
  assert.throws(() => payments.verify({ chain, transfer: changed }), /proof/);
  assert.throws(() => payments.verify({ chain, transfer: transfer + "00" }));
});

test("a key that was kept is used the next time, and no other", async () => {
  const key = timed("key derived", () => payments.key());
  const next = await Payments.load(wasm);
  const other = key.slice();
  other[1_000_000] ^= 1;
  assert.throws(() => next.useKey(other), /not the proving key/);
  assert.throws(() => next.useKey(key.slice(1)), /not the proving key/);
  timed("key read", () => next.useKey(key));
  const transfer = timed("first payment with a kept key", () => next.pay({ network, phrase, ...payment }));
  payments.verify({ chain, transfer });
});

test("a payment is proven", async () => {
  const pay = (changes = {}) => payments.pay({ network, phrase, ...payment, ...changes });
  const transfer = timed("first payment", pay);
  const again = timed("payment", pay);
  assert.equal(transfer.length, vector.transfer.length);
  assert.notEqual(transfer, again);
  payments.verify({ chain, transfer });
  payments.verify({ chain, transfer: again });
  assert.throws(() => pay({ fee: 3 }), /goes out/);
  assert.throws(() => pay({ account: 1 }), /does not belong/);

  // The 60 leave the pool instead, for an account that is called.
  const [, ...change] = payment.outputs;
  const unshield = { asset: 7, value: 60, account: "00".repeat(19) + "aa", gas: 50_000, call: "c0ffee" };
  const left = timed("unshield", () => pay({ outputs: change, memo: "", unshield }));
  payments.verify({ chain, transfer: left });
  assert.ok(left.includes("c0ffee"));
  assert.throws(() => pay({ outputs: change, memo: "", unshield: { ...unshield, value: 61 } }), /goes out/);
  assert.throws(() => pay({ outputs: change, memo: "", unshield: { ...unshield, asset: 8 } }), /no transfer/);
  if (process.env.TRELLIS_TRANSFER) await writeFile(process.env.TRELLIS_TRANSFER, again);
});
