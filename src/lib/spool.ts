import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

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
