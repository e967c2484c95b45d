/** A module and an outside chain: the endpoint there, the inbox here, and OpenZeppelin's bridges over both. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { ALICE, BOB, CAROL, Chain, interoperable } from '../testing/chain.mjs';
import { callOf, g2 } from '../testing/evidence.mjs';
import { GATEWAY, Module, attribute } from '../testing/module.mjs';
import { SECRET, makeVector, networkKey } from '../testing/vector.mjs';

const { getAddress, getContractAddress, toFunctionSelector } = require('viem');

const OUTSIDE = 11_155_111;
const OWNER = '0x90F79bf6EB2c4f870365E785982E1f101E93b906';
const [module, outside] = await Promise.all([Module.create(0), Chain.start(OUTSIDE)]);

// Each half names the other, so one address has to be known before its contract is there.
const nonce = BigInt(await outside.client.getTransactionCount({ address: ALICE }));
const expected = getContractAddress({ from: ALICE, nonce });
const inbox = await module.deploy('AttestedInbox', [OWNER, BigInt(OUTSIDE), expected]);
const key = g2(networkKey(SECRET));
const endpoint = await outside.deploy('Endpoint', [7n, 0, BigInt(module.chainId), key, inbox.address]);
assert.equal(getAddress(endpoint.address), expected);
const here = await module.deploy('Probe');
const there = await outside.deploy('Probe');

/** Brings the last message of lane 64 to the outside chain. */
async function proveLast(options) {
  const logs = await module.client.getLogs({ address: GATEWAY.address, fromBlock: 0n });
  const lane = module.messages({ logs }).filter((sent) => sent.lane === 64n);
  const { message, sequence } = lane.at(-1);
  const ids = lane.map(({ id }) => id);
  const vector = makeVector({ message, sequence: Number(sequence), lane: ids, destinationChainId: OUTSIDE });
  assert.equal(vector.id, ids.at(-1));
  return outside.write(endpoint, 'receiveFromTrellis', callOf(vector), options);
}

/** The message a transaction sent from the endpoint, from its logs. */
function sentBy(receipt) {
  const events = outside.events(receipt, endpoint);
  const { args } = events.find(({ name }) => name === 'MessageSent');
  const { sequence } = events.find(({ name }) => name === 'MessageQueued').args;
  const [sender, recipient] = [args.sender, args.recipient].map((a) => `0x${a.slice(-40)}`);
  const fixed = { value: 0n, gasLimit: 200_000n, refundTo: '0x0000000000000000000000000000000000000000' };
  return { id: args.sendId, sequence, message: { sender, recipient, payload: args.payload, ...fixed } };
}

async function attested(receipt) {
  const { id, message, sequence } = sentBy(receipt);
  await module.write(inbox, 'attest', [[id]], { from: OWNER });
  return module.write(inbox, 'receiveFromOutside', [message, sequence], { from: CAROL });
}

const got = (chain, probe, receipt) => chain.events(receipt, probe).find(({ name }) => name === 'Got').args;
const send = (payload = '0x00', to = here.address) => [module.address(to), payload, []];

test('a message to the gateway with outside() arrives from its sender', async () => {
  await module.sendMessage(interoperable(OUTSIDE, there.address), '0x00aa', { attributes: [attribute('outside')] });
  const { sender, payload } = got(outside, there, await proveLast());
  assert.deepEqual([sender, payload], [module.address(ALICE), '0x00aa']);
});

test('a message to the inbox arrives from whoever called the inbox', async () => {
  const args = [interoperable(OUTSIDE, there.address), '0x00bb', [attribute('gasLimit', 300_000n)]];
  const receipt = await module.write(inbox, 'sendMessage', args, { from: BOB });
  const [{ id, message }] = module.messages(receipt);
  assert.equal(message.gasLimit, 300_000n);
  const announced = module.events(receipt, inbox).find(({ name }) => name === 'MessageSent').args;
  assert.deepEqual([announced.sendId, announced.sender], [id, module.address(BOB)]);
  const { sender, payload, ...rest } = got(outside, there, await proveLast());
  assert.deepEqual([sender, payload, rest.id], [module.address(BOB), '0x00bb', id]);
});

test('others cannot speak through the inbox', async () => {
  // The same bytes, sent to the endpoint past the inbox, are a message the endpoint does not take.
  const forged = `0x${BOB.slice(2)}${there.address.slice(2)}00bb`;
  await module.sendMessage(interoperable(OUTSIDE, endpoint.address), forged, { attributes: [attribute('outside')] });
  await assert.rejects(proveLast(), /DeliveryFailed/);
});

test('the inbox sends to its outside chain only, without value', async () => {
  const to = (chainId) => [interoperable(chainId, BOB), '0x', []];
  await module.refused(inbox, 'sendMessage', to(1), 'NotTheOutsideChain', [1n, BigInt(OUTSIDE)]);
  await assert.rejects(module.write(inbox, 'sendMessage', to(OUTSIDE), { value: 1n }));
  const twice = [interoperable(OUTSIDE, BOB), '0x', [attribute('outside')]];
  await assert.rejects(module.write(inbox, 'sendMessage', twice));
  const supports = (signature) => module.read(inbox, 'supportsAttribute', [toFunctionSelector(signature)]);
  assert.deepEqual(await Promise.all(['gasLimit(uint256)', 'outside()'].map(supports)), [true, false]);
});

test('the endpoint sends to its module only, without value or attributes', async () => {
  const to = [interoperable(1, BOB), '0x', []];
  await outside.refused(endpoint, 'sendMessage', to, 'NotTheModule', [1n, BigInt(module.chainId)]);
  await outside.refused(endpoint, 'sendMessage', send(), 'ValueNotSupported', [1n], { value: 1n });
  const attributes = [module.address(BOB), '0x', [attribute('gasLimit', 300_000n)]];
  const selector = attribute('gasLimit', 0n).slice(0, 10);
  await outside.refused(endpoint, 'sendMessage', attributes, 'UnsupportedAttribute', [selector]);
});

test('what the owner attests is delivered, once', async () => {
  const receipt = await outside.write(endpoint, 'sendMessage', send('0x00cc'), { from: BOB });
  const { id, message, sequence } = sentBy(receipt);
  const call = [message, sequence];
  await module.refused(inbox, 'receiveFromOutside', call, 'NotAttested', [id]);
  await module.refused(inbox, 'attest', [[id]], 'NotTheOwner', [ALICE]);
  const { sender, caller, payload } = got(module, here, await attested(receipt));
  assert.deepEqual([sender, payload], [interoperable(OUTSIDE, BOB), '0x00cc']);
  assert.equal(getAddress(caller), getAddress(inbox.address));
  await module.write(inbox, 'attest', [[id]], { from: OWNER });
  await module.refused(inbox, 'receiveFromOutside', call, 'NotAttested', [id]);
});

test('only the attested message is delivered, when its recipient takes it and with its gas', async () => {
  const { id, message, sequence } = sentBy(await outside.write(endpoint, 'sendMessage', send()));
  await module.write(inbox, 'attest', [[id]], { from: OWNER });
  const other = [{ ...message, payload: '0x0000' }, sequence];
  await module.refused(inbox, 'receiveFromOutside', other, 'NotAttested');
  await module.write(here, 'close', [true]);
  await module.refused(inbox, 'receiveFromOutside', [message, sequence], 'DeliveryFailed');
  await module.write(here, 'close', [false]);
  const little = { gas: 220_000n };
  await module.refused(inbox, 'receiveFromOutside', [message, sequence], 'NotEnoughGas', undefined, little);
  await module.write(inbox, 'receiveFromOutside', [message, sequence]);
});

test('OpenZeppelin’s bridge goes out and back', async () => {
  const plain = await outside.deploy('PlainToken', [1_000n]);
  const bridge = await outside.deploy('PlainBridge', [plain.address]);
  const token = await module.deploy('CrossToken', [0n]);
  await outside.write(bridge, 'link', [endpoint.address, module.address(token.address)]);
  await module.write(token, 'link', [inbox.address, interoperable(OUTSIDE, bridge.address)]);

  await outside.write(plain, 'approve', [bridge.address, 600n]);
  await attested(await outside.write(bridge, 'crosschainTransfer', [module.address(BOB), 600n]));
  assert.equal(await module.read(token, 'balanceOf', [BOB]), 600n);

  await module.write(token, 'crosschainTransfer', [interoperable(OUTSIDE, CAROL), 250n], { from: BOB });
  await proveLast({ from: CAROL });
  assert.equal(await outside.read(plain, 'balanceOf', [CAROL]), 250n);
});
