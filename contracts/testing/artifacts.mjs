/** The contracts and those of the tests, compiled once per state of the sources and kept under target/. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../build.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const CACHE = join(ROOT, '../target/contracts');
const FOLDERS = ['.', 'testing/sol'];

function key() {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'build.mjs')));
  for (const folder of FOLDERS) {
    for (const file of readdirSync(join(ROOT, folder)).sort()) {
      if (file.endsWith('.sol')) hash.update(file).update(readFileSync(join(ROOT, folder, file)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function load() {
  const path = join(CACHE, `${key()}.json`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    const artifacts = compile(FOLDERS);
    mkdirSync(CACHE, { recursive: true });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(artifacts));
    renameSync(draft, path);
    return artifacts;
  }
}

export const artifacts = load();
