import { basename, dirname, join } from 'node:path';
import { asMoveError, freshFolder, keptShm, stuck } from './aside.ts';
import { FileMoves, filesOf, type MoveHooks } from './file-moves.ts';
import type { Manifest, VolumeRecord } from './manifest.ts';
import { lookAt, NEIGHBOURS, OUR_VOLUMES, sameFile, SUFFIXES } from './paths.ts';

/**
 * Puts ours out of the way and the old volume back in its place. Until the main file of ours has left, a kill changes
 * nothing; after that, `finishReturn` brings it to its end.
 */
export async function returnVolume(
  place: string,
  volume: VolumeRecord,
  atMs: number,
  hooks: MoveHooks,
): Promise<VolumeRecord> {
  const { folder, manifest } = volume;
  const moves = new FileMoves(hooks);
  const oursFolder = freshFolder(join(dirname(place), OUR_VOLUMES), atMs);
  const ours = { folder: join(OUR_VOLUMES, basename(oursFolder)), files: filesOf(place) };
  const returning: VolumeRecord = { folder, manifest: { ...manifest, step: 'returning', ours } };
  await moves.manifest(folder, returning.manifest);
  try {
    moves.folder(dirname(oursFolder), manifest.owner);
    moves.folder(oursFolder, manifest.owner);
    const how = linkAll(moves, place, returning) ? 'link' : 'rename';
    await moves.sync(oursFolder, dirname(oursFolder), dirname(place));
    const replacing: VolumeRecord = { folder, manifest: { ...returning.manifest, how, step: 'replacing' } };
    await moves.manifest(folder, replacing.manifest);
    return await finishReturn(place, replacing, hooks);
  } catch (error) {
    // The next start does it where it cannot be done now, and the first error is the one to tell.
    if (oursIsInPlace(place, returning)) await takeBackReturn(place, returning, hooks).catch(() => {});
    throw asMoveError(error, place);
  }
}

/** Brings a return to its end. Done again, it does what is left. Throws `takeover_stuck`. */
export async function finishReturn(
  place: string,
  volume: VolumeRecord,
  hooks: MoveHooks,
): Promise<VolumeRecord> {
  const { folder, manifest } = volume;
  const moves = new FileMoves(hooks);
  const aside = join(folder, manifest.database);
  // Once the main file is back the rest is too, and may have changed since.
  if (lookAt(aside) !== null && !sameFile(place, aside)) {
    leave(moves, place, volume);
    await moves.sync(oursFolderOf(place, manifest), dirname(place));
    comeBack(moves, place, volume);
    await moves.sync(dirname(place));
  } else if (lookAt(place) === null) {
    throw stuck(place);
  }
  // The main file last: as long as it is here, this is not over.
  const names = [keptShm(volume), ...NEIGHBOURS.map((suffix) => aside + suffix), aside];
  for (const path of names) moves.unlink(path);
  await moves.sync(folder);
  const returned: VolumeRecord = { folder, manifest: { ...manifest, step: 'returned' } };
  await moves.manifest(folder, returned.manifest);
  return returned;
}

/** Whether the main file of ours has not left its place: then none has. */
export function oursIsInPlace(place: string, { folder, manifest }: VolumeRecord): boolean {
  const away = join(oursFolderOf(place, manifest), basename(place));
  if (lookAt(away) !== null) return sameFile(place, away);
  if (manifest.step === 'returning') return true;
  const aside = join(folder, manifest.database);
  const there = manifest.ours?.files.some((file) => file.name === manifest.database) === true;
  return there && lookAt(place) !== null && lookAt(aside) !== null && !sameFile(place, aside);
}

/** Removes what was prepared; ours is as it was. Only while `oursIsInPlace`. */
export async function takeBackReturn(
  place: string,
  { folder, manifest }: VolumeRecord,
  hooks: MoveHooks,
): Promise<void> {
  const moves = new FileMoves(hooks);
  const oursFolder = oursFolderOf(place, manifest);
  for (const { name } of manifest.ours?.files ?? []) moves.unlink(join(oursFolder, name));
  moves.removeEmpty(oursFolder);
  moves.removeEmpty(dirname(oursFolder));
  await moves.sync(dirname(place));
  await moves.manifest(folder, { ...manifest, step: 'moved', ours: null });
}

/** Where ours goes, by what is written. */
export function oursFolderOf(place: string, manifest: Manifest): string {
  return join(dirname(place), manifest.ours?.folder ?? OUR_VOLUMES);
}

function linkAll(moves: FileMoves, place: string, { manifest }: VolumeRecord): boolean {
  const names = (manifest.ours?.files ?? []).map((file) => file.name);
  const away = oursFolderOf(place, manifest);
  // The main file last: as long as it has no second name there, nothing depends on the others.
  for (const name of names.toReversed()) {
    if (moves.link(join(dirname(place), name), join(away, name))) continue;
    for (const other of names) moves.unlink(join(away, other));
    return false;
  }
  return true;
}

/** Takes the names of ours away. */
function leave(moves: FileMoves, place: string, { folder, manifest }: VolumeRecord): void {
  const oursFolder = oursFolderOf(place, manifest);
  for (const { name } of manifest.ours?.files ?? []) {
    const path = join(dirname(place), name);
    const away = join(oursFolder, name);
    if (lookAt(path) === null || cameBack(path, sourceOf(folder, manifest, name), manifest)) continue;
    if (manifest.how === 'link' ? !sameFile(path, away) : lookAt(away) !== null) throw stuck(path);
    if (manifest.how === 'link') moves.unlink(path);
    else moves.rename(path, away);
  }
}

/** Gives the old files their names, and the rights they had. The main file last: it never lies without its log. */
function comeBack(moves: FileMoves, place: string, { folder, manifest }: VolumeRecord): void {
  for (const suffix of SUFFIXES.toReversed()) {
    const path = place + suffix;
    const source = sourceOf(folder, manifest, basename(path));
    const recorded = manifest.files.find((file) => file.name === basename(path));
    // An empty log is left by whoever read the volume.
    const wanted = recorded !== undefined || (suffix !== '-shm' && (lookAt(source)?.size ?? 0) > 0);
    if (cameBack(path, source, manifest)) continue;
    if (lookAt(path) !== null) throw stuck(path);
    if (!wanted || lookAt(source) === null) continue;
    if (recorded) moves.mode(source, recorded.mode);
    if (manifest.how === 'rename' || !moves.link(source, path)) moves.rename(source, path);
  }
}

/** Whether what is at a path is the old file already. */
function cameBack(path: string, source: string, { how }: Manifest): boolean {
  if (lookAt(path) === null) return false;
  return how === 'link' ? sameFile(path, source) : lookAt(source) === null;
}

/** Where an old file is: the index as it was, not as reading left it. */
function sourceOf(folder: string, manifest: Manifest, name: string): string {
  const isIndex = name === `${manifest.database}-shm`;
  return isIndex ? keptShm({ folder, manifest }) : join(folder, name);
}
