/** OpenZeppelin's cross-chain contracts, unmodified, over two modules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { ALICE, BOB, CAROL } from '../testing/chain.mjs';
import { GATEWAY, network } from '../testing/module.mjs';

const { concat, encodeFunctionData, encodePacked, zeroHash } = require('viem');

const [here, there] = await network();

/** Delivers what `receipt` sent from one module to the other. */
async function relay(from, to, receipt) {
  for (const sent of from.messages(receipt)) assert.equal((await to.deliverOne(from, sent)).name, 'MessageDelivered');
}

const balanceOf = (chain, token, account) => chain.read(token, 'balanceOf', [account]);

test('BridgeERC20 locks here, ERC20Crosschain mints there, and back', async () => {
  const plain = await here.deploy('PlainToken', [1_000n]);
  const bridge = await here.deploy('PlainBridge', [plain.address]);
  const token = await there.deploy('CrossToken', [0n]);
  await here.write(bridge, 'link', [GATEWAY.address, there.address(token.address)]);
  await there.write(token, 'link', [GATEWAY.address, here.address(bridge.address)]);

  await here.write(plain, 'approve', [bridge.address, 600n]);
  const sent = await here.write(bridge, 'crosschainTransfer', [there.address(BOB), 600n]);
  await relay(here, there, sent);
  assert.equal(await balanceOf(there, token, BOB), 600n);
  assert.equal(await balanceOf(here, plain, bridge.address), 600n);

  const back = await there.write(token, 'crosschainTransfer', [here.address(CAROL), 250n], { from: BOB });
  await relay(there, here, back);
  assert.equal(await balanceOf(here, plain, CAROL), 250n);
  assert.equal(await balanceOf(here, plain, bridge.address), await there.read(token, 'totalSupply'));
});

test('a bridge takes messages of its counterpart only', async () => {
  const token = await there.deploy('CrossToken', [0n]);
  await there.write(token, 'link', [GATEWAY.address, here.address(CAROL)]);
  const forged = await here.sendMessage(there.address(token.address), '0x1234');
  assert.equal((await there.deliverOne(here, forged)).name, 'MessageFailed');
});

test('CrosschainRemoteExecutor does what its controller in the other module says', async () => {
  const executor = await there.deploy('Executor', [GATEWAY.address, here.address(ALICE)]);
  const token = await there.deploy('PlainToken', [100n]);
  await there.write(token, 'transfer', [executor.address, 100n]);
  const transfer = encodeFunctionData({ ...token, functionName: 'transfer', args: [CAROL, 40n] });
  // ERC-7579: mode of a single call that reverts on failure, then target, value, input.
  const single = encodePacked(['address', 'uint256', 'bytes'], [token.address, 0n, transfer]);
  const sent = await here.sendMessage(there.address(executor.address), concat([zeroHash, single]));
  assert.equal((await there.deliverOne(here, sent)).name, 'MessageDelivered');
  assert.equal(await balanceOf(there, token, CAROL), 40n);
  const other = await here.sendMessage(there.address(executor.address), concat([zeroHash, single]), { from: BOB });
  assert.equal((await there.deliverOne(here, other)).name, 'MessageFailed');
});
