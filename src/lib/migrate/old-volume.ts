import { basename, join } from 'node:path';
import type { Clock } from '../contract/clock.ts';
import { AppError } from '../errors.ts';
import type { OldFacts } from '../store/old/describe.ts';
import { emptyFolder, FileMoves, type MoveHooks } from './file-moves.ts';
import { claimDatabase } from './in-use.ts';
import { inUse } from './in-use-error.ts';
import { readManifests, writeManifest, type VolumeRecord } from './manifest.ts';
import { lookAt, realDatabasePath } from './paths.ts';

/** A database of an older program that was moved aside. */
export interface OldVolume {
  /** The name of its folder in `pre-cpamp/`. */
  readonly name: string;
  readonly folder: string;
  /** Its main file, to read from. SQLite writes the `-shm` beside it; a copy of that as it was is kept. */
  readonly dbPath: string;
  readonly from: OldFacts;
  /** Epoch ms. */
  readonly movedAtMs: number;
  /** When all of it was copied into ours, epoch ms; null: not yet, and then it is the only place where it is. */
  readonly copiedAtMs: number | null;
  /** What deleting it sets free. */
  readonly bytes: number;
}

/** The old volumes beside a database, oldest first; those that a rollback put back are no longer there. */
export async function oldVolumes(dbPath: string): Promise<readonly OldVolume[]> {
  const place = await realDatabasePath(dbPath);
  return readManifests(place)
    .filter(({ manifest }) => manifest.step === 'moved')
    .map(describe);
}

/** The newest one that is not wholly in ours yet; null: none. */
export async function volumeToCopy(dbPath: string): Promise<OldVolume | null> {
  return (await oldVolumes(dbPath)).findLast(({ copiedAtMs }) => copiedAtMs === null) ?? null;
}

/** Notes durably that all of a volume is in ours. */
export async function markCopied(dbPath: string, name: string, atMs: number): Promise<void> {
  const { folder, manifest } = await find(dbPath, name);
  await writeManifest(folder, { ...manifest, copiedAtMs: atMs });
}

/**
 * Deletes an old volume for good. Throws `no_such_thing`, `old_program_running` while anybody reads it, and
 * `takeover_unfinished` while something of it is in no other place, unless `unfinished` says that this is meant.
 */
export async function deleteOldVolume(
  dbPath: string,
  name: string,
  options: { readonly clock: Clock; readonly unfinished?: boolean } & MoveHooks,
): Promise<void> {
  const volume = await find(dbPath, name);
  if (volume.manifest.copiedAtMs === null && options.unfinished !== true) {
    throw new AppError('takeover_unfinished', { detail: volume.folder });
  }
  const path = join(volume.folder, volume.manifest.database);
  const claim = lookAt(path) === null ? null : await claimDatabase(path, { clock: options.clock });
  if (claim?.kind === 'in-use') throw inUse(path, claim.holders);
  await claim?.release();
  const moves = new FileMoves(options);
  await moves.manifest(volume.folder, { ...volume.manifest, step: 'deleting' });
  await emptyFolder(moves, volume.folder);
}

async function find(dbPath: string, name: string): Promise<VolumeRecord> {
  const place = await realDatabasePath(dbPath);
  const volume = readManifests(place).find(
    ({ folder, manifest }) => basename(folder) === name && manifest.step === 'moved',
  );
  if (!volume)
    throw new AppError('no_such_thing', { detail: `there is no old volume ${name} beside ${place}` });
  return volume;
}

function describe({ folder, manifest }: VolumeRecord): OldVolume {
  const bytes = manifest.files
    .map(({ name }) => lookAt(join(folder, name))?.size ?? 0)
    .reduce((sum, size) => sum + size, 0);
  return {
    name: basename(folder),
    folder,
    dbPath: join(folder, manifest.database),
    from: manifest.from,
    movedAtMs: manifest.atMs,
    copiedAtMs: manifest.copiedAtMs,
    bytes,
  };
}
