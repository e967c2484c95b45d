/** Foundry's cast against each module: the commands of the documentation and of people's scripts. */
import assert from 'node:assert/strict';
import { getAddress, numberToHex, parseEther, toEventSelector } from 'viem';
import { network, onModules } from '../harness.mjs';
import { cast, castFails } from '../lib/cast.mjs';
import { artifacts } from '../lib/contracts.mjs';
import { MNEMONIC, devAccount } from '../lib/module.mjs';

const net = await network(import.meta.url);
const NOBODY = `0x${'77'.repeat(20)}`;

/** cast with this module's URL. */
const on =
  (m) =>
  (command, ...args) =>
    cast(command, '--rpc-url', m.url, ...args);

onModules(net, 'cast chain-id, client, block-number, gas-price, base-fee', async (m) => {
  const run = on(m);
  assert.equal(await run('chain-id'), String(m.chainId));
  assert.match(await run('client'), /\//);
  assert.match(await run('block-number'), /^\d+$/);
  assert(BigInt(await run('gas-price')) > 0n);
  assert(BigInt(await run('base-fee')) > 0n);
});

onModules(net, 'cast send, receipt, tx, balance, nonce', async (m) => {
  const run = on(m);
  const [account, { address }] = await Promise.all([m.fresh(), m.fresh('0')]);
  const receipt = JSON.parse(
    await run('send', '--json', '--private-key', account.key, address, '--value', '0.25ether'),
  );
  assert.equal(receipt.status, '0x1');
  assert.equal(await run('balance', '--ether', address), '0.250000000000000000');
  assert.equal(await run('balance', address), String(parseEther('0.25')));
  assert.equal(await run('nonce', account.address), '1');
  assert.equal(await run('receipt', receipt.transactionHash, 'status'), 'true');
  assert.equal(JSON.parse(await run('receipt', '--json', receipt.transactionHash)).blockHash, receipt.blockHash);
  assert.equal(await run('tx', receipt.transactionHash, 'value'), String(parseEther('0.25')));
  assert.equal(getAddress(await run('tx', receipt.transactionHash, 'from')), account.address);
  assert.match(await run('tx', '--raw', receipt.transactionHash), /^0x02/);
});

onModules(net, 'cast send --legacy, --async, --auth, and from the mnemonic', async (m) => {
  const run = on(m);
  const account = await m.fresh();
  const key = ['--private-key', account.key];
  const legacy = JSON.parse(await run('send', '--json', '--legacy', ...key, NOBODY, '--value', '1'));
  assert.equal(legacy.type, '0x0');
  const hash = await run('send', '--async', ...key, NOBODY, '--value', '1');
  assert.equal((await m.receipt(hash)).status, '0x1');
  const delegate = await m.deploy(account, artifacts.Account);
  const set = JSON.parse(await run('send', '--json', ...key, '--auth', delegate, account.address));
  assert.equal(set.status, '0x1');
  assert.equal((await run('code', account.address)).toLowerCase(), `0xef0100${delegate.slice(2)}`.toLowerCase());
  const address = await cast('wallet', 'address', '--mnemonic', MNEMONIC, '--mnemonic-index', '1');
  assert.equal(address, devAccount(1).address);
});

onModules(net, 'cast send --create, call, estimate, storage, code, logs', async (m) => {
  const run = on(m);
  const account = await m.fresh();
  const key = ['--private-key', account.key];
  const { contractAddress: probe } = JSON.parse(
    await run('send', '--json', ...key, '--create', artifacts.Probe.bytecode),
  );
  assert.equal(await run('code', probe), artifacts.Probe.deployed);
  const { status } = JSON.parse(await run('send', '--json', ...key, probe, 'set(uint256)', '77'));
  assert.equal(status, '0x1');
  assert.equal(await run('call', probe, 'number()(uint256)'), '77');
  assert.equal(BigInt(await run('storage', probe, '0')), 77n);
  const gas = Number(await run('estimate', '--from', account.address, probe, 'set(uint256)', '78'));
  assert(gas > 21_000 && gas < 100_000, `estimate ${gas}`);
  const sent = JSON.parse(await run('send', '--json', ...key, probe, 'ping(uint256,uint256)', '5', '6'));
  const range = ['--from-block', String(Number(sent.blockNumber)), '--to-block', 'latest'];
  const logs = JSON.parse(
    await run('logs', '--json', ...range, '--address', probe, 'Ping(address indexed,uint256 indexed,uint256)'),
  );
  assert.equal(logs.length, 1);
  assert.equal(logs[0].topics[0], toEventSelector('Ping(address,uint256,uint256)'));
  assert.equal(BigInt(logs[0].data), 6n);
});

onModules(net, 'cast call and estimate show why a call reverts', async (m) => {
  const account = await m.fresh();
  const probe = await m.deploy(account, artifacts.Probe);
  const url = ['--rpc-url', m.url];
  assert.match(await castFails('call', ...url, probe, 'failRequire()'), /probe: the required thing is missing/);
  assert.match(await castFails('estimate', ...url, probe, 'failRequire()'), /probe: the required thing is missing/);
  assert.match(
    await castFails('send', ...url, '--private-key', account.key, probe, 'failRequire()'),
    /the required thing is missing/,
  );
  const poor = await m.fresh('0');
  assert.match(
    await castFails('send', ...url, '--private-key', poor.key, '--gas-limit', '21000', NOBODY, '--value', '1'),
    /insufficient funds/i,
  );
});

onModules(net, 'cast block, age, find-block, by number, tag and field', async (m) => {
  const run = on(m);
  const account = await m.fresh();
  const { blockNumber, blockHash } = await m.send(account, { to: NOBODY });
  const number = String(Number(blockNumber));
  assert.equal(await run('block', number, '--field', 'hash'), blockHash);
  const block = JSON.parse(await run('block', '--json', number));
  assert.equal(block.hash, blockHash);
  assert.equal(block.number, numberToHex(Number(number)));
  assert.match(await run('block', 'finalized'), /hash/);
  assert.match(await run('block', 'earliest', '--field', 'parentHash'), /^0x[0-9a-f]{64}$/);
  assert((await run('age', number)).length > 10);
});

onModules(net, 'cast rpc, publish, mktx, access-list, call with overrides', async (m) => {
  const run = on(m);
  const account = await m.fresh();
  assert.equal(Number(JSON.parse(await run('rpc', 'eth_chainId'))), m.chainId);
  assert.equal(JSON.parse(await run('rpc', 'eth_getBlockByNumber', '0x0', 'false')).number, '0x0');
  const raw = await run('mktx', '--private-key', account.key, NOBODY, '--value', '3');
  const published = JSON.parse(await run('publish', raw));
  assert.equal((await m.receipt(published.transactionHash ?? published)).status, '0x1');
  const probe = await m.deploy(account, artifacts.Probe);
  assert.match(await run('access-list', '--from', account.address, probe, 'set(uint256)', '9'), new RegExp(probe, 'i'));
  const overridden = await run('call', probe, 'number()(uint256)', '--override-state-diff', `${probe}:0:42`);
  assert.equal(overridden, '42');
});

onModules(net, 'cast wallet: new, sign, verify; a wallet that cast made can pay', async (m) => {
  const run = on(m);
  const [made] = JSON.parse(await cast('wallet', 'new', '--json'));
  const key = made.private_key ?? made.privateKey;
  const address = await cast('wallet', 'address', '--private-key', key);
  const signature = await cast('wallet', 'sign', '--private-key', key, 'hello');
  assert.match(await cast('wallet', 'verify', '--address', address, 'hello', signature), /succeeded|valid/i);
  await m.pay(address, parseEther('0.1'));
  const receipt = JSON.parse(await run('send', '--json', '--private-key', key, NOBODY, '--value', '1'));
  assert.equal(receipt.status, '0x1');
});
