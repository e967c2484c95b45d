/** The packages the examples use are those of tests/clients, whose lock file pins them: `npm ci` there comes first. */
import { createRequire } from 'node:module';

export const require = createRequire(new URL('../../tests/clients/package.json', import.meta.url));

function load(name) {
  try {
    return require(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    console.error('error: the examples use the packages of the client tests: run `npm ci` in tests/clients first');
    process.exit(1);
  }
}

export const viem = load('viem');
export const { mnemonicToAccount } = load('viem/accounts');
export const solc = load('solc');
