/** Compiling an example's contracts. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { require, solc } from './packages.mjs';

const SETTINGS = {
  evmVersion: 'osaka',
  optimizer: { enabled: true, runs: 200 },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
};

/** The text of a file that a contract imports, such as `@openzeppelin/contracts/token/ERC20/ERC20.sol`. */
function importFile(path) {
  try {
    return { contents: readFileSync(require.resolve(path), 'utf8') };
  } catch (error) {
    return { error: String(error) };
  }
}

/**
 * Compiles one Solidity file with all it imports. Throws what the compiler says if it finds an error.
 * @param {URL} file
 * @returns {Record<string, { abi: any[], bytecode: `0x${string}` }>} every contract by its name
 */
export function compile(file) {
  const sources = { [basename(file.pathname)]: { content: readFileSync(file, 'utf8') } };
  const input = JSON.stringify({ language: 'Solidity', sources, settings: SETTINGS });
  const output = JSON.parse(solc.compile(input, { import: importFile }));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === 'error');
  if (errors.length) throw new Error(errors.map(({ formattedMessage }) => formattedMessage).join('\n'));
  const contracts = Object.values(output.contracts).flatMap((found) => Object.entries(found));
  return Object.fromEntries(
    contracts.map(([name, { abi, evm }]) => [name, { abi, bytecode: `0x${evm.bytecode.object}` }]),
  );
}
