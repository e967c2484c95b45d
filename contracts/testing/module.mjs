/** A module of a network: a chain with the gateway in its genesis, and a test instead of validators. */
import assert from 'node:assert/strict';
import { require } from '../build.mjs';
import { artifacts } from './artifacts.mjs';
import { Chain } from './chain.mjs';

const { encodeAbiParameters, encodeFunctionData, hexToBytes, keccak256, toHex } = require('viem');

export const FIRST_CHAIN = 123_456_000;
export const MODULES = 3;
export const RESERVE = 2n ** 120n;
export const IMPORTER = '0x0000000000000000000000000000000000007787';
export const GATEWAY = { address: '0x0000000000000000000000000000000000007786', abi: artifacts.Gateway.abi };
const ATTRIBUTES = artifacts.IGatewayAttributes.abi;
const ID_FIELDS = 'bytes32 uint256 uint256 uint64 address address uint256 uint64 address bytes32'
  .split(' ')
  .map((type) => ({ type }));

/** An attribute in ABI encoding. */
export const attribute = (functionName, ...args) => encodeFunctionData({ abi: ATTRIBUTES, functionName, args });

/** Section 2, written a second time. */
export function messageId(from, to, sequence, { sender, recipient, value, gasLimit, refundTo, payload }) {
  const domain = keccak256(toHex('trellis/message/1'));
  const route = [domain, BigInt(from), BigInt(to), sequence];
  const fields = [...route, sender, recipient, value, gasLimit, refundTo, keccak256(payload)];
  return keccak256(encodeAbiParameters(ID_FIELDS, fields));
}

/** Section 6.2. */
export function importGas(data, messages) {
  const bytes = hexToBytes(data);
  const zeros = BigInt(bytes.filter((byte) => byte === 0).length);
  const tokens = zeros + 4n * (BigInt(bytes.length) - zeros);
  const [standard, floor] = [4n * tokens, 10n * tokens];
  const share = ({ payload, gasLimit }) => 50_000n + 16n * BigInt(payload.length / 2 - 1) + gasLimit + gasLimit / 32n;
  const promised = messages.map(share).reduce((a, b) => a + b, 0n);
  return 21_000n + (standard > floor ? standard : floor) + 60_000n + promised;
}

export class Module extends Chain {
  static async create(index) {
    const module = await this.start(FIRST_CHAIN + index);
    const { client } = module;
    module.index = BigInt(index);
    await client.setCode({ address: GATEWAY.address, bytecode: artifacts.Gateway.deployed });
    await module.setSlot(GATEWAY.address, 0, (BigInt(FIRST_CHAIN) << 64n) | BigInt(MODULES));
    await client.setBalance({ address: GATEWAY.address, value: RESERVE });
    await module.impersonate(IMPORTER);
    return module;
  }

  /** The messages a transaction sent, from its logs alone, as nodes read them. */
  messages(receipt) {
    const events = this.events(receipt, GATEWAY);
    const found = [];
    for (const [i, { name, args }] of events.entries()) {
      if (name !== 'MessageSent') continue;
      assert.equal(events[i + 1].name, 'MessageQueued', 'the two events follow each other');
      const { id, lane, sequence, gasLimit, refundTo } = events[i + 1].args;
      assert.equal(id, args.sendId);
      const [sender, recipient] = [args.sender, args.recipient].map((a) => `0x${a.slice(-40)}`);
      const message = { sender, recipient, value: args.value, gasLimit, refundTo, payload: args.payload };
      found.push({ id, lane, sequence, message, event: args });
    }
    return found;
  }

  /** Sends one message and returns it with the receipt. */
  async sendMessage(recipient, payload = '0x', { attributes = [], ...options } = {}) {
    const receipt = await this.write(GATEWAY, 'sendMessage', [recipient, payload, attributes], options);
    const [sent, ...rest] = this.messages(receipt);
    assert.equal(rest.length, 0);
    return { ...sent, receipt };
  }

  /** Imports messages with exactly the gas of section 6.2. */
  async deliver(source, sent, { from = IMPORTER, first = sent[0].sequence } = {}) {
    const messages = sent.map(({ message }) => message);
    const args = [source.index ?? source, first, messages, '0x'];
    const data = encodeFunctionData({ ...GATEWAY, functionName: 'deliver', args });
    return this.send(GATEWAY.address, data, { from, gas: importGas(data, messages) });
  }

  /** Delivers one message, after all before it, and returns what the gateway says of it. */
  async deliverOne(source, sent) {
    const logs = await source.client.getLogs({ address: GATEWAY.address, fromBlock: 0n });
    const [next] = await this.source(source.index);
    const before = ({ lane, sequence }) => lane === this.index && sequence >= next && sequence < sent.sequence;
    for (const message of source.messages({ logs }).filter(before)) await this.deliver(source, [message]);
    const receipt = await this.deliver(source, [sent]);
    const ends = this.events(receipt, GATEWAY).filter(({ name }) => /MessageDelivered|MessageFailed/.test(name));
    return { ...ends.at(-1), receipt };
  }

  async lane(lane) {
    return [await this.read(GATEWAY, 'sent', [lane]), await this.read(GATEWAY, 'sentValue', [lane])];
  }

  async source(source) {
    return [await this.read(GATEWAY, 'received', [source]), await this.read(GATEWAY, 'settledValue', [source])];
  }

  /** Section 8 for this module. */
  async assertSums() {
    let expected = RESERVE;
    for (let other = 0n; other < BigInt(MODULES); other++) {
      expected += (await this.lane(other))[1] - (await this.source(other))[1];
    }
    assert.equal(await this.balance(GATEWAY.address), expected, 'MSG-2');
  }
}

/** Modules 0 and 1 of a network of three. */
export function network() {
  return Promise.all([Module.create(0), Module.create(1)]);
}
