// Private payments in WebAssembly. Bytes are hex strings without 0x, numbers are numbers or bigints.

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const number = (value, size) => {
  const out = new Uint8Array(size);
  for (let rest = BigInt(value), at = size - 1; at >= 0; at -= 1, rest >>= 8n) out[at] = Number(rest & 0xffn);
  return out;
};

const concat = (parts) => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (out.set(part, at), at + part.length), 0);
  return out;
};

const text = (value) => {
  const encoded = new TextEncoder().encode(value);
  return concat([number(encoded.length, 2), encoded]);
};

const place = ({ chainId, module, genesis }) => concat([number(chainId, 32), number(module, 4), bytes(genesis)]);

const leaving = ({ asset, value, account, gas = 0, call = "" }) => [
  number(asset, 4),
  number(value, 16),
  bytes(account),
  number(gas, 8),
  number(call.length / 2, 2),
  bytes(call),
];

// Libraries could ask the host for randomness. Nothing here does: the randomness comes with the question.
const refuse = (module, name) => () => {
  throw new Error(`the payments asked for ${module}.${name}`);
};

export class Payments {
  static async load(wasm) {
    const module = await WebAssembly.compile(wasm);
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      (imports[from] ??= {})[name] = refuse(from, name);
    }
    return new Payments(await WebAssembly.instantiate(module, imports));
  }

  constructor(instance) {
    this.wasm = instance.exports;
  }

  // The answer's bytes, or an error that says why there is none.
  ask(what, question) {
    const { wasm } = this;
    const at = wasm.input(question.length);
    new Uint8Array(wasm.memory.buffer).set(question, at);
    const answered = wasm[what]() === 1;
    const output = new Uint8Array(wasm.memory.buffer, wasm.output(), wasm.output_length()).slice();
    if (!answered) throw new Error(new TextDecoder().decode(output));
    return output;
  }

  address({ phrase, network, account = 0, number: index = 0 }) {
    const question = concat([number(network, 8), number(account, 4), number(index, 8), text(phrase)]);
    return new TextDecoder().decode(this.ask("payment_address", question));
  }

  // The proving key as bytes: keep them, and give them to useKey when the module is loaded again.
  key() {
    return this.ask("payment_key", new Uint8Array());
  }

  // Throws if the bytes are not this version's key.
  useKey(key) {
    this.ask("payment_use_key", key);
  }

  // The transfer as it travels. Inputs are outputs of the chain with their paths: { output, position, siblings }; outputs are
  // { asset, value, address }. What leaves the pool: { asset, value, account, gas, call }.
  pay({ phrase, network, account = 0, chain, expiry, fee, anchor, inputs, outputs, memo = "", unshield }) {
    const question = concat([
      crypto.getRandomValues(new Uint8Array(32)),
      number(network, 8),
      number(account, 4),
      text(phrase),
      place(chain),
      number(expiry, 8),
      number(fee, 16),
      bytes(anchor),
      number(inputs.length, 1),
      ...inputs.flatMap(({ output, position, siblings }) => [bytes(output), number(position, 4), ...siblings.map(bytes)]),
      number(outputs.length, 1),
      ...outputs.flatMap(({ asset, value, address }) => [number(asset, 4), number(value, 16), text(address)]),
      text(memo),
      ...(unshield ? leaving(unshield) : []),
    ]);
    return hex(this.ask("payment_pay", question));
  }

  // Throws if the proof is wrong.
  verify({ chain, transfer }) {
    this.ask("payment_verify", concat([place(chain), bytes(transfer)]));
  }
}
