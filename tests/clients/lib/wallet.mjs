/** The private wallet of the binary under test, with a file of its own. */
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { trellisBinary } from '../harness.mjs';

const run = promisify(execFile);

export class PrivateWallet {
  /** @param {string} url  of the module  @param {string} [home]  shared, so that the proving key is made once */
  constructor(url, home = mkdtempSync(join(tmpdir(), 'trellis-wallet-'))) {
    Object.assign(this, { url, home, file: join(home, `wallet-${Math.random().toString(36).slice(2)}`) });
  }

  /** Runs a command with --json, and returns the answer. @param {string[]} args */
  async json(...args) {
    return JSON.parse(await this.text(...args, '--json'));
  }

  /** What a command prints. */
  async text(...args) {
    const { stdout } = await run(trellisBinary(), ['wallet', '--wallet', this.file, '--url', this.url, ...args], {
      env: { PATH: process.env.PATH, HOME: this.home, TRELLIS_PASSPHRASE: 'correct horse', ...this.env },
      maxBuffer: 1 << 26,
    });
    return stdout.trim();
  }

  /** The words on standard error of a command that fails. */
  async refusal(...args) {
    try {
      await this.text(...args);
    } catch (error) {
      return error.stderr;
    }
    throw new Error(`${args.join(' ')} was not refused`);
  }

  /** What is ready to be spent of an asset. */
  async ready(asset = 'ETH') {
    const { balances } = await this.json('balance');
    return balances.find((balance) => balance.asset === asset)?.ready ?? '0';
  }
}
