/** OpenZeppelin's cross-chain contracts, unmodified, over two modules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { require } from '../build.mjs';
import { ALICE, BOB, CAROL } from '../testing/chain.mjs';
import { GATEWAY, network } from '../testing/module.mjs';

const { concat, encodeFunctionData, encodePacked, getAddress, zeroHash } = require('viem');

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

test('BridgeERC7802 burns here, its counterpart mints there, and back: one supply in two modules', async () => {
  const side = async (module, supply) => {
    const token = await module.deploy('MintToken', [supply]);
    const bridge = await module.deploy('MintBridge', [token.address]);
    await module.write(token, 'appoint', [bridge.address]);
    return { token, bridge, supply: () => module.read(token, 'totalSupply') };
  };
  const [home, away] = [await side(here, 1_000n), await side(there, 0n)];
  await here.write(home.bridge, 'link', [GATEWAY.address, there.address(away.bridge.address)]);
  await there.write(away.bridge, 'link', [GATEWAY.address, here.address(home.bridge.address)]);
  const supplies = async () => [await home.supply(), await away.supply()];

  const sent = await here.write(home.bridge, 'crosschainTransfer', [there.address(BOB), 600n]);
  assert.deepEqual(await supplies(), [400n, 0n], 'in flight, the 600 are nowhere');
  await relay(here, there, sent);
  assert.deepEqual(await supplies(), [400n, 600n]);
  assert.equal(await balanceOf(there, away.token, BOB), 600n);

  const back = await there.write(away.bridge, 'crosschainTransfer', [here.address(CAROL), 250n], { from: BOB });
  assert.deepEqual(await supplies(), [400n, 350n]);
  await relay(there, here, back);
  assert.deepEqual(await supplies(), [650n, 350n]);
  assert.equal(await balanceOf(here, home.token, CAROL), 250n);
  await there.refused(away.token, 'crosschainMint', [BOB, 1n], 'NotTheBridge', [BOB], { from: BOB });
});

test('BridgeERC721 locks a token here, ERC721Crosschain mints it there, and back', async () => {
  const id = 77n;
  const plain = await here.deploy('PlainArt', [id]);
  const bridge = await here.deploy('ArtBridge', [plain.address]);
  const token = await there.deploy('CrossArt');
  await here.write(bridge, 'link', [GATEWAY.address, there.address(token.address)]);
  await there.write(token, 'link', [GATEWAY.address, here.address(bridge.address)]);
  const owner = () => here.read(plain, 'ownerOf', [id]);
  const locked = getAddress(bridge.address);
  const absentThere = () => there.refused(token, 'ownerOf', [id], 'ERC721NonexistentToken', [id]);

  await here.write(plain, 'approve', [bridge.address, id]);
  await absentThere();
  const sent = await here.write(bridge, 'crosschainTransferFrom', [ALICE, there.address(BOB), id]);
  assert.equal(await owner(), locked, 'locked before it exists there');
  await absentThere();
  await relay(here, there, sent);
  assert.equal(await there.read(token, 'ownerOf', [id]), BOB);
  assert.equal(await owner(), locked);
  const again = [ALICE, there.address(BOB), id];
  const both = { ...bridge, abi: [...bridge.abi, ...plain.abi] };
  await here.refused(both, 'crosschainTransferFrom', again, 'ERC721IncorrectOwner', [ALICE, id, locked]);

  const back = await there.write(token, 'crosschainTransferFrom', [BOB, here.address(CAROL), id], { from: BOB });
  await absentThere();
  assert.equal(await owner(), locked, 'burned there before it is free here');
  await relay(there, here, back);
  assert.equal(await owner(), CAROL);
  await absentThere();
});

test('BridgeERC1155 locks a batch here, ERC1155Crosschain mints it there, and back', async () => {
  const ids = [1n, 2n];
  const plain = await here.deploy('PlainGoods', [ids, [100n, 5n]]);
  const bridge = await here.deploy('GoodsBridge', [plain.address]);
  const token = await there.deploy('CrossGoods');
  await here.write(bridge, 'link', [GATEWAY.address, there.address(token.address)]);
  await there.write(token, 'link', [GATEWAY.address, here.address(bridge.address)]);
  const held = (module, contract, account) =>
    Promise.all(ids.map((id) => module.read(contract, 'balanceOf', [account, id])));
  const sums = async () => ({
    locked: await held(here, plain, bridge.address),
    minted: await Promise.all(ids.map((id) => there.read(token, 'totalSupply', [id]))),
  });

  await here.write(plain, 'setApprovalForAll', [bridge.address, true]);
  const sent = await here.write(bridge, 'crosschainTransferFrom', [ALICE, there.address(BOB), ids, [60n, 5n]]);
  assert.deepEqual(await sums(), { locked: [60n, 5n], minted: [0n, 0n] });
  await relay(here, there, sent);
  assert.deepEqual(await sums(), { locked: [60n, 5n], minted: [60n, 5n] });
  assert.deepEqual(await held(there, token, BOB), [60n, 5n]);

  const most = [BOB, here.address(CAROL), ids, [20n, 5n]];
  const back = await there.write(token, 'crosschainTransferFrom', most, { from: BOB });
  assert.deepEqual(await sums(), { locked: [60n, 5n], minted: [40n, 0n] });
  await relay(there, here, back);
  assert.deepEqual(await sums(), { locked: [40n, 0n], minted: [40n, 0n] });
  assert.deepEqual(await held(here, plain, CAROL), [20n, 5n]);
  assert.deepEqual(await held(here, plain, ALICE), [40n, 0n]);
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
