import { dirname, join } from 'node:path';
import { acquireBulkLock } from '../bulk-lock.ts';
import type { Clock } from '../contract/clock.ts';
import { AppError } from '../errors.ts';
import { acquireLock, serveLockPath, type Lock } from '../lock.ts';
import { mustBeMovable } from './aside.ts';
import type { MoveHooks } from './file-moves.ts';
import { finishMoves } from './finish-moves.ts';
import { claimDatabase, type Claim } from './in-use.ts';
import { inUse } from './in-use-error.ts';
import { readManifests, type VolumeRecord } from './manifest.ts';
import { lookAt, realDatabasePath } from './paths.ts';
import { recognise } from './recognise.ts';
import { oursFolderOf, returnVolume } from './return.ts';

export interface RollbackOptions extends MoveHooks {
  readonly clock: Clock;
  /**
   * Called before anything moves, with the locks held and nobody else in either database: to save what came since. What it
   * rejects with ends the rollback. Not called where an earlier one is only finished.
   */
  readonly prepare?: (volume: VolumeRecord) => Promise<void>;
}

export interface RollbackResult {
  /** Where the old database is again. */
  readonly dbPath: string;
  /** Our database, with its log if it had one: what came after the takeover is read from here. Null: there was none. */
  readonly oursPath: string | null;
  /** The names that were put back. */
  readonly files: readonly string[];
  /** Those of them that are not as they were moved aside, by size or time: another program has written to them. */
  readonly changed: readonly string[];
  /** When the old volume was moved aside, epoch ms. */
  readonly movedAtMs: number;
  /** Time of the event that the old program stored last, epoch ms; null: unknown. */
  readonly newestOldEventMs: number | null;
  /** True when an earlier rollback had been cut short and was only finished. */
  readonly resumed: boolean;
}

/** The volume that a rollback would put back; null: none. */
export async function volumeToReturn(dbPath: string): Promise<VolumeRecord | null> {
  const place = await realDatabasePath(dbPath);
  return readManifests(place).findLast(({ manifest }) => manifest.step === 'moved') ?? null;
}

/**
 * Puts the old volume that was moved aside last back in its place, byte for byte, and ours under `pre-rollback/`. Throws
 * `database_held` or `bulk_held` while ours runs, `old_program_running` while anybody has one of the files open,
 * `no_such_thing` without an old volume, `database_foreign` when it is not ours that lies in its place.
 */
export async function rollback(dbPath: string, options: RollbackOptions): Promise<RollbackResult> {
  const { clock } = options;
  const place = await realDatabasePath(dbPath);
  const locks: Lock[] = [];
  const claims: FreeClaim[] = [];
  try {
    locks.push(await acquireLock(await serveLockPath(place), 'rollback', clock.now()));
    locks.push(await acquireBulkLock(place, 'rollback', clock.now()));
    const finished = await finishMoves(place, options);
    const already = finished.find(({ outcome }) => outcome === 'returned');
    if (already) return resultOf(place, already.volume, [], true);
    const volume = await volumeToReturn(place);
    if (!volume) {
      throw new AppError('no_such_thing', {
        detail: `no database of an older program was moved aside here: ${place}`,
      });
    }
    await mustBeOurs(place);
    await mustBeMovable(place);
    const both = [place, join(volume.folder, volume.manifest.database)].filter(
      (path) => lookAt(path) !== null,
    );
    if (options.prepare) {
      // Held all the time, nothing could be read.
      for (const path of both) await (await claimed(path, clock)).release();
      await options.prepare(volume);
    }
    for (const path of both) claims.push(await claimed(path, clock));
    const changed = changedFiles(volume);
    return resultOf(place, await returnVolume(place, volume, clock.now(), options), changed, false);
  } finally {
    for (const claim of claims) await claim.release();
    for (const lock of locks.toReversed()) await lock.release();
  }
}

type FreeClaim = Extract<Claim, { kind: 'free' }>;

async function claimed(path: string, clock: Clock): Promise<FreeClaim> {
  const claim = await claimDatabase(path, { clock });
  if (claim.kind === 'in-use') throw inUse(path, claim.holders);
  return claim;
}

async function mustBeOurs(place: string): Promise<void> {
  const found = await recognise(place);
  if (found.kind === 'ours' || found.kind === 'absent' || found.kind === 'empty') return;
  throw new AppError('database_foreign', {
    detail: `${place}: ${'detail' in found ? found.detail : found.kind}`,
    hint: 'Move it elsewhere with its -wal and -shm: nothing is put in its place.',
  });
}

/** The index is left out: reading alone writes it, and it is put back from a copy. */
function changedFiles({ folder, manifest }: VolumeRecord): string[] {
  return manifest.files
    .filter(({ name }) => !name.endsWith('-shm'))
    .filter(({ name, bytes, mtimeMs }) => {
      const now = lookAt(join(folder, name));
      return now === null || now.size !== bytes || now.mtimeMs !== mtimeMs;
    })
    .map(({ name }) => name);
}

function resultOf(
  place: string,
  { manifest }: VolumeRecord,
  changed: readonly string[],
  resumed: boolean,
): RollbackResult {
  const ours = join(oursFolderOf(place, manifest), manifest.database);
  const names = manifest.files.map(({ name }) => name);
  return {
    dbPath: place,
    oursPath: lookAt(ours) === null ? null : ours,
    files: names.filter((name) => lookAt(join(dirname(place), name)) !== null),
    changed,
    movedAtMs: manifest.atMs,
    newestOldEventMs: manifest.from.newestEventMs,
    resumed,
  };
}
