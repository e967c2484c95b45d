/** Transactions that must not get in: each refused with the rule it breaks, in words that client libraries recognise. */
import assert from 'node:assert/strict';
import { Transaction, isError } from 'ethers';
import {
  BaseError, InsufficientFundsError, IntrinsicGasTooLowError, NonceTooLowError, TipAboveFeeCapError, concatHex,
  fromRlp, keccak256, numberToHex, parseEther, parseGwei, parseSignature, toRlp, trim,
} from 'viem';
import { network, onModules } from '../harness.mjs';

const net = await network(import.meta.url);
const NOBODY = `0x${'77'.repeat(20)}`;

/** The refusal of `raw`; its sender's nonces stay where they are. */
async function refused(m, account, raw, pattern) {
  const before = account && (await m.nonce(account.address));
  const error = await m.refusal('eth_sendRawTransaction', raw);
  if (!net.missing('gethTexts')) assert.match(error.message, pattern);
  assert(error.code < 0 && error.code !== -32603, `code ${error.code}: ${error.message}`);
  if (account) assert.equal(await m.nonce(account.address), before, 'a refused transaction moves no nonce');
  return error;
}

/** A dynamic-fee transaction taken apart into its RLP fields, and put together again. */
const fieldsOf = (raw) => fromRlp(`0x${raw.slice(4)}`, 'hex');
const typed = (type, fields) => concatHex([type, toRlp(fields)]);
const [NONCE, TIP, R, S, PARITY] = [1, 2, 10, 11, 9];

/** Changes fields of a dynamic-fee transaction and signs it again: for values no library lets through. */
async function resigned(account, raw, changes) {
  const fields = Object.assign(fieldsOf(raw), changes).slice(0, PARITY);
  const { r, s, yParity } = parseSignature(await account.sign({ hash: keccak256(typed('0x02', fields)) }));
  return typed('0x02', [...fields, yParity ? '0x01' : '0x', ...[r, s].map((x) => trim(x))]);
}

onModules(net, 'a signature that is broken: zero, out of range, high s, wrong parity', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { to: NOBODY });
  const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const hex = (x) => `0x${x.toString(16).padStart(64, '0')}`;
  const change = (index, value) => {
    const fields = fieldsOf(raw);
    fields[index] = value;
    return typed('0x02', fields);
  };
  const s = BigInt(fieldsOf(raw)[S]);
  const flipped = fieldsOf(raw);
  flipped[S] = hex(n - s);
  flipped[PARITY] = flipped[PARITY] === '0x' ? '0x01' : '0x';
  for (const [what, broken] of Object.entries({
    'r = 0': change(R, '0x'), 's = 0': change(S, '0x'), 'r = n': change(R, hex(n)), 's = n': change(S, hex(n)),
    'high s (EIP-2)': typed('0x02', flipped), 'parity 2': change(PARITY, '0x02'),
  })) {
    const error = await m.refusal('eth_sendRawTransaction', broken);
    assert.match(error.message, /signature|decode|rlp|recover|parity|invalid/i, `${what}: ${error.message}`);
  }
  assert.equal(await m.nonce(account.address), 0);
}, { needs: 'strictInput' });

onModules(net, 'a changed field changes the sender: nobody else\'s money moves', async (m) => {
  const account = await m.fresh();
  const fields = fieldsOf(await m.sign(account, { to: NOBODY, value: 1n }));
  fields[NONCE] = '0x05';
  const error = await m.refusal('eth_sendRawTransaction', typed('0x02', fields));
  assert.match(error.message, net.missing('gethTexts') ? /./ : /insufficient funds/i, 'the recovered stranger has no money');
  assert.equal(await m.nonce(account.address), 0);
});

onModules(net, 'bytes that are no transaction', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { to: NOBODY });
  const junk = ['0x', '0x00', '0x02', '0xc0', '0x05c0', '0x7fc0', raw.slice(0, -2), `${raw}00`, `0x02${'ff'.repeat(200)}`, '0xf8'];
  for (const bytes of junk) {
    const error = await m.refusal('eth_sendRawTransaction', bytes);
    assert([-32602, -32000, -32003].includes(error.code), `${bytes.slice(0, 20)}: ${error.code} ${error.message}`);
  }
  const large = await m.sign(account, { to: NOBODY, data: `0x${'01'.repeat(200 * 1024)}`, gas: 16_000_000n });
  await refused(m, account, large, /oversized|too large|limit/i);
}, { needs: 'strictInput' });

onModules(net, 'wrong chain id, and none at all (before EIP-155)', async (m) => {
  const account = await m.fresh();
  await refused(m, account, await m.sign(account, { to: NOBODY, chainId: 1 }), /invalid chain id/i);
  await refused(m, account, await m.sign(account, { to: NOBODY, type: 'legacy', chainId: 1 }), /invalid chain id/i);
  const bare = { type: 0, to: NOBODY, gasLimit: 21_000, gasPrice: parseGwei('20'), nonce: 0, chainId: 0 };
  const unprotected = await m.signer(account).signTransaction(bare).catch(() => undefined);
  const raw = unprotected ?? (await account.signTransaction({ type: 'legacy', to: NOBODY, gas: 21_000n, gasPrice: parseGwei('20'), nonce: 0 }));
  assert.equal(Transaction.from(raw).chainId, 0n);
  await refused(m, account, raw, /only replay-protected/i);
  const response = m.signer(account).provider.broadcastTransaction(raw);
  const error = await response.then(() => assert.fail('must be refused'), (e) => e);
  assert(isError(error, 'UNSUPPORTED_OPERATION'), String(error));
}, { needs: 'refusesUnprotected' });

onModules(net, 'nonce too low, and the same transaction twice', async (m) => {
  const account = await m.fresh();
  const first = await m.sign(account, { to: NOBODY });
  await m.receipt(await m.rpc('eth_sendRawTransaction', first));
  await refused(m, account, first, /nonce too low|already known/i);
  const reused = await m.sign(account, { to: NOBODY, value: 1n, nonce: 0 });
  await refused(m, account, reused, /nonce too low/i);
  const viem = await m.wallet(account).sendTransaction({ to: NOBODY, nonce: 0, value: 2n, gas: 21_000n }).catch((e) => e);
  assert(viem instanceof BaseError && viem.walk((e) => e instanceof NonceTooLowError) instanceof NonceTooLowError, String(viem));
  const ethers = await m.signer(account).sendTransaction({ to: NOBODY, nonce: 0, value: 3n, gasLimit: 21_000n }).catch((e) => e);
  assert(isError(ethers, 'NONCE_EXPIRED'), String(ethers));
  const waiting = await m.sign(account, { to: NOBODY, nonce: 3 });
  await m.rpc('eth_sendRawTransaction', waiting);
  const twice = await m.refusal('eth_sendRawTransaction', waiting);
  assert.match(twice.message, net.missing('gethTexts') ? /already/i : /already known/i);
});

onModules(net, 'a replacement must pay a tenth more', async (m) => {
  const account = await m.fresh();
  const fees = (gwei) => ({ maxFeePerGas: parseGwei(gwei), maxPriorityFeePerGas: parseGwei(gwei) });
  const send = async (value, gwei) => m.rpc('eth_sendRawTransaction', await m.sign(account, { to: NOBODY, nonce: 1, value, ...fees(gwei) }));
  const first = await send(1n, '20');
  const little = net.missing('staticRules') ? '20' : '21.9';
  await refused(m, account, await m.sign(account, { to: NOBODY, nonce: 1, value: 2n, ...fees(little) }), /replacement transaction underpriced/i);
  const ethers = m.signer(account).provider.broadcastTransaction(await m.sign(account, { to: NOBODY, nonce: 1, value: 3n, ...fees('20') }));
  const error = await ethers.then(() => assert.fail('must be refused'), (e) => e);
  assert(isError(error, 'REPLACEMENT_UNDERPRICED'), String(error));
  const second = await send(4n, '23');
  if (!net.missing('staticRules')) assert.equal(await m.rpc('eth_getTransactionByHash', first), null, 'the replaced one is gone');
  await m.send(account, { to: NOBODY, nonce: 0 });
  assert.equal((await m.receipt(second)).status, '0x1');
  assert.equal(await m.rpc('eth_getTransactionReceipt', first), null);
});

onModules(net, 'not enough money: value, gas, or both', async (m) => {
  const account = await m.fresh('0.01');
  await refused(m, account, await m.sign(account, { to: NOBODY, value: parseEther('1') }), /insufficient funds for gas \* price \+ value/i);
  await refused(m, account, await m.sign(account, { to: NOBODY, maxFeePerGas: parseGwei('1000000') }), /insufficient funds/i);
  const request = { to: NOBODY, value: parseEther('1'), gas: 21_000n };
  const viem = await m.wallet(account).sendTransaction(request).catch((e) => e);
  assert(viem instanceof BaseError && viem.walk((e) => e instanceof InsufficientFundsError) instanceof InsufficientFundsError, String(viem));
  const ethers = await m.signer(account).sendTransaction({ to: NOBODY, value: parseEther('1'), gasLimit: 21_000n }).catch((e) => e);
  assert(isError(ethers, 'INSUFFICIENT_FUNDS'), String(ethers));
});

onModules(net, 'too little gas: intrinsic, calldata floor (EIP-7623)', async (m) => {
  const account = await m.fresh();
  await refused(m, account, await m.sign(account, { to: NOBODY, gas: 20_999n }), /intrinsic gas too low/i);
  // 1,000 bytes cost 16 gas each to execute, but at least 40 each by the floor.
  const data = `0x${'01'.repeat(1000)}`;
  const floored = await m.sign(account, { to: NOBODY, data, gas: 21_000n + 39_999n });
  if (!net.missing('staticRules')) await refused(m, account, floored, /floor|intrinsic gas too low/i);
  const viem = await m.wallet(account).sendTransaction({ to: NOBODY, gas: 20_000n }).catch((e) => e);
  const found = viem.walk((e) => e instanceof IntrinsicGasTooLowError);
  if (!net.missing('gethTexts')) assert(found instanceof IntrinsicGasTooLowError, String(viem));
});

onModules(net, 'too much gas: over the transaction cap (EIP-7825) and over the block', async (m) => {
  const account = await m.fresh('100');
  const { gasLimit } = await m.public.getBlock();
  await refused(m, account, await m.sign(account, { to: NOBODY, gas: 2n ** 24n + 1n }), /gas limit/i);
  await refused(m, account, await m.sign(account, { to: NOBODY, gas: gasLimit + 1n }), /gas limit/i);
  const most = gasLimit < 2n ** 24n ? gasLimit : 2n ** 24n;
  assert.equal((await m.send(account, { to: NOBODY, gas: most })).status, '0x1', 'the cap itself is fine');
}, { needs: 'gasCap' });

onModules(net, 'a tip over the fee cap', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { to: NOBODY, maxFeePerGas: parseGwei('2'), maxPriorityFeePerGas: parseGwei('1') });
  const broken = await resigned(account, raw, { [TIP]: numberToHex(parseGwei('3')) });
  const { message } = await refused(m, account, broken, /max priority fee per gas higher than max fee per gas/i);
  assert.match(message.toLowerCase(), TipAboveFeeCapError.nodeMessage);
}, { needs: 'gethTexts' });

onModules(net, 'initcode over the limit (EIP-3860)', async (m) => {
  const account = await m.fresh();
  const data = `0x${'00'.repeat(49_153)}`;
  await refused(m, account, await m.sign(account, { data, gas: 5_000_000n }), /initcode/i);
});

onModules(net, 'blob transactions are refused, and say so', async (m) => {
  const account = await m.fresh();
  const raw = await account.signTransaction({
    type: 'eip4844', chainId: m.chainId, nonce: 0, to: NOBODY, gas: 21_000n, maxFeePerGas: parseGwei('20'),
    maxPriorityFeePerGas: parseGwei('1'), maxFeePerBlobGas: parseGwei('1'), blobVersionedHashes: [`0x01${'00'.repeat(31)}`], sidecars: false,
  });
  assert.equal(raw.slice(0, 4), '0x03');
  await refused(m, account, raw, /blob/i);
}, { needs: 'refusesBlobs' });

onModules(net, 'an EIP-7702 transaction without authorizations, and one that creates', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { type: 'eip7702', to: NOBODY, authorizationList: [], gas: 100_000n });
  assert.equal(raw.slice(0, 4), '0x04');
  await refused(m, account, raw, /authorization/i);
  const fields = fromRlp(`0x${raw.slice(4)}`, 'hex');
  fields[5] = '0x';
  await m.refusal('eth_sendRawTransaction', typed('0x04', fields));
}, { needs: 'staticRules' });

onModules(net, 'the highest nonce there is (EIP-2681), and one above', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { to: NOBODY });
  await refused(m, account, await resigned(account, raw, { [NONCE]: '0xffffffffffffffff' }), /nonce has max value/i);
  await m.refusal('eth_sendRawTransaction', await resigned(account, raw, { [NONCE]: '0x010000000000000000' }));
}, { needs: 'gethTexts' });

onModules(net, 'fees and values at the edge of 256 bits', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { to: NOBODY });
  const most = `0x${'ff'.repeat(32)}`;
  for (const changes of [{ 6: most }, { [TIP]: most, 3: most }, { 3: `0x${'ff'.repeat(16)}` }, { 4: '0xffffffffffffffff' }]) {
    await refused(m, account, await resigned(account, raw, changes), /./);
  }
});
