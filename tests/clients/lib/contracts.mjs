/**
 * Compiles contracts/*.sol in-process and remembers the result in .cache/, keyed by everything that decides it
 * (sources, compiler, libraries, settings). Parallel test files may race: each writes a private file and renames it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const SOURCES = join(ROOT, 'contracts');
const CACHE = join(ROOT, '.cache');
const SETTINGS = {
  evmVersion: 'osaka',
  optimizer: { enabled: true, runs: 200 },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
};

/** @typedef {{ abi: any[], bytecode: `0x${string}`, deployed: `0x${string}` }} Artifact */

/** @returns {Record<string, { content: string }>} */
function sources() {
  const files = readdirSync(SOURCES)
    .filter((f) => f.endsWith('.sol'))
    .sort();
  return Object.fromEntries(files.map((f) => [f, { content: readFileSync(join(SOURCES, f), 'utf8') }]));
}

function cacheKey(input) {
  const versions = ['solc', '@openzeppelin/contracts'].map((p) => require(`${p}/package.json`).version);
  return createHash('sha256')
    .update(JSON.stringify([input, versions]))
    .digest('hex')
    .slice(0, 16);
}

/** Runs solc over `input`; throws with solc's own text on any error. @returns {Record<string, Artifact>} */
function compile(input) {
  const solc = require('solc');
  const resolve = (path) => {
    try {
      return { contents: readFileSync(require.resolve(path), 'utf8') };
    } catch (error) {
      return { error: String(error) };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: resolve }));
  const errors = (output.errors ?? []).filter((e) => e.severity === 'error');
  if (errors.length) throw new Error(errors.map((e) => e.formattedMessage).join('\n'));
  const artifacts = {};
  for (const file of Object.keys(input.sources)) {
    for (const [name, { abi, evm }] of Object.entries(output.contracts[file])) {
      const hex = (part) => /** @type {`0x${string}`} */ (`0x${part.object}`);
      artifacts[name] = { abi, bytecode: hex(evm.bytecode), deployed: hex(evm.deployedBytecode) };
    }
  }
  return artifacts;
}

function load() {
  const input = { language: 'Solidity', sources: sources(), settings: SETTINGS };
  const path = join(CACHE, `contracts-${cacheKey(input)}.json`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    const artifacts = compile(input);
    mkdirSync(CACHE, { recursive: true });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(artifacts));
    renameSync(draft, path);
    return artifacts;
  }
}

/** Every contract under contracts/, by its Solidity name. @type {Record<string, Artifact>} */
export const artifacts = load();

/** A ready-made artifact from an npm package, e.g. `@uniswap/v2-core/build/UniswapV2Factory.json`. @returns {Artifact} */
export function npmArtifact(path) {
  const { abi, bytecode, evm } = JSON.parse(readFileSync(require.resolve(path), 'utf8'));
  const object = evm?.bytecode?.object ?? bytecode;
  const hex = (code) => (code.startsWith('0x') ? code : `0x${code}`);
  return { abi, bytecode: hex(object), deployed: hex(evm?.deployedBytecode?.object ?? '') };
}
