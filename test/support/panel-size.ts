import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of the built panel; sizes in bytes. */
export interface PanelFile {
  readonly name: string;
  readonly bytes: number;
  readonly gzip: number;
  readonly brotli: number;
}

interface Manifest {
  readonly page: string;
  readonly named: Readonly<Record<string, string>>;
  readonly files: readonly PanelFile[];
}

/** `npm run build` makes it. */
const BUILT = new URL('../../dist/panel/', import.meta.url).pathname;

const manifest = (): Manifest => JSON.parse(readFileSync(join(BUILT, 'manifest.json'), 'utf8'));

/** Every file of the panel but its page. */
export const panelFiles = (): readonly PanelFile[] => manifest().files;

/** What a browser gets for a first look at the login in that language, besides the page itself. */
export function firstLoad(language: 'en' | 'zh-CN'): readonly PanelFile[] {
  const { files, named } = manifest();
  const wanted = new Set(Object.values(named));
  const begins = [/^login-page-/, new RegExp(`^texts-${language}-`), new RegExp(`^${language}-login-`)];
  for (const { name } of files) if (begins.some((begin) => begin.test(name))) wanted.add(name);
  // A set grows while it is walked.
  for (const name of wanted) for (const imported of importsOf(name)) wanted.add(imported);
  return files.filter(({ name }) => wanted.has(name));
}

/** Files that a script cannot begin without; those it asks for later are called by `import(...)`. */
function importsOf(name: string): readonly string[] {
  if (!name.endsWith('.js')) return [];
  const text = readFileSync(join(BUILT, 'assets', name), 'utf8');
  return [...text.matchAll(/\b(?:from|import)\s*"\.\/([^"]+)"/g)].map(([, file = '']) => file);
}

/** Bytes of the page as it was built, not compressed. */
export const pageSize = (): number => readFileSync(join(BUILT, manifest().page)).length;

export const sumOf = (files: readonly PanelFile[], size: 'bytes' | 'gzip' | 'brotli'): number =>
  files.reduce((sum, file) => sum + file[size], 0);
