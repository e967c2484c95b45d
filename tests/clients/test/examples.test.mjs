/** The programs of examples/: each prints what its README says. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { network } from '../harness.mjs';
import { freePort } from '../lib/ports.mjs';

const net = await network(import.meta.url);
const skip = net.missing('messages');
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const EXAMPLES = readdirSync(`${ROOT}examples`, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'lib')
  .map(({ name }) => name);

/** Runs the program of an example in the repository's root, as its README says. */
function run(args) {
  return new Promise((done) => {
    execFile(process.execPath, args, { cwd: ROOT, timeout: 100_000, killSignal: 'SIGKILL' }, (error, out, err) =>
      done({ code: error ? (error.code ?? error.signal) : 0, out, err }),
    );
  });
}

/** The command of a README and what it prints. */
function page(name) {
  const text = readFileSync(`${ROOT}examples/${name}/README.md`, 'utf8');
  const [, command] = text.match(/^```sh\nnode (.*)\n```$/m);
  const [, output] = text.match(/^```text\n([^]*?)^```$/m);
  return { args: command.split(' '), output };
}

/** Output without what differs from run to run. */
const lasting = (output) =>
  output
    .replaceAll(/0x[0-9a-f]{64}/g, 'ID')
    .replaceAll(/block \d+/g, 'block N')
    .replaceAll(/\d+ ms/g, 'N ms');

for (const name of EXAMPLES) {
  test(`${name} prints what its README says`, { skip, timeout: 120_000 }, async (t) => {
    const { args, output } = page(name);
    assert(args[0].startsWith(`examples/${name}/`), `the README of ${name} runs ${args[0]}`);
    const { code, out, err } = await run([...args, net.url]);
    assert.equal(code, 0, `${err}\n${out}`);
    assert.equal(lasting(out), lasting(output));
    for (const line of out.split('\n').filter((l) => l.includes(' ms'))) t.diagnostic(line.trim());
  });
}

test('without a network, an example says what to do', { timeout: 60_000 }, async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`;
  const results = await Promise.all(EXAMPLES.map((name) => run([...page(name).args, nobody])));
  for (const { code, out, err } of results) {
    assert.deepEqual([code, out], [1, '']);
    assert.equal(
      err,
      `error: ${nobody} does not answer: start a network with \`trellis dev\`, or give the URL of one\n`,
    );
  }
});

test('what is no Trellis network is told apart', { timeout: 60_000 }, async () => {
  const elsewhere = `${net.url}/nosuch`;
  const { code, err } = await run([...page('bridge').args, elsewhere]);
  assert.equal(code, 1);
  assert.match(err, /^error: .* is no Trellis network: start/);
});
