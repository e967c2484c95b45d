/**
 * Sends an outside message in a running development network and keeps its evidence as a vector:
 *
 *   node contracts/testing/record.mjs http://127.0.0.1:8545/hub contracts/test/vectors/dev-network.json
 */
import { writeFileSync } from 'node:fs';
import { until } from '../../tests/clients/lib/poll.mjs';
import { require } from '../build.mjs';
import { interoperable } from './chain.mjs';
import { GATEWAY, attribute } from './module.mjs';

const { createClient, http, parseEventLogs, publicActions, walletActions } = require('viem');
const { mnemonicToAccount } = require('viem/accounts');

const OUTSIDE = 11_155_111;
/** Where the test puts a recipient. */
const RECIPIENT = '0x00000000000000000000000000000000000a11ce';
const [, , url, file] = process.argv;

const account = mnemonicToAccount('test test test test test test test test test test test junk');
const client = createClient({ account, transport: http(url) })
  .extend(publicActions)
  .extend(walletActions);
const args = [interoperable(OUTSIDE, RECIPIENT), '0x00746869732069732061207465737421', [attribute('outside')]];

async function send() {
  const hash = await client.writeContract({ ...GATEWAY, chain: null, functionName: 'sendMessage', args });
  const { logs } = await client.waitForTransactionReceipt({ hash });
  return parseEventLogs({ abi: GATEWAY.abi, logs, eventName: 'MessageQueued' })[0].args.id;
}

// Several, so that the proof has hashes; the evidence is of the last but one.
const ids = [await send(), await send(), await send()];
const proof = await until('evidence', () => client.request({ method: 'trellis_getMessageProof', params: [ids[1]] }), {
  every: 500,
});
const { evidence, ...vector } = proof;
writeFileSync(file, `${JSON.stringify(vector, null, 2)}\n`);
