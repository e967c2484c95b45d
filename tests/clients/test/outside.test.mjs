/** Messages to a chain outside the network and back (docs/spec/messages.md, section 10), with anvil as that chain. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { getContractAddress, parseEventLogs, stringToHex, zeroAddress } from 'viem';
import { callOf, g2 } from '../../../contracts/testing/evidence.mjs';
import { network } from '../harness.mjs';
import { platformBinary } from '../lib/binaries.mjs';
import { artifacts } from '../lib/contracts.mjs';
import { GATEWAY, attribute, interoperable, sendMessage, sentIn } from '../lib/messages.mjs';
import { Module, fundFiles } from '../lib/module.mjs';
import { until } from '../lib/poll.mjs';
import { freePort } from '../lib/ports.mjs';

const net = await network(import.meta.url);
const skip = net.missing('messages');
const { hub } = net.modules;
const CHAIN = 11_155_111;
/** All that a delivery may cost there, calldata and recipient included. */
const GAS_LIMIT = 300_000n;
const [Endpoint, AttestedInbox] = ['endpoint', 'attested-inbox'].map((name) =>
  JSON.parse(readFileSync(new URL(`../../../contracts/artifacts/${name}.json`, import.meta.url), 'utf8')),
);
const { Inbox } = artifacts;

/** An Ethereum chain with the precompiles for BLS12-381 (EIP-2537). It ends with the tests of this file. */
async function startOutside() {
  const port = await freePort();
  const args = ['--port', String(port), '--chain-id', String(CHAIN), '--hardfork', 'osaka', '--quiet'];
  const child = spawn(platformBinary('anvil'), args, { stdio: 'ignore' });
  after(() => child.kill('SIGKILL'));
  process.once('exit', () => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  const chain = await until('anvil', () => Module.open('outside', url, 'outside.test.mjs').catch(() => undefined));
  await fundFiles([chain], ['outside.test.mjs']);
  return chain;
}

/** Both halves, each of which names the other: the endpoint there, and the inbox here that its owner answers for. */
async function link() {
  const outside = await startOutside();
  const [owner, deployer] = await Promise.all([hub.fresh(), outside.fresh()]);
  const expected = getContractAddress({ from: deployer.address, nonce: 0n });
  const inbox = await hub.deploy(owner, AttestedInbox, [owner.address, BigInt(CHAIN), expected]);
  const { networkId, networkKey, module } = await until('a certified block', () => hub.rpc('trellis_getFinality'));
  const key = g2(networkKey);
  const endpoint = await outside.deploy(deployer, Endpoint, [
    BigInt(networkId),
    module,
    BigInt(hub.chainId),
    key,
    inbox,
  ]);
  assert.equal(endpoint, expected);
  const [here, there] = [await hub.deploy(owner, Inbox), await outside.deploy(deployer, Inbox)];
  return { outside, owner, endpoint, inbox, here, there };
}

const linked = skip ? undefined : await link();

const proofOf = (id) => until(`a proof of ${id}`, () => hub.rpc('trellis_getMessageProof', id));
const received = ({ logs }) => parseEventLogs({ abi: Inbox.abi, logs, eventName: 'Received' }).map(({ args }) => args);

/** Calls a contract in a transaction, which must succeed. */
async function write(module, account, address, { abi }, functionName, args) {
  const wallet = module.wallet(account);
  const hash = await wallet.writeContract({ address, abi, functionName, args });
  const receipt = await wallet.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, 'success', `${functionName} in ${hash}`);
  return receipt;
}

/** The call must be refused with this error. */
const refused = (module, address, { abi }, functionName, args, error) =>
  assert.rejects(
    module.public.simulateContract({ address, abi, functionName, args, account: module.funder.address }),
    (e) => new RegExp(`\\b${error}\\(`).test(String(e)),
    `${functionName} must be refused with ${error}`,
  );

/** Brings a message out with the proof of the node, as anybody can. */
async function deliver(id) {
  const { outside, endpoint } = linked;
  const carrier = await outside.fresh();
  return write(outside, carrier, endpoint, Endpoint, 'receiveFromTrellis', callOf(await proofOf(id)));
}

test('a message of a contract arrives outside on the word of the validators, once', { skip }, async (t) => {
  const { outside, here, there, endpoint } = linked;
  const payload = stringToHex('out of the hub');
  const args = [GATEWAY, interoperable(CHAIN, there), payload, [attribute('outside')]];
  const [id] = sentIn(await write(hub, await hub.fresh(), here, Inbox, 'send', args));
  assert.equal((await hub.rpc('trellis_getMessage', id)).status, 'outside');

  const receipt = await deliver(id);
  const sender = interoperable(hub.chainId, here).toLowerCase();
  assert.deepEqual(received(receipt), [{ id, sender, payload, value: 0n }]);
  t.diagnostic(`${receipt.gasUsed} gas in all`);
  assert(receipt.gasUsed < GAS_LIMIT, `${receipt.gasUsed} gas`);

  const again = callOf(await proofOf(id));
  await refused(outside, endpoint, Endpoint, 'receiveFromTrellis', again, 'AlreadyDelivered');
});

test('what was not sent like that is refused', { skip }, async () => {
  const { outside, there, endpoint } = linked;
  const account = await hub.fresh();
  const recipient = { chainId: CHAIN };
  const options = { payload: '0x1234', attributes: [attribute('outside')] };
  const id = await sendMessage(hub, account, recipient, there, options);
  const [message, sequence, proof] = callOf(await proofOf(id));
  const wrong = (change) => [{ ...message, ...change }, sequence, proof];
  for (const change of [{ payload: '0x1235' }, { sender: there }, { recipient: account.address }]) {
    await refused(outside, endpoint, Endpoint, 'receiveFromTrellis', wrong(change), 'NotInOutbox');
  }
  await refused(
    outside,
    endpoint,
    Endpoint,
    'receiveFromTrellis',
    [message, sequence + 1n, proof],
    '(NotInOutbox|NotSentYet)',
  );
  const [receipt] = received(await deliver(id));
  assert.equal(receipt.sender, interoperable(hub.chainId, account.address).toLowerCase());
});

test('an old message is proven by any later block', { skip }, async () => {
  const { there } = linked;
  const account = await hub.fresh('2');
  const options = { payload: '0x00', attributes: [attribute('outside')] };
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(await sendMessage(hub, account, { chainId: CHAIN }, there, options));
  for (const id of [ids[4], ids[0], ids[2]]) assert.equal(received(await deliver(id))[0].id, id);
});

test('an endpoint of another key believes nothing of it', { skip }, async () => {
  const { outside, there } = linked;
  const deployer = await outside.fresh();
  const options = { payload: '0x00', attributes: [attribute('outside')] };
  const id = await sendMessage(hub, await hub.fresh(), { chainId: CHAIN }, there, options);
  const proof = await proofOf(id);
  const of = (networkId) => [BigInt(networkId), 0, BigInt(hub.chainId), g2(proof.networkKey), zeroAddress];
  const [own, other] = [Number(proof.networkId), Number(proof.networkId) + 1];
  const endpoints = [];
  for (const network of [own, other]) endpoints.push(await outside.deploy(deployer, Endpoint, of(network)));
  await refused(outside, endpoints[1], Endpoint, 'receiveFromTrellis', callOf(proof), 'InvalidCertificate');
  await write(outside, deployer, endpoints[0], Endpoint, 'receiveFromTrellis', callOf(proof));
});

test('a message of the outside chain arrives on the word of the inbox’s owner, once', { skip }, async () => {
  const { outside, owner, endpoint, inbox, here } = linked;
  const [sender, carrier] = await Promise.all([outside.fresh(), hub.fresh()]);
  const payload = stringToHex('into the hub');
  const args = [interoperable(hub.chainId, here), payload, []];
  const { logs } = await write(outside, sender, endpoint, Endpoint, 'sendMessage', args);
  const [sent, queued] = parseEventLogs({ abi: Endpoint.abi, logs });
  const [id, sequence] = [sent.args.sendId, queued.args.sequence];
  const fixed = { value: 0n, gasLimit: 200_000n, refundTo: zeroAddress };
  const call = [{ sender: sender.address, recipient: here, payload, ...fixed }, sequence];

  await refused(hub, inbox, AttestedInbox, 'receiveFromOutside', call, 'NotAttested');
  await refused(hub, inbox, AttestedInbox, 'attest', [[id]], 'NotTheOwner');
  await write(hub, owner, inbox, AttestedInbox, 'attest', [[id]]);
  const receipt = await write(hub, carrier, inbox, AttestedInbox, 'receiveFromOutside', call);
  const expected = { id, sender: interoperable(CHAIN, sender.address).toLowerCase(), payload, value: 0n };
  assert.deepEqual(received(receipt), [expected]);
  await refused(hub, inbox, AttestedInbox, 'receiveFromOutside', call, 'NotAttested');
});
