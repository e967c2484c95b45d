/** Transactions that no state makes valid: broken signatures and encodings, forbidden types, fields out of range. */
import assert from 'node:assert/strict';
import { TipAboveFeeCapError, numberToHex, parseGwei } from 'viem';
import { network, onModules } from '../harness.mjs';
import { FIELD, fieldsOf, refused, resigned, typed } from '../lib/transactions.mjs';

const net = await network(import.meta.url);
const NOBODY = `0x${'77'.repeat(20)}`;

onModules(
  net,
  'a signature that is broken: zero, out of range, high s, wrong parity',
  async (m) => {
    const account = await m.fresh();
    const raw = await m.sign(account, { to: NOBODY });
    const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const hex = (x) => `0x${x.toString(16).padStart(64, '0')}`;
    const change = (index, value) => {
      const fields = fieldsOf(raw);
      fields[index] = value;
      return typed('0x02', fields);
    };
    const s = BigInt(fieldsOf(raw)[FIELD.s]);
    const flipped = fieldsOf(raw);
    flipped[FIELD.s] = hex(n - s);
    flipped[FIELD.parity] = flipped[FIELD.parity] === '0x' ? '0x01' : '0x';
    for (const [what, broken] of Object.entries({
      'r = 0': change(FIELD.r, '0x'),
      's = 0': change(FIELD.s, '0x'),
      'r = n': change(FIELD.r, hex(n)),
      's = n': change(FIELD.s, hex(n)),
      'high s (EIP-2)': typed('0x02', flipped),
      'parity 2': change(FIELD.parity, '0x02'),
    })) {
      const error = await m.refusal('eth_sendRawTransaction', broken);
      assert.match(error.message, /signature|decode|rlp|recover|parity|invalid/i, `${what}: ${error.message}`);
    }
    assert.equal(await m.nonce(account.address), 0);
  },
  { needs: 'strictInput' },
);

onModules(net, "a changed field changes the sender: nobody else's money moves", async (m) => {
  const account = await m.fresh();
  const fields = fieldsOf(await m.sign(account, { to: NOBODY, value: 1n }));
  fields[FIELD.nonce] = '0x05';
  const error = await m.refusal('eth_sendRawTransaction', typed('0x02', fields));
  assert.match(
    error.message,
    net.missing('gethTexts') ? /./ : /insufficient funds/i,
    'the recovered stranger has no money',
  );
  assert.equal(await m.nonce(account.address), 0);
});

onModules(
  net,
  'bytes that are no transaction',
  async (m) => {
    const account = await m.fresh();
    const raw = await m.sign(account, { to: NOBODY });
    const junk = [
      '0x',
      '0x00',
      '0x02',
      '0xc0',
      '0x05c0',
      '0x7fc0',
      raw.slice(0, -2),
      `${raw}00`,
      `0x02${'ff'.repeat(200)}`,
      '0xf8',
    ];
    for (const bytes of junk) {
      const error = await m.refusal('eth_sendRawTransaction', bytes);
      assert([-32602, -32000, -32003].includes(error.code), `${bytes.slice(0, 20)}: ${error.code} ${error.message}`);
    }
    const large = await m.sign(account, { to: NOBODY, data: `0x${'01'.repeat(200 * 1024)}`, gas: 16_000_000n });
    await refused(net, m, account, large, /oversized|too large|limit/i);
  },
  { needs: 'strictInput' },
);

onModules(
  net,
  'a tip over the fee cap',
  async (m) => {
    const account = await m.fresh();
    const raw = await m.sign(account, {
      to: NOBODY,
      maxFeePerGas: parseGwei('2'),
      maxPriorityFeePerGas: parseGwei('1'),
    });
    const broken = await resigned(account, raw, { [FIELD.tip]: numberToHex(parseGwei('3')) });
    const { message } = await refused(net, m, account, broken, /max priority fee per gas higher than max fee per gas/i);
    assert.match(message.toLowerCase(), TipAboveFeeCapError.nodeMessage);
  },
  { needs: 'gethTexts' },
);

onModules(net, 'initcode over the limit (EIP-3860)', async (m) => {
  const account = await m.fresh();
  const data = `0x${'00'.repeat(49_153)}`;
  await refused(net, m, account, await m.sign(account, { data, gas: 5_000_000n }), /initcode/i);
});

onModules(
  net,
  'blob transactions are refused, and say so',
  async (m) => {
    const account = await m.fresh();
    const raw = await account.signTransaction({
      type: 'eip4844',
      chainId: m.chainId,
      nonce: 0,
      to: NOBODY,
      gas: 21_000n,
      maxFeePerGas: parseGwei('20'),
      maxPriorityFeePerGas: parseGwei('1'),
      maxFeePerBlobGas: parseGwei('1'),
      blobVersionedHashes: [`0x01${'00'.repeat(31)}`],
      sidecars: false,
    });
    assert.equal(raw.slice(0, 4), '0x03');
    await refused(net, m, account, raw, /blob/i);
  },
  { needs: 'refusesBlobs' },
);

onModules(
  net,
  'an EIP-7702 transaction without authorizations, and one that creates',
  async (m) => {
    const account = await m.fresh();
    const raw = await m.sign(account, { type: 'eip7702', to: NOBODY, authorizationList: [], gas: 100_000n });
    assert.equal(raw.slice(0, 4), '0x04');
    await refused(net, m, account, raw, /authorization/i);
    const fields = fieldsOf(raw);
    fields[5] = '0x';
    await m.refusal('eth_sendRawTransaction', typed('0x04', fields));
  },
  { needs: 'staticRules' },
);

onModules(
  net,
  'the highest nonce there is (EIP-2681), and one above',
  async (m) => {
    const account = await m.fresh();
    const raw = await m.sign(account, { to: NOBODY });
    await refused(
      net,
      m,
      account,
      await resigned(account, raw, { [FIELD.nonce]: '0xffffffffffffffff' }),
      /nonce has max value/i,
    );
    await m.refusal('eth_sendRawTransaction', await resigned(account, raw, { [FIELD.nonce]: '0x010000000000000000' }));
  },
  { needs: 'gethTexts' },
);

onModules(net, 'fees and values at the edge of 256 bits', async (m) => {
  const account = await m.fresh();
  const raw = await m.sign(account, { to: NOBODY });
  const most = `0x${'ff'.repeat(32)}`;
  for (const changes of [
    { [FIELD.value]: most },
    { [FIELD.tip]: most, [FIELD.cap]: most },
    { [FIELD.cap]: `0x${'ff'.repeat(16)}` },
    { [FIELD.gas]: '0xffffffffffffffff' },
  ]) {
    await refused(net, m, account, await resigned(account, raw, changes), /./);
  }
});
