/** Running `cast` as people do: one process per command, its standard output as the answer. */
import { execFile } from 'node:child_process';
import { platformBinary } from './binaries.mjs';

const CAST = platformBinary('cast');

/** @returns {Promise<{ code: number, out: string, err: string }>} */
export function castRaw(args, { env = {} } = {}) {
  return new Promise((done) => {
    const options = { env: { ...process.env, NO_COLOR: '1', ...env }, timeout: 40_000, maxBuffer: 16 << 20 };
    execFile(CAST, args, options, (error, out, err) => {
      done({ code: error ? (error.code ?? 1) : 0, out: out.trim(), err: err.trim() });
    });
  });
}

/** One command that must succeed; its output. */
export async function cast(...args) {
  const { code, out, err } = await castRaw(args);
  if (code !== 0) throw new Error(`cast ${args.join(' ')}\nexit code ${code}\n${err}\n${out}`);
  return out;
}

/** One command that must fail; what it printed. */
export async function castFails(...args) {
  const { code, out, err } = await castRaw(args);
  if (code === 0) throw new Error(`must fail, but printed ${out}: cast ${args.join(' ')}`);
  return `${err}\n${out}`;
}
