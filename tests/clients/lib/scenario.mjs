/**
 * Running one scenario of the documentation: its own directory, its own network, its steps in order, as a reader would
 * type them into one terminal. Variables and `cd` carry over from step to step.
 *
 * The pages say port 8545; the network is on a free port, so `:8545` is replaced on the way in and put back in what the
 * steps print. `trellis`, `./target/release/trellis` and `cargo run ... --` are the binary under test; `examples/` is that of
 * the repository.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Process, trellisBinary } from '../harness.mjs';
import { missing } from './capabilities.mjs';
import { until, within } from './poll.mjs';
import { freePort } from './ports.mjs';
import { missingLine } from './snippets.mjs';

/** Longest run of one step, in milliseconds: some install packages. */
const STEP_MAX = 180_000;

const EXAMPLES = fileURLToPath(new URL('../../../examples', import.meta.url));

/**
 * Why a scenario is not run with this binary, or false: those named `messages` or `payments` need what a peer is known not to do.
 * @param {import('./snippets.mjs').Scenario} scenario
 */
export function skipped({ name }) {
  const peer = basename(trellisBinary()) === 'anvil-network.mjs';
  return peer && /^(messages|payments)\b/.test(name) ? missing('anvil/')('messages') : false;
}

/** Stands for cargo where a page runs the node from its sources. */
const CARGO = `#!/bin/sh
[ "$1" = run ] || { echo "only 'cargo run' is run here: skip this block, another job runs it" >&2; exit 1; }
while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done
shift
exec trellis "$@"
`;

/** Keeps what a shell would keep between two commands: variables and the directory. */
const shell = (text) => `set -a
[ -f "$SCENARIO/env" ] && . "$SCENARIO/env"
[ -f "$SCENARIO/cwd" ] && cd "$(cat "$SCENARIO/cwd")"
set -euo pipefail
${text}
export -p > "$SCENARIO/env"
pwd > "$SCENARIO/cwd"
`;

class Run {
  /** @param {import('./snippets.mjs').Scenario} scenario */
  constructor(scenario) {
    this.scenario = scenario;
  }

  async open() {
    this.root = await realpath(await mkdtemp(join(tmpdir(), 'trellis-docs-')));
    [this.home, this.bin] = [join(this.root, 'work'), join(this.root, 'bin')];
    const target = join(this.home, 'target', 'release');
    await Promise.all([mkdir(this.bin), mkdir(target, { recursive: true })]);
    for (const at of [this.bin, target]) await symlink(trellisBinary(), join(at, 'trellis'));
    await symlink(EXAMPLES, join(this.home, 'examples'));
    await writeFile(join(this.bin, 'cargo'), CARGO);
    await chmod(join(this.bin, 'cargo'), 0o755);
    this.port = await freePort();
    if (!this.scenario.steps.some((s) => s.kind === 'background')) {
      this.network = new Process(['dev', '--ephemeral', '--port', String(this.port)], { cwd: this.home });
      await this.network.ready();
    }
  }

  /** The reader's environment: nothing of the test run but its package cache, and no colours. */
  get env() {
    const clean = Object.entries(process.env).filter(
      ([name]) => !/^(TRELLIS_|npm_|NODE_|INIT_CWD|TARGET_TOOL)/.test(name),
    );
    return {
      ...Object.fromEntries(clean),
      PATH: [
        this.bin,
        process.env.PATH.split(delimiter)
          .filter((p) => !p.includes('node_modules'))
          .join(delimiter),
      ].join(delimiter),
      SCENARIO: this.root,
      TRELLIS_PORT: String(this.port),
      TRELLIS_URL: `http://127.0.0.1:${this.port}`,
      NO_COLOR: '1',
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
    };
  }

  /** Runs one program to its end. @returns {Promise<string>} what it printed, with the page's port */
  async execute(command, args, input) {
    const child = spawn(command, args, {
      cwd: this.directory,
      env: this.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        printed += data;
      });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const ended = new Promise((done, fail) => {
      child.once('close', (code, signal) => done(code ?? signal));
      child.once('error', fail);
    });
    try {
      const code = await within(`the end of the step; it printed:\n${printed}`, ended, STEP_MAX);
      if (code !== 0) throw new Error(`exit code ${code}, after printing:\n${printed}`);
    } finally {
      kill(child, 'SIGKILL');
    }
    return printed.replaceAll(`:${this.port}`, ':8545');
  }

  /** Starts the network with the page's own command and waits for `ready`. */
  async background(text) {
    const child = spawn('bash', ['-c', `exec ${text.trim()}`], {
      cwd: this.home,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.started = { child, printed: '' };
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        this.started.printed += data;
      });
    this.started.exit = new Promise((done) => child.once('close', (code, signal) => done(code ?? signal)));
    this.started.exit.then((code) => {
      this.started.code = code;
    });
    await until(
      `\`ready\` from: ${text}`,
      () => {
        const { code, printed } = this.started;
        if (code !== undefined) throw new Error(`ended with ${code}, after printing:\n${printed}`);
        return printed.split('\n').includes('ready');
      },
      { deadline: 60_000 },
    );
    return this.started.printed.replaceAll(`:${this.port}`, ':8545');
  }

  async step({ kind, language, text, path }) {
    const here = text.replaceAll(':8545', `:${this.port}`);
    if (kind === 'file') {
      await mkdir(dirname(join(this.directory, path)), { recursive: true });
      await writeFile(join(this.directory, path), here);
    } else if (kind === 'background') {
      this.printed = await this.background(here);
    } else if (kind === 'output') {
      const lacking = missingLine(text, this.printed);
      if (lacking !== undefined)
        throw new Error(`the page promises the line\n  ${lacking}\nbut the step printed\n${this.printed}`);
    } else if (['js', 'javascript', 'mjs'].includes(language)) {
      this.printed = await this.execute(process.execPath, ['--input-type=module'], here);
    } else {
      this.printed = await this.execute('bash', ['-s'], shell(here));
      this.cwd = (await readFile(join(this.root, 'cwd'), 'utf8')).trim();
    }
  }

  /** Where the reader's terminal is after the last sh step. */
  get directory() {
    return this.cwd ?? this.home;
  }

  /** Ends the network, which must leave with code 0, and removes the directory. */
  async close() {
    try {
      await this.network?.stop();
      if (this.started) {
        kill(this.started.child, 'SIGTERM');
        const code = await within('the end of the network', this.started.exit);
        if (code !== 0) throw new Error(`the network ended with ${code}`);
      }
    } finally {
      if (this.started) kill(this.started.child, 'SIGKILL');
      await rm(this.root, { recursive: true, force: true });
    }
  }
}

/** Ends a process and what it started. */
function kill(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It ended already.
  }
}

/**
 * Runs a scenario from start to end; throws at the first step that fails, naming page and line.
 * @param {import('./snippets.mjs').Scenario} scenario
 * @param {(line: string) => void} [report]  told each step that passed
 */
export async function runScenario(scenario, report = () => {}) {
  const run = new Run(scenario);
  await run.open();
  try {
    for (const step of scenario.steps) {
      const start = performance.now();
      const place = `${scenario.page}:${step.line} (${step.kind}${step.path ? ` ${step.path}` : ''})`;
      try {
        await run.step(step);
      } catch (error) {
        throw new Error(`${place}: ${error.message}`);
      }
      report(`${place} ${((performance.now() - start) / 1000).toFixed(1)} s`);
    }
  } finally {
    await run.close();
  }
}
