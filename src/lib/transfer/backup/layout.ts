import { basename, posix } from 'node:path';
import { AppError } from '../../errors.ts';
import type { ArchiveEntry } from './archive.ts';
import { DATABASE, KEY, MANIFEST, SPOOL, SPOOL_FILE } from './names.ts';

/** What of a source is restored, and what is not. */
export interface Layout {
  /** Path in the source, to the name that it gets: `usage.sqlite`, its `-wal` or `-journal`, `data.key`, `spool/...`. */
  readonly wanted: ReadonlyMap<string, string>;
  /** Path of manifest.json in the source; `null`: it is a copy of a data directory. */
  readonly manifest: string | null;
  /** Bytes of what is wanted. */
  readonly bytes: number;
  /** What belongs to cpamp and is not restored, for people. */
  readonly leftOut: readonly string[];
  /** What nobody knows. */
  readonly unknown: readonly string[];
  /** A daemon was running when the copy was taken, or was killed before. */
  readonly fromRunning: boolean;
}

/** Signs of a running daemon, and files of no use without one. */
const TRACES =
  /(?:^cpamp\.sock|\.cpamp\.sock|\.(?:serve|bulk)\.lock(?:\.holder|-journal)?|-shm|\.tmp|\.partial)$/;
const OURS_NOT_RESTORED =
  /^(?:config\.json|pre-cpamp\/.*|usage-imports\/.*|before-restore-[^/]*\/.*|data\.key\..*\.old|spool\..*\.old\/.*)$/;

/**
 * Finds the data directory in the names of a source: the folder nearest to the top with a database in it, so that copies
 * of older ones deeper down do not count. Only names are looked at, and none of them is ever written to. Throws
 * `backup_unusable` where there is none or more than one, or where a link stands for a file that is wanted.
 */
export function findLayout(source: string, entries: readonly ArchiveEntry[], dbPath: string): Layout {
  const named = entries.flatMap((entry) => {
    const path = cleanPath(entry.path);
    return path === null ? [] : [{ ...entry, path, raw: entry.path }];
  });
  const root = findRoot(source, named, [basename(dbPath), DATABASE]);
  const database = named.some(({ path }) => path === join(root, basename(dbPath)))
    ? basename(dbPath)
    : DATABASE;
  const wanted = new Map<string, string>();
  const leftOut = new Set<string>();
  const unknown = new Set<string>();
  const taken = new Set<string>();
  let manifest: string | null = null;
  let bytes = 0;
  let fromRunning = false;
  for (const { path, raw, kind, bytes: size } of named) {
    const name = root === '' ? path : path.startsWith(`${root}/`) ? path.slice(root.length + 1) : null;
    if (name === null) {
      if (kind !== 'directory' || !`${root}/`.startsWith(`${path}/`)) unknown.add(path);
      continue;
    }
    const target = targetOf(name, database);
    // Its records would be left behind.
    if (name === SPOOL && kind === 'other') throw unusable(`${source}: ${path} is a link there`);
    if (target === null && name !== MANIFEST) {
      if (kind === 'directory' && (name === SPOOL || name.includes('/'))) continue;
      if (name.endsWith('.serve.lock.holder')) fromRunning = true;
      if (TRACES.test(name)) continue;
      // It is there wherever a daemon ran, mostly with nothing in it.
      if (kind === 'directory' && name === 'usage-imports') continue;
      const whole = kind === 'directory' ? `${name}/` : name;
      (OURS_NOT_RESTORED.test(whole) ? leftOut : unknown).add(topOf(whole));
      continue;
    }
    if (kind === 'directory') continue;
    if (kind !== 'file') throw unusable(`${source}: ${path} is no plain file there`);
    if (taken.has(name)) throw unusable(`${source} holds ${path} twice`);
    taken.add(name);
    if (target === null) manifest = raw;
    else {
      wanted.set(raw, target);
      bytes += size;
    }
  }
  for (const { path } of entries) if (path.split('/').includes('..')) unknown.add(path);
  return { wanted, manifest, bytes, leftOut: [...leftOut], unknown: [...unknown], fromRunning };
}

/** The name that a file of ours gets; `null` for any other. */
function targetOf(name: string, database: string): string | null {
  if (name === KEY) return KEY;
  for (const suffix of ['', '-wal', '-journal']) {
    if (name === `${database}${suffix}`) return `${DATABASE}${suffix}`;
  }
  const [folder, file = '', ...deeper] = name.split('/');
  return folder === SPOOL && deeper.length === 0 && SPOOL_FILE.test(file) ? name : null;
}

function findRoot(
  source: string,
  entries: ReadonlyArray<{ readonly path: string; readonly kind: string }>,
  names: readonly string[],
): string {
  const roots = new Set<string>();
  for (const { path, kind } of entries) {
    if (kind !== 'directory' && names.includes(posix.basename(path))) {
      const folder = posix.dirname(path);
      roots.add(folder === '.' ? '' : folder);
    }
  }
  const depth = (path: string): number => (path === '' ? 0 : path.split('/').length);
  const least = Math.min(...[...roots].map(depth));
  const [root, second] = [...roots].filter((path) => depth(path) === least);
  if (root === undefined) {
    throw unusable(`${source} holds no ${[...new Set(names)].join(' and no ')}`);
  }
  if (second !== undefined) throw unusable(`${source} holds a database in ${root} and in ${second}`);
  return root;
}

/** Without what does not count; `null`: it points out of the source, or is no path. */
function cleanPath(path: string): string | null {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length === 0 || parts.includes('..') || path.includes('\0') ? null : parts.join('/');
}

function join(root: string, name: string): string {
  return root === '' ? name : `${root}/${name}`;
}

/** The folder that it lies in stands for all in it; but of the spool most is restored. */
function topOf(name: string): string {
  if (name.startsWith(`${SPOOL}/`)) return name;
  const slash = name.indexOf('/');
  return slash < 0 ? name : name.slice(0, slash + 1);
}

function unusable(detail: string): AppError {
  return new AppError('backup_unusable', { detail });
}
