/** EIP-7702: an EOA takes on code, acts through it, and lets go of it again. */
import assert from 'node:assert/strict';
import { ZeroAddress } from 'ethers';
import { encodeFunctionData, getContract, parseEther, parseEventLogs, zeroAddress } from 'viem';
import { network, onModules } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';

const net = await network(import.meta.url);
const { abi } = artifacts.Account;
const designator = (address) => `0xef0100${address.slice(2).toLowerCase()}`;
const codeOf = (m, address) => m.rpc('eth_getCode', address, 'latest');

/** A sponsor that pays, an EOA that delegates, and the contract to delegate to. */
async function setUp(m, ether = '1') {
  const [sponsor, eoa] = await Promise.all([m.fresh(), m.fresh(ether)]);
  const delegate = await m.deploy(sponsor, artifacts.Account);
  return { sponsor, eoa, delegate };
}

/** Sends `request` from `account` with viem and returns the successful receipt. */
async function sendWith(m, account, request) {
  const wallet = m.wallet(account);
  const receipt = await wallet.waitForTransactionReceipt({ hash: await wallet.sendTransaction(request) });
  assert.equal(receipt.status, 'success');
  return receipt;
}

onModules(net, 'viem: set by the EOA itself, used in the same transaction, cleared', async (m) => {
  const { eoa, delegate } = await setUp(m);
  const wallet = m.wallet(eoa);
  const [a, b] = [(await m.fresh('0')).address, (await m.fresh('0')).address];
  const calls = [
    { to: a, value: 1n, data: '0x' },
    { to: b, value: 2n, data: '0x' },
  ];
  const data = encodeFunctionData({ abi, functionName: 'execute', args: [calls] });
  const authorization = await wallet.signAuthorization({ contractAddress: delegate, executor: 'self' });
  const receipt = await sendWith(m, eoa, { to: eoa.address, data, authorizationList: [authorization] });
  assert.equal(await codeOf(m, eoa.address), designator(delegate));
  const [executed] = parseEventLogs({ abi, logs: receipt.logs });
  assert.deepEqual(executed.args, { account: eoa.address, calls: 2n });
  assert.equal(await m.public.getBalance({ address: b }), 2n);
  assert.equal(await m.nonce(eoa.address), 2, 'one for the transaction, one for the authorization');

  const clear = await wallet.signAuthorization({ contractAddress: zeroAddress, executor: 'self' });
  await sendWith(m, eoa, { to: eoa.address, authorizationList: [clear] });
  assert.equal(await codeOf(m, eoa.address), '0x');
  assert.equal(await m.nonce(eoa.address), 4);
});

onModules(net, 'viem: sponsored by another account; the EOA pays nothing and keeps its storage', async (m) => {
  const { sponsor, eoa, delegate } = await setUp(m, '0');
  const authorization = await m.wallet(eoa).signAuthorization({ contractAddress: delegate });
  const bump = encodeFunctionData({ abi, functionName: 'bump' });
  await sendWith(m, sponsor, { to: eoa.address, data: bump, authorizationList: [authorization] });
  await sendWith(m, sponsor, { to: eoa.address, data: bump });
  const asAccount = getContract({ address: eoa.address, abi, client: m.public });
  assert.equal(await asAccount.read.counter(), 2n);
  assert.equal(
    await m.public.readContract({ address: delegate, abi, functionName: 'counter' }),
    0n,
    "not the contract's storage",
  );
  assert.equal(await m.public.getBalance({ address: eoa.address }), 0n);
  const notSelf = m.public.simulateContract({
    address: eoa.address,
    abi,
    functionName: 'execute',
    args: [[]],
    account: sponsor,
  });
  await assert.rejects(notSelf, /NotSelf/);

  const clear = await m.wallet(eoa).signAuthorization({ contractAddress: zeroAddress });
  await sendWith(m, sponsor, { to: sponsor.address, authorizationList: [clear] });
  assert.equal(await codeOf(m, eoa.address), '0x');
  const again = await m.wallet(eoa).signAuthorization({ contractAddress: delegate });
  await sendWith(m, sponsor, { to: sponsor.address, authorizationList: [again] });
  assert.equal(await asAccount.read.counter(), 2n, 'storage outlives the delegation');
});

onModules(net, 'ethers: authorize, use and clear', async (m) => {
  const { sponsor, eoa, delegate } = await setUp(m, '0');
  const payer = m.signer(sponsor);
  const authority = m.signer(eoa, payer.provider);
  const data = encodeFunctionData({ abi, functionName: 'bump' });
  const set = await authority.authorize({ address: delegate });
  const receipt = await (
    await payer.sendTransaction({ type: 4, to: eoa.address, data, authorizationList: [set] })
  ).wait();
  assert.equal(receipt.status, 1);
  assert.equal(await payer.provider.getCode(eoa.address), designator(delegate));
  const response = await payer.provider.getTransaction(receipt.hash);
  assert.equal(response.authorizationList[0].address, delegate);
  assert.equal(response.authorizationList[0].signature.serialized, set.signature.serialized);
  const clear = await authority.authorize({ address: ZeroAddress });
  await (await payer.sendTransaction({ type: 4, to: eoa.address, authorizationList: [clear] })).wait();
  assert.equal(await payer.provider.getCode(eoa.address), '0x');
});

onModules(net, 'a chain id of 0 authorizes on every module', async (m) => {
  const { sponsor, eoa, delegate } = await setUp(m, '0');
  const authorization = await eoa.signAuthorization({ contractAddress: delegate, chainId: 0, nonce: 0 });
  await sendWith(m, sponsor, { to: sponsor.address, authorizationList: [authorization] });
  assert.equal(await codeOf(m, eoa.address), designator(delegate));
});

onModules(
  net,
  'authorizations for another chain, a wrong nonce or a broken signature are skipped, not refused',
  async (m) => {
    const { sponsor, eoa, delegate } = await setUp(m, '0');
    const elsewhere = net.all.find((x) => x.chainId !== m.chainId).chainId;
    const wrong = [
      await eoa.signAuthorization({ contractAddress: delegate, chainId: elsewhere, nonce: 0 }),
      await eoa.signAuthorization({ contractAddress: delegate, chainId: m.chainId, nonce: 9 }),
      {
        ...(await eoa.signAuthorization({ contractAddress: delegate, chainId: m.chainId, nonce: 0 })),
        r: `0x${'ff'.repeat(32)}`,
      },
    ];
    await sendWith(m, sponsor, { to: sponsor.address, authorizationList: wrong, gas: 500_000n });
    assert.equal(await codeOf(m, eoa.address), '0x');
    assert.equal(await m.nonce(eoa.address), 0);
  },
);

onModules(net, 'of two authorizations in one transaction the later one holds', async (m) => {
  const { sponsor, eoa, delegate } = await setUp(m, '0');
  const other = await m.deploy(sponsor, artifacts.Account);
  const list = [
    await eoa.signAuthorization({ contractAddress: delegate, chainId: m.chainId, nonce: 0 }),
    await eoa.signAuthorization({ contractAddress: other, chainId: m.chainId, nonce: 1 }),
  ];
  await sendWith(m, sponsor, { to: sponsor.address, authorizationList: list });
  assert.equal(await codeOf(m, eoa.address), designator(other));
  assert.equal(await m.nonce(eoa.address), 2);
});

onModules(net, 'a delegated EOA still sends plain transactions and its delegate may spend its balance', async (m) => {
  const { sponsor, eoa, delegate } = await setUp(m);
  const wallet = m.wallet(eoa);
  const authorization = await wallet.signAuthorization({ contractAddress: delegate });
  await sendWith(m, sponsor, { to: sponsor.address, authorizationList: [authorization] });
  const target = (await m.fresh('0')).address;
  await sendWith(m, eoa, { to: target, value: 5n });
  const drain = [{ to: target, value: parseEther('0.5'), data: '0x' }];
  await sendWith(m, eoa, {
    to: eoa.address,
    data: encodeFunctionData({ abi, functionName: 'execute', args: [drain] }),
  });
  assert.equal(await m.public.getBalance({ address: target }), parseEther('0.5') + 5n);
});

onModules(net, 'eth_estimateGas and eth_call take an authorization list', async (m) => {
  const { sponsor, eoa, delegate } = await setUp(m, '0');
  const authorization = await m.wallet(eoa).signAuthorization({ contractAddress: delegate });
  const call = {
    account: sponsor,
    to: eoa.address,
    data: encodeFunctionData({ abi, functionName: 'bump' }),
    authorizationList: [authorization],
  };
  const { data } = await m.public.call(call);
  assert.equal(BigInt(data), 1n, 'the call runs with the delegation in place');
  const gas = await m.public.estimateGas(call);
  assert(gas > 21_000n + 12_500n, `estimate ${gas}`);
  const receipt = await sendWith(m, sponsor, { ...call, gas });
  assert(receipt.gasUsed <= gas);
});
