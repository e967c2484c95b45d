/**
 * Compiles the contracts that others deploy into artifacts/: `<name>.json` {abi, bytecode, deployed} and `<name>.hex`, the
 * runtime code alone. The same sources give the same bytes everywhere, so `--check` tells whether the committed ones are
 * current. `compile` is also how the tests get theirs.
 */
import { readFileSync, writeFileSync, mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(fileURLToPath(import.meta.url));
const ARTIFACTS = join(ROOT, 'artifacts');
/** Compiler and libraries are those of the client tests: one lock file pins them. */
export const require = createRequire(pathToFileURL(join(ROOT, '../tests/clients/package.json')));

/** What is built, as name of the artifact and of the contract. */
const BUILT = { gateway: 'Gateway', endpoint: 'Endpoint', 'attested-inbox': 'AttestedInbox', pool: 'Pool' };
const SETTINGS = {
  evmVersion: 'osaka',
  viaIR: true,
  optimizer: { enabled: true, runs: 1_000_000 },
  // Neither the hash of the sources' text nor the compiler's name belongs to consensus.
  metadata: { bytecodeHash: 'none', appendCBOR: false },
  outputSelection: {
    '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object', 'storageLayout'] },
  },
};

function importFile(path) {
  try {
    const file = path.startsWith('@') ? require.resolve(path) : join(ROOT, path);
    return { contents: readFileSync(file, 'utf8') };
  } catch (error) {
    return { error: String(error) };
  }
}

/**
 * Compiles the Solidity files of `folders` (relative to this one); throws with solc's own text on any error or warning.
 * @param {string[]} folders
 */
export function compile(folders = ['.']) {
  const files = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((file) => file.endsWith('.sol'))
      .map((file) => join(folder, file)),
  );
  const sources = Object.fromEntries(files.map((file) => [file, { content: readFileSync(join(ROOT, file), 'utf8') }]));
  const input = { language: 'Solidity', sources, settings: SETTINGS };
  const output = JSON.parse(require('solc').compile(JSON.stringify(input), { import: importFile }));
  if (output.errors?.length) throw new Error(output.errors.map((e) => e.formattedMessage).join('\n'));
  const artifacts = {};
  for (const file of files) {
    for (const [name, { abi, evm, storageLayout }] of Object.entries(output.contracts[file] ?? {})) {
      const hex = (part) => `0x${part.object}`;
      artifacts[name] = { abi, bytecode: hex(evm.bytecode), deployed: hex(evm.deployedBytecode), storageLayout };
    }
  }
  return artifacts;
}

function outputs() {
  const compiled = compile();
  return Object.entries(BUILT).flatMap(([name, contract]) => {
    const { abi, bytecode, deployed } = compiled[contract];
    return [
      [`${name}.json`, `${JSON.stringify({ abi, bytecode, deployed }, null, 1)}\n`],
      [`${name}.hex`, `${deployed.slice(2)}\n`],
    ];
  });
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function main(check) {
  const stale = outputs().filter(([file, content]) => read(join(ARTIFACTS, file)) !== content);
  if (!check) {
    mkdirSync(ARTIFACTS, { recursive: true });
    for (const [file, content] of stale) writeFileSync(join(ARTIFACTS, file), content);
  }
  const names = stale.map(([file]) => file).join(', ');
  if (check && stale.length) {
    console.error(`not what the sources give: ${names}. Run: node contracts/build.mjs`);
    process.exit(1);
  }
  console.log(stale.length ? `written: ${names}` : 'artifacts are current');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes('--check'));
