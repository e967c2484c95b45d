/** Every way a contract can fail, as the caller's library reports it. */
import assert from 'node:assert/strict';
import { Contract, isError } from 'ethers';
import {
  BaseError,
  ContractFunctionRevertedError,
  ExecutionRevertedError,
  decodeErrorResult,
  encodeFunctionData,
} from 'viem';
import { network, onModules } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';

const net = await network(import.meta.url);
const { abi } = artifacts.Probe;
const PANICS = { failOverflow: 0x11n, failDivision: 0x12n, failIndex: 0x32n, failAssert: 0x01n };

async function setUp(m) {
  const account = await m.fresh();
  const address = await m.deploy(account, artifacts.Probe);
  return { account, address };
}

const argsOf = (name) => ({ failOverflow: [1n], failDivision: [1n], failIndex: [5n], failCustom: [418n] })[name] ?? [];
const dataOf = (name) => encodeFunctionData({ abi, functionName: name, args: argsOf(name) });

async function viemRevert(promise) {
  const error = await promise.then(
    () => assert.fail('must revert'),
    (e) => e,
  );
  assert(error instanceof BaseError, String(error));
  const reverted = error.walk((e) => e instanceof ContractFunctionRevertedError);
  assert(reverted, `no ContractFunctionRevertedError in: ${error}`);
  return reverted;
}

onModules(net, 'viem: require text, custom error and panics are decoded', async (m) => {
  const { account, address } = await setUp(m);
  const read = (functionName) =>
    viemRevert(m.public.readContract({ address, abi, functionName, args: argsOf(functionName), account }));
  assert.equal((await read('failRequire')).reason, 'probe: the required thing is missing');
  const custom = (await read('failCustom')).data;
  assert.equal(custom.errorName, 'Teapot');
  assert.deepEqual(custom.args, [account.address, 418n, 'short and stout']);
  for (const [name, code] of Object.entries(PANICS)) {
    const { data } = await read(name);
    assert.deepEqual([data.errorName, data.args], ['Panic', [code]], name);
  }
  const empty = await read('failEmpty');
  assert.equal(empty.data, undefined);
});

onModules(net, 'ethers: require text, custom error and panics are decoded', async (m) => {
  const { account, address } = await setUp(m);
  const probe = new Contract(address, abi, m.signer(account));
  const call = async (name) => {
    const error = await probe[name].staticCall(...argsOf(name)).then(
      () => assert.fail('must revert'),
      (e) => e,
    );
    assert(isError(error, 'CALL_EXCEPTION'), String(error));
    return error;
  };
  assert.equal((await call('failRequire')).reason, 'probe: the required thing is missing');
  const custom = (await call('failCustom')).revert;
  assert.deepEqual([custom.name, ...custom.args], ['Teapot', account.address, 418n, 'short and stout']);
  for (const [name, code] of Object.entries(PANICS)) {
    const { revert } = await call(name);
    assert.deepEqual([revert.name, ...revert.args.map(BigInt)], ['Panic', code], name);
  }
});

onModules(net, 'raw: a revert is code 3 with the data as hex, in eth_call and eth_estimateGas', async (m) => {
  const { account, address } = await setUp(m);
  for (const method of ['eth_call', 'eth_estimateGas']) {
    const error = await m.refusal(method, { from: account.address, to: address, data: dataOf('failCustom') }, 'latest');
    assert.equal(error.code, 3, `${method}: ${error.message}`);
    assert.match(error.message, /^execution reverted/);
    const { errorName, args } = decodeErrorResult({ abi, data: error.data });
    assert.deepEqual([errorName, args[1]], ['Teapot', 418n]);
    const worded = await m.refusal(method, { to: address, data: dataOf('failRequire') }, 'latest');
    assert.equal(worded.message, 'execution reverted: probe: the required thing is missing');
  }
});

onModules(net, 'estimateGas: the error of a reverting call is decoded by both libraries', async (m) => {
  const { account, address } = await setUp(m);
  const call = { address, abi, functionName: 'failCustom', args: [7n], account };
  const { data } = await viemRevert(m.public.estimateContractGas(call));
  assert.deepEqual([data.errorName, data.args[1]], ['Teapot', 7n]);
  const plain = await m.public.estimateGas({ account, to: address, data: dataOf('failRequire') }).catch((e) => e);
  assert(plain.walk((e) => e instanceof ExecutionRevertedError) instanceof ExecutionRevertedError, String(plain));
  const probe = new Contract(address, abi, m.signer(account));
  const error = await probe.failCustom.estimateGas(7n).catch((e) => e);
  assert(isError(error, 'CALL_EXCEPTION'), String(error));
  assert.equal(error.action, 'estimateGas');
  assert.equal(probe.interface.parseError(error.data).name, 'Teapot');
});

onModules(net, 'estimateGas: the estimate is enough and not wasteful', async (m) => {
  const { account, address } = await setUp(m);
  const data = encodeFunctionData({ abi, functionName: 'set', args: [99n] });
  const estimate = await m.public.estimateGas({ account, to: address, data });
  const receipt = await m.send(account, { to: address, data, gas: estimate });
  assert.equal(receipt.status, '0x1', `out of gas with the estimate ${estimate}`);
  assert(estimate <= (BigInt(receipt.gasUsed) * 13n) / 10n, `estimate ${estimate}, used ${receipt.gasUsed}`);
  assert.equal(await m.public.estimateGas({ account, to: account.address, value: 1n }), 21_000n);
});

onModules(
  net,
  'estimateGas: more than the account can pay is insufficient funds',
  async (m) => {
    const account = await m.fresh('0.01');
    const call = { from: account.address, to: account.address, value: '0xde0b6b3a7640000' };
    const error = await m.refusal('eth_estimateGas', call);
    assert.match(error.message, /insufficient funds/i);
    const ethers = await m
      .ethers()
      .estimateGas({ ...call, value: 10n ** 18n })
      .catch((e) => e);
    assert(isError(ethers, 'INSUFFICIENT_FUNDS') || isError(ethers, 'CALL_EXCEPTION'), String(ethers));
  },
  { needs: 'estimateChecksFunds' },
);

onModules(net, 'out of gas: eth_call fails, the transaction is included as failed and pays all its gas', async (m) => {
  const { account, address } = await setUp(m);
  const data = encodeFunctionData({ abi, functionName: 'spin' });
  const error = await m.refusal('eth_call', { to: address, data, gas: '0x186a0' }, 'latest');
  assert.match(error.message, net.missing('gethTexts') ? /OOG/ : /out of gas/i);
  const receipt = await m.send(account, { to: address, data, gas: 100_000n });
  assert.equal(receipt.status, '0x0');
  assert.equal(BigInt(receipt.gasUsed), 100_000n);
});

onModules(net, 'a constructor that reverts leaves no contract', async (m) => {
  const account = await m.fresh();
  // PUSH1 0 PUSH1 0 REVERT
  const receipt = await m.send(account, { data: '0x60006000fd', gas: 100_000n });
  assert.equal(receipt.status, '0x0');
  assert.equal(await m.rpc('eth_getCode', receipt.contractAddress ?? account.address, 'latest'), '0x');
  // 0xef as the first byte of code is refused by EIP-3541.
  const reserved = await m.send(account, { data: '0x60ef60005360016000f3', gas: 100_000n });
  assert.equal(reserved.status, '0x0');
});
