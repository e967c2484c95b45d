/**
 * Sends native coin from one module to another and prints the id of the message:
 *
 *   node examples/send/send.mjs FROM TO RECIPIENT ETHER [URL]
 */
import { account, check, connect, main, viem } from '../lib/trellis.mjs';

const USAGE = 'node examples/send/send.mjs FROM TO RECIPIENT ETHER [URL]';

await main(async () => {
  const [from, to, recipient, ether, url] = process.argv.slice(2);
  check(viem.isAddress(recipient ?? '', { strict: false }) && Number(ether) > 0, `usage: ${USAGE}`);
  const modules = await connect(url);
  const named = (name) => modules.find((module) => module.name === name);
  const names = modules.map(({ name }) => name).join(', ');
  for (const name of [from, to]) check(named(name), `there is no module ${name}, only ${names}`);
  check(from !== to, 'within a module, a message is no use: send a transaction');

  // One call of the gateway, with the coin as its value. There is nothing to do in the other module.
  const value = viem.parseEther(ether);
  console.log(await named(from).send(account(1), named(to).address(recipient), { value }));
});
