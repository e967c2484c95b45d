/** Private payments: two wallets, standard clients that look at the chain, and an observer who learns nothing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { bech32m } from '@scure/base';
import { JsonRpcProvider } from 'ethers';
import { decodeEventLog, getAddress, parseEther, toHex } from 'viem';
import { Network, Process } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';
import { devAccount } from '../lib/module.mjs';
import { freePort } from '../lib/ports.mjs';
import { rpc } from '../lib/rpc.mjs';
import { behindTls } from '../lib/tls.mjs';
import { PrivateWallet } from '../lib/wallet.mjs';

const POOL = '0x0000000000000000000000000000000000007788';
const { abi } = JSON.parse(readFileSync(new URL('../../../contracts/artifacts/pool.json', import.meta.url), 'utf8'));
const AMOUNT = '1.234567890123456789';
const MEMO = 'two tickets for the opera';
const anvil = process.env.TRELLIS_BIN?.includes('anvil');

describe('private payments', { skip: anvil && 'anvil has none', timeout: 600_000 }, () => {
  /** @type {Network} */ let net;
  let pay, alice, bob;
  const told = [];

  before(async () => {
    const port = await freePort();
    const node = new Process(['dev', '--ephemeral', '--port', String(port), '--log', 'trace']);
    node.child.stderr.on('data', (data) => told.push(String(data)));
    await node.ready();
    net = await Network.attach(`http://127.0.0.1:${port}`, 'payments.test.mjs', node);
    pay = net.modules.pay;
    alice = new PrivateWallet(pay.url);
    bob = new PrivateWallet(pay.url, alice.home);
    alice.words = await alice.json('create');
    bob.words = await bob.json('create');
  });
  after(() => net?.stop());

  test('a payment from one wallet to another', async () => {
    await alice.json('shield', '5', '--dev', '0');
    assert.equal(await alice.ready(), '5');
    const { address } = await bob.json('address');
    const sent = await alice.json('send', address, AMOUNT, '--memo', MEMO);
    assert.equal(await bob.ready(), AMOUNT);
    const { lines } = await bob.json('history');
    assert.deepEqual([lines[0].kind, lines[0].amount, lines[0].memo], ['received', AMOUNT, MEMO]);
    alice.payment = sent.transfers[0].transaction;
    const cents = (text) => parseEther(text);
    assert.equal(cents(await alice.ready()), cents('5') - cents(AMOUNT) - cents(sent.fee));
  });

  test('viem and ethers read the block', async () => {
    const hash = alice.payment;
    const tx = await pay.public.getTransaction({ hash });
    assert.deepEqual([tx.to, tx.value, tx.nonce, tx.type], [POOL, 0n, 0, 'legacy']);
    const receipt = await pay.public.getTransactionReceipt({ hash });
    assert.equal(receipt.status, 'success');
    const [log] = receipt.logs;
    const event = decodeEventLog({ abi, ...log });
    assert.equal(event.eventName, 'Transferred');
    assert.equal(event.args.outputs.length, 2 + 2 * 1350);
    const block = await pay.public.getBlock({ blockNumber: receipt.blockNumber, includeTransactions: true });
    assert.ok(block.transactions.some((one) => one.hash === hash));
    const ethers = new JsonRpcProvider(pay.url, undefined, { staticNetwork: true });
    const seen = await ethers.getTransaction(hash);
    assert.equal(seen.from, getAddress(tx.from));
    assert.equal((await ethers.getBlock(block.hash, true)).prefetchedTransactions.length, block.transactions.length);
    ethers.destroy();
    const logs = await pay.public.getLogs({ address: POOL, fromBlock: 0n, toBlock: 'latest' });
    assert.ok(logs.length >= 3);
  });

  test('a transfer counts once (PAY-2)', async () => {
    const raw = await rpc(pay.url, 'eth_getRawTransactionByHash', alice.payment);
    assert.ok((raw.length - 2) / 2 <= 5_000, `${raw.length / 2} bytes`);
    await assert.rejects(rpc(pay.url, 'eth_sendRawTransaction', raw), /nonce too low|was spent before/);
    await assert.rejects(rpc(net.modules.hub.url, 'eth_sendRawTransaction', raw), /no private payments/);
    const changed = `${raw.slice(0, -200)}${raw.at(-200) === '0' ? '1' : '0'}${raw.slice(-199)}`;
    await assert.rejects(rpc(pay.url, 'eth_sendRawTransaction', changed), /private transfer|spent|nonce/);
  });

  test('a token, with the fee in native coin', async () => {
    const owner = devAccount(1);
    const token = await pay.deploy(owner, artifacts.Token, ['Dollar', 'USD', parseEther('1000')]);
    const read = (functionName, args) =>
      pay.public.readContract({ address: token, abi: artifacts.Token.abi, functionName, args });
    await alice.json('shield', '100', '--asset', token, '--dev', '1');
    assert.equal(await alice.ready('USD'), '100');
    const { address } = await bob.json('address', '--new');
    await alice.json('send', address, '40.5', '--asset', 'USD');
    assert.deepEqual([await alice.ready('USD'), await bob.ready('USD')], ['59.5', '40.5']);
    const to = '0x00000000000000000000000000000000c0ffee00';
    await bob.json('unshield', to, '0.5', '--asset', 'USD');
    assert.equal(await read('balanceOf', [to]), parseEther('0.5'));
    assert.equal(await read('balanceOf', [POOL]), parseEther('99.5'));
    assert.match(await bob.refusal('send', address, '41', '--asset', 'USD'), /not enough.*USD/);
  });

  test('a link asks to be paid, and the payer can show one payment', async () => {
    const { link } = await alice.json('request', '0.25', '--memo', 'coffee');
    const sent = await bob.json('send', link);
    const file = `${bob.home}/disclosure`;
    await bob.text('disclose', sent.transfers[0].transaction, '-o', file, '--for', 'an auditor');
    const shown = await alice.json('verify-disclosure', file);
    assert.deepEqual([shown.amount, shown.memo, shown.for], ['0.25', 'coffee', 'an auditor']);
    const forged = JSON.parse(readFileSync(file, 'utf8'));
    const { writeFileSync } = await import('node:fs');
    writeFileSync(`${file}2`, JSON.stringify({ ...forged, value: '9' }));
    await alice.refusal('verify-disclosure', `${file}2`);
    const rows = (await bob.text('statement')).split('\n');
    assert.ok(rows[0].startsWith('time,block,transaction') && rows.length >= 6);
  });

  test('the words alone bring a wallet back, and a viewing key shows it', async () => {
    const again = new PrivateWallet(pay.url, alice.home);
    again.env = { TRELLIS_PHRASE: bob.words.phrase };
    await again.json('restore', '--birthday', String(bob.words.birthday));
    assert.deepEqual([await again.ready(), await again.ready('USD')], [await bob.ready(), await bob.ready('USD')]);
    const strip = ({ lines }) => lines.map(({ label, ...line }) => line);
    assert.deepEqual(strip(await again.json('history')), strip(await bob.json('history')));
    const watching = new PrivateWallet(pay.url, alice.home);
    await watching.json('watch', (await bob.text('export-viewing-key')).split('\n')[0]);
    assert.equal(await watching.ready(), await bob.ready());
    assert.match(await watching.refusal('send', bob.words.address, '0.1'), /cannot|words/);
  });

  test('a node behind HTTPS, if the system trusts it', async () => {
    const [node, other] = [await behindTls(pay.url), await behindTls(pay.url)];
    const far = new PrivateWallet(node.url, alice.home);
    Object.assign(far, { file: alice.file, env: { SSL_CERT_FILE: node.authority } });
    assert.equal(await far.ready(), await alice.ready());
    far.env = { SSL_CERT_FILE: other.authority };
    assert.match(await far.refusal('balance'), /cannot talk to https.*invalid peer certificate/s);
    node.close();
    other.close();
  });

  /** Vulnerability class 22, and the promise: what nobody may learn is in no block, answer or log. */
  test('an observer of everything learns none of the secrets', async () => {
    const head = Number(await pay.public.getBlockNumber());
    const seen = [...told];
    const ask = async (method, params) => seen.push(JSON.stringify(await rpc(pay.url, method, ...params)));
    for (let n = 0; n <= head; n++) {
      await ask('eth_getBlockByNumber', [toHex(n), true]);
      await ask('eth_getBlockReceipts', [toHex(n)]);
    }
    await ask('eth_getLogs', [{ fromBlock: '0x0', toBlock: 'latest' }]);
    await ask('txpool_content', []);
    const everything = seen.join('\n').toLowerCase();
    assert.ok(everything.includes(alice.payment), 'it does see the payment');
    const bytes = (text) => Buffer.from(bech32m.fromWords(bech32m.decode(text, false).words)).subarray(1);
    const hidden = { memo: MEMO, 'memo in hex': Buffer.from(MEMO).toString('hex') };
    hidden.amount = parseEther(AMOUNT).toString(16).padStart(32, '0');
    hidden['amount in decimal'] = parseEther(AMOUNT).toString();
    for (const wallet of [alice, bob]) {
      const { address } = await wallet.json('address');
      hidden[`address ${address}`] = address;
      const parts = bytes(address);
      for (const [from, to] of [
        [0, 11],
        [11, 43],
        [43, 75],
      ]) {
        hidden[`bytes ${from} of ${address}`] = parts.subarray(from, to).toString('hex');
      }
      const key = bytes((await wallet.text('export-viewing-key')).split('\n')[0]);
      for (let at = 0; at < key.length; at += 32) hidden[`key ${at}`] = key.subarray(at, at + 32).toString('hex');
      hidden[`words of ${address}`] = wallet.words.phrase;
    }
    for (const [name, secret] of Object.entries(hidden)) {
      assert.ok(secret.length >= 11, name);
      assert.ok(!everything.includes(secret.toLowerCase()), `the chain, an answer or a log tells: ${name}`);
    }
  });
});
