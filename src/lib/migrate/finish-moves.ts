import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { finishAside, oldIsInPlace, stuck, takeBackAside } from './aside.ts';
import { emptyFolder, FileMoves, type MoveHooks } from './file-moves.ts';
import { MANIFEST, readManifests, volumeFolders, type VolumeRecord } from './manifest.ts';
import { lookAt, OLD_VOLUMES, realDatabasePath } from './paths.ts';
import { finishReturn, oursIsInPlace, takeBackReturn } from './return.ts';
import { sweepViews } from './view.ts';

/** What a start found half done, and what it is now. */
export interface Finished {
  readonly volume: VolumeRecord;
  /**
   * `aside-undone`: the old volume is in its place, as it was. `moved`: ours is. `return-undone`: ours is, as before the
   * rollback. `returned`: the old volume is, after a rollback. `deleted`: the old volume is gone.
   */
  readonly outcome: 'aside-undone' | 'moved' | 'return-undone' | 'returned' | 'deleted';
}

/**
 * Finishes what was cut short of moving the files of a database, or takes it back where nothing had left its place yet.
 * For every start, before anything opens the database, and only by the one who holds its serve lock. Throws
 * `takeover_stuck`.
 */
export async function finishMoves(dbPath: string, hooks: MoveHooks = {}): Promise<readonly Finished[]> {
  const place = await realDatabasePath(dbPath);
  await sweepViews(dirname(place));
  await sweepFolders(place, hooks);
  const done: Finished[] = [];
  for (const volume of readManifests(place)) {
    await sweepViews(volume.folder);
    const finished = await finish(place, volume, hooks);
    if (finished) done.push(finished);
  }
  return done;
}

async function finish(place: string, volume: VolumeRecord, hooks: MoveHooks): Promise<Finished | null> {
  const { step } = volume.manifest;
  if (step === 'preparing' || step === 'moving') {
    if (oldIsInPlace(place, volume)) {
      await takeBackAside(place, volume, hooks);
      return { volume, outcome: 'aside-undone' };
    }
    if (step === 'preparing') throw stuck(place);
    return { volume: await finishAside(place, volume, hooks), outcome: 'moved' };
  }
  if (step === 'returning' || step === 'replacing') {
    if (oursIsInPlace(place, volume)) {
      await takeBackReturn(place, volume, hooks);
      return { volume, outcome: 'return-undone' };
    }
    if (step === 'returning') throw stuck(place);
    return { volume: await finishReturn(place, volume, hooks), outcome: 'returned' };
  }
  if (step !== 'deleting') return null;
  await emptyFolder(new FileMoves(hooks), volume.folder);
  return { volume, outcome: 'deleted' };
}

/** Folders that were made and not written into: what is written comes before everything else. */
async function sweepFolders(place: string, hooks: MoveHooks): Promise<void> {
  const all = join(dirname(place), OLD_VOLUMES);
  if (lookAt(all)?.isDirectory() !== true) return;
  const moves = new FileMoves(hooks);
  for (const name of volumeFolders(place)) {
    const folder = join(all, name);
    const inside = readdirSync(folder);
    // What a killed write of it left may be there.
    if (inside.every((file) => file.startsWith(`.${MANIFEST}.`))) await emptyFolder(moves, folder);
  }
  moves.removeEmpty(all);
}
