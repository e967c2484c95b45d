/**
 * Runs every command of README.md and docs/**\/*.md against fresh networks: `node readme.mjs [part of a path or of a
 * scenario's name]`. The convention is in lib/snippets.mjs. Exit code 1 when a page breaks it or a command fails.
 */
import { pages, scenariosOf } from './lib/pages.mjs';
import { runScenario, skipped } from './lib/scenario.mjs';

const wanted = process.argv[2] ?? '';
let [passed, failed] = [0, 0];

async function check(name, action) {
  try {
    await action();
    passed++;
    console.log(`✔ ${name}`);
  } catch (error) {
    failed++;
    console.error(`✖ ${name}\n  ${error.message.replaceAll('\n', '\n  ')}`);
  }
}

for (const page of pages()) {
  let found = [];
  await check(`${page}: every block says how it is tested`, () => {
    found = scenariosOf(page);
  });
  for (const scenario of found) {
    const name = `${page}: ${scenario.name}`;
    if (skipped(scenario)) console.log(`- ${name}: skipped, ${skipped(scenario)}`);
    else if (name.includes(wanted)) await check(name, () => runScenario(scenario, (line) => console.log(`  ${line}`)));
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
