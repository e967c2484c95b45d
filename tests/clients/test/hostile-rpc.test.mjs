/** Input no honest client sends: each piece gets one clear error, and the node goes on as if nothing happened (NET-1). */
import assert from 'node:assert/strict';
import net_ from 'node:net';
import { network, onModules, onNetwork } from '../harness.mjs';
import { until, within } from '../lib/poll.mjs';
import { Socket, post } from '../lib/rpc.mjs';

const net = await network(import.meta.url);
const ADDRESS = `0x${'77'.repeat(20)}`;

/** The node still answers, with the right chain. */
async function alive(m) {
  assert.equal(Number(await m.rpc('eth_chainId')), m.chainId);
}

onModules(net, 'malformed JSON is a parse error', async (m) => {
  for (const body of [
    '',
    '{',
    '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"',
    'eth_chainId',
    '[{"id":1',
    '\u0000',
    '{"id":1}}',
    'nul',
  ]) {
    const { json, text } = await post(m.url, body);
    assert(json?.error, `${JSON.stringify(body)}: ${text.slice(0, 200)}`);
    assert([-32700, -32600].includes(json.error.code), `${JSON.stringify(body)}: ${text.slice(0, 200)}`);
    assert.equal(json.id, null);
  }
  const { json } = await post(m.url, new Uint8Array([0xff, 0xfe, 0x7b, 0x80]));
  assert(json.error);
  await alive(m);
});

onModules(net, 'JSON that is no request is an invalid request', async (m) => {
  for (const body of [
    '1',
    '"text"',
    'true',
    '{}',
    '{"id":1}',
    '{"jsonrpc":"2.0","id":1,"method":5}',
    '{"method":null,"id":2}',
  ]) {
    const { json, text } = await post(m.url, body);
    assert.equal(json?.error?.code, -32600, `${body}: ${text.slice(0, 200)}`);
  }
  await alive(m);
});

onModules(net, 'deep nesting and long names are errors, not crashes', async (m) => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  for (const body of [deep, `{"jsonrpc":"2.0","id":1,"method":"eth_call","params":${deep}}`]) {
    const { json } = await post(m.url, body);
    const answer = Array.isArray(json) ? json[0] : json;
    assert(answer?.error, 'deep nesting');
  }
  const long = await m.refusal(`eth_${'x'.repeat(100_000)}`);
  assert.equal(long.code, -32601);
  assert(long.message.length < 2_000, 'the error does not echo the name at length');
  await alive(m);
});

onModules(
  net,
  'an unknown method is -32601, named, and known to the libraries',
  async (m) => {
    const error = await m.refusal('eth_noSuchMethod');
    assert.equal(error.code, -32601);
    assert.match(error.message, /eth_noSuchMethod/);
    const viem = await m.public.request({ method: 'eth_noSuchMethod' }).catch((e) => e);
    assert.equal(viem.name, 'MethodNotFoundRpcError');
    const ethers = await m
      .ethers()
      .send('eth_noSuchMethod', [])
      .catch((e) => e);
    assert.equal(ethers.code, 'UNSUPPORTED_OPERATION');
  },
  { needs: 'gethTexts' },
);

onModules(net, 'wrong parameters are -32602 and name what is wrong', async (m) => {
  const wrong = [
    ['eth_getBalance'],
    ['eth_getBalance', 5],
    ['eth_getBalance', '0x12'],
    ['eth_getBalance', 'vitalik.eth'],
    ['eth_getBalance', ADDRESS, 'yesterday'],
    ['eth_getBalance', ADDRESS, '0xzz'],
    ['eth_getBalance', ADDRESS, {}],
    ['eth_getBlockByNumber'],
    ['eth_getBlockByNumber', '0x1', 'yes'],
    ['eth_getBlockByHash', '0x12', false],
    ['eth_getTransactionByHash', 7],
    ['eth_getTransactionReceipt', '0x'],
    ['eth_getStorageAt', ADDRESS, {}],
    ['eth_call', 'nothing'],
    ['eth_call', { to: 'nobody' }],
    ['eth_call', { to: ADDRESS, data: 'text' }],
    ['eth_call', { to: ADDRESS, value: '-0x1' }],
    ['eth_estimateGas', []],
    ['eth_sendRawTransaction'],
    ['eth_sendRawTransaction', 5],
    ['eth_sendRawTransaction', 'raw'],
    ['eth_feeHistory', 'x', 'latest'],
    ['eth_getLogs', 'all'],
    ['eth_getLogs', { topics: 'x' }],
    ['eth_getLogs', { fromBlock: {} }],
    ['eth_newFilter', 1],
  ];
  for (const [method, ...params] of wrong) {
    const error = await m.refusal(method, ...params);
    assert.equal(error.code, -32602, `${method} ${JSON.stringify(params)}: ${error.code} ${error.message}`);
    assert(error.message.length > 8, error.message);
  }
  await alive(m);
});

onModules(net, 'what wallets send loosely is accepted: no params, null params, text ids, extra null', async (m) => {
  for (const params of [{}, { params: null }, { params: [] }]) {
    for (const id of ['text', 0, 7]) {
      const { json } = await post(m.url, { jsonrpc: '2.0', id, method: 'eth_chainId', ...params });
      assert.equal(Number(json.result), m.chainId, JSON.stringify({ params, id, json }));
      assert.equal(json.id, id);
    }
  }
  const upper = await m.rpc('eth_getBalance', `0x${'AB'.repeat(20)}`, null);
  assert.equal(upper, '0x0');
});

onModules(net, 'a notification, without an id, gets no answer body and does no harm', async (m) => {
  const { text, status } = await post(m.url, { jsonrpc: '2.0', method: 'eth_chainId' });
  assert(status < 300, `HTTP ${status}`);
  assert(text === '' || JSON.parse(text).id === null, text);
  await alive(m);
});

onModules(net, 'HTTP: other verbs, other types, CORS', async (m) => {
  const get = await fetch(m.url);
  const text = await get.text();
  const explains = get.status === 200 && text.includes(m.name);
  assert(
    explains || (get.status >= 400 && get.status < 500),
    `GET without upgrade is HTTP ${get.status}: ${text.slice(0, 100)}`,
  );
  const put = await fetch(m.url, { method: 'PUT', body: '{}' });
  assert(put.status >= 400 && put.status < 500, `PUT is HTTP ${put.status}`);
  const preflight = await fetch(m.url, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  });
  assert(preflight.ok, `preflight is HTTP ${preflight.status}`);
  const { headers } = await post(
    m.url,
    { jsonrpc: '2.0', id: 1, method: 'eth_chainId' },
    { origin: 'https://app.example' },
  );
  assert.match(
    String(headers.get('access-control-allow-origin')),
    /^(\*|https:\/\/app\.example)$/,
    'browsers may read the answer',
  );
  await alive(m);
});

onModules(net, 'a body over the limit is refused without being read whole', async (m) => {
  const body = `{"jsonrpc":"2.0","id":1,"method":"web3_sha3","params":["0x${'00'.repeat(16 * 1024 * 1024)}"]}`;
  const answer = await post(m.url, body).catch((error) => ({ error }));
  if (answer.error) assert.match(String(answer.error.cause ?? answer.error), /closed|reset|EPIPE/i);
  else assert(answer.status === 413 || answer.json?.error, `HTTP ${answer.status} ${answer.text.slice(0, 100)}`);
  await alive(m);
});

onModules(net, 'connections that send nothing, half a request or garbage do not block others', async (m, t) => {
  const { hostname, port, pathname } = new URL(m.url);
  const connect = () =>
    new Promise((resolve, reject) => {
      const socket = net_.connect(Number(port), hostname, () => resolve(socket));
      socket.on('error', reject);
    });
  const sockets = await Promise.all(Array.from({ length: 60 }, connect));
  t.after(() => sockets.forEach((s) => s.destroy()));
  for (const [i, socket] of sockets.entries()) {
    socket.removeAllListeners('error').on('error', () => {});
    if (i % 3 === 1) socket.write(`POST ${pathname} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"json`);
    if (i % 3 === 2) socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff]));
  }
  for (let i = 0; i < 20; i++) await within('an answer beside idle connections', alive(m), 5_000);
});

onModules(net, 'WebSocket: an oversized message or binary junk ends or is refused, the module lives on', async (m) => {
  for (const junk of [Buffer.alloc(64 * 1024 * 1024, 0x20), Buffer.from([0, 1, 2, 255])]) {
    const socket = await Socket.open(m.wsUrl);
    let settled;
    socket.ws.on('close', () => {
      settled = 'closed';
    });
    socket.ws.on('error', () => {
      settled = 'closed';
    });
    socket.ws.on('message', () => {
      settled = 'answered';
    });
    socket.ws.send(junk);
    await until('a close or an answer', () => settled);
    socket.close();
  }
  await alive(m);
});

onModules(
  net,
  'the node signs nothing: it holds no keys',
  async (m) => {
    const accounts = await m.rpc('eth_accounts');
    assert.deepEqual(accounts, []);
    const transaction = { from: m.funder.address, to: ADDRESS, value: '0x1' };
    for (const [method, ...params] of [
      ['eth_sendTransaction', transaction],
      ['eth_signTransaction', transaction],
      ['eth_sign', m.funder.address, '0x00'],
      ['personal_sign', '0x00', m.funder.address],
    ])
      assert.equal((await m.refusal(method, ...params)).code, -32601, method);
  },
  { needs: 'noUnlockedAccounts' },
);

onNetwork(
  net,
  'no debug, admin or miner switches are open to clients',
  async () => {
    for (const method of [
      'admin_nodeInfo',
      'miner_start',
      'debug_setHead',
      'personal_unlockAccount',
      'evm_mine',
      'anvil_setBalance',
    ]) {
      assert.equal((await net.modules.hub.refusal(method, ADDRESS, '0x1')).code, -32601, method);
    }
  },
  { needs: 'noUnlockedAccounts' },
);

onModules(
  net,
  'requests are bounded: an endless eth_call ends with an error',
  async (m) => {
    // JUMPDEST PUSH1 0 JUMP, with all the gas the caller can name.
    const call = m.refusal('eth_call', { data: '0x5b600056', gas: '0xffffffffffffff' }, 'latest');
    const error = await within('the end of an endless eth_call', call, 20_000);
    assert.match(error.message, /gas|timeout|limit/i);
    await alive(m);
  },
  { needs: 'boundedCalls' },
);
