import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const MIB = 1 << 20;

/** The spool takes no more from here on, where the disk has room for it. */
export const SPOOL_LIMIT_BYTES = 256 * MIB;
/** However little space is free, so much is taken: with less the spool could never leave the state `full`. */
const LEAST_LIMIT_BYTES = MIB;

/** The limit with so many bytes free on the file system: a tenth of them, where that is less. */
export function spoolLimit(limitBytes: number, freeBytes: number): number {
  return Math.min(limitBytes, Math.max(LEAST_LIMIT_BYTES, Math.floor(freeBytes / 10)));
}

/** The folder of the spool: always beside the database. */
export function spoolDir(dbPath: string): string {
  return join(dirname(dbPath), 'spool');
}

/** The segments that are not wholly stored yet, as absolute paths, oldest first. */
export function spoolSegments(dbPath: string): readonly string[] {
  const dir = spoolDir(dbPath);
  if (!existsSync(dir)) return [];
  return readdirSync(dir)
    .filter((name) => name.endsWith('.seg'))
    .toSorted()
    .map((name) => join(dir, name));
}

/** When a process last wrote to the spool, epoch ms; 0 when there is nothing in it. */
export function spoolTouchedMs(dbPath: string): number {
  const dir = spoolDir(dbPath);
  if (!existsSync(dir)) return 0;
  const times = readdirSync(dir).map(
    (name) => statSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Math.round(Math.max(0, ...times));
}
