/** What every example needs: the modules of a running network, and messages between them (docs/spec/messages.md). */
import { readFileSync } from 'node:fs';
import { mnemonicToAccount, viem } from './packages.mjs';

export { viem } from './packages.mjs';

const { concatHex, createWalletClient, defineChain, encodeFunctionData, http, numberToHex, parseAbi, size } = viem;

/** The accounts of every development network. Their keys are public. */
const MNEMONIC = 'test test test test test test test test test test test junk';
const DEFAULT_URL = 'http://127.0.0.1:8545';
const DEADLINE = 30_000;
const attributes = parseAbi(['function gasLimit(uint256)', 'function refundTo(address)']);
const artifact = JSON.parse(readFileSync(new URL('../../contracts/artifacts/gateway.json', import.meta.url), 'utf8'));

/** The contract that sends and delivers messages: the same in every module. */
export const GATEWAY = { address: '0x0000000000000000000000000000000000007786', abi: artifact.abi };

/** An attribute of a message: `attribute('gasLimit', 500_000n)`. */
export const attribute = (functionName, ...args) => encodeFunctionData({ abi: attributes, functionName, args });

/** Account `index` of the network. */
export const account = (index) => mnemonicToAccount(MNEMONIC, { addressIndex: index });

/** Something the user can do something about: told without a stack. */
class Problem extends Error {}

/** Runs an example; whatever goes wrong is one clear line and exit code 1. */
export async function main(example) {
  try {
    await example();
  } catch (error) {
    console.error(`error: ${error.shortMessage ?? error.message}`);
    if (!(error instanceof Problem)) console.error(error.stack);
    process.exitCode = 1;
  }
}

/** Ends the example unless `condition` holds. */
export function check(condition, otherwise) {
  if (!condition) throw new Problem(otherwise);
}

/** The modules of the network at `url`, hub first. `least` is how many the example needs. */
export async function connect(url = DEFAULT_URL, least = 2) {
  const network = await call(url, 'trellis_network').catch((error) => {
    const why = error instanceof Refusal ? 'is no Trellis network' : 'does not answer';
    throw new Problem(`${url} ${why}: start a network with \`trellis dev\`, or give the URL of one`);
  });
  check(network.modules.length >= least, `the example needs ${least} modules, and ${url} has fewer`);
  return network.modules.map(({ name, chainId, path }) => new Module(name, Number(chainId), new URL(path, url).href));
}

class Refusal extends Error {}

/** One JSON-RPC call. */
async function call(url, method, ...params) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { result, error } = await response.json().catch(() => ({ error: { message: 'no JSON' } }));
  if (error) throw new Refusal(`${method}: ${error.message}`);
  return result;
}

/** One module: a chain like any other, with its own URL and chain id. */
class Module {
  constructor(name, chainId, url) {
    Object.assign(this, { name, url });
    this.chain = defineChain({
      id: chainId,
      name,
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [url] } },
    });
  }

  /** viem's client of this module, signing as `from`. */
  client(from) {
    const options = { chain: this.chain, transport: http(this.url), pollingInterval: 50, cacheTime: 0 };
    return createWalletClient({ account: from, ...options }).extend(viem.publicActions);
  }

  /** `address` in this module as other modules name it (ERC-7930). */
  address(address) {
    const digits = this.chain.id.toString(16);
    const reference = digits.length % 2 ? `0x0${digits}` : `0x${digits}`;
    return concatHex(['0x00010000', numberToHex(size(reference), { size: 1 }), reference, '0x14', address]);
  }

  rpc(method, ...params) {
    return call(this.url, method, ...params);
  }

  /** Deploys a contract. @returns {Promise<{ address: `0x${string}`, abi: any[] }>} */
  async deploy(from, { abi, bytecode }, args = []) {
    const client = this.client(from);
    const hash = await client.deployContract({ abi, bytecode, args });
    const { contractAddress, status } = await client.waitForTransactionReceipt({ hash });
    check(status === 'success', `${this.name}: the deployment ${hash} failed`);
    return { address: contractAddress, abi };
  }

  /** The address of the contract that `from` deploys next. */
  async nextContract(from) {
    const nonce = await this.client(from).getTransactionCount({ address: from.address });
    return viem.getContractAddress({ from: from.address, nonce: BigInt(nonce) });
  }

  /** Calls a contract in a transaction. @returns {Promise<`0x${string}`[]>} ids of the messages that this sent */
  async write(from, { address, abi }, functionName, args = [], { value } = {}) {
    const client = this.client(from);
    const hash = await client.writeContract({ address, abi, functionName, args, value });
    const { status, logs } = await client.waitForTransactionReceipt({ hash });
    check(status === 'success', `${this.name}: the transaction ${hash}, which calls ${functionName}, failed`);
    return viem.parseEventLogs({ abi: GATEWAY.abi, logs, eventName: 'MessageSent' }).map(({ args }) => args.sendId);
  }

  read({ address, abi }, functionName, args = []) {
    return this.client().readContract({ address, abi, functionName, args });
  }

  /** Sends a message from an account. @returns {Promise<`0x${string}`>} its id */
  async send(from, recipient, { payload = '0x', attributes = [], value } = {}) {
    const [id] = await this.write(from, GATEWAY, 'sendMessage', [recipient, payload, attributes], { value });
    return id;
  }
}

/** What the network knows of a message once it came to its end. Any module answers for all of them. */
export async function outcome(module, id) {
  for (const start = Date.now(); Date.now() - start < DEADLINE; await new Promise((wake) => setTimeout(wake, 20))) {
    const message = await module.rpc('trellis_getMessage', id);
    if (message && message.status !== 'sent') return message;
  }
  throw new Problem(`the message ${id} came to no end within ${DEADLINE / 1000} seconds`);
}

/** Milliseconds from the block of one stage to that of another. */
export const between = (from, to) => Number(to.timestampMs) - Number(from.timestampMs);

/** Waits for the end of a message and prints its stages. It must come to `expected`. */
export async function follow(module, id, expected = 'delivered') {
  const message = await outcome(module, id);
  const { status, source, destination, sent } = message;
  const end = message[status];
  console.log(`  sent       ${source} block ${Number(sent.blockNumber)}`);
  console.log(`  ${status.padEnd(10)} ${destination} block ${Number(end.blockNumber)}, ${between(sent, end)} ms later`);
  check(status === expected, `the message ${id} is ${status}, not ${expected}`);
  return message;
}

/** Why a message failed: the error its recipient refused it with, named with the recipient's ABI. */
export async function whyFailed(module, message, abi) {
  const { logs } = await module.client().getTransactionReceipt({ hash: message.failed.transactionHash });
  const failures = viem.parseEventLogs({ abi: GATEWAY.abi, logs, eventName: 'MessageFailed' });
  const { reason } = failures.find(({ args }) => args.id === message.id).args;
  return viem.decodeErrorResult({ abi, data: reason }).errorName;
}
