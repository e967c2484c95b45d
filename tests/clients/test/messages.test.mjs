/** Messages between modules (docs/spec/messages.md): sent, proven, delivered once, retried and refunded (MSG-1, MSG-2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatHex, getAddress, parseEther, parseEventLogs, stringToHex } from 'viem';
import { network } from '../harness.mjs';
import { artifacts } from '../lib/contracts.mjs';
import { GATEWAY, attribute, gatewayAbi, interoperable, messageStatus, sendMessage, sentIn } from '../lib/messages.mjs';
import { until } from '../lib/poll.mjs';
import { Socket } from '../lib/rpc.mjs';

const net = await network(import.meta.url);
const skip = net.missing('messages');
const { hub, market, pay } = net.modules;

const deployInbox = (module, account) => module.deploy(account, artifacts.Inbox);
const received = (receipt) => parseEventLogs({ abi: artifacts.Inbox.abi, logs: receipt.logs, eventName: 'Received' });

test('a message arrives once, with sender, payload and value', { skip }, async () => {
  const [sender, owner] = await Promise.all([hub.fresh('3'), market.fresh()]);
  const inbox = await deployInbox(market, owner);
  const value = parseEther('1.5');
  const payload = stringToHex('hello');
  const id = await sendMessage(hub, sender, market, inbox, { payload, value });
  const message = await messageStatus(hub, id, 'delivered');
  assert.equal(message.source, 'hub');
  assert.equal(message.destination, 'market');
  assert.equal(getAddress(message.recipient), inbox);
  assert.equal(BigInt(message.value), value);
  const receipt = await market.receipt(message.delivered.transactionHash);
  const log = received(receipt).find((entry) => entry.args.id === id);
  assert.equal(log.args.payload, payload);
  assert.equal(log.args.value, value);
  assert.equal(log.args.sender, interoperable(hub.chainId, sender.address).toLowerCase());
  assert.equal(await market.public.getBalance({ address: inbox }), value);
  assert.deepEqual(await market.rpc('trellis_getMessage', id), message, 'every module tells the same');
});

test('coin without payload reaches an account without code', { skip }, async () => {
  const [sender, payee] = await Promise.all([pay.fresh('2'), hub.fresh('0')]);
  const id = await sendMessage(pay, sender, hub, payee.address, { value: parseEther('1') });
  await messageStatus(pay, id, 'delivered');
  assert.equal(await hub.public.getBalance({ address: payee.address }), parseEther('1'));
});

test('a recipient answers in the same delivery, and both ends are in the logs', { skip }, async () => {
  const [sender, owner] = await Promise.all([hub.fresh(), market.fresh()]);
  const [there, here] = await Promise.all([deployInbox(market, owner), deployInbox(hub, sender)]);
  const wallet = hub.wallet(sender);
  const hash = await wallet.writeContract({
    address: here,
    abi: artifacts.Inbox.abi,
    functionName: 'send',
    args: [
      GATEWAY,
      interoperable(market.chainId, there),
      stringToHex('ping-1'),
      // The answer costs gas too, and burns that of its own delivery.
      [attribute('gasLimit', 500_000n)],
    ],
  });
  const [id] = sentIn(await wallet.waitForTransactionReceipt({ hash }));
  const { delivered } = await messageStatus(hub, id, 'delivered');
  const [answer] = sentIn(await market.public.getTransactionReceipt({ hash: delivered.transactionHash }));
  const back = await messageStatus(market, answer, 'delivered');
  const [log] = received(await hub.receipt(back.delivered.transactionHash)).filter((entry) => entry.args.id === answer);
  assert.equal(log.args.payload, stringToHex('pong-1'));
  for (const [module, name] of [
    [hub, 'MessageSent'],
    [market, 'MessageDelivered'],
  ]) {
    const logs = await module.public.getContractEvents({
      address: GATEWAY,
      abi: gatewayAbi,
      eventName: name,
      args: name === 'MessageSent' ? { sendId: id } : { id },
      fromBlock: 0n,
    });
    assert.equal(logs.length, 1, `${module.name}: ${name}`);
  }
});

test('a failed delivery keeps the value, and anybody can try again', { skip }, async () => {
  const [sender, owner] = await Promise.all([hub.fresh('2'), market.fresh()]);
  const inbox = await deployInbox(market, owner);
  const refuse = (refusing) =>
    market
      .wallet(owner)
      .writeContract({ address: inbox, abi: artifacts.Inbox.abi, functionName: 'refuse', args: [refusing] });
  await market.receipt(await refuse(true));
  const value = parseEther('1');
  const id = await sendMessage(hub, sender, market, inbox, { value });
  const failed = await messageStatus(hub, id, 'failed');
  assert.equal(await market.public.getBalance({ address: inbox }), 0n);
  await market.receipt(await refuse(false));
  const helper = await market.fresh();
  const hash = await market.wallet(helper).writeContract({
    address: GATEWAY,
    abi: gatewayAbi,
    functionName: 'retry',
    args: [0n, BigInt(failed.sequence), contentOf(failed)],
  });
  assert.equal((await market.receipt(hash)).status, '0x1');
  await messageStatus(hub, id, 'delivered');
  assert.equal(await market.public.getBalance({ address: inbox }), value);
});

test('what nobody can deliver is refunded in the source', { skip }, async () => {
  const sender = await market.fresh('2');
  const payee = await market.fresh('0');
  const value = parseEther('1');
  // A payload for an account without code is nobody's.
  const stranger = await hub.fresh();
  const options = { value, payload: '0x01', attributes: [attribute('refundTo', payee.address)] };
  const id = await sendMessage(market, sender, hub, stranger.address, options);
  const failed = await messageStatus(market, id, 'failed');
  const hash = await hub.wallet(stranger).writeContract({
    address: GATEWAY,
    abi: gatewayAbi,
    functionName: 'refund',
    args: [1n, BigInt(failed.sequence), contentOf(failed)],
  });
  assert.equal((await hub.receipt(hash)).status, '0x1');
  const refunded = await messageStatus(market, id, 'refunded');
  await messageStatus(hub, refunded.refundId, 'delivered');
  assert.equal(await market.public.getBalance({ address: payee.address }), value);
});

test('messages of one source arrive in the order they were sent', { skip }, async () => {
  const [sender, owner] = await Promise.all([hub.fresh(), market.fresh()]);
  const inbox = await deployInbox(market, owner);
  const nonce = await hub.nonce(sender.address);
  const wallet = hub.wallet(sender);
  const send = (index) =>
    wallet.writeContract({
      address: GATEWAY,
      abi: gatewayAbi,
      functionName: 'sendMessage',
      args: [interoperable(market.chainId, inbox), stringToHex(String(index)), []],
      nonce: nonce + index,
      gas: 500_000n,
    });
  const hashes = await Promise.all(Array.from({ length: 40 }, (_, index) => send(index)));
  const receipts = await Promise.all(hashes.map((hash) => hub.public.waitForTransactionReceipt({ hash })));
  const ids = receipts.flatMap(sentIn);
  await Promise.all(ids.map((id) => messageStatus(hub, id, 'delivered')));
  const logs = await market.public.getContractEvents({
    address: inbox,
    abi: artifacts.Inbox.abi,
    eventName: 'Received',
    fromBlock: 0n,
  });
  assert.deepEqual(
    logs.map((log) => log.args.id),
    ids,
  );
});

test('each refusal says what is wrong', { skip }, async () => {
  const sender = await hub.fresh();
  const send =
    (recipient, attributes = [], value = 0n) =>
    () =>
      hub.public.simulateContract({
        account: sender.address,
        address: GATEWAY,
        abi: gatewayAbi,
        functionName: 'sendMessage',
        args: [recipient, '0x', attributes],
        value,
      });
  const to = interoperable(market.chainId, sender.address);
  for (const [refused, name] of [
    [send(interoperable(hub.chainId + 50, sender.address)), 'NotAModule'],
    [send(interoperable(hub.chainId, sender.address)), 'RecipientInSameModule'],
    [send(concatHex(['0x000100000014', sender.address])), 'InvalidChainReference'],
    [send(to, ['0x12345678']), 'UnsupportedAttribute'],
    [send(to, [attribute('gasLimit', 1n)]), 'GasLimitOutOfRange'],
    [send(interoperable(1, sender.address), [attribute('outside')], 1n), 'ValueForOutsideChain'],
  ]) {
    await assert.rejects(refused(), (error) => new RegExp(name).test(String(error)), name);
  }
});

test('a subscription follows a message to its end', { skip }, async (t) => {
  const sender = await hub.fresh('2');
  const socket = await Socket.open(pay.wsUrl);
  t.after(() => socket.close());
  const updates = await socket.subscribe('messages');
  const id = await sendMessage(hub, sender, market, sender.address, { value: 1n });
  await updates.take('its delivery', (update) => update.id === id && update.status === 'delivered');
  const mine = updates.items.filter((update) => update.id === id);
  assert.deepEqual(
    mine.map(({ module, status }) => [module, status]),
    [
      ['hub', 'sent'],
      ['market', 'delivered'],
    ],
  );
});

test('a proof and the finality it rests on are served', { skip }, async () => {
  const sender = await hub.fresh('2');
  const id = await sendMessage(hub, sender, market, sender.address, { value: 1n });
  await messageStatus(hub, id, 'delivered');
  const proof = await market.rpc('trellis_getMessageProof', id);
  assert.equal(proof.source, 0);
  assert.equal(proof.path.length, 7);
  const finality = await hub.rpc('trellis_getFinality');
  assert.equal(finality.networkKey, proof.networkKey);
  assert.equal((await hub.rpc('eth_getBlockByHash', finality.hash, false)).number, finality.number);
});

test('state is proven against a certified block', { skip }, async () => {
  const account = await hub.fresh('2');
  const proof = await until('a proof of a new account', async () => {
    const found = await hub.rpc('trellis_getProof', account.address, ['0x0']);
    return found.account && found;
  });
  assert.equal(BigInt(proof.account.balance), parseEther('2'));
  assert(proof.account.proof.length > 100);
  assert.deepEqual(proof.storage, [{ slot: '0x0', value: null, proof: null }], 'what was never written has no proof');
  const gateway = await hub.rpc('trellis_getProof', GATEWAY, ['0x0']);
  assert.equal(BigInt(gateway.storage[0].value) & 0xffffffffffffffffn, 3n, 'the gateway knows three modules');
  const error = await hub.refusal('trellis_getProof', GATEWAY, Array(257).fill('0x0'));
  assert.match(error.message, /256/);
});

test('the gateways hold what is on its way, and nothing else', { skip }, async () => {
  const supply = await hub.rpc('trellis_supply');
  assert.equal(supply.balanced, true, JSON.stringify(supply));
});

/** A message as retry and refund want it. */
function contentOf({ sender, recipient, value, gasLimit, refundTo, payload }) {
  return { sender, recipient, value: BigInt(value), gasLimit: BigInt(gasLimit), refundTo, payload };
}
