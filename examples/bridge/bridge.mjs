/**
 * An OpenZeppelin ERC-20 goes from the hub to another module and back, with OpenZeppelin's own bridge contracts:
 *
 *   node examples/bridge/bridge.mjs [URL]
 */
import { compile } from '../lib/compile.mjs';
import { GATEWAY, account, check, connect, follow, main, viem } from '../lib/trellis.mjs';

const SUPPLY = viem.parseEther('1000');
const format = (amount) => viem.formatEther(amount).padStart(6);

await main(async () => {
  const [hub, market] = await connect(process.argv[2]);
  const { Gold, GoldBridge, RemoteGold } = compile(new URL('Bridge.sol', import.meta.url));
  const alice = account(2);

  // Each side is linked to the other when it is deployed, so the address of the second one must be known before.
  const gold = await hub.deploy(alice, Gold, [SUPPLY]);
  const bridgeAddress = await hub.nextContract(alice);
  const remote = await market.deploy(alice, RemoteGold, [
    [{ gateway: GATEWAY.address, counterpart: hub.address(bridgeAddress) }],
  ]);
  const bridge = await hub.deploy(alice, GoldBridge, [
    gold.address,
    [{ gateway: GATEWAY.address, counterpart: market.address(remote.address) }],
  ]);

  async function show() {
    const locked = await hub.read(gold, 'balanceOf', [bridge.address]);
    const circulating = (await hub.read(gold, 'totalSupply')) - locked;
    const there = await market.read(remote, 'totalSupply');
    const sum = circulating + there;
    console.log(`${hub.name} ${format(circulating)} + ${market.name} ${format(there)} = ${format(sum)}`);
    check(sum === SUPPLY, 'the sum of what circulates in the two modules has changed');
  }

  await show();

  console.log(`600 from ${hub.name} to ${market.name}`);
  const amount = viem.parseEther('600');
  await hub.write(alice, gold, 'approve', [bridge.address, amount]);
  const [there] = await hub.write(alice, bridge, 'crosschainTransfer', [market.address(alice.address), amount]);
  await follow(hub, there);
  await show();

  console.log(`250 from ${market.name} to ${hub.name}`);
  const part = viem.parseEther('250');
  const [back] = await market.write(alice, remote, 'crosschainTransfer', [hub.address(alice.address), part]);
  await follow(hub, back);
  await show();
});
