/** A chain with the pool in its genesis, and transfers without notes and proofs: the contract sees neither. */
import { require } from '../build.mjs';
import { artifacts } from './artifacts.mjs';
import { ALICE, Chain } from './chain.mjs';

const {
  concat,
  encodeErrorResult,
  encodeFunctionData,
  getCreate2Address,
  keccak256,
  pad,
  size,
  slice,
  toHex,
  zeroHash,
} = require('viem');

export const R = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001n;
export const POOL = { address: '0x0000000000000000000000000000000000007788', abi: artifacts.Pool.abi };
export const APPENDER = '0x0000000000000000000000000000000000007789';
export const GOVERNANCE = '0x00000000000000000000000000000000000a0a0a';
export const FINGERPRINT = `0x${'ed'.repeat(32)}`;
export const NATIVE = 0;
/** Who makes the calls of unshields (section 11.4). */
export const CALLER = getCreate2Address({ from: POOL.address, salt: zeroHash, bytecode: artifacts.Caller.bytecode });
export const REENTERED = encodeErrorResult({ abi: POOL.abi, errorName: 'Reentered' });
/** What the strangers of sol/PoolMocks.sol do. */
const numbered = (...names) => Object.fromEntries(names.map((name, i) => [name, i]));
export const MOOD = numbered('Kind', 'Refuses', 'BurnsGas', 'AnswersMuch', 'RefusesWithMuch', 'CallsBack');
export const FORM = numbered(
  ...['Plain', 'Silent', 'SaysFalse', 'TakesFee', 'MovesNothing', 'AnswersTwo', 'AnswersShort', 'Slow'],
);
/** Base, and what an unshield has besides (section 11.1). */
const [TRANSFER_GAS, UNSHIELD_GAS] = [400_000n, 250_000n];

const number = (value, bytes) => toHex(value, { size: bytes });
const full = (bytes) => `0x${'ff'.repeat(bytes)}`;

let elements = 0;
/** A field element nobody had before, almost without zero bytes. */
export const element = () => toHex(BigInt(keccak256(toHex(`element/${elements++}`))) % R, { size: 32 });

/** Section 9. What is no field element is full of ones, because zeros in call data cost less. */
export function encodeTransfer(fields) {
  const { circuit = 1, expiry, anchor, nullifiers, fee = 1n, commitments, unshield, publicPart } = fields;
  const outputs = commitments.map((cm) => concat([cm, full(242)]));
  const head = [number(circuit, 4), number(expiry, 8), anchor, ...nullifiers, number(fee, 16)];
  return concat([...head, publicPart ?? encodeUnshield(unshield), ...outputs, full(528), full(2_912)]);
}

function encodeUnshield(unshield) {
  if (!unshield) return '0x00';
  const { asset, value, recipient, gas = 0n, data = '0x' } = unshield;
  const call = [number(gas, 8), number(size(data), 2), data];
  return concat(['0x02', number(asset, 4), number(value, 16), recipient, ...call]);
}

/** Section 11.1. */
export function transferGas(unshield) {
  if (!unshield) return TRANSFER_GAS;
  const { gas = 0n, data = '0x' } = unshield;
  return TRANSFER_GAS + UNSHIELD_GAS + 40n * BigInt(size(data)) + gas + gas / 32n;
}

/** Section 11.1. */
export const senderOf = (nullifier) => slice(keccak256(concat([toHex('trellis/payments/1/sender'), nullifier])), 12);

export class PoolChain extends Chain {
  static async create() {
    const chain = await this.start(123_456_000);
    await chain.client.setCode({ address: POOL.address, bytecode: artifacts.Pool.deployed });
    await chain.setSlot(POOL.address, 0, BigInt(GOVERNANCE));
    await chain.setSlot(POOL.address, 2, 1n << 128n);
    await chain.client.setStorageAt({ ...POOL, index: mappingSlot(1, 5), value: FINGERPRINT });
    await chain.client.request({ method: 'anvil_autoImpersonateAccount', params: [true] });
    await chain.append();
    return chain;
  }

  /** Appends as the first transaction of a block would, and returns the receipt; `anchor` is the new root. */
  async append({ root = element(), size: leaves = 0n, fees = 0n, frontier = '0x' } = {}) {
    const receipt = await this.writeFree('append', [root, leaves, fees, frontier], APPENDER, 600_000n);
    this.anchor = root;
    return receipt;
  }

  /** A call of the pool by an account that has nothing and pays nothing. */
  async writeFree(functionName, args, from, gas = 15_000_000n) {
    await this.client.simulateContract({ ...POOL, functionName, args, account: from, gas, gasPrice: 0n });
    return this.send(POOL.address, encodeFunctionData({ ...POOL, functionName, args }), { from, gas, gasPrice: 0n });
  }

  /** Everything of a transfer, of which `fields` may replace parts. */
  async fields(fields = {}) {
    const expiry = (await this.client.getBlockNumber()) + 600n;
    const commitments = [element(), element(), element()];
    return { expiry, anchor: this.anchor, nullifiers: [element(), element()], commitments, ...fields };
  }

  /** Makes a transfer with exactly the gas of section 11.1, and returns it with receipt and events. */
  async transfer(changes) {
    const fields = await this.fields(changes);
    const data = encodeTransfer(fields);
    const gas = transferGas(fields.unshield);
    const receipt = await this.writeFree('transfer', [data], senderOf(fields.nullifiers[0]), gas);
    const events = this.events(receipt, POOL);
    const out = events.find(({ name }) => name === 'Unshielded')?.args;
    return { ...fields, data, gas, receipt, events, paid: out?.paid, called: out?.called };
  }

  /** Makes a transfer whose only purpose is to unshield. */
  unshield(asset, value, recipient, call = {}) {
    return this.transfer({ unshield: { asset, value, recipient, ...call } });
  }

  /** Asserts that a transfer is refused with the error `name`. */
  async refusesTransfer(changes, name, args) {
    const fields = await this.fields(changes);
    const data = fields.data ?? encodeTransfer(fields);
    const from = fields.from ?? senderOf(fields.nullifiers[0]);
    await this.refused(POOL, 'transfer', [data], name, args, { from, gasPrice: 0n, gas: fields.gas });
  }

  shield(asset, value, { inner = element(), ciphertext = '0x', from = ALICE } = {}) {
    const options = { from, value: asset === NATIVE ? value : 0n };
    return this.write(POOL, 'shield', [asset, value, inner, ciphertext], options);
  }

  pool(functionName, ...args) {
    return this.read(POOL, functionName, args);
  }

  /** Gives a new token a number; all of it belongs to Alice, who lets the pool have it. */
  async addToken(name, args) {
    const token = await this.deploy(name, args);
    await this.write(POOL, 'addAsset', [token.address]);
    await this.write(token, 'approve', [POOL.address, 2n ** 200n]);
    return { ...token, asset: await this.pool('assetOf', token.address) };
  }
}

/** Where Solidity keeps the value of `key` in the mapping at `slot`. */
export function mappingSlot(key, slot) {
  return keccak256(concat([typeof key === 'string' ? pad(key, { size: 32 }) : number(key, 32), number(slot, 32)]));
}
