/** Foundry's tools as npm installs them: one package per platform holding the plain executable. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);
const ARCH = { x64: 'amd64', arm64: 'arm64' };

/** Path of `cast` or `anvil` for this machine, without the start-up cost of its JavaScript launcher. */
export function platformBinary(tool) {
  const suffix = `${process.platform}-${ARCH[process.arch]}`;
  const manifest = require.resolve(`@foundry-rs/${tool}-${suffix}/package.json`);
  return join(dirname(manifest), 'bin', tool);
}
