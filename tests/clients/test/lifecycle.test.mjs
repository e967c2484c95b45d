/** The process around the network: it starts, says so, stops when told, and fails with a reason. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import net_ from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MODULES, Process, network, onNetwork } from '../harness.mjs';
import { devAccount } from '../lib/module.mjs';
import { within } from '../lib/poll.mjs';
import { freePort } from '../lib/ports.mjs';
import { rpc } from '../lib/rpc.mjs';

const net = await network(import.meta.url);

/** Starts `trellis dev` on a free port; killed at the end of the test whatever happens. */
async function start(t, args = ['--ephemeral'], options = {}) {
  const port = await freePort();
  const process = new Process(['dev', '--port', String(port), ...args], options);
  t.after(() => process.child.kill('SIGKILL'));
  await process.ready();
  return { process, url: `http://127.0.0.1:${port}` };
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  onNetwork(
    net,
    `dev prints what a user needs, \`ready\` last, and ${signal} ends it with code 0`,
    async (_, t) => {
      const { process, url } = await start(t);
      const text = process.lines.join('\n');
      assert.equal(process.lines.at(-1), 'ready', text);
      assert.match(text, /0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266/, 'the first account');
      for (const name of MODULES) {
        assert(text.includes(`${url}/${name}`), `the URL of ${name} in\n${text}`);
        assert(text.includes(String(Number(await rpc(`${url}/${name}`, 'eth_chainId')))), `the chain id of ${name}`);
      }
      assert.equal((await fetch(`${url}/ready`)).status, 200);
      await process.stop(signal);
      await assert.rejects(rpc(url, 'eth_chainId'), 'nothing listens after the end');
    },
    { needs: 'lifecycle' },
  );
}

onNetwork(
  net,
  'a port in use is a clear error, not a hang',
  async (_, t) => {
    const holder = net_.createServer();
    await new Promise((done) => holder.listen(0, '127.0.0.1', done));
    t.after(() => holder.close());
    const { port } = holder.address();
    const process = new Process(['dev', '--ephemeral', '--port', String(port)]);
    t.after(() => process.child.kill('SIGKILL'));
    const { code } = await within('the end of trellis', process.exit, 20_000);
    assert.notEqual(code, 0);
    assert.match(process.errors, new RegExp(String(port)), 'the error names the port');
  },
  { needs: 'lifecycle' },
);

onNetwork(
  net,
  'modules can be chosen; the first is the hub',
  async (_, t) => {
    const { process, url } = await start(t, ['--ephemeral', '--modules', 'main,energy']);
    const ids = await Promise.all(['/main', '/energy', '/'].map((path) => rpc(`${url}${path}`, 'eth_chainId')));
    assert.equal(ids[0], ids[2]);
    assert.notEqual(ids[0], ids[1]);
    await process.stop();
  },
  { needs: 'lifecycle' },
);

onNetwork(
  net,
  'a network kept on disk continues where it stopped',
  async (_, t) => {
    const dir = await mkdtemp(join(tmpdir(), 'trellis-clients-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const hub = net.modules.hub;
    const first = await start(t, ['--data-dir', join(dir, 'data')]);
    const chainId = Number(await rpc(first.url, 'eth_chainId'));
    const raw = await hub.sign(devAccount(0), { chainId, nonce: 0, to: hub.funder.address, value: 5n });
    const receipt = await rpc(first.url, 'eth_sendRawTransactionSync', raw, 20_000);
    await first.process.stop();
    const second = await start(t, ['--data-dir', join(dir, 'data')]);
    assert.equal(Number(await rpc(second.url, 'eth_chainId')), chainId);
    assert.deepEqual(await rpc(second.url, 'eth_getTransactionReceipt', receipt.transactionHash), receipt);
    assert.equal(BigInt(await rpc(second.url, 'eth_getBalance', hub.funder.address, 'latest')), 5n);
    const refused = await rpc(second.url, 'eth_sendRawTransaction', raw).catch((e) => e.message);
    assert.match(refused, /nonce too low/);
    await second.process.stop();
  },
  { needs: 'lifecycle' },
);
