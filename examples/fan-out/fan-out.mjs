/**
 * A contract in the hub asks a contract in every other module and adds up the answers:
 *
 *   node examples/fan-out/fan-out.mjs [URL]
 */
import { compile } from '../lib/compile.mjs';
import { account, between, check, connect, main, outcome } from '../lib/trellis.mjs';

/** What the warehouse of module `index` has. */
const stockOf = (index) => BigInt(10 * index);

await main(async () => {
  const [hub, ...others] = await connect(process.argv[2]);
  const { Headquarters, Warehouse } = compile(new URL('Stocktaking.sol', import.meta.url));
  const owner = account(5);

  const headquarters = await hub.deploy(owner, Headquarters);
  const warehouses = await Promise.all(others.map((module, i) => module.deploy(owner, Warehouse, [stockOf(i + 1)])));

  const names = others.map(({ name }) => name).join(', ');
  console.log(`${hub.name} asks ${names} in one transaction`);
  const addresses = others.map((module, i) => module.address(warehouses[i].address));
  const questions = await hub.write(owner, headquarters, 'ask', [addresses]);

  /** The answer that the delivery of a question sent. A delivery may hold messages of others too. */
  async function answerTo(question, warehouse) {
    for (const id of await hub.rpc('trellis_getMessagesOf', question.delivered.transactionHash)) {
      const answer = await outcome(hub, id);
      if (answer.sender === warehouse.address.toLowerCase()) return answer;
    }
    return undefined;
  }

  async function round({ name }, i) {
    const question = await outcome(hub, questions[i]);
    check(question.status === 'delivered', `${name}: the question is ${question.status}`);
    const answer = await answerTo(question, warehouses[i]);
    check(answer?.status === 'delivered', `${name}: the answer is ${answer?.status ?? 'missing'}`);
    return { name, question, answer };
  }
  for (const { name, question, answer } of await Promise.all(others.map(round))) {
    const [there, back] = [between(question.sent, question.delivered), between(answer.sent, answer.delivered)];
    const total = between(question.sent, answer.delivered);
    console.log(`  ${name.padEnd(10)} there ${there} ms, back ${back} ms, round trip ${total} ms`);
  }

  const [answers, total] = await Promise.all([hub.read(headquarters, 'answers'), hub.read(headquarters, 'total')]);
  console.log(`${hub.name} has ${answers} answers, which add up to ${total}`);
  const expected = others.map((_, i) => stockOf(i + 1)).reduce((a, b) => a + b, 0n);
  check(
    answers === BigInt(others.length) && total === expected,
    `${others.length} answers and ${expected} were expected`,
  );
});
