/**
 * Evidence of one outside message as `trellis_getMessageProof` answers, turned into what `Endpoint` takes. Numbers are what
 * `BigInt` takes, bytes are hex:
 *
 *   networkId, networkKey (96 bytes, compressed), source, sourceChainId, destinationChainId, sequence
 *   message { sender, recipient, value, gasLimit, refundTo, payload }
 *   finalization (section 6.1), header (RLP), extension, count, range [], path []
 */
import { require } from '../build.mjs';

const { bls12_381: bls } = require('@noble/curves/bls12-381');
const { bytesToHex, concat, hexToBytes, numberToHex } = require('viem');

const word = (value) => numberToHex(value, { size: 64 });

/** EIP-2537 of a compressed point of G1. */
export function g1(compressed) {
  const { x, y } = bls.G1.ProjectivePoint.fromHex(compressed.slice(2)).toAffine();
  return concat([word(x), word(y)]);
}

/** EIP-2537 of a compressed point of G2, such as the key of a network. */
export function g2(compressed) {
  const { x, y } = bls.G2.ProjectivePoint.fromHex(compressed.slice(2)).toAffine();
  return concat([x.c0, x.c1, y.c0, y.c1].map(word));
}

/** The fields of an encoded certificate, its signature as EIP-2537 has it. */
export function certificate(finalization) {
  const bytes = hexToBytes(finalization);
  let at = 0;
  const next = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      value |= BigInt(bytes[at] & 127) << shift;
      if (bytes[at++] < 128) return value;
    }
  };
  const [epoch, viewNumber, parentView] = [next(), next(), next()];
  return {
    epoch,
    viewNumber,
    parentView,
    signature: g1(bytesToHex(bytes.slice(at + 32))),
  };
}

/** The arguments of `receiveFromTrellis`. */
export function callOf({ message, sequence, finalization, header, extension, count, range, path }) {
  const { value, gasLimit, ...rest } = message;
  const proof = {
    certificate: certificate(finalization),
    header,
    extension,
    count: BigInt(count),
    hashes: range,
    lanePath: path,
  };
  return [{ ...rest, value: BigInt(value), gasLimit: BigInt(gasLimit) }, BigInt(sequence), proof];
}
