// Asks the light client whether messages were sent. Bytes are hex strings with 0x, numbers are numbers or bigints.

const bytes = (hex) => Uint8Array.from(hex.slice(2).match(/../g) ?? [], (byte) => parseInt(byte, 16));
const hex = (bytes) => "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

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

// Libraries ask the host for randomness when they sign. Nothing here signs, so nothing is given.
const refuse = (module, name) => () => {
  throw new Error(`the light client asked for ${module}.${name}`);
};

export class Light {
  static async load(wasm) {
    const module = await WebAssembly.compile(wasm);
    const imports = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      (imports[from] ??= {})[name] = refuse(from, name);
    }
    return new Light(await WebAssembly.instantiate(module, imports));
  }

  constructor(instance) {
    this.wasm = instance.exports;
  }

  // The block that proves it, or why nothing does.
  verifyMessages({ networkId, networkKey, source, lane, first, ids, evidence }) {
    const question = concat([
      number(networkId, 8),
      bytes(networkKey),
      number(source, 4),
      number(lane, 4),
      number(first, 8),
      number(ids.length, 4),
      ...ids.map(bytes),
      bytes(evidence),
    ]);
    const { wasm } = this;
    const at = wasm.input(question.length);
    new Uint8Array(wasm.memory.buffer).set(question, at);
    const sent = wasm.verify_messages() === 1;
    const output = new Uint8Array(wasm.memory.buffer, wasm.output(), wasm.output_length()).slice();
    return sent ? { block: hex(output) } : { error: new TextDecoder().decode(output) };
  }
}
