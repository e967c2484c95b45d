// node --test crates/light-wasm/test.mjs, after `just light-wasm` has built the file named by TRELLIS_LIGHT_WASM.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Light } from "./light.mjs";

const read = (name) => readFile(new URL(`../light/vectors/${name}`, import.meta.url), "utf8").then(JSON.parse);
const light = await Light.load(await readFile(process.env.TRELLIS_LIGHT_WASM));
const file = await read("evidence.json");

for (const { first, ids, evidence, block, refused } of file.cases) {
  const ask = (evidence, changes = {}) => light.verifyMessages({ ...file, first, ids, evidence, ...changes });

  test(`${ids.length} messages from ${first} are proven`, () => {
    assert.deepEqual(ask(evidence), { block });
    const start = performance.now();
    for (let round = 0; round < 10; round += 1) ask(evidence);
    console.log(`${((performance.now() - start) / 10).toFixed(1)} ms for ${ids.length} messages`);
  });

  for (const { altered, evidence, error } of refused) {
    test(`an altered ${altered} is refused`, () => assert.deepEqual(ask(evidence), { error }));
  }

  test("another question is refused", () => {
    assert.match(ask(evidence, { networkId: file.networkId + 1 }).error, /not signed/);
    assert.match(ask(evidence, { source: 1 }).error, /module/);
    assert.match(ask(evidence, { lane: 3 }).error, /not in the outbox/);
    assert.match(ask(evidence, { first: first + 1 }).error, /./);
    assert.match(ask(evidence, { lane: 65 }).error, /question/);
    assert.match(ask("0x").error, /evidence/);
    assert.match(ask(evidence + "00").error, /evidence/);
    assert.match(ask(evidence, { ids: [] }).error, /empty/);
  });
}
