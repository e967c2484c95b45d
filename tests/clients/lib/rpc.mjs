/** JSON-RPC without a client library: what goes over the wire is exactly what the test wrote. */
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { within } from './poll.mjs';

/** An error object the node answered with. `code`, `message` and `data` are the node's. */
export class RpcError extends Error {
  constructor({ code, message, data }, method) {
    super(message);
    Object.assign(this, { name: 'RpcError', code, data, method });
  }
}

/**
 * POSTs `body` (a string goes out untouched) and reads the whole answer.
 * @returns {Promise<{ status: number, text: string, json: any, headers: Headers }>} `json` is undefined if it is not JSON
 */
export async function post(url, body, headers = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
  const text = await response.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, text, json, headers: response.headers };
}

/** One call; the result, or RpcError. */
export async function rpc(url, method, ...params) {
  const { json, status, text } = await post(url, { jsonrpc: '2.0', id: 1, method, params });
  assert(json, `${method}: the answer is not JSON (HTTP ${status}): ${text.slice(0, 200)}`);
  if (json.error) throw new RpcError(json.error, method);
  return json.result;
}

/** The error `method` is refused with; fails if it succeeds. @returns {Promise<RpcError>} */
export async function refusal(url, method, ...params) {
  let result;
  try {
    result = await rpc(url, method, ...params);
  } catch (error) {
    if (error instanceof RpcError) return error;
    throw error;
  }
  assert.fail(`${method} must be refused, but answered ${JSON.stringify(result)?.slice(0, 200)}`);
}

/** A WebSocket JSON-RPC connection that keeps every subscription item in order. */
export class Socket {
  /** @param {WebSocket} ws */
  constructor(ws) {
    this.ws = ws;
    this.next = 1;
    /** @type {Map<number, (message: any) => void>} */
    this.waiting = new Map();
    /** @type {Map<string, Feed>} */
    this.feeds = new Map();
    /** Items that came before the answer naming their subscription. */
    this.early = new Map();
    ws.on('message', (data) => this.#receive(JSON.parse(String(data))));
  }

  /** @returns {Promise<Socket>} */
  static open(url) {
    const ws = new WebSocket(url);
    const opened = new Promise((resolve, reject) => {
      ws.once('open', () => resolve(new Socket(ws)));
      ws.once('error', reject);
      ws.once('unexpected-response', (_, response) => reject(new Error(`HTTP ${response.statusCode} from ${url}`)));
    });
    return within(`a WebSocket connection to ${url}`, opened);
  }

  #receive(message) {
    if (message.method === 'eth_subscription') {
      const { subscription, result } = message.params;
      const feed = this.feeds.get(subscription);
      if (feed) feed.push(result);
      else this.early.set(subscription, [...(this.early.get(subscription) ?? []), result]);
      return;
    }
    const key = Array.isArray(message) ? 'batch' : (message.id ?? 'no id');
    this.waiting.get(key)?.(message);
    this.waiting.delete(key);
  }

  /** Sends text untouched; resolves with the message whose id is `key` ("batch" for an array, "no id" for id null). */
  sendText(text, key) {
    const answer = new Promise((resolve) => this.waiting.set(key, resolve));
    this.ws.send(text);
    return within(`an answer to ${text.slice(0, 80)}`, answer);
  }

  /** One call over this connection; the result, or RpcError. */
  async request(method, ...params) {
    const id = this.next++;
    const message = await this.sendText(JSON.stringify({ jsonrpc: '2.0', id, method, params }), id);
    if (message.error) throw new RpcError(message.error, method);
    return message.result;
  }

  /** @returns {Promise<Feed>} */
  async subscribe(...params) {
    const id = await this.request('eth_subscribe', ...params);
    const feed = new Feed(this, id, params[0]);
    for (const item of this.early.get(id) ?? []) feed.push(item);
    this.early.delete(id);
    this.feeds.set(id, feed);
    return feed;
  }

  close() {
    this.ws.removeAllListeners('message');
    this.ws.terminate();
  }
}

/** The items of one subscription, in arrival order. */
export class Feed {
  constructor(socket, id, kind) {
    Object.assign(this, { socket, id, kind, items: [], read: 0, wakers: [] });
  }

  push(item) {
    this.items.push(item);
    for (const wake of this.wakers.splice(0)) wake();
  }

  /** The next unread item for which `wanted` holds; the ones before it count as read. */
  async take(what, wanted = () => true, deadline = 20_000) {
    const search = async () => {
      for (;;) {
        while (this.read < this.items.length) {
          const item = this.items[this.read++];
          if (wanted(item)) return item;
        }
        await new Promise((wake) => this.wakers.push(wake));
      }
    };
    return within(`${this.kind} item: ${what} (saw ${this.items.length})`, search(), deadline);
  }

  /** @returns {Promise<boolean>} */
  unsubscribe() {
    return this.socket.request('eth_unsubscribe', this.id);
  }
}
