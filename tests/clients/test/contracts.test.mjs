/** The contracts of messages: what is committed is what the sources give, and their own tests pass. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { network } from '../harness.mjs';

const net = await network(import.meta.url);
const skip = net.missing('messages');
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The environment without what would make the child a part of this test run. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_|TRELLIS_)/.test(name)));

/**
 * Runs node in the repository's root; it must leave with code 0. Whatever it started ends with the test.
 * @returns {Promise<string>} what it printed
 */
async function node(t, args) {
  const child = spawn(process.execPath, args, { cwd: ROOT, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of it ended already.
    }
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += data));
  const code = await new Promise((done) => child.once('close', (exit, signal) => done(exit ?? signal)));
  assert.equal(code, 0, `node ${args.join(' ')}\n${printed}`);
  return printed;
}

test('the artifacts are what the sources give', { skip, timeout: 200_000 }, async (t) => {
  assert.match(await node(t, ['contracts/build.mjs', '--check']), /artifacts are current/);
});

test('the tests of the contracts pass', { skip, timeout: 400_000 }, async (t) => {
  const out = await node(t, ['--test', '--test-reporter=tap', '--test-concurrency=2', 'contracts/test/']);
  const count = (what) => Number(out.match(new RegExp(`^# ${what} (\\d+)$`, 'm'))?.[1]);
  assert(count('pass') > 0, out);
  assert.equal(count('fail') + count('cancelled') + count('skipped'), 0, out);
  t.diagnostic(`${count('pass')} passed`);
});
