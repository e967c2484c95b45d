/** Signed transactions taken apart and put together again, for what no client library lets through. */
import assert from 'node:assert/strict';
import { concatHex, fromRlp, keccak256, parseSignature, toRlp, trim } from 'viem';

/** The fields of a typed transaction. @param {`0x${string}`} raw */
export const fieldsOf = (raw) => fromRlp(`0x${raw.slice(4)}`, 'hex');

/** A typed transaction from its fields. */
export const typed = (type, fields) => concatHex([type, toRlp(fields)]);

/** Positions in a dynamic-fee transaction (EIP-1559). */
export const FIELD = { nonce: 1, tip: 2, cap: 3, gas: 4, value: 6, parity: 9, r: 10, s: 11 };

/** Changes fields of a dynamic-fee transaction and signs it again. */
export async function resigned(account, raw, changes) {
  const fields = Object.assign(fieldsOf(raw), changes).slice(0, FIELD.parity);
  const { r, s, yParity } = parseSignature(await account.sign({ hash: keccak256(typed('0x02', fields)) }));
  return typed('0x02', [...fields, yParity ? '0x01' : '0x', ...[r, s].map((x) => trim(x))]);
}

/**
 * The refusal of `raw`, worded like `pattern` (a peer may word it its own way); its sender's nonce stays where it is.
 * @param {import('../harness.mjs').Network} net
 */
export async function refused(net, m, account, raw, pattern) {
  const before = await m.nonce(account.address);
  const error = await m.refusal('eth_sendRawTransaction', raw);
  if (!net.missing('gethTexts')) assert.match(error.message, pattern);
  assert(error.code < 0 && error.code !== -32603, `code ${error.code}: ${error.message}`);
  assert.equal(await m.nonce(account.address), before, 'a refused transaction moves no nonce');
  return error;
}
