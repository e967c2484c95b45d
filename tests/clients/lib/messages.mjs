/** Messages between modules, as an application sends and follows them (docs/spec/messages.md). */
import { readFileSync } from 'node:fs';
import { concatHex, encodeFunctionData, numberToHex, parseAbi, parseEventLogs, size, toHex } from 'viem';
import { until } from './poll.mjs';

/** The gateway of every module. */
export const GATEWAY = '0x0000000000000000000000000000000000007786';
export const gatewayAbi = JSON.parse(
  readFileSync(new URL('../../../contracts/artifacts/gateway.json', import.meta.url), 'utf8'),
).abi;
const attributesAbi = parseAbi(['function gasLimit(uint256)', 'function refundTo(address)', 'function outside()']);

/** An ERC-7930 address: the chain and the account there. */
export function interoperable(chainId, address) {
  const reference = numberToHex(chainId);
  const chain = reference.length % 2 ? `0x0${reference.slice(2)}` : reference;
  return concatHex(['0x00010000', toHex(size(chain), { size: 1 }), chain, '0x14', address]);
}

/** An attribute of `sendMessage`. */
export const attribute = (functionName, ...args) => encodeFunctionData({ abi: attributesAbi, functionName, args });

/**
 * Sends a message from `account` and returns its id once the transaction is final.
 * @param {{ payload?: `0x${string}`, value?: bigint, attributes?: `0x${string}`[] }} [options]
 */
export async function sendMessage(from, account, to, recipient, { payload = '0x', value = 0n, attributes = [] } = {}) {
  const wallet = from.wallet(account);
  const hash = await wallet.writeContract({
    address: GATEWAY,
    abi: gatewayAbi,
    functionName: 'sendMessage',
    args: [interoperable(to.chainId, recipient), payload, attributes],
    value,
  });
  const receipt = await wallet.waitForTransactionReceipt({ hash });
  if (receipt.status !== 'success') throw new Error('the transaction that sends a message failed');
  return sentIn(receipt)[0];
}

/** Ids of the messages a receipt says were sent. */
export const sentIn = (receipt) =>
  parseEventLogs({ abi: gatewayAbi, logs: receipt.logs, eventName: 'MessageSent' }).map((log) => log.args.sendId);

/** Waits until a message has this status, and returns what the node knows of it. */
export const messageStatus = (module, id, status) =>
  until(`${module.name}: message ${id} ${status}`, async () => {
    const message = await module.rpc('trellis_getMessage', id);
    return message?.status === status && message;
  });
