import { readdir, readlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { StartConfig } from '../../config/start-config.ts';
import { AppError } from '../../errors.ts';
import { kindAt, sameBytes } from './copy.ts';
import type { Step } from './exchange.ts';
import { DATABASE, KEY, SPOOL } from './names.ts';

/**
 * Which data key counts after a restore: that of the source, the one that lay there and fits, the one of the
 * environment, none because nothing wants one, or none although something does: the daemon starts locked then.
 */
export type RestoredKey = 'restored' | 'kept' | 'environment' | 'none' | 'missing';

/** What lies at the place and has to go, and how all of it goes and comes. */
export async function planExchange(
  stage: string,
  aside: string,
  key: RestoredKey,
  { dataKeyPath, dbPath }: StartConfig,
): Promise<{ readonly old: readonly string[]; readonly steps: readonly Step[] }> {
  const old: string[] = [];
  const out: Step[] = [];
  const goes = async (from: string, to: string): Promise<void> => {
    const kind = await kindAt(from);
    if (kind === null || (kind === 'directory' && (await readdir(from)).length === 0)) return;
    if (kind === 'other') await refuseLink(from);
    old.push(from);
    out.push({ from, to: join(aside, to) });
  };
  const spool = join(dirname(dbPath), SPOOL);
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    await goes(`${dbPath}${suffix}`, `${basename(dbPath)}${suffix}`);
  }
  await goes(spool, SPOOL);
  const into: Step[] = [];
  const staged = join(stage, KEY);
  // The same key stays where it is.
  if (key === 'missing' || (key === 'restored' && !(await sameBytes(dataKeyPath, staged)))) {
    await goes(dataKeyPath, KEY);
    if (key === 'restored') into.push({ from: staged, to: dataKeyPath });
  }
  // An empty folder goes without being asked for.
  if ((await kindAt(spool)) !== null && !old.includes(spool)) {
    out.push({ from: spool, to: join(stage, 'empty') });
  }
  into.push({ from: join(stage, SPOOL), to: spool }, { from: join(stage, DATABASE), to: dbPath });
  return { old, steps: [...out, ...into] };
}

/** Only the link could be moved aside, and might lead nowhere from there. */
async function refuseLink(path: string): Promise<void> {
  const target = await readlink(path).catch(() => null);
  if (target === null) return;
  throw new AppError('restore_occupied', {
    detail: `${path} is a link to ${target}`,
    hint: 'Remove the link, which leaves alone what it leads to, and restore again.',
  });
}

/** Where what is there goes: a name that nothing has, not even after two restores within a second. */
export async function asideName(dbPath: string, nowMs: number): Promise<string> {
  const time = new Date(nowMs)
    .toISOString()
    .replaceAll(':', '')
    .replace(/\.\d+Z$/, 'Z');
  const path = join(dirname(dbPath), `before-restore-${time}`);
  let free = path;
  for (let next = 2; (await kindAt(free)) !== null; next += 1) free = `${path}-${next}`;
  return free;
}
