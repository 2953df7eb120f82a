import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import Database from 'better-sqlite3';
import { systemClock } from '../../src/lib/clock.ts';
import { moveAside, type AsideOptions } from '../../src/lib/migrate/aside.ts';
import type { VolumeRecord } from '../../src/lib/migrate/manifest.ts';
import { recognise } from '../../src/lib/migrate/recognise.ts';

const CHILD = path.join(import.meta.dirname, 'move-child.ts');

export type Move = 'aside' | 'rollback' | 'delete' | 'finish';
export type How = 'link' | 'rename';

/** Runs a move in a process of its own that is killed after so many steps (0: never). Answers the steps it took. */
export async function moveElsewhere(
  what: Move,
  dbPath: string,
  killAfter: number,
  how: How = 'link',
): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, what, dbPath, String(killAfter), how], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const steps = (await text(child.stdout)).split('\n').filter((line) => line !== '');
  const [code, signal] = await exit;
  const expected =
    killAfter === 0 ? code === 0 : signal === 'SIGKILL' || (code === 0 && steps.length < killAfter);
  if (!expected) throw new Error(`${what} ended with ${code} ${signal} after ${steps.join(', ')}`);
  return steps;
}

/** Moves a recorded volume aside in this process. */
export async function aside(dbPath: string, options: Partial<AsideOptions> = {}): Promise<VolumeRecord> {
  const found = await recognise(dbPath);
  if (found.kind !== 'old') throw new Error(`there is nothing old: ${found.kind}`);
  const { kind: _, ...from } = found;
  return await moveAside(dbPath, from, { clock: systemClock, ...options });
}

/** How many events an old database has, read as the takeover reads it. */
export function oldEvents(dbPath: string): number {
  const db = new Database(dbPath, { readonly: true, fileMustExist: true });
  try {
    return Number(db.prepare('SELECT count(*) FROM usage_events').pluck().get());
  } finally {
    db.close();
  }
}

/** Every file below a folder by its path, with a digest of its bytes; links that a kill left are not counted. */
export function filesIn(dir: string): Map<string, string> {
  const files = fs
    .readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.includes('.cpamp-look-') && fs.lstatSync(path.join(dir, name)).isFile());
  const digest = (name: string): string =>
    createHash('sha256')
      .update(fs.readFileSync(path.join(dir, name)))
      .digest('hex');
  return new Map(files.toSorted().map((name) => [name, digest(name)]));
}

/** The same folder again, second names of files included. */
export function copyFolder(from: string, to: string): void {
  const { status, stderr } = spawnSync('cp', ['-a', `${from}/.`, to]);
  if (status !== 0) throw new Error(`cp: ${stderr.toString()}`);
}

/** A cut at a step of a move that does nothing more once it is cut, as a kill has it. */
export function cutAfter(count: number): (name: string) => void {
  let steps = 0;
  return () => {
    steps += 1;
    if (steps === count) throw new Error(CUT);
  };
}

const CUT = 'cut short by the test';

/** Runs something to its cut; answers whether it came to its end instead. */
export async function toItsCut(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof Error && error.message === CUT) return false;
    throw error;
  }
}

/**
 * Kills a move after each of its steps (from the first of a name on), each time on a fresh volume, a few at a time.
 * Answers its steps.
 */
export async function killAtEachStep(
  fresh: () => string | Promise<string>,
  { what, how, from = null }: { readonly what: Move; readonly how: How; readonly from?: string | null },
  check: (dbPath: string, step: string, index: number) => Promise<void>,
): Promise<string[]> {
  const steps = await moveElsewhere(what, await fresh(), 0, how);
  const waiting = [...steps.entries()].slice(from === null ? 0 : steps.indexOf(from));
  const one = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, step] = next;
      const dbPath = await fresh();
      const taken = await moveElsewhere(what, dbPath, index + 1, how);
      if (taken.at(-1) !== step) throw new Error(`the steps differ: ${taken.join(', ')}`);
      await check(dbPath, `${index + 1} ${step}`, index);
    }
  };
  await Promise.all([one(), one(), one()]);
  return steps;
}
