import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { require } from '../build.mjs';
import { artifacts } from '../testing/artifacts.mjs';
import { ALICE, BOB, CAROL, Chain, interoperable } from '../testing/chain.mjs';
import { callOf, g2 } from '../testing/evidence.mjs';
import { makeVector, networkKey, outbox, SECRET } from '../testing/vector.mjs';

const { concat, encodeDeployData, getAddress, pad, zeroAddress } = require('viem');

const CHAIN = 11_155_111;
const SOURCE = 123_456_000;
const chain = await Chain.start(CHAIN);
const probe = await chain.deploy('Probe');
const key = g2(networkKey(SECRET));
const endpoint = await chain.deploy('Endpoint', [7n, 0, BigInt(SOURCE), key, zeroAddress]);

const message = (fields = {}) => ({
  ...{ sender: ALICE, recipient: probe.address, value: 0n, gasLimit: 200_000n, refundTo: ALICE, payload: '0x00ff' },
  ...fields,
});
const vector = ({ sequence = 5, count = 9, change, ...fields } = {}) =>
  makeVector({ message: message(fields), sequence, count, destinationChainId: CHAIN, change });
const receive = (v, options) => chain.write(endpoint, 'receiveFromTrellis', callOf(v), options);
const refused = (v, name, args, options) =>
  chain.refused(endpoint, 'receiveFromTrellis', callOf(v), name, args, options);
const flip = (hex, byte = 0) => {
  const at = 2 + 2 * byte;
  const flipped = (parseInt(hex.slice(at, at + 2), 16) ^ 1).toString(16).padStart(2, '0');
  return `${hex.slice(0, at)}${flipped}${hex.slice(at + 2)}`;
};

test('the tree of these tests is that of the nodes', () => {
  assert.equal(outbox({}, 64).root, '0xa123efe039bb625ad5d811d70545a930c4901868a1f6b52631d94a339bf4ad09');
});

test('a proven message is delivered with its sender, once', async (t) => {
  const v = vector();
  const receipt = await receive(v, { from: CAROL });
  const [{ args }] = chain.events(receipt, probe);
  const { id, sender, payload, caller } = args;
  const expected = { id: v.id, sender: interoperable(SOURCE, ALICE), payload: '0x00ff', caller: endpoint.address };
  assert.deepEqual({ id, sender, payload, caller: caller.toLowerCase() }, expected);
  assert.equal(await chain.read(endpoint, 'delivered', [v.id]), true);
  await refused(v, 'AlreadyDelivered', [v.id]);
  const input = (await chain.client.getTransaction({ hash: receipt.transactionHash })).input;
  const data = input.match(/../g).slice(1);
  const calldata = data.reduce((sum, byte) => sum + (byte === '00' ? 4n : 16n), 21_000n);
  t.diagnostic(`${receipt.gasUsed} gas, of which ${receipt.gasUsed - calldata} for execution with the recipient's`);
  assert.ok(receipt.gasUsed - calldata < 300_000n);
});

test('messages are proven at every position of lanes of every shape', async () => {
  for (const count of [1, 2, 3, 7]) {
    for (let sequence = 0; sequence < count; sequence++) {
      await chain.client.simulateContract({
        ...{ ...endpoint, account: BOB, functionName: 'receiveFromTrellis' },
        args: callOf(vector({ count, sequence, payload: `0x00${pad('0x', { size: count }).slice(2)}` })),
      });
    }
  }
});

test('views of every length are signed as the nodes write them', async () => {
  for (const [epoch, view] of [
    [0n, 0n],
    [0n, 127n],
    [1n, 128n],
    [300n, 16_384n],
    [2n ** 64n - 1n, 2n ** 63n],
  ]) {
    await receive(
      vector({ payload: `0x00${view.toString(16).padStart(32, '0')}`, change: { epoch, view, parent: view } }),
    );
  }
});

test('a certificate of anybody else or anything else is refused', async () => {
  for (const change of [
    { networkId: 8n },
    { module: 1 },
    { secret: SECRET + 1n },
    { suffix: '_NOTARIZE' },
    { dst: 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_' },
  ]) {
    await refused(vector({ sequence: 3, change }), 'InvalidCertificate', []);
  }
  const other = vector({ sequence: 4 });
  await refused({ ...vector({ sequence: 3 }), finalization: other.finalization }, 'InvalidCertificate', []);
  for (const field of ['epoch', 'viewNumber', 'parentView']) {
    const [m, s, proof] = callOf(vector({ sequence: 3 }));
    const certificate = { ...proof.certificate, [field]: proof.certificate[field] + 1n };
    const args = [m, s, { ...proof, certificate }];
    await chain.refused(endpoint, 'receiveFromTrellis', args, 'InvalidCertificate', []);
  }
});

test('a signature that is no point, or more than one, is refused', async () => {
  const [m, s, proof] = callOf(vector({ sequence: 3 }));
  const { signature } = proof.certificate;
  const attempt = (altered, name, args) => {
    const changed = { ...proof, certificate: { ...proof.certificate, signature: altered } };
    return chain.refused(endpoint, 'receiveFromTrellis', [m, s, changed], name, args);
  };
  await attempt(flip(signature, 127), 'PrecompileFailed', [getAddress('0x000000000000000000000000000000000000000f')]);
  await attempt(pad('0x', { size: 128 }), 'InvalidCertificate', []);
  await attempt('0x', 'InvalidSignatureLength', [0n]);
  // Without a check of the length, this pair in front would cancel the one that counts.
  await attempt(concat([signature, key, pad('0x', { size: 128 })]), 'InvalidSignatureLength', [512n]);
});

test('an altered header, extension or path is refused', async () => {
  const v = vector({ sequence: 3 });
  await refused({ ...v, header: flip(v.header, 40) }, 'InvalidCertificate', []);
  await refused({ ...v, header: `${v.header}00` }, 'InvalidCertificate', []);
  for (const byte of [0, 4, 5, 36, 40]) {
    await refused({ ...v, extension: flip(v.extension, byte) }, 'WrongExtension', []);
  }
  await refused({ ...v, extension: v.extension.slice(0, -2) }, 'WrongExtension', []);
  for (const level of [0, 6]) {
    const path = v.path.with(level, flip(v.path[level], 31));
    await refused({ ...v, path }, 'NotInOutbox', undefined);
  }
});

test('a block of another module or version is refused though its validators signed it', async () => {
  await refused(vector({ sequence: 3, change: { extensionModule: 1 } }), 'WrongModule', [1]);
  await refused(vector({ sequence: 3, change: { version: 4 } }), 'UnsupportedExtension', [4]);
});

test('a message that was not sent, or not there, is refused', async () => {
  const v = vector({ sequence: 3 });
  for (const fields of [{ payload: '0x00fe' }, { sender: BOB }, { recipient: BOB }, { gasLimit: 1n }, { value: 1n }]) {
    await refused({ ...v, message: message(fields) }, 'NotInOutbox', undefined);
  }
  await refused({ ...v, sequence: '2' }, 'NotInOutbox', undefined);
  await refused({ ...v, sequence: '9' }, 'NotSentYet', [9n, 9n]);
  await refused({ ...v, count: '10' }, 'NotInOutbox', undefined);
  await refused({ ...v, range: v.range.slice(0, -1) }, 'WrongProofLength', [3n, 4n]);
  await refused({ ...v, range: [...v.range, v.id] }, 'WrongProofLength', [5n, 4n]);
  await refused({ ...v, range: v.range.with(1, v.id) }, 'NotInOutbox', undefined);
  const elsewhere = makeVector({ message: message(), sequence: 3, count: 9, destinationChainId: 1 });
  await refused(elsewhere, 'NotInOutbox', undefined);
});

test('a recipient that fails leaves the message for another time', async () => {
  const v = vector({ sequence: 2 });
  await chain.write(probe, 'close', [true]);
  await refused(v, 'DeliveryFailed', undefined);
  await chain.write(probe, 'close', [false]);
  await receive(v);
  for (const payload of ['0x01', '0x03', '0x07']) await refused(vector({ payload }), 'DeliveryFailed', undefined);
  await refused(vector({ recipient: CAROL }), 'DeliveryFailed', undefined);
  await refused(vector({ recipient: endpoint.address }), 'DeliveryFailed', undefined);
});

test('the caller cannot give less gas than the message asks for', async () => {
  const v = vector({ sequence: 1, gasLimit: 3_000_000n });
  await refused(v, 'NotEnoughGas', undefined, { gas: 3_200_000n });
  await receive(v, { gas: 3_400_000n });
});

test('a key that is no key cannot be deployed', async () => {
  for (const bad of [pad('0x', { size: 256 }), key.slice(0, -2), flip(key, 255)]) {
    const args = [7n, 0, BigInt(SOURCE), bad, zeroAddress];
    const data = encodeDeployData({ ...artifacts.Endpoint, args });
    await assert.rejects(chain.client.call({ account: ALICE, data }), /reverted/);
  }
});

/** Evidence of real nodes: answers of `trellis_getMessageProof`, which testing/record.mjs writes. */
const folder = join(dirname(fileURLToPath(import.meta.url)), 'vectors');
const files = (() => {
  try {
    return readdirSync(folder).filter((file) => file.endsWith('.json'));
  } catch {
    return [];
  }
})();

for (const file of files) {
  test(`evidence of a node: ${file}`, async (t) => {
    const v = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const outside = await Chain.start(Number(v.destinationChainId));
    await outside.client.setCode({ address: v.message.recipient, bytecode: artifacts.Probe.deployed });
    const args = [BigInt(v.networkId), v.source, BigInt(v.sourceChainId), g2(v.networkKey), zeroAddress];
    const there = await outside.deploy('Endpoint', args);
    const altered = { ...v, header: flip(v.header, 40) };
    await outside.refused(there, 'receiveFromTrellis', callOf(altered), 'InvalidCertificate', []);
    const receipt = await outside.write(there, 'receiveFromTrellis', callOf(v));
    const [{ args: seen }] = outside.events(receipt, artifacts.Probe);
    assert.equal(seen.sender, interoperable(Number(v.sourceChainId), v.message.sender));
    assert.equal(seen.payload, v.message.payload);
    t.diagnostic(`${receipt.gasUsed} gas`);
  });
}
