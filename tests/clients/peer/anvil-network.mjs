#!/usr/bin/env node
/**
 * A stand-in for the `trellis` binary made of anvil: `anvil-network.mjs dev --ephemeral --port P` runs one anvil per
 * module behind the same paths. It exists to test the tests (TRELLIS_BIN=./peer/anvil-network.mjs).
 * ANVIL_BLOCK_TIME=0.3 mines on a timer instead of per transaction.
 */
import { spawn } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const MODULES = ['hub', 'market', 'pay'];
const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11';

const portFlag = process.argv.indexOf('--port');
const port = Number(portFlag < 0 ? (process.env.TRELLIS_PORT ?? 8545) : process.argv[portFlag + 1]);
const { freePort } = await import('../lib/ports.mjs');
const { platformBinary } = await import('../lib/binaries.mjs');
const { rpc } = await import('../lib/rpc.mjs');
const { until } = await import('../lib/poll.mjs');

/** viem ships Multicall3's creation code for its deployless calls; it is not part of the public API. */
async function multicallCreation() {
  const contracts = join(dirname(require.resolve('viem')), '../_esm/constants/contracts.js');
  return (await import(pathToFileURL(contracts).href)).multicall3Bytecode;
}

async function startAnvil(index) {
  const at = await freePort();
  const args = ['--port', String(at), '--chain-id', String(7_000_001 + index), '--hardfork', 'osaka', '--quiet'];
  if (process.env.ANVIL_BLOCK_TIME) args.push('--block-time', process.env.ANVIL_BLOCK_TIME);
  const child = spawn(platformBinary('anvil'), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${at}`;
  await until(`anvil ${index}`, () => rpc(url, 'eth_chainId').catch(() => undefined));
  const runtime = await rpc(url, 'eth_call', { data: await multicallCreation() }, 'latest');
  await rpc(url, 'anvil_setCode', MULTICALL3, runtime);
  return { name: MODULES[index], port: at, child };
}

const chains = await Promise.all(MODULES.map((_, i) => startAnvil(i)));
const chainOf = (url) => {
  const name = new URL(url, 'http://x').pathname.slice(1);
  return chains.find((c) => c.name === (name || 'hub'));
};

const server = http.createServer((request, response) => {
  if (request.url === '/ready') return response.writeHead(200).end('ready');
  const chain = chainOf(request.url);
  if (!chain) {
    response.writeHead(404, { 'content-type': 'application/json' });
    return response.end(JSON.stringify({ error: 'no such module', modules: MODULES }));
  }
  const { method, headers } = request;
  const onward = http.request({ port: chain.port, host: '127.0.0.1', path: '/', method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  return request.pipe(onward);
});

// Longer than any test keeps a connection idle: closing one just as it is reused looks like a failed request.
server.keepAliveTimeout = 300_000;

server.on('upgrade', (request, client, head) => {
  const chain = chainOf(request.url);
  if (!chain) return client.end('HTTP/1.1 404 Not Found\r\n\r\n');
  const onward = net.connect(chain.port, '127.0.0.1', () => {
    const headers = Object.entries(request.headers).map(([k, v]) => `${k}: ${v}\r\n`);
    onward.write(`GET / HTTP/1.1\r\n${headers.join('')}\r\n`);
    onward.write(head);
    client.pipe(onward).pipe(client);
  });
  onward.on('error', () => client.destroy());
  client.on('error', () => onward.destroy());
  return undefined;
});

function stop() {
  for (const { child } of chains) child.kill('SIGKILL');
  process.exit(0);
}
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
server.listen(port, '127.0.0.1', () => console.log('ready'));
