import { posix } from 'node:path';

/** A source file by its path from the root of the repository, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

interface Import {
  readonly line: number;
  /** As it is written. */
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** Parts of the program, and of which parts each may import. The command tree counts as a command. */
const LAYERS = ['bin', 'commands', 'daemon', 'lib', 'contract'] as const;
type Layer = (typeof LAYERS)[number];

const MAY_IMPORT: Readonly<Record<Layer, readonly Layer[]>> = {
  bin: ['bin', 'commands'],
  commands: ['commands', 'daemon', 'lib', 'contract'],
  daemon: ['daemon', 'lib', 'contract'],
  lib: ['lib', 'contract'],
  contract: ['lib', 'contract'],
};

/** What belongs to one side only, by the start of the package's name. */
const PACKAGES: ReadonlyArray<{ readonly name: RegExp; readonly layers: readonly Layer[] }> = [
  { name: /^(fastify|@fastify\/.*)$/, layers: ['daemon'] },
  { name: /^(commander|@commander-js\/.*)$/, layers: ['commands'] },
  {
    name: /^(chalk|cli-table3|ora|node:readline(\/.*)?|node:tty|node:repl)$/,
    layers: ['commands', 'daemon'],
  },
];

/** Besides the store only the lock, which is an exclusive transaction on an empty database. */
const SQL_FILES = /^src\/lib\/(store\/.*|lock\.ts)$/;
const SQL = [
  /\.prepare\s*(<|\(\s*['"`])/,
  /\b(db|database)\.prepare\(/i,
  /\.(exec|pragma|transaction)\s*\(\s*['"`]/,
  /['"`]\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s+\w+|create\s+(table|index|view)\s|pragma\s+\w)/i,
];

const MAX_LINES = 350;
/** Words in two pieces, so that this file may hold them. */
const joined = (...pieces: readonly string[]): string => pieces.join('');
const WORKPLACE = [new RegExp(joined('(^|[^\\w.-])/', 'work/')), new RegExp(joined('sub', 'agent'), 'i')];
const ESCAPES = new RegExp(joined('@ts', '-(ignore|expect-error|nocheck)|(ox|es)', 'lint-disable'));
/** `any` where a type stands: behind a colon, `as`, an angle bracket, a union; and not as a name. */
const ANY = /(?::|\bas|<|\||&|=>|\bextends|,)\s*any\s*(?:[;,)>|&=}\]]|\[|$)/;

/** Every breach of the habits, as `path:line: what`. */
export function breaches(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => [
    ...importBreaches(file),
    ...lineBreaches(file),
    ...(isProgram(file.path) && lineCount(file.text) > MAX_LINES
      ? [`${file.path}: more than ${MAX_LINES} lines`]
      : []),
  ]);
}

function isProgram(path: string): boolean {
  return /^(bin|src|panel)\//.test(path) && path.endsWith('.ts');
}

function layerOf(path: string): Layer | null {
  if (path.startsWith('bin/')) return 'bin';
  if (path.startsWith('src/commands/') || path === 'src/cli.ts') return 'commands';
  if (path.startsWith('src/daemon/')) return 'daemon';
  if (path.startsWith('src/lib/contract/')) return 'contract';
  return path.startsWith('src/lib/') ? 'lib' : null;
}

function importBreaches({ path, text }: SourceFile): readonly string[] {
  if (!isProgram(path)) return [];
  const layer = layerOf(path);
  const fromPanel = path.startsWith('panel/');
  if (layer === null && !fromPanel) return [`${path}: belongs to no part of the program`];
  return importsOf(text).flatMap(({ line, specifier, typeOnly }) => {
    const breach = (what: string): string[] => [`${path}:${line}: ${what} "${specifier}"`];
    if (!specifier.startsWith('.')) {
      if (specifier === 'better-sqlite3' && !SQL_FILES.test(path)) return breach('SQLite outside the store,');
      const owner = PACKAGES.find(({ name }) => name.test(specifier));
      return owner && !fromPanel && !owner.layers.some((one) => one === layer)
        ? breach(`${layer} must not know`)
        : [];
    }
    const target = posix.join(posix.dirname(path), specifier);
    if (fromPanel) {
      const allowed = target.startsWith('panel/') || (typeOnly && layerOf(target) === 'contract');
      return allowed ? [] : breach('the panel shares only types of the contract, not');
    }
    // JSON such as package.json, which is no part of the program.
    if (!target.endsWith('.ts')) return specifier.endsWith('.json') ? [] : breach('no .ts ending in');
    const to = layerOf(target);
    if (layer === null || (to !== null && MAY_IMPORT[layer].includes(to))) return [];
    return breach(`${layer} must not import`);
  });
}

/** Static and dynamic imports, and re-exports. What is computed at run time cannot be seen. */
function importsOf(text: string): readonly Import[] {
  const found: Import[] = [];
  const code = withoutComments(text);
  const forms = [
    /^[ \t]*(?:import|export)\s+(type\s+)?(?:[\w*${},\s]+?\sfrom\s+)?['"]([^'"]+)['"]/gm,
    /\bimport\s*(?<none>)?\(\s*['"]([^'"]+)['"]/g,
    /\bnew URL\(\s*(?<none>)?['"](\.[^'"]+\.ts)['"]/g,
  ];
  for (const form of forms) {
    for (const match of code.matchAll(form)) {
      const line = code.slice(0, match.index).split('\n').length;
      found.push({ line, specifier: match[2] ?? '', typeOnly: match[1] !== undefined });
    }
  }
  return found;
}

function lineBreaches({ path, text }: SourceFile): readonly string[] {
  const found: string[] = [];
  const isCode = path.endsWith('.ts') || path.endsWith('.mjs');
  const inProgram = isProgram(path);
  const code = isCode ? withoutComments(text).split('\n') : [];
  for (const [index, line] of text.split('\n').entries()) {
    const breach = (what: string): number => found.push(`${path}:${index + 1}: ${what}`);
    if (WORKPLACE.some((word) => word.test(line))) breach('names the place it was written at');
    if (isCode && ESCAPES.test(line)) breach('switches a check off');
    const bare = code[index] ?? '';
    if (isCode && ANY.test(withoutTexts(bare))) breach('any');
    if (inProgram && /\bconsole\s*[.[]/.test(withoutTexts(bare))) breach('console');
    if (inProgram && !SQL_FILES.test(path) && SQL.some((one) => one.test(bare))) {
      breach('SQL outside the store');
    }
  }
  return found;
}

/** Blanks out whole-line comments, block comments that begin a line, and what follows ` // `. Lines stay where they are. */
function withoutComments(text: string): string {
  let inBlock = false;
  return text
    .split('\n')
    .map((line) => {
      const trimmed = line.trimStart();
      if (inBlock || trimmed.startsWith('/*')) {
        const end = line.indexOf('*/');
        inBlock = end < 0;
        return end < 0 ? '' : line.slice(end + 2);
      }
      return trimmed.startsWith('//') ? '' : line.replace(/\s\/\/ .*$/, '');
    })
    .join('\n');
}

/** Blanks out the texts within a line. */
function withoutTexts(line: string): string {
  return line.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g, "''");
}

function lineCount(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}
