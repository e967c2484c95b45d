/** Plain transfers of every transaction type, with viem and with ethers, checked down to the last wei. */
import assert from 'node:assert/strict';
import { Transaction } from 'ethers';
import { parseEther, parseGwei, recoverTransactionAddress } from 'viem';
import { network, onModules } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';

const net = await network(import.meta.url);
const VALUE = parseEther('0.01');
const NOBODY = '0x00000000000000000000000000000000000a11ce';

/** Sender and recipient change by exactly value and fee, and every view of the transaction agrees. */
async function checkTransfer(m, { hash, from, to, type, before }) {
  const receipt = await m.public.waitForTransactionReceipt({ hash });
  const { blockNumber, gasUsed, effectiveGasPrice } = receipt;
  assert.equal(receipt.status, 'success');
  assert.equal(receipt.type, type);
  assert.equal(receipt.from, from.toLowerCase());
  assert.equal(receipt.to, to.toLowerCase());
  const [block, transaction, mine, theirs, nonce] = await Promise.all([
    m.public.getBlock({ blockNumber }),
    m.public.getTransaction({ hash }),
    m.public.getBalance({ address: from, blockNumber }),
    m.public.getBalance({ address: to, blockNumber }),
    m.public.getTransactionCount({ address: from, blockNumber }),
  ]);
  assert.equal(mine, before - VALUE - gasUsed * effectiveGasPrice, 'sender pays value and fee');
  assert.equal(theirs, VALUE, 'recipient gets the value');
  assert.equal(nonce, transaction.nonce + 1);
  assert.equal(block.hash, receipt.blockHash);
  assert.equal(block.transactions[receipt.transactionIndex], hash);
  assert.equal(transaction.type, type);
  assert.equal(transaction.chainId, m.chainId);
  const tip =
    type === 'legacy' || type === 'eip2930'
      ? transaction.gasPrice - block.baseFeePerGas
      : [transaction.maxPriorityFeePerGas, transaction.maxFeePerGas - block.baseFeePerGas].reduce((a, b) =>
          a < b ? a : b,
        );
  assert.equal(effectiveGasPrice, block.baseFeePerGas + tip, 'the price is base fee plus tip');
  return { receipt, transaction };
}

const freshAddress = async (m) => (await m.fresh('0')).address;
const ACCESS_LIST = [{ address: NOBODY, storageKeys: [`0x${'00'.repeat(31)}01`] }];

/** What makes each type, as a viem request. */
const VIEM = {
  legacy: () => ({ type: 'legacy' }),
  eip2930: () => ({ type: 'eip2930', accessList: ACCESS_LIST }),
  eip1559: () => ({ type: 'eip1559' }),
};

for (const [type, request] of Object.entries(VIEM)) {
  onModules(net, `viem transfer, type ${type}`, async (m) => {
    const sender = await m.fresh();
    const wallet = m.wallet(sender);
    const to = await freshAddress(m);
    const before = await wallet.getBalance({ address: sender.address });
    const hash = await wallet.sendTransaction({ to, value: VALUE, ...request() });
    const { receipt } = await checkTransfer(m, { hash, from: sender.address, to, type, before });
    assert.equal(receipt.gasUsed, type === 'eip2930' ? 21_000n + 2_400n + 1_900n : 21_000n);
  });
}

onModules(net, 'viem transfer, type eip7702', async (m) => {
  const sender = await m.fresh();
  const authority = await m.fresh('0');
  const delegate = await m.deploy(sender, artifacts.Account);
  const wallet = m.wallet(sender);
  const to = await freshAddress(m);
  const authorization = await m.wallet(authority).signAuthorization({ contractAddress: delegate });
  const before = await wallet.getBalance({ address: sender.address });
  const hash = await wallet.sendTransaction({ to, value: VALUE, authorizationList: [authorization] });
  const { transaction } = await checkTransfer(m, { hash, from: sender.address, to, type: 'eip7702', before });
  assert.equal(transaction.authorizationList.length, 1);
  assert.equal(transaction.authorizationList[0].address, delegate.toLowerCase());
});

/** What makes each type, as an ethers request. */
const ETHERS = {
  legacy: { type: 0 },
  eip2930: { type: 1, accessList: ACCESS_LIST },
  eip1559: { type: 2 },
};

for (const [type, request] of Object.entries(ETHERS)) {
  onModules(net, `ethers transfer, type ${type}`, async (m) => {
    const sender = await m.fresh();
    const signer = m.signer(sender);
    const to = await freshAddress(m);
    const before = await signer.provider.getBalance(sender.address);
    const response = await signer.sendTransaction({ to, value: VALUE, ...request });
    const receipt = await response.wait();
    assert.equal(receipt.status, 1);
    assert.equal(receipt.type, request.type);
    await checkTransfer(m, { hash: response.hash, from: sender.address, to, type, before });
    const seen = await signer.provider.getTransaction(response.hash);
    assert.equal(Transaction.from(seen).hash, response.hash, 'ethers rebuilds the hash from what the node returned');
  });
}

onModules(net, 'ethers transfer, type eip7702', async (m) => {
  const sender = await m.fresh();
  const authority = await m.fresh('0');
  const delegate = await m.deploy(sender, artifacts.Account);
  const signer = m.signer(sender);
  const to = await freshAddress(m);
  const authorization = await m.signer(authority, signer.provider).authorize({ address: delegate });
  const before = await signer.provider.getBalance(sender.address);
  const response = await signer.sendTransaction({ type: 4, to, value: VALUE, authorizationList: [authorization] });
  await response.wait();
  await checkTransfer(m, { hash: response.hash, from: sender.address, to, type: 'eip7702', before });
});

onModules(net, 'the signer can be recovered from every transaction in the block', async (m) => {
  const sender = await m.fresh();
  await m.send(sender, { to: NOBODY, type: 'legacy' });
  const { blockNumber, transactionHash } = await m.send(sender, { to: NOBODY });
  const { transactions } = await m.public.getBlock({ blockNumber: BigInt(blockNumber), includeTransactions: true });
  assert(transactions.some((t) => t.hash === transactionHash));
  for (const t of transactions) {
    const raw = await m.rpc('debug_getRawTransaction', t.hash);
    const from = await recoverTransactionAddress({ serializedTransaction: raw });
    assert.equal(from.toLowerCase(), t.from);
  }
});

onModules(net, 'a transfer to itself costs only the fee; a transfer of everything leaves zero', async (m) => {
  const sender = await m.fresh();
  const start = await m.public.getBalance({ address: sender.address });
  const first = await m.send(sender, { to: sender.address, value: VALUE });
  const fee = BigInt(first.gasUsed) * BigInt(first.effectiveGasPrice);
  const rest = await m.public.getBalance({ address: sender.address });
  assert.equal(rest, start - fee);
  const gasPrice = parseGwei('20');
  await m.send(sender, { to: NOBODY, type: 'legacy', gasPrice, value: rest - gasPrice * 21_000n });
  assert.equal(await m.public.getBalance({ address: sender.address }), 0n);
});
