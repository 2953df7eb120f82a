import { copyFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { AppError } from '../../errors.ts';
import { syncDirectory, systemCode, writeFileAtomic } from '../../files.ts';
import { restoringPath } from '../../store/inspect.ts';
import { kindAt } from './copy.ts';

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
 * database, until all steps are done: an end in between is made good by `finishExchange`. Paths are absolute.
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
  await carryOut(dbPath, plan);
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
  const full = (path: string): string => (isAbsolute(path) ? path : join(folder, path));
  if (plan.aside !== null) await mkdir(full(plan.aside), { recursive: true, mode: 0o700 });
  const touched = new Set<string>([folder]);
  for (const step of plan.steps) {
    const [from, to] = [full(step.from), full(step.to)];
    touched.add(dirname(from)).add(dirname(to));
    // An earlier run came as far as this.
    if ((await kindAt(to)) !== null || (await kindAt(from)) === null) continue;
    await move(from, to);
  }
  for (const path of touched) await syncDirectory(path);
  await rm(restoringPath(dbPath));
  await syncDirectory(folder);
  await rm(full(plan.stage), { recursive: true, force: true });
}

/** A rename, also of a file to another file system. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    const temporary = `${to}.tmp`;
    await copyFile(from, temporary);
    const file = await open(temporary, 'r+');
    try {
      await file.chmod(0o600);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, to);
    await rm(from);
  }
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
