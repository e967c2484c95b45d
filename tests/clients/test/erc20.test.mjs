/** An OpenZeppelin ERC-20, deployed and used the way applications do, with viem and with ethers. */
import assert from 'node:assert/strict';
import { Contract, ContractFactory, getCreateAddress, isError } from 'ethers';
import {
  BaseError,
  ContractFunctionRevertedError,
  getContract,
  parseEventLogs,
  parseEther,
  parseSignature,
  zeroAddress,
} from 'viem';
import { network, onModules } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';

const net = await network(import.meta.url);
const { abi, bytecode, deployed } = artifacts.Token;
const SUPPLY = parseEther('1000');
const ARGS = ['Trellis Test', 'TT', SUPPLY];

/** Owner with a deployed token, and a second funded account. */
async function setUp(m) {
  const [owner, other] = await Promise.all([m.fresh(), m.fresh()]);
  const address = await m.deploy(owner, artifacts.Token, ARGS);
  return { owner, other, address };
}

onModules(net, 'viem: deploy, mint, transfer, approve, transferFrom', async (m) => {
  const { owner, other, address } = await setUp(m);
  const [a, b] = [m.wallet(owner), m.wallet(other)];
  const asOwner = getContract({ address, abi, client: a });
  const asOther = getContract({ address, abi, client: b });
  assert.equal(await asOwner.read.name(), 'Trellis Test');
  assert.equal(await asOwner.read.decimals(), 18);
  assert.equal(await asOwner.read.totalSupply(), SUPPLY);

  const done = async (hash) => {
    const receipt = await m.public.waitForTransactionReceipt({ hash });
    assert.equal(receipt.status, 'success');
    return parseEventLogs({ abi, logs: receipt.logs });
  };
  const [minted] = await done(await asOwner.write.mint([other.address, 70n]));
  assert.deepEqual(minted.args, { from: zeroAddress, to: other.address, value: 70n });
  const [moved] = await done(await asOther.write.transfer([owner.address, 20n]));
  assert.deepEqual([moved.eventName, moved.args], ['Transfer', { from: other.address, to: owner.address, value: 20n }]);
  const [approved] = await done(await asOther.write.approve([owner.address, 30n]));
  assert.deepEqual([approved.eventName, approved.args.value], ['Approval', 30n]);
  await done(await asOwner.write.transferFrom([other.address, owner.address, 25n]));

  assert.equal(await asOwner.read.balanceOf([other.address]), 25n);
  assert.equal(await asOwner.read.balanceOf([owner.address]), SUPPLY + 45n);
  assert.equal(await asOwner.read.allowance([other.address, owner.address]), 5n);
  assert.equal(await asOwner.read.totalSupply(), SUPPLY + 70n);
  const code = await m.public.getCode({ address });
  assert.equal(code.length, deployed.length, 'the code is what the compiler made, immutables filled in');
});

onModules(net, 'ethers: ContractFactory deploys, waits and calls', async (m) => {
  const [owner, other] = await Promise.all([m.fresh(), m.fresh()]);
  const signer = m.signer(owner);
  const token = await new ContractFactory(abi, bytecode, signer).deploy(...ARGS);
  await token.waitForDeployment();
  assert.equal(await token.getAddress(), getCreateAddress({ from: owner.address, nonce: 0 }));
  const created = await token.deploymentTransaction().wait();
  assert.equal(created.contractAddress, await token.getAddress());
  assert.equal(await token.symbol(), 'TT');

  const receipt = await (await token.transfer(other.address, 12n)).wait();
  const { fragment, args } = receipt.logs[0];
  assert.equal(fragment.name, 'Transfer');
  assert.deepEqual([...args], [owner.address, other.address, 12n]);
  const theirs = token.connect(m.signer(other, signer.provider));
  await (await theirs.approve(owner.address, 9n)).wait();
  await (await token.transferFrom(other.address, owner.address, 4n)).wait();
  assert.equal(await token.balanceOf(other.address), 8n);
  assert.equal(await token.allowance(other.address, owner.address), 5n);
  const events = await token.queryFilter(token.filters.Transfer(null, other.address), created.blockNumber);
  assert.deepEqual(
    events.map((e) => e.args.value),
    [12n],
  );
});

onModules(net, 'viem decodes custom errors: insufficient balance, not the owner', async (m) => {
  const { owner, other, address } = await setUp(m);
  const revert = async (action) => {
    const error = await action.then(
      () => assert.fail('must revert'),
      (e) => e,
    );
    assert(error instanceof BaseError, String(error));
    const reverted = error.walk((e) => e instanceof ContractFunctionRevertedError);
    assert(reverted instanceof ContractFunctionRevertedError, String(error));
    return reverted.data;
  };
  const call = { address, abi, account: other };
  const poor = await revert(
    m.public.simulateContract({ ...call, functionName: 'transfer', args: [owner.address, 5n] }),
  );
  assert.equal(poor.errorName, 'ERC20InsufficientBalance');
  assert.deepEqual(poor.args, [other.address, 0n, 5n]);
  const stranger = await revert(
    m.public.estimateContractGas({ ...call, functionName: 'mint', args: [other.address, 1n] }),
  );
  assert.equal(stranger.errorName, 'OwnableUnauthorizedAccount');
  assert.deepEqual(stranger.args, [other.address]);
  const spend = { ...call, functionName: 'transferFrom', args: [owner.address, other.address, 3n] };
  const allowance = await revert(m.wallet(other).writeContract(spend));
  assert.equal(allowance.errorName, 'ERC20InsufficientAllowance');
  assert.deepEqual(allowance.args, [other.address, 0n, 3n]);
});

onModules(net, 'ethers decodes custom errors: insufficient balance, not the owner', async (m) => {
  const { owner, other, address } = await setUp(m);
  const signer = m.signer(other);
  const token = new Contract(address, abi, signer);
  const revert = async (action) => {
    const error = await action.then(
      () => assert.fail('must revert'),
      (e) => e,
    );
    assert(isError(error, 'CALL_EXCEPTION'), String(error));
    return token.interface.parseError(error.data);
  };
  const poor = await revert(token.transfer.staticCall(owner.address, 5n));
  assert.equal(poor.name, 'ERC20InsufficientBalance');
  assert.deepEqual([...poor.args], [other.address, 0n, 5n]);
  const stranger = await revert(token.mint.estimateGas(other.address, 1n));
  assert.equal(stranger.name, 'OwnableUnauthorizedAccount');
  const sent = await revert(token.transferFrom(owner.address, other.address, 3n));
  assert.equal(sent.name, 'ERC20InsufficientAllowance');
});

onModules(net, 'a failed transaction is included, costs gas, changes nothing else', async (m) => {
  const { owner, other, address } = await setUp(m);
  const wallet = m.wallet(other);
  const before = await m.public.getBalance({ address: other.address });
  const call = { address, abi, functionName: 'transfer', args: [owner.address, 5n], gas: 100_000n };
  const hash = await wallet.writeContract(call);
  const receipt = await wallet.waitForTransactionReceipt({ hash });
  assert.equal(receipt.status, 'reverted');
  assert.equal(receipt.logs.length, 0);
  assert(receipt.gasUsed > 21_000n && receipt.gasUsed < 100_000n, `gas used ${receipt.gasUsed}`);
  const after = await m.public.getBalance({ address: other.address });
  assert.equal(after, before - receipt.gasUsed * receipt.effectiveGasPrice);
  assert.equal(await m.nonce(other.address, 'latest'), 1);
});

onModules(net, 'an EIP-712 permit signed for one module works there', async (m) => {
  const { owner, other, address } = await setUp(m);
  const token = getContract({ address, abi, client: m.wallet(owner) });
  const deadline = 2n ** 40n;
  const signature = await owner.signTypedData(permit(m.chainId, address, owner.address, other.address, deadline));
  const { r, s, yParity } = parseSignature(signature);
  const args = [owner.address, other.address, 11n, deadline, 27 + yParity, r, s];
  await m.public.waitForTransactionReceipt({ hash: await token.write.permit(args) });
  assert.equal(await token.read.allowance([owner.address, other.address]), 11n);
});

onModules(net, 'an EIP-712 permit signed for another chain id is refused', async (m) => {
  const { owner, other, address } = await setUp(m);
  const elsewhere = net.all.find((x) => x.chainId !== m.chainId).chainId;
  const deadline = 2n ** 40n;
  const signature = await owner.signTypedData(permit(elsewhere, address, owner.address, other.address, deadline));
  const { r, s, yParity } = parseSignature(signature);
  const args = [owner.address, other.address, 11n, deadline, 27 + yParity, r, s];
  const attempt = m.public.simulateContract({ address, abi, functionName: 'permit', args, account: other });
  await assert.rejects(attempt, /ERC2612InvalidSigner/);
});

function permit(chainId, verifyingContract, owner, spender, deadline) {
  const fields = [
    ['owner', 'address'],
    ['spender', 'address'],
    ['value', 'uint256'],
    ['nonce', 'uint256'],
    ['deadline', 'uint256'],
  ];
  return {
    domain: { name: 'Trellis Test', version: '1', chainId, verifyingContract },
    types: { Permit: fields.map(([name, type]) => ({ name, type })) },
    primaryType: 'Permit',
    message: { owner, spender, value: 11n, nonce: 0n, deadline },
  };
}
