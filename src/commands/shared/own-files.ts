import { fstatSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import type { StartConfig } from '../../lib/config/start-config.ts';
import { AppError } from '../../lib/errors.ts';
import { spoolDir } from '../../lib/spool.ts';

/** What stands behind the name of a database in the names of the files that belong to it, there or still to come. */
const BESIDE = ['', '-wal', '-shm', '-journal', '.serve.lock', '.bulk.lock'];

/** Where things are kept; only what of it matters here. */
type Kept = Pick<StartConfig, 'dbPath' | 'dataKeyPath' | 'configFile'>;

/**
 * Refuses to write to what cpamp keeps: the database and what belongs to it, data.key, config.json, and the spool with all
 * in it, by whatever name. `output` is a path, or a number for a stream that is open. Throws `wrong_usage`.
 */
export function refuseOwnFiles(output: string | number, kept: Kept): void {
  const found = typeof output === 'number' ? fstatSync(output) : lookAt(output);
  const real = typeof output === 'number' ? null : realPath(output);
  const database = realPath(kept.dbPath);
  const own = [
    ...BESIDE.map((end) => `${database}${end}`),
    realPath(kept.dataKeyPath),
    ...(kept.configFile === null ? [] : [realPath(kept.configFile)]),
  ];
  const isOwn = own.some((path) => path === real || isSame(found, lookAt(path)));
  if (!isOwn && !(real !== null && isWithin(realPath(spoolDir(database)), real))) return;
  const name = typeof output === 'number' ? 'standard output' : output;
  throw new AppError('wrong_usage', {
    detail: `${name} is where cpamp keeps its own data, which would be overwritten`,
    hint: 'Name another file.',
  });
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // What cannot be looked at cannot be written to either.
    return undefined;
  }
}

function isSame(one: Stats | undefined, other: Stats | undefined): boolean {
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

/** Without links, as far as it is there. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(realPath(folder), basename(path));
  }
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith('../');
}
