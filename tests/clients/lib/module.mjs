/** One module of the network under test, with the clients and accounts tests use on it. */
import { FetchRequest, JsonRpcProvider, Network as EthersNetwork, Wallet, WebSocketProvider } from 'ethers';
import {
  createPublicClient,
  createWalletClient,
  defineChain,
  getAddress,
  http,
  keccak256,
  parseEther,
  parseGwei,
  publicActions,
  toHex,
  webSocket,
} from 'viem';
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount } from 'viem/accounts';
import { until, within } from './poll.mjs';
import { refusal, rpc } from './rpc.mjs';

export const MNEMONIC = 'test test test test test test test test test test test junk';
export const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11';
export const CREATE2_DEPLOYER = '0x4e59b44847b379578588920cA78FbF26c0B4956C';

const devAccounts = new Map();

/** Account `index` of the well-known mnemonic; funded in every module of a dev network. Deriving it takes 0.1 s, once. */
export function devAccount(index) {
  if (!devAccounts.has(index)) devAccounts.set(index, mnemonicToAccount(MNEMONIC, { addressIndex: index }));
  return devAccounts.get(index);
}

/** The account a test file pays its fresh accounts from: one per file, so that files never share a nonce. */
export const funderOf = (file) => privateKeyToAccount(keccak256(toHex(`trellis client tests: ${file}`)));

/** Fast polling: blocks come within a fraction of a second, and the client caches nothing across them. */
const FAST = { pollingInterval: 40, cacheTime: 0 };

export class Module {
  /** @param {{ name: string, url: string, chainId: number, file: string }} parts */
  constructor({ name, url, chainId, file }) {
    Object.assign(this, { name, url, chainId, wsUrl: url.replace(/^http/, 'ws') });
    this.chain = defineChain({
      id: chainId,
      name,
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [url], webSocket: [this.wsUrl] } },
      contracts: { multicall3: { address: MULTICALL3 } },
    });
    this.public = createPublicClient({ chain: this.chain, transport: http(url, { retryCount: 0 }), ...FAST });
    this.funder = funderOf(file);
    /** @type {(() => unknown)[]} */
    this.closers = [];
  }

  static async open(name, url, file) {
    return new Module({ name, url, chainId: Number(await rpc(url, 'eth_chainId')), file });
  }

  rpc(method, ...params) {
    return rpc(this.url, method, ...params);
  }

  refusal(method, ...params) {
    return refusal(this.url, method, ...params);
  }

  /** A viem client that signs with `account` and reads too. */
  wallet(account, transport = http(this.url, { retryCount: 0 })) {
    return createWalletClient({ account, chain: this.chain, transport, ...FAST }).extend(publicActions);
  }

  /** A viem client over one WebSocket, closed with the network. */
  socketClient() {
    const transport = webSocket(this.wsUrl, { reconnect: false, keepAlive: false });
    const client = createPublicClient({ chain: this.chain, transport, ...FAST });
    this.closers.push(async () => (await client.transport.getRpcClient()).close());
    return client;
  }

  /** An ethers provider over HTTP, closed with the network. An unanswered request is an error after 20 seconds. */
  ethers(options = {}) {
    const network = EthersNetwork.from(this.chainId);
    const request = new FetchRequest(this.url);
    request.timeout = 20_000;
    const provider = new JsonRpcProvider(request, network, { staticNetwork: network, cacheTimeout: -1, ...options });
    provider.pollingInterval = FAST.pollingInterval;
    this.closers.push(async () => {
      // Removing a listener uninstalls its filter in the background: destroying before that is sent rejects it.
      await provider.removeAllListeners();
      await within(`${this.name}: the last answer to an ethers provider`, provider.send('eth_chainId', []));
      provider.destroy();
    });
    return provider;
  }

  /** An ethers provider over WebSocket, closed with the network. */
  ethersSocket() {
    const provider = new WebSocketProvider(this.wsUrl, this.chainId);
    this.closers.push(() => provider.destroy());
    return provider;
  }

  /** The ethers signer of an account made by `fresh`. */
  signer(account, provider = this.ethers()) {
    return new Wallet(account.key, provider);
  }

  /** The receipt of `hash` as soon as there is one. */
  receipt(hash) {
    return until(`${this.name}: receipt of ${hash}`, () => this.rpc('eth_getTransactionReceipt', hash));
  }

  /** `account`'s next nonce, counting waiting transactions. */
  async nonce(address, tag = 'pending') {
    return Number(await this.rpc('eth_getTransactionCount', address, tag));
  }

  /** Signs what `account` would send next, filling in what `request` leaves out, without asking the node twice. */
  async sign(account, request = {}) {
    const { maxFeePerGas, maxPriorityFeePerGas, ...rest } = request;
    const fees =
      'gasPrice' in request || request.type === 'legacy' || request.type === 'eip2930'
        ? { gasPrice: request.gasPrice ?? parseGwei('20') }
        : {
            maxFeePerGas: maxFeePerGas ?? parseGwei('20'),
            maxPriorityFeePerGas: maxPriorityFeePerGas ?? parseGwei('1'),
          };
    const nonce = request.nonce ?? (await this.nonce(account.address));
    return account.signTransaction({ chainId: this.chainId, gas: 21_000n, ...rest, ...fees, nonce });
  }

  /** Signs, sends and waits; the receipt as the node wrote it. */
  async send(account, request) {
    return this.receipt(await this.rpc('eth_sendRawTransaction', await this.sign(account, request)));
  }

  /** Deploys with viem. @returns {Promise<`0x${string}`>} the contract's address */
  async deploy(account, { abi, bytecode }, args = [], options = {}) {
    const wallet = this.wallet(account);
    const hash = await wallet.deployContract({ abi, bytecode, args, ...options });
    const { status, contractAddress } = await wallet.waitForTransactionReceipt({ hash });
    if (status !== 'success') throw new Error(`${this.name}: deployment failed`);
    return getAddress(contractAddress);
  }

  /** A new account holding `ether`, paid by this file's funder. */
  async fresh(ether = '1') {
    const key = generatePrivateKey();
    const account = Object.assign(privateKeyToAccount(key), { key });
    if (Number(ether) > 0) await this.pay(account.address, parseEther(ether));
    return account;
  }

  /** Pays from this file's funder. Its payments may overlap, so it counts its own nonces: let nothing else send from it. */
  async pay(to, value) {
    this.nextNonce ??= this.nonce(this.funder.address);
    const mine = this.nextNonce;
    this.nextNonce = mine.then((n) => n + 1);
    const { status } = await this.send(this.funder, { to, value, nonce: await mine });
    if (status !== '0x1') throw new Error(`${this.name}: funding ${to} failed`);
  }

  async close() {
    await Promise.all(this.closers.splice(0).map((close) => close()));
  }
}

/** Gives each file's funder its money from dev account 0. @param {Module[]} modules @param {string[]} files */
export async function fundFiles(modules, files, ether = '200') {
  const bank = devAccount(0);
  const pay = async (module) => {
    const start = await module.nonce(bank.address);
    const payments = files.map((file, i) =>
      module.send(bank, { to: funderOf(file).address, value: parseEther(ether), nonce: start + i }),
    );
    await Promise.all(payments);
  };
  await Promise.all(modules.map(pay));
}
