import { copyFile, mkdir, open, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { AppError } from '../../errors.ts';
import { syncDirectory, systemCode, writeFileAtomic } from '../../files.ts';
import { restoringPath } from '../../store/inspect.ts';
import { kindAt, sameBytes } from './copy.ts';
import { giveToOwner } from './owner.ts';

/** One renaming: done when `to` is there. */
export interface Step {
  readonly from: string;
  readonly to: string;
}

/** What is under way while the old things go and the new ones come, as it is kept beside the database. */
interface Plan {
  readonly version: 1;
  /** Where the new files wait, which is removed at the end; relative to the folder of the database, as all paths are. */
  readonly stage: string;
  /** Where the old ones go; `null`: there were none. */
  readonly aside: string | null;
  readonly steps: readonly Step[];
}

/**
 * Moves old things aside and new ones into place. From its first step on no daemon and no command works with the
 * database, until all steps are done: an end in between is made good by `finishExchange`. A step that fails, as when a
 * folder may not be written, takes those before it back, and rejects with the system's error. Paths are absolute.
 */
export async function exchange(
  dbPath: string,
  stage: string,
  aside: string | null,
  steps: readonly Step[],
): Promise<void> {
  const folder = dirname(dbPath);
  const short = (path: string): string => {
    const inside = relative(folder, path);
    // Kept as it is where it lies elsewhere: a folder may be mounted under another name when this is finished.
    return inside.startsWith('..') ? path : inside;
  };
  const plan: Plan = {
    version: 1,
    stage: short(stage),
    aside: aside === null ? null : short(aside),
    steps: steps.map(({ from, to }) => ({ from: short(from), to: short(to) })),
  };
  await writeFileAtomic(restoringPath(dbPath), `${JSON.stringify(plan, null, 2)}\n`);
  try {
    await carryOut(dbPath, plan);
  } catch (error) {
    await takeBack(dbPath, plan);
    throw error;
  }
}

/** Whether a restore of this database was interrupted in the middle of its exchange. */
export async function isUnfinished(dbPath: string): Promise<boolean> {
  return (await kindAt(restoringPath(dbPath))) !== null;
}

/**
 * Does what is left of an interrupted exchange. `null`: there was none; else where the old things lie, if there were
 * any. Whoever calls holds the lock of the daemon. Rejects with `restore_unfinished` where the plan cannot be read.
 */
export async function finishExchange(dbPath: string): Promise<{ readonly aside: string | null } | null> {
  const path = restoringPath(dbPath);
  if (!(await isUnfinished(dbPath))) return null;
  const plan = parsePlan(await readFile(path, 'utf8'));
  if (plan === null) {
    throw new AppError('restore_unfinished', {
      detail: `${path} cannot be read`,
      hint: 'Move what lies in before-restore-* back, and remove that file.',
    });
  }
  await carryOut(dbPath, plan);
  return { aside: plan.aside === null ? null : join(dirname(dbPath), plan.aside) };
}

async function carryOut(dbPath: string, plan: Plan): Promise<void> {
  const folder = dirname(dbPath);
  if (plan.aside !== null) await makeAside(join(folder, plan.aside), folder);
  for (const { from, to } of fullSteps(dbPath, plan)) {
    if ((await kindAt(from)) === null) continue;
    if ((await kindAt(to)) === null) await move(from, to);
    // An earlier run copied it to another file system, and ended before it removed it here.
    else if (await sameBytes(from, to)) await rm(from);
  }
  await settle(dbPath, plan);
  await rm(join(folder, plan.stage), { recursive: true, force: true });
}

/** Undoes the steps that were done. Where that fails too the plan stays, to be finished. */
async function takeBack(dbPath: string, plan: Plan): Promise<void> {
  try {
    for (const { from, to } of fullSteps(dbPath, plan).toReversed()) {
      if ((await kindAt(from)) === null && (await kindAt(to)) !== null) await move(to, from);
    }
    if (plan.aside !== null) await rmdir(join(dirname(dbPath), plan.aside)).catch(() => {});
    await settle(dbPath, plan);
  } catch {
    // What made the exchange fail says more.
  }
}

/** Makes all renamings durable, and only then forgets that they were under way. */
async function settle(dbPath: string, plan: Plan): Promise<void> {
  const folder = dirname(dbPath);
  const touched = new Set([folder]);
  for (const { from, to } of fullSteps(dbPath, plan)) touched.add(dirname(from)).add(dirname(to));
  for (const path of touched) if ((await kindAt(path)) !== null) await syncDirectory(path);
  await rm(restoringPath(dbPath));
  await syncDirectory(folder);
}

function fullSteps(dbPath: string, { steps }: Plan): Step[] {
  const full = (path: string): string => (isAbsolute(path) ? path : join(dirname(dbPath), path));
  return steps.map(({ from, to }) => ({ from: full(from), to: full(to) }));
}

/** Whoever owns the folder can take back from here what was his. */
async function makeAside(path: string, folder: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await giveToOwner(path, folder);
}

/** A rename, also of a file to another file system. Where it fails everything is as before. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    await moveAcross(from, to);
  }
}

async function moveAcross(from: string, to: string): Promise<void> {
  const temporary = `${to}.tmp`;
  try {
    await copyFile(from, temporary);
    const file = await open(temporary, 'r+');
    try {
      await file.chmod(0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  // The only copy of a key must not depend on which of two disks is quicker.
  await syncDirectory(dirname(to));
  await rm(from);
}

function parsePlan(text: string): Plan | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isPlan(value) ? value : null;
}

function isPlan(value: unknown): value is Plan {
  if (typeof value !== 'object' || value === null) return false;
  if (!('version' in value && 'stage' in value && 'aside' in value && 'steps' in value)) return false;
  const { version, stage, aside, steps } = value;
  return (
    version === 1 &&
    typeof stage === 'string' &&
    (aside === null || typeof aside === 'string') &&
    Array.isArray(steps) &&
    steps.every(isStep)
  );
}

function isStep(value: unknown): value is Step {
  if (typeof value !== 'object' || value === null || !('from' in value && 'to' in value)) return false;
  return typeof value.from === 'string' && typeof value.to === 'string';
}
