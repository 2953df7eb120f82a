import { access, constants, link } from 'node:fs/promises';
import type { Clock } from '../contract/clock.ts';
import { takeExclusive, type Exclusive } from '../store/old/exclusive.ts';
import { holdersOf, type Holder } from './holders.ts';
import { lookAt, realDatabasePath } from './paths.ts';
import { openView, type View } from './view.ts';

/** How far apart the two looks at a log are where SQLite cannot be asked. */
export const LOOK_AGAIN_MS = 3000;

/** Whether somebody else has a database open. */
export type Claim =
  | {
      readonly kind: 'free';
      /** `lock`: nobody can open it until it is let go. `looks`: nothing changed for a while, which is all we know. */
      readonly by: 'lock' | 'looks';
      release(): Promise<void>;
    }
  | { readonly kind: 'in-use'; readonly holders: readonly Holder[] };

export interface ClaimOptions {
  readonly clock: Clock;
  /** Folders for links besides the one of the database. */
  readonly scratch?: readonly string[];
  /** Makes a link; for tests. */
  readonly link?: typeof link;
}

/**
 * Takes a database for this process unless another one has it open. It asks for the exclusive lock through a hard link
 * in a scratch folder, so that SQLite leaves no trace beside the file; no byte and no time of the files changes. A
 * program that starts meanwhile waits for the lock. Where that cannot be done, the files are looked at twice. Throws
 * what SQLite throws for a file that is none of its own.
 */
export async function claimDatabase(dbPath: string, options: ClaimOptions): Promise<Claim> {
  const path = await realDatabasePath(dbPath);
  const view = await linkToMain(path, options);
  if (!view) return await lookTwice(path, options.clock);
  let held: Exclusive | null = null;
  try {
    held = takeExclusive(view.path);
  } finally {
    if (held === null) await view.close();
  }
  if (held === null) return { kind: 'in-use', holders: holdersOf(path) };
  const exclusive = held;
  const release = async (): Promise<void> => {
    exclusive.release();
    await view.close();
  };
  // Without a log, a connection that does nothing holds no lock: only the system may know of it.
  const idle = lookAt(`${path}-wal`) === null ? holdersOf(path) : [];
  if (idle.length === 0) return { kind: 'free', by: 'lock', release };
  await release();
  return { kind: 'in-use', holders: idle };
}

/** The same without keeping it. */
export async function probeDatabase(dbPath: string, options: ClaimOptions): Promise<Claim> {
  const claim = await claimDatabase(dbPath, options);
  if (claim.kind === 'free') await claim.release();
  return claim;
}

async function linkToMain(path: string, options: ClaimOptions): Promise<View | null> {
  try {
    // On a file that it may only read, SQLite would turn the exclusive lock into a shared one.
    await access(path, constants.R_OK | constants.W_OK);
  } catch {
    return null;
  }
  return await openView(path, {
    suffixes: [''],
    only: 'link',
    ...(options.scratch ? { scratch: options.scratch } : {}),
    ...(options.link ? { link: options.link } : {}),
  });
}

async function lookTwice(path: string, clock: Clock): Promise<Claim> {
  const holders = holdersOf(path);
  if (holders.length > 0) return { kind: 'in-use', holders };
  const before = figures(path);
  await clock.sleep(LOOK_AGAIN_MS);
  if (figures(path) !== before) return { kind: 'in-use', holders: holdersOf(path) };
  return { kind: 'free', by: 'looks', release: () => Promise.resolve() };
}

/** What changes when somebody writes. */
function figures(path: string): string {
  return ['', '-wal']
    .map((suffix) => lookAt(path + suffix))
    .map((stat) => (stat === null ? '-' : `${stat.ino}/${stat.size}/${stat.mtimeMs}`))
    .join(' ');
}
