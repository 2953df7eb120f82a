import { dirname } from 'node:path';
import { acquireBulkLock } from '../../lib/bulk-lock.ts';
import { prepareDataDir } from '../../lib/config/data-dir.ts';
import { kindOf } from '../../lib/config/placement.ts';
import { AppError } from '../../lib/errors.ts';
import { acquireLock, serveLockPath, type Lock } from '../../lib/lock.ts';
import { moveAside } from '../../lib/migrate/aside.ts';
import { giveBack, ownerOf } from '../../lib/migrate/give-back.ts';
import { inUse } from '../../lib/migrate/in-use-error.ts';
import { volumeFolders } from '../../lib/migrate/manifest.ts';
import { markCopied, oldVolumes, volumeToCopy, type OldVolume } from '../../lib/migrate/old-volume.ts';
import { realDatabasePath } from '../../lib/migrate/paths.ts';
import { saveReport } from '../../lib/migrate/report-file.ts';
import { startState } from '../../lib/migrate/start-state.ts';
import { lookForDataKeys } from '../../lib/migrate/takeover-keys.ts';
import { makeDatabase } from '../../lib/store/settings-store.ts';
import type { CliContext } from '../shared/context.ts';
import { counted } from '../shared/format.ts';
import { programName } from './name.ts';
import { nothingToTakeOver, type MigratePlaces } from './places.ts';
import { compareVolume, copyVolumeOf, tellInterrupted, type Source } from './run.ts';
import type { Done } from './tell.ts';

/** As `serve` does it: the old files go aside, ours takes the place. Null: a signal ended it before its end. */
export async function takeOverInPlace(places: MigratePlaces, context: CliContext): Promise<Done | null> {
  const { config } = places;
  const { clock } = context;
  const place = await realDatabasePath(config.dbPath);
  // A folder that somebody mistyped is not made.
  if (kindOf(place) === 'absent' && volumeFolders(place).length === 0) {
    throw await nothingToTakeOver(places, context.cwd);
  }
  await prepareDataDir(config.dataDir);
  const owner = ownerOf(place) ?? ownerOf(dirname(place));
  const locks: Lock[] = [];
  try {
    locks.push(await acquireLock(await serveLockPath(place), 'migrate-from-cpa-manager', clock.now()));
    locks.push(await acquireBulkLock(place, 'migrate-from-cpa-manager', clock.now()));
    return await takeOver(places, context);
  } finally {
    if (owner) await giveBack(config, owner);
    for (const lock of locks.toReversed()) await lock.release();
  }
}

async function takeOver(places: MigratePlaces, context: CliContext): Promise<Done | null> {
  const { config } = places;
  const { clock, output } = context;
  const state = await startState(config.dbPath, { clock });
  if (state.kind === 'none') throw await nothingToTakeOver(places, context.cwd);
  if (state.kind === 'returned') throw new AppError('rolled_back');
  if (state.kind === 'old') {
    if (state.heldBy !== null) throw inUse(config.dbPath, state.heldBy);
    const { folder } = await moveAside(config.dbPath, state.from, { clock });
    output.note(
      `${programName(state.from)} with up to ${counted(state.from.eventsAtMost, 'event')}: moved aside to ${folder}`,
    );
  }
  // Nobody runs on it: it may be brought up to date.
  makeDatabase(config.dbPath);
  const volume = (await volumeToCopy(config.dbPath)) ?? (await oldVolumes(config.dbPath)).at(-1) ?? null;
  if (volume === null) throw await nothingToTakeOver(places, context.cwd);
  const source = sourceOf(volume);
  if (volume.copiedAtMs === null) {
    if (!(await copyVolumeOf(config, source, true, context))) {
      tellInterrupted(context, 'Run it again, or start cpamp serve: it goes on where it stopped.');
      return null;
    }
    await markCopied(config.dbPath, volume.name, clock.now());
  } else {
    output.note(
      `${programName(volume.from)} was taken over before, into ${config.dbPath}: only comparing again.`,
    );
  }
  const keys = await lookForDataKeys(config, config.dbPath);
  const report = await compareVolume(config, source, keys, context);
  await saveReport(volume, report);
  return { report, dbPath: config.dbPath, oldVolume: volume.name };
}

/** A volume that was moved aside. */
export function sourceOf({ dbPath, name }: OldVolume): Source {
  return { oldPath: dbPath, readPath: dbPath, name };
}
