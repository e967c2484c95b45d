/**
 * The network under test.
 *
 * States of a network here: starting (process spawned), ready (printed `ready`, `GET /ready` says 200), stopped
 * (SIGTERM sent, exit code checked). `npm test` starts one for all files and hands its address on in TRELLIS_URL; a
 * file that is run alone starts its own. Nothing survives a stop: every network is ephemeral.
 *
 * Environment: TRELLIS_BIN (default ../../target/release/trellis), TRELLIS_URL (use a running network, never stop it),
 * TRELLIS_ARGS (more arguments for `trellis dev`, such as "--validators 4").
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing } from './lib/capabilities.mjs';
import { Module, fundFiles } from './lib/module.mjs';
import { until, within } from './lib/poll.mjs';
import { freePort } from './lib/ports.mjs';
import { rpc } from './lib/rpc.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

/** The modules of a default dev network, hub first. */
export const MODULES = ['hub', 'market', 'pay'];
/** The modules every test runs on, at the same time. */
export const TESTED = ['hub', 'market'];

/** Path of the node binary. Throws, naming the remedy, when it is not there. */
export function trellisBinary() {
  const path = resolve(HERE, process.env.TRELLIS_BIN ?? '../../target/release/trellis');
  if (!existsSync(path)) {
    throw new Error(`no trellis binary at ${path}: run \`cargo build --release\`, or set TRELLIS_BIN`);
  }
  return path;
}

/** The environment without TRELLIS_*: they configure the node too, and a test decides its own configuration. */
function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TRELLIS_')));
}

/** TRELLIS_ARGS, unless the test has arguments of its own beyond the usual ones. */
function moreArguments(args) {
  const usual = /^(dev|--ephemeral|--port|\d+)$/;
  return args.every((arg) => usual.test(arg)) ? (process.env.TRELLIS_ARGS ?? '').split(/\s+/).filter(Boolean) : [];
}

/** A `trellis` process. `lines` is its standard output so far. */
export class Process {
  constructor(args, { cwd = HERE, env = {} } = {}) {
    this.lines = [];
    this.errors = '';
    this.child = spawn(trellisBinary(), [...args, ...moreArguments(args)], {
      cwd,
      env: { ...cleanEnvironment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.once('exit', () => this.child.kill('SIGKILL'));
    createInterface({ input: this.child.stdout }).on('line', (line) => this.lines.push(line));
    this.child.stderr.on('data', (data) => {
      this.errors = (this.errors + data).slice(-20_000);
    });
    /** @type {Promise<{ code: number | null, signal: string | null }>} */
    this.exit = new Promise((done) => this.child.once('close', (code, signal) => done({ code, signal })));
    this.exit.then(({ code }) => {
      this.exited = code;
    });
  }

  /** Waits for the line `ready`; if the process ends first, the error holds what it printed. */
  async ready(deadline = 60_000) {
    await until(
      'the line `ready` on standard output',
      () => {
        if (this.exited !== undefined) {
          throw new Error(`trellis ended with code ${this.exited} before it was ready:\n${this.errors}`);
        }
        return this.lines.includes('ready');
      },
      { deadline },
    );
  }

  /** Ends the process with `signal`; throws unless it leaves with code 0. */
  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    try {
      const { code, signal: killer } = await within(`trellis to end after ${signal}`, this.exit, 20_000);
      if (code !== 0) throw new Error(`trellis ended with ${code ?? killer} after ${signal}:\n${this.errors}`);
    } finally {
      this.child.kill('SIGKILL');
    }
  }
}

/** A network and, per module, its clients. */
export class Network {
  /** @param {{ url: string, modules: Record<string, Module>, missing: Function, process?: Process }} parts */
  constructor(parts) {
    Object.assign(this, parts);
  }

  /** Connects to a running network. `file` names whose funder pays. */
  static async attach(url, file, owned) {
    const open = await Promise.all(MODULES.map((name) => Module.open(name, `${url}/${name}`, file)));
    const modules = Object.fromEntries(open.map((m) => [m.name, m]));
    const version = await rpc(modules.hub.url, 'web3_clientVersion');
    return new Network({ url, modules, missing: missing(version), process: owned });
  }

  /** Starts one of its own. @param {{ file: string, args?: string[] }} options */
  static async start({ file, args = [] }) {
    const port = await freePort();
    const owned = new Process(['dev', '--ephemeral', '--port', String(port), ...args]);
    try {
      await owned.ready();
      const network = await Network.attach(`http://127.0.0.1:${port}`, file, owned);
      await fundFiles(Object.values(network.modules), [file]);
      return network;
    } catch (error) {
      owned.child.kill('SIGKILL');
      throw error;
    }
  }

  get all() {
    return Object.values(this.modules);
  }

  get tested() {
    return TESTED.map((name) => this.modules[name]);
  }

  /** Closes every client; stops the process if it is this network's own. */
  async stop() {
    await Promise.all(this.all.map((m) => m.close()));
    await this.process?.stop();
  }
}

/**
 * The network for one test file, stopped after its last test.
 * @param {string} meta  the file's import.meta.url
 * @param {{ own?: boolean, args?: string[] }} [options]  own: a private network even when a shared one runs; args: more
 *   arguments for its `trellis dev`
 */
export async function network(meta, { own = false, args = [] } = {}) {
  const file = basename(fileURLToPath(meta));
  const shared = process.env.TRELLIS_URL;
  const net = shared && !own ? await Network.attach(shared, file) : await Network.start({ file, args });
  after(() => net.stop());
  return net;
}

/**
 * Declares a test that runs on the hub and on market at the same time.
 * @param {Network} net
 * @param {string} name
 * @param {(module: Module, t: import('node:test').TestContext) => Promise<void>} body
 * @param {{ needs?: string, timeout?: number }} [options]  needs: a capability a peer may lack
 */
export function onModules(net, name, body, { needs, timeout = 60_000 } = {}) {
  const skip = needs ? net.missing(needs) : false;
  test(name, { skip, timeout, concurrency: true }, async (t) => {
    await Promise.all(net.tested.map((module) => t.test(`${module.name}: ${name}`, (sub) => body(module, sub))));
  });
}

/** Declares a test of the network as a whole. */
export function onNetwork(net, name, body, { needs, timeout = 60_000 } = {}) {
  test(name, { skip: needs ? net.missing(needs) : false, timeout }, (t) => body(net, t));
}
