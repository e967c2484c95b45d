/** An anvil that stands for one chain, with what all tests do on it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after } from 'node:test';
import { platformBinary } from '../../tests/clients/lib/binaries.mjs';
import { until } from '../../tests/clients/lib/poll.mjs';
import { freePort } from '../../tests/clients/lib/ports.mjs';
import { require } from '../build.mjs';
import { artifacts } from './artifacts.mjs';

const viem = require('viem');
const { concat, createTestClient, encodeFunctionData, http, pad, publicActions, size, toHex, walletActions } = viem;

/** Accounts anvil holds the keys of. */
export const [ALICE, BOB, CAROL] = [
  '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
  '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
];

/** The ERC-7930 address of `account` on the EVM chain `chainId`. */
export function interoperable(chainId, account) {
  const digits = chainId.toString(16);
  const ref = digits.length % 2 ? `0x0${digits}` : `0x${digits}`;
  return concat(['0x00010000', toHex(size(ref), { size: 1 }), ref, '0x14', account]).toLowerCase();
}

export class Chain {
  /** Stops when the tests of the file end. @param {number} chainId */
  static async start(chainId) {
    const port = await freePort();
    // A block holds one import of the largest size, and the importing account pays nothing, as in a module.
    // Blocks are asked for: anvil's own miner misses a transaction now and then when the machine is busy.
    const args = ['--port', port, '--chain-id', chainId, '--hardfork', 'osaka', '--quiet', '--base-fee', 0];
    const child = spawn(platformBinary('anvil'), [...args, '--gas-price', 0, '--no-mining'].map(String), {
      stdio: 'ignore',
    });
    after(() => child.kill());
    const chain = { id: chainId, name: 'anvil', nativeCurrency: { name: 'x', symbol: 'X', decimals: 18 }, rpcUrls: {} };
    const transport = http(`http://127.0.0.1:${port}`);
    const client = createTestClient({ chain, mode: 'anvil', transport, pollingInterval: 20, cacheTime: 0 })
      .extend(publicActions)
      .extend(walletActions);
    await until('anvil', () => client.getChainId().catch(() => undefined));
    return new this(chainId, client);
  }

  constructor(chainId, client) {
    Object.assign(this, { chainId, client });
  }

  /** The ERC-7930 address of `account` here. */
  address(account) {
    return interoperable(this.chainId, account);
  }

  async deploy(name, args = []) {
    const { abi, bytecode } = artifacts[name];
    const hash = await this.client.deployContract({ abi, bytecode, args, account: ALICE, gas: 8_000_000n });
    const { contractAddress, status } = await this.mined(hash);
    assert.equal(status, 'success', `deployment of ${name}`);
    return { address: contractAddress, abi };
  }

  read(contract, functionName, args = []) {
    return this.client.readContract({ ...contract, functionName, args });
  }

  /** Sends a call, after a dry run of it so that a refusal has its name. */
  async write(contract, functionName, args = [], { from = ALICE, ...rest } = {}) {
    await this.client.simulateContract({ ...contract, functionName, args, account: from, ...rest });
    return this.send(contract.address, encodeFunctionData({ ...contract, functionName, args }), { from, ...rest });
  }

  async send(to, data, { from = ALICE, ...rest } = {}) {
    const hash = await this.client.sendTransaction({ account: from, to, data, gas: 15_000_000n, ...rest });
    const receipt = await this.mined(hash);
    assert.equal(receipt.status, 'success', `transaction ${hash}`);
    return receipt;
  }

  /** Puts a sent transaction into a block. @returns its receipt */
  async mined(hash) {
    await this.client.mine({ blocks: 1 });
    return this.client.getTransactionReceipt({ hash });
  }

  /** Asserts that a call is refused with the error `name` and, if given, `args`. */
  async refused(contract, functionName, args, name, errorArgs, { from = ALICE, ...rest } = {}) {
    const call = { ...contract, functionName, args, account: from, ...rest };
    const error = await this.client.simulateContract(call).then(
      () => assert.fail(`${functionName} was not refused with ${name}`),
      (e) => e,
    );
    const { data } = error.walk((e) => e instanceof viem.ContractFunctionRevertedError) ?? {};
    if (!data) throw error;
    assert.equal(data.errorName, name);
    if (errorArgs) assert.deepEqual(data.args ?? [], errorArgs);
  }

  /** The events of `abi` in a receipt, as `{ name, args }`. */
  events(receipt, { abi, address }) {
    const logs = receipt.logs.filter((log) => !address || log.address.toLowerCase() === address.toLowerCase());
    return viem.parseEventLogs({ abi, logs }).map(({ eventName, args }) => ({ name: eventName, args }));
  }

  balance(address) {
    return this.client.getBalance({ address });
  }

  /** Makes `account` usable as a sender, with coin for its transactions. */
  async impersonate(address) {
    await this.client.impersonateAccount({ address });
    await this.client.setBalance({ address, value: 10n ** 21n });
  }

  setSlot(address, slot, value) {
    return this.client.setStorageAt({ address, index: slot, value: pad(toHex(value), { size: 32 }) });
  }
}
