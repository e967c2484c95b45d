/** The pages whose commands are tested: README.md and everything under docs/. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scenarios } from './snippets.mjs';

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Paths relative to the repository, README.md first. */
export function pages() {
  const docs = join(REPOSITORY, 'docs');
  const found = readdirSync(docs, { recursive: true })
    .filter((f) => f.endsWith('.md'))
    .sort();
  return ['README.md', ...found.map((f) => relative(REPOSITORY, join(docs, f)))];
}

/** The scenarios of one page. */
export const scenariosOf = (page) => scenarios(page, readFileSync(join(REPOSITORY, page), 'utf8'));
