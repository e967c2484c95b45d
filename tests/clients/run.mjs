/**
 * Runs the test files against one network: `npm test`, or `npm test -- logs nonces` for some files.
 * The network is started and stopped here unless TRELLIS_URL names a running one.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Network, Process } from './harness.mjs';
import { fundFiles } from './lib/module.mjs';
import { freePort } from './lib/ports.mjs';

const TESTS = join(dirname(fileURLToPath(import.meta.url)), 'test');
const wanted = process.argv.slice(2).filter((a) => !a.startsWith('--'));
const flags = process.argv.slice(2).filter((a) => a.startsWith('--'));
const files = readdirSync(TESTS)
  .filter((f) => f.endsWith('.test.mjs'))
  .filter((f) => wanted.length === 0 || wanted.some((w) => f.includes(w)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(', ')}`);
  process.exit(2);
}

/** @returns {Promise<{ url: string, owned?: Process }>} */
async function openNetwork() {
  if (process.env.TRELLIS_URL) return { url: process.env.TRELLIS_URL };
  const port = await freePort();
  const owned = new Process(['dev', '--ephemeral', '--port', String(port)]);
  await owned.ready();
  return { url: `http://127.0.0.1:${port}`, owned };
}

function runTests(url) {
  const args = [
    '--test',
    '--test-reporter=spec',
    '--test-concurrency=2',
    // A failed test may leave a watcher behind; it must not keep the run from ending.
    '--test-force-exit',
    ...flags,
    ...files.map((f) => join(TESTS, f)),
  ];
  const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, TRELLIS_URL: url } });
  return new Promise((done) => child.once('close', (code) => done(code ?? 1)));
}

const start = performance.now();
const { url, owned } = await openNetwork();
let code = 1;
try {
  const net = await Network.attach(url, 'run');
  await import('./lib/contracts.mjs');
  await fundFiles(net.all, files);
  const chains = net.all.map((m) => `${m.name}=${m.chainId}`).join(' ');
  console.log(`network ${url} (chain ids ${chains}), started in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  code = await runTests(url);
  await net.stop();
} finally {
  try {
    await owned?.stop();
  } catch (error) {
    console.error(String(error));
    code = 1;
  }
}
console.log(`total ${((performance.now() - start) / 1000).toFixed(1)} s`);
process.exit(code);
