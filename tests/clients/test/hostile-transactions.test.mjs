/** Transactions the state or the pool must not take: each refused with its rule, in words that libraries recognise. */
import assert from 'node:assert/strict';
import { Transaction, isError } from 'ethers';
import {
  BaseError,
  InsufficientFundsError,
  IntrinsicGasTooLowError,
  NonceTooLowError,
  parseEther,
  parseGwei,
} from 'viem';
import { network, onModules } from '../harness.mjs';
import { refused } from '../lib/transactions.mjs';

const net = await network(import.meta.url);
const NOBODY = `0x${'77'.repeat(20)}`;

onModules(
  net,
  'wrong chain id, and none at all (before EIP-155)',
  async (m) => {
    const account = await m.fresh();
    await refused(net, m, account, await m.sign(account, { to: NOBODY, chainId: 1 }), /invalid chain id/i);
    await refused(
      net,
      m,
      account,
      await m.sign(account, { to: NOBODY, type: 'legacy', chainId: 1 }),
      /invalid chain id/i,
    );
    const bare = { type: 0, to: NOBODY, gasLimit: 21_000, gasPrice: parseGwei('20'), nonce: 0, chainId: 0 };
    const unprotected = await m
      .signer(account)
      .signTransaction(bare)
      .catch(() => undefined);
    const raw =
      unprotected ??
      (await account.signTransaction({
        type: 'legacy',
        to: NOBODY,
        gas: 21_000n,
        gasPrice: parseGwei('20'),
        nonce: 0,
      }));
    assert.equal(Transaction.from(raw).chainId, 0n);
    await refused(net, m, account, raw, /only replay-protected/i);
    const response = m.signer(account).provider.broadcastTransaction(raw);
    const error = await response.then(
      () => assert.fail('must be refused'),
      (e) => e,
    );
    assert(isError(error, 'UNSUPPORTED_OPERATION'), String(error));
  },
  { needs: 'refusesUnprotected' },
);

onModules(net, 'nonce too low, and the same transaction twice', async (m) => {
  const account = await m.fresh();
  const first = await m.sign(account, { to: NOBODY });
  await m.receipt(await m.rpc('eth_sendRawTransaction', first));
  await refused(net, m, account, first, /nonce too low|already known/i);
  const reused = await m.sign(account, { to: NOBODY, value: 1n, nonce: 0 });
  await refused(net, m, account, reused, /nonce too low/i);
  const viem = await m
    .wallet(account)
    .sendTransaction({ to: NOBODY, nonce: 0, value: 2n, gas: 21_000n })
    .catch((e) => e);
  assert(
    viem instanceof BaseError && viem.walk((e) => e instanceof NonceTooLowError) instanceof NonceTooLowError,
    String(viem),
  );
  const ethers = await m
    .signer(account)
    .sendTransaction({ to: NOBODY, nonce: 0, value: 3n, gasLimit: 21_000n })
    .catch((e) => e);
  assert(isError(ethers, 'NONCE_EXPIRED'), String(ethers));
  const waiting = await m.sign(account, { to: NOBODY, nonce: 3 });
  await m.rpc('eth_sendRawTransaction', waiting);
  const twice = await m.refusal('eth_sendRawTransaction', waiting);
  assert.match(twice.message, net.missing('gethTexts') ? /already/i : /already known/i);
});

onModules(net, 'a replacement must pay a tenth more', async (m) => {
  const account = await m.fresh();
  const fees = (gwei) => ({ maxFeePerGas: parseGwei(gwei), maxPriorityFeePerGas: parseGwei(gwei) });
  const send = async (value, gwei) =>
    m.rpc('eth_sendRawTransaction', await m.sign(account, { to: NOBODY, nonce: 1, value, ...fees(gwei) }));
  const first = await send(1n, '20');
  const little = net.missing('staticRules') ? '20' : '21.9';
  await refused(
    net,
    m,
    account,
    await m.sign(account, { to: NOBODY, nonce: 1, value: 2n, ...fees(little) }),
    /replacement transaction underpriced/i,
  );
  const ethers = m
    .signer(account)
    .provider.broadcastTransaction(await m.sign(account, { to: NOBODY, nonce: 1, value: 3n, ...fees('20') }));
  const error = await ethers.then(
    () => assert.fail('must be refused'),
    (e) => e,
  );
  assert(isError(error, 'REPLACEMENT_UNDERPRICED'), String(error));
  const second = await send(4n, '23');
  if (!net.missing('staticRules'))
    assert.equal(await m.rpc('eth_getTransactionByHash', first), null, 'the replaced one is gone');
  await m.send(account, { to: NOBODY, nonce: 0 });
  assert.equal((await m.receipt(second)).status, '0x1');
  assert.equal(await m.rpc('eth_getTransactionReceipt', first), null);
});

onModules(net, 'not enough money: value, gas, or both', async (m) => {
  const account = await m.fresh('0.01');
  await refused(
    net,
    m,
    account,
    await m.sign(account, { to: NOBODY, value: parseEther('1') }),
    /insufficient funds for gas \* price \+ value/i,
  );
  await refused(
    net,
    m,
    account,
    await m.sign(account, { to: NOBODY, maxFeePerGas: parseGwei('1000000') }),
    /insufficient funds/i,
  );
  const request = { to: NOBODY, value: parseEther('1'), gas: 21_000n };
  const viem = await m
    .wallet(account)
    .sendTransaction(request)
    .catch((e) => e);
  assert(
    viem instanceof BaseError &&
      viem.walk((e) => e instanceof InsufficientFundsError) instanceof InsufficientFundsError,
    String(viem),
  );
  const ethers = await m
    .signer(account)
    .sendTransaction({ to: NOBODY, value: parseEther('1'), gasLimit: 21_000n })
    .catch((e) => e);
  assert(isError(ethers, 'INSUFFICIENT_FUNDS'), String(ethers));
});

onModules(net, 'too little gas: intrinsic, calldata floor (EIP-7623)', async (m) => {
  const account = await m.fresh();
  await refused(net, m, account, await m.sign(account, { to: NOBODY, gas: 20_999n }), /intrinsic gas too low/i);
  // 1,000 bytes cost 16 gas each to execute, but at least 40 each by the floor.
  const data = `0x${'01'.repeat(1000)}`;
  const floored = await m.sign(account, { to: NOBODY, data, gas: 21_000n + 39_999n });
  if (!net.missing('staticRules')) await refused(net, m, account, floored, /floor|intrinsic gas too low/i);
  const viem = await m
    .wallet(account)
    .sendTransaction({ to: NOBODY, gas: 20_000n })
    .catch((e) => e);
  const found = viem.walk((e) => e instanceof IntrinsicGasTooLowError);
  if (!net.missing('gethTexts')) assert(found instanceof IntrinsicGasTooLowError, String(viem));
});

onModules(
  net,
  'too much gas: over the transaction cap (EIP-7825) and over the block',
  async (m) => {
    const account = await m.fresh('100');
    const { gasLimit } = await m.public.getBlock();
    await refused(net, m, account, await m.sign(account, { to: NOBODY, gas: 2n ** 24n + 1n }), /gas limit/i);
    await refused(net, m, account, await m.sign(account, { to: NOBODY, gas: gasLimit + 1n }), /gas limit/i);
    const most = gasLimit < 2n ** 24n ? gasLimit : 2n ** 24n;
    assert.equal((await m.send(account, { to: NOBODY, gas: most })).status, '0x1', 'the cap itself is fine');
  },
  { needs: 'gasCap' },
);
