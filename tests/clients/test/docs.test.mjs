/** The documentation: every command in it works, and the reader of its conventions is itself tested. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pages, scenariosOf } from '../lib/pages.mjs';
import { runScenario, skipped } from '../lib/scenario.mjs';
import { ConventionError, missingLine, scenarios } from '../lib/snippets.mjs';

const block = (comment, language, text) =>
  `${comment ? `<!-- test: ${comment} -->\n` : ''}\`\`\`${language}\n${text}\n\`\`\`\n`;
const read = (...parts) => scenarios('page.md', parts.join('\n'));

test('snippets: steps are grouped by name, in order, with their lines', () => {
  const found = read(
    '# Title',
    block('a', 'sh', 'echo 1'),
    block('b file=x/y.mjs', 'js', 'x()'),
    block('a output', 'text', '1'),
  );
  assert.deepEqual(
    found.map((s) => [s.name, s.steps.map((x) => [x.kind, x.line])]),
    [
      [
        'a',
        [
          ['run', 3],
          ['output', 13],
        ],
      ],
      ['b', [['file', 8]]],
    ],
  );
  assert.equal(found[0].steps[0].text, 'echo 1\n');
  assert.equal(found[1].steps[0].path, 'x/y.mjs');
});

test('snippets: blocks that are not commands need no comment, commands do', () => {
  assert.deepEqual(read(block('', 'text', 'x'), block('', '', 'x'), block('', 'toml', 'x')), []);
  assert.throws(
    () => read(block('', 'sh', 'ls')),
    (e) => e instanceof ConventionError && /page.md:1: this `sh` block/.test(e.message),
  );
  assert.deepEqual(read(block('skip because it takes an hour', 'sh', 'ls')), []);
});

test('snippets: what does not follow the convention is refused', () => {
  for (const wrong of [
    block('skip', 'sh', 'x'),
    block('Name', 'sh', 'x'),
    block('a file=../x', 'js', 'x'),
    block('a file=/etc/x', 'js', 'x'),
    block('a sometimes', 'sh', 'x'),
    block('a', 'sol', 'x'),
    block('a output', 'text', 'x'),
    block('a background', 'js', 'x'),
    '<!-- test: a -->\n\nSome text.\n',
    '<!-- test: a -->\n',
    block('a', 'sh', 'x') + block('a background', 'sh', 'x'),
  ])
    assert.throws(() => read(wrong), ConventionError, wrong);
});

test('snippets: indented and longer fences', () => {
  const [{ steps }] = read('1. Step\n\n   <!-- test: a -->\n   ````sh\n   cat <<X\n   ```\n   X\n   ````');
  assert.equal(steps[0].text, 'cat <<X\n```\nX\n');
});

test('snippets: promised output is matched line by line, in order', () => {
  assert.equal(missingLine('a\n...\nc 1 ... z\n', 'x\n a \nb\nc 1  2 3 z\n'), undefined);
  assert.equal(missingLine('c\na', 'a\nb\nc'), 'a');
  assert.equal(missingLine('a.c', 'abc'), 'a.c');
});

test(
  'a scenario keeps variables and directory from step to step, and its network is the one on the page',
  { timeout: 60_000 },
  async () => {
    const call = `curl -s -H 'content-type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}' http://127.0.0.1:8545/hub`;
    const [scenario] = read(
      block('a', 'sh', 'mkdir d && cd d\nNAME=trellis'),
      block('a file=print.mjs', 'js', 'console.log(process.argv[2])'),
      block('a', 'sh', 'node print.mjs $NAME:8545'),
      block('a output', 'text', 'trellis:8545'),
      block('a', 'sh', call),
      block('a output', 'text', '...result...0x...'),
      block('a', 'js', "console.log(process.cwd().endsWith('/d'))"),
      block('a output', 'text', 'true'),
    );
    await runScenario(scenario);
    const [failing] = read(block('b', 'sh', 'echo before\nfalse\necho after'));
    await assert.rejects(runScenario(failing), /page.md:2 \(run\): exit code 1, after printing:\nbefore\n$/);
    const [lying] = read(block('c', 'sh', 'echo one'), block('c output', 'text', 'two'));
    await assert.rejects(runScenario(lying), /page.md:7 \(output\): the page promises the line\n {2}two/);
  },
);

for (const page of pages()) {
  let found = [];
  test(`${page}: every block says how it is tested`, () => {
    found = scenariosOf(page);
  });
  test(`${page}: every command works`, { timeout: 240_000 }, async (t) => {
    for (const scenario of found) {
      await t.test(`${page}: ${scenario.name}`, { skip: skipped(scenario) }, () => runScenario(scenario));
    }
  });
}
