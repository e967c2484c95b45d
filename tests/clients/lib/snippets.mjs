/**
 * Reading the runnable blocks of a Markdown page. The convention, in full:
 *
 *     <!-- test: NAME -->               run the block (sh or js) as the next step of scenario NAME
 *     <!-- test: NAME file=PATH -->     write the block to PATH in the scenario's directory
 *     <!-- test: NAME background -->    start the network with this sh block; it prints `ready` and keeps running
 *     <!-- test: NAME output -->        what the step before printed: these lines in this order; `...` is any text
 *     <!-- test: skip because REASON -->
 *
 * The comment stands on the line before the fence. Every block of a language in RUNNABLE needs one, so that no command
 * in the documentation goes untested by accident.
 */

export const RUNNABLE = new Set(['sh', 'bash', 'shell', 'js', 'javascript', 'mjs', 'ts', 'sol', 'solidity']);
const SHELL = new Set(['sh', 'bash', 'shell']);
const SCRIPT = new Set(['js', 'javascript', 'mjs']);

/**
 * @typedef {{ kind: 'run' | 'file' | 'background' | 'output', language: string, text: string, line: number, path?: string }} Step
 * @typedef {{ name: string, page: string, steps: Step[] }} Scenario
 */

/** A page that breaks the convention; says where and what to do. */
export class ConventionError extends Error {
  constructor(page, line, message) {
    super(`${page}:${line}: ${message}`);
    this.name = 'ConventionError';
  }
}

/** Fenced blocks with the text of the comment right before them. */
function* blocks(markdown) {
  const lines = markdown.split('\n');
  let comment;
  for (let i = 0; i < lines.length; i++) {
    const said = lines[i].match(/^\s*<!--\s*test:\s*(.*?)\s*-->\s*$/);
    if (said) {
      comment = { text: said[1], line: i + 1 };
      continue;
    }
    const fence = lines[i].match(/^(\s*)(`{3,}|~{3,})\s*([\w+-]*).*$/);
    if (!fence) {
      if (lines[i].trim() !== '' && comment) yield { orphan: comment };
      if (lines[i].trim() !== '') comment = undefined;
      continue;
    }
    const [, indent, mark, language] = fence;
    const start = i + 1;
    while (++i < lines.length && !lines[i].trim().startsWith(mark)) {
      /* to the end of the block */
    }
    const body = lines.slice(start, i).map((l) => (l.startsWith(indent) ? l.slice(indent.length) : l));
    yield { language, comment: comment?.text, line: start, text: `${body.join('\n')}\n` };
    comment = undefined;
  }
  if (comment) yield { orphan: comment };
}

/** What a comment asks for. @returns {{ name: string, kind: Step['kind'], path?: string } | 'skip'} */
function directive(page, { comment, language, line }) {
  const fail = (message) => {
    throw new ConventionError(page, line, message);
  };
  if (/^skip\b/.test(comment))
    return /^skip because \S+/.test(comment) ? 'skip' : fail('`skip` needs `because REASON`');
  const [name, option, ...rest] = comment.split(/\s+/);
  if (!/^[a-z][a-z0-9-]*$/.test(name ?? '')) fail(`\`${name ?? ''}\` is not a scenario name (a-z, 0-9, -)`);
  if (rest.length) fail(`\`${rest.join(' ')}\` is not understood`);
  if (option === undefined) {
    if (!SHELL.has(language) && !SCRIPT.has(language)) fail(`a \`${language}\` block cannot be run: give it file=PATH`);
    return { name, kind: 'run' };
  }
  if (option === 'output') return { name, kind: 'output' };
  if (option === 'background')
    return SHELL.has(language) ? { name, kind: 'background' } : fail('background needs an sh block');
  const path = option.match(/^file=([\w.-]+(?:\/[\w.-]+)*)$/)?.[1];
  if (!path || path.split('/').includes('..')) fail(`\`${option}\` is not file=PATH, background or output`);
  return { name, kind: 'file', path };
}

/** The scenarios of one page, in order. @param {string} page its name in messages @returns {Scenario[]} */
export function scenarios(page, markdown) {
  /** @type {Map<string, Scenario>} */
  const found = new Map();
  for (const block of blocks(markdown)) {
    if (block.orphan) throw new ConventionError(page, block.orphan.line, 'no fenced block follows this test comment');
    if (block.comment === undefined) {
      if (!RUNNABLE.has(block.language)) continue;
      throw new ConventionError(
        page,
        block.line,
        `this \`${block.language}\` block says nothing about its test: put ` +
          '`<!-- test: NAME -->` or `<!-- test: skip because REASON -->` on the line before it',
      );
    }
    const asked = directive(page, block);
    if (asked === 'skip') continue;
    const { name, ...step } = asked;
    if (!found.has(name)) found.set(name, { name, page, steps: [] });
    const { steps } = found.get(name);
    if (step.kind === 'output' && !['run', 'background'].includes(steps.at(-1)?.kind)) {
      throw new ConventionError(page, block.line, 'there is no step before this output');
    }
    if (step.kind === 'background' && steps.some((s) => s.kind === 'run' || s.kind === 'background')) {
      throw new ConventionError(page, block.line, 'the network must be started before anything runs, once');
    }
    steps.push({ ...step, language: block.language, text: block.text, line: block.line });
  }
  return [...found.values()];
}

/** The first line of `expected` that `printed` lacks after the ones before it; undefined if all are there. */
export function missingLine(expected, printed) {
  const lines = printed.split('\n').map((l) => l.trim());
  let at = 0;
  for (const want of expected
    .split('\n')
    .map((l) => l.trim())
    .filter((l) => l !== '' && l !== '...')) {
    const literal = (part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/\s+/g, '\\s+');
    const pattern = new RegExp(`^${want.split('...').map(literal).join('.*')}$`);
    const index = lines.findIndex((line, i) => i >= at && pattern.test(line));
    if (index < 0) return want;
    at = index + 1;
  }
  return undefined;
}
