/** A maker of evidence (evidence.mjs) with a key of its own: what a network would sign, written a second time. */
import { require } from '../build.mjs';
import { messageId } from './module.mjs';

const { bls12_381: bls } = require('@noble/curves/bls12-381');
const { concat, hexToBytes, keccak256, numberToHex, pad, size, slice, toHex, toRlp, zeroHash } = require('viem');

const DST = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_';
const number = (value, bytes) => numberToHex(value, { size: bytes });

// ------------------------------------------------------------------------------------------------- section 4

const node = (domain, left, right) => keccak256(concat([number(domain, 1), left, right]));
const leaf = (id) => keccak256(concat(['0x00', id]));
const split = (count) => 2 ** Math.floor(Math.log2(count - 1));

/** The Merkle tree hash of RFC 9162. */
function root(ids) {
  if (ids.length === 0) return zeroHash;
  if (ids.length === 1) return leaf(ids[0]);
  const half = split(ids.length);
  return node(1, root(ids.slice(0, half)), root(ids.slice(half)));
}

/** The hashes a walk to `index` meets. */
function walk(ids, index) {
  if (index < 0 || index >= ids.length) return [root(ids)];
  if (ids.length === 1) return [];
  const half = split(ids.length);
  return [...walk(ids.slice(0, half), index), ...walk(ids.slice(half), index - half)];
}

const lane = (ids) => (ids.length ? keccak256(concat(['0x02', number(ids.length, 8), root(ids)])) : zeroHash);

/** Root over 128 lanes of ids, given by index, and the path of one. */
export function outbox(lanes, index) {
  let row = Array.from({ length: 128 }, (_, i) => lane(lanes[i] ?? []));
  const path = [];
  for (let at = index; row.length > 1; at >>= 1) {
    path.push(row[at ^ 1]);
    row = Array.from({ length: row.length / 2 }, (_, i) => node(3, row[2 * i], row[2 * i + 1]));
  }
  return { root: row[0], path };
}

// ------------------------------------------------------------------------------------------------- section 5

function varint(value) {
  const bytes = [];
  for (; value >= 128n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return toHex(new Uint8Array([...bytes, Number(value)]));
}

function namespace(networkId, module, suffix) {
  return concat([toHex('trellis/'), number(networkId, 8), toHex('/module/'), number(module, 4), toHex(suffix)]);
}

/** A certificate as nodes encode it. */
export function finalize(secret, { networkId, module, epoch, view, parent, hash, suffix = '_FINALIZE', dst = DST }) {
  const space = namespace(networkId, module, suffix);
  const proposal = concat([varint(epoch), varint(view), varint(parent), hash]);
  const message = hexToBytes(concat([varint(BigInt(size(space))), space, proposal]));
  const signature = bls.G1.hashToCurve(message, { DST: dst }).multiply(secret);
  return concat([proposal, `0x${bls.G1.ProjectivePoint.fromAffine(signature.toAffine()).toHex(true)}`]);
}

/** A header with the fields of Ethereum's, of which only `extraData` has a meaning here. */
export function header(extension) {
  const extraData = keccak256(concat([toHex('trellis/extension'), extension]));
  const hash = (seed) => keccak256(toHex(`header/${seed}`));
  const numbers = ['0x', '0x0123', '0x01c9c380', '0x5208', '0x68842ff1'];
  const head = [hash(0), hash(1), slice(hash(2), 12), hash(3), hash(4), hash(5), pad('0x', { size: 256 }), ...numbers];
  const tail = [hash(6), pad('0x', { size: 8 }), '0x07', hash(7), '0x', '0x', zeroHash, hash(8)];
  return toRlp([...head, extraData, ...tail]);
}

export const SECRET = 0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdefn;
export const networkKey = (secret) => `0x${bls.G2.ProjectivePoint.BASE.multiply(secret).toHex(true)}`;

/**
 * A vector for `message`, at `sequence` of `count` messages in lane 64, whose ids are `lane` or made up. `change` may replace
 * parts of what is signed.
 */
export function makeVector({
  message,
  sequence,
  lane: sentIds,
  count = sentIds?.length,
  destinationChainId,
  change = {},
}) {
  const parts = { networkId: 7n, module: 0, sourceChainId: 123_456_000, secret: SECRET, version: 3, ...change };
  const { networkId, module, sourceChainId, secret, version } = parts;
  const id = messageId(sourceChainId, destinationChainId, BigInt(sequence), message);
  const others = (name, n) => Array.from({ length: n }, (_, i) => keccak256(toHex(`${name}/${i}`)));
  const ids = sentIds ?? others('outside', count);
  ids[sequence] = id;
  const { root: sent, path } = outbox({ 1: others('one', 5), 33: others('more', 3), 64: ids }, 64);
  const extension = concat([number(version, 1), number(parts.extensionModule ?? module, 4), sent, '0x11223344556677']);
  const rlp = header(extension);
  const round = { epoch: 0n, view: 300n, parent: 299n, ...change };
  return {
    ...{ networkId: `${networkId}`, networkKey: networkKey(SECRET), source: 0, sourceChainId: `${sourceChainId}` },
    ...{ destinationChainId: `${destinationChainId}`, id, sequence: `${sequence}`, message },
    finalization: finalize(secret, { networkId, module, hash: keccak256(rlp), ...round }),
    ...{ header: rlp, extension, count: `${count}`, range: walk(ids, sequence), path },
  };
}
