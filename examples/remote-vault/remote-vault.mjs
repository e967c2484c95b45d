/**
 * An account in the hub owns and uses an ERC-4626 vault in another module, through OpenZeppelin's executor:
 *
 *   node examples/remote-vault/remote-vault.mjs [URL]
 */
import { compile } from '../lib/compile.mjs';
import { GATEWAY, account, attribute, check, connect, follow, main, viem, whyFailed } from '../lib/trellis.mjs';

const { concatHex, encodeAbiParameters, encodeFunctionData, formatEther, padHex, parseEther } = viem;

/** One call that the executor makes: the contract, the function, its arguments. */
const task = ({ address, abi }, functionName, ...args) => ({
  target: address,
  value: 0n,
  callData: encodeFunctionData({ abi, functionName, args }),
});

/** Tasks as the executor reads them (ERC-7579): all succeed, or none is done. */
function batch(tasks) {
  const mode = padHex('0x01', { size: 32, dir: 'right' });
  const components = [
    { name: 'target', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'callData', type: 'bytes' },
  ];
  return concatHex([mode, encodeAbiParameters([{ type: 'tuple[]', components }], [tasks])]);
}

await main(async () => {
  const [hub, market] = await connect(process.argv[2]);
  const { CrosschainRemoteExecutor, Gold, Vault } = compile(new URL('Vault.sol', import.meta.url));
  const [alice, mallory] = [account(3), account(4)];

  // Alice's hand in the market: it does what messages from Alice in the hub say. It owns the vault and 1,000 gold.
  const executor = await market.deploy(alice, CrosschainRemoteExecutor, [GATEWAY.address, hub.address(alice.address)]);
  const gold = await market.deploy(alice, Gold, [executor.address, parseEther('1000')]);
  const vault = await market.deploy(alice, Vault, [gold.address, executor.address]);

  const order = (from, tasks) =>
    hub.send(from, market.address(executor.address), {
      payload: batch(tasks),
      attributes: [attribute('gasLimit', 500_000n)],
    });
  async function show() {
    const [assets, limit] = await Promise.all([market.read(vault, 'totalAssets'), market.read(vault, 'limit')]);
    console.log(`vault in ${market.name}: ${formatEther(assets)} of at most ${formatEther(limit)}`);
    return assets;
  }

  await show();

  const amount = parseEther('600');
  console.log(`Alice in ${hub.name}: set the limit to 800, deposit 600`);
  const deposit = await order(alice, [
    task(vault, 'setLimit', parseEther('800')),
    task(gold, 'approve', vault.address, amount),
    task(vault, 'deposit', amount, executor.address),
  ]);
  await follow(hub, deposit);
  check((await show()) === amount, 'the vault has not what was deposited');

  console.log(`Alice in ${hub.name}: withdraw 250`);
  const withdraw = task(vault, 'withdraw', parseEther('250'), executor.address, executor.address);
  await follow(hub, await order(alice, [withdraw]));
  const left = await show();
  check(left === parseEther('350'), 'the vault has not what was left in it');

  console.log(`Mallory in ${hub.name}: withdraw 250`);
  const refused = await follow(hub, await order(mallory, [withdraw]), 'failed');
  console.log(`  because    ${await whyFailed(market, refused, executor.abi)}`);
  check((await show()) === left, 'a stranger changed the vault');
});
