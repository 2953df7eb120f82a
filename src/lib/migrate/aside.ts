import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { prepareDataDir } from '../config/data-dir.ts';
import type { Clock } from '../contract/clock.ts';
import { AppError } from '../errors.ts';
import { systemCode } from '../files.ts';
import type { OldFacts } from '../store/old/describe.ts';
import { openDatabase } from '../store/open.ts';
import { emptyFolder, FileMoves, filesOf, type MoveHooks } from './file-moves.ts';
import { claimDatabase } from './in-use.ts';
import { inUse } from './in-use-error.ts';
import { readManifests, type Manifest, type VolumeRecord } from './manifest.ts';
import { requireSpace } from './needs.ts';
import {
  folderName,
  giveToOwnerOf,
  lookAt,
  NEIGHBOURS,
  OLD_VOLUMES,
  realDatabasePath,
  sameFile,
  SUFFIXES,
} from './paths.ts';

/** The index of the log as it was: reading the volume writes it anew, and it is to go back as it came. */
const KEPT_SHM = '-shm.kept';
/** Ours, until it takes the place. */
const NEW = 'new.sqlite';

export interface AsideOptions extends MoveHooks {
  readonly clock: Clock;
  /** Makes our database at a path where nothing is, and leaves one single, complete file. By default an empty one. */
  readonly makeNew?: (path: string) => void | Promise<void>;
}

/**
 * Moves the database of an older program aside, whole, and puts ours in its place; nothing is read but page 1 and the
 * small `-shm`, so it takes no longer for a larger one. Until the last old name is gone, a kill at any moment leaves
 * the old volume as it was; after that, the next start finishes. Throws `old_program_running`, `space_needed`, and
 * `data_dir_unusable` where files cannot be moved; then nothing was touched.
 */
export async function moveAside(
  dbPath: string,
  from: OldFacts,
  options: AsideOptions,
): Promise<VolumeRecord> {
  const place = await realDatabasePath(dbPath);
  await mustBeMovable(place);
  const claim = await claimDatabase(place, { clock: options.clock });
  if (claim.kind === 'in-use') throw inUse(place, claim.holders);
  try {
    await requireSpace(dirname(place), from);
    return await new Aside(place, options).move(from);
  } finally {
    await claim.release();
  }
}

class Aside {
  readonly #place: string;
  readonly #options: AsideOptions;
  readonly #moves: FileMoves;

  constructor(place: string, options: AsideOptions) {
    this.#place = place;
    this.#options = options;
    this.#moves = new FileMoves(options);
  }

  async move(from: OldFacts): Promise<VolumeRecord> {
    const { uid, gid } = statSync(this.#place);
    // After every earlier one, also when the clock was set back: a rollback puts back the latest.
    const before = readManifests(this.#place).at(-1)?.manifest.atMs ?? 0;
    const atMs = Math.max(this.#options.clock.now(), before + 1);
    const folder = freshFolder(join(dirname(this.#place), OLD_VOLUMES), atMs);
    const manifest: Manifest = {
      format: 1,
      step: 'preparing',
      how: 'link',
      database: basename(this.#place),
      atMs,
      from,
      files: filesOf(this.#place),
      owner: { uid, gid },
      copiedAtMs: null,
      ours: null,
    };
    const volume = { folder, manifest };
    try {
      this.#moves.folder(dirname(folder), manifest.owner);
      this.#moves.folder(folder, manifest.owner);
      await this.#moves.manifest(folder, manifest);
      return await this.#through(volume);
    } catch (error) {
      // Nothing has left its place, unless it is the last steps that failed: the next start finishes those. It also
      // takes back what cannot be taken back now, and the first error is the one to tell.
      if (oldIsInPlace(this.#place, volume)) {
        await takeBackAside(this.#place, volume, this.#options).catch(() => {});
      }
      throw asMoveError(error, this.#place);
    }
  }

  async #through(volume: VolumeRecord): Promise<VolumeRecord> {
    const { folder } = volume;
    const manifest = { ...volume.manifest, how: this.#linkAll(volume) ? 'link' : 'rename' } as const;
    const shm = `${this.#place}-shm`;
    if (lookAt(shm) !== null) {
      await this.#moves.copy(shm, keptShm({ folder, manifest }), manifest.owner);
    }
    await this.#makeNew(join(folder, NEW), manifest);
    await this.#moves.sync(folder, dirname(folder), dirname(this.#place));
    const moving = { folder, manifest: { ...manifest, step: 'moving' } as const };
    await this.#moves.manifest(folder, moving.manifest);
    return await finishAside(this.#place, moving, this.#options);
  }

  /** The main file last: as long as it has no second name here, nothing depends on the others. */
  #linkAll({ folder, manifest }: VolumeRecord): boolean {
    for (const { name } of manifest.files.toReversed()) {
      if (this.#moves.link(join(dirname(this.#place), name), join(folder, name))) continue;
      for (const file of manifest.files) this.#moves.unlink(join(folder, file.name));
      return false;
    }
    return true;
  }

  async #makeNew(path: string, manifest: Manifest): Promise<void> {
    await (this.#options.makeNew ?? makeEmpty)(path);
    for (const suffix of NEIGHBOURS) {
      if (lookAt(path + suffix) !== null) throw new Error(`${path}${suffix} was left open`);
    }
    giveToOwnerOf(path, manifest.owner);
    this.#moves.made(path);
  }
}

/**
 * Brings a move to its end that has begun to take old names away. Done again, it does what is left. Throws
 * `takeover_stuck` when somebody put other files there meanwhile.
 */
export async function finishAside(
  place: string,
  { folder, manifest }: VolumeRecord,
  hooks: MoveHooks,
): Promise<VolumeRecord> {
  const moves = new FileMoves(hooks);
  const fresh = join(folder, NEW);
  if (lookAt(fresh) !== null) {
    for (const { name } of manifest.files) {
      clear(moves, join(dirname(place), name), join(folder, name), manifest.how);
    }
    for (const path of ['', ...NEIGHBOURS].map((suffix) => place + suffix)) {
      if (lookAt(path) !== null) throw stuck(path);
    }
    await moves.sync(folder, dirname(place));
    moves.rename(fresh, place);
  } else if (lookAt(place) === null) {
    throw stuck(place);
  }
  await moves.sync(folder, dirname(place));
  for (const { name } of manifest.files) moves.mode(join(folder, name), 0o600);
  const moved = { folder, manifest: { ...manifest, step: 'moved' } as const };
  await moves.manifest(folder, moved.manifest);
  return moved;
}

/** Whether the main file has not left its place: then none has. */
export function oldIsInPlace(place: string, { folder, manifest }: VolumeRecord): boolean {
  const aside = join(folder, manifest.database);
  if (lookAt(aside) !== null) return sameFile(place, aside);
  return manifest.step === 'preparing' || lookAt(join(folder, NEW)) !== null;
}

/** Removes what was prepared; the old volume is as it was. Only while `oldIsInPlace`. */
export async function takeBackAside(place: string, volume: VolumeRecord, hooks: MoveHooks): Promise<void> {
  const { folder, manifest } = volume;
  const moves = new FileMoves(hooks);
  // Cut short, this has to go on as what it is, whatever is gone by then.
  if (manifest.step !== 'preparing') await moves.manifest(folder, { ...manifest, step: 'preparing' });
  await emptyFolder(moves, folder);
  await moves.sync(dirname(place));
}

/** Where the copy of the index is. */
export function keptShm({ folder, manifest }: VolumeRecord): string {
  return join(folder, manifest.database + KEPT_SHM);
}

/** Takes one name away that has its second one aside, or moves it there. */
function clear(moves: FileMoves, path: string, aside: string, how: Manifest['how']): void {
  if (lookAt(path) === null) return;
  if (how === 'link') {
    if (!sameFile(path, aside)) throw stuck(path);
    moves.unlink(path);
    return;
  }
  if (lookAt(aside) !== null) throw stuck(path);
  moves.rename(path, aside);
}

/** Throws `data_dir_unusable`, saying what mends it, where the folder or a file in it may not be written. */
export async function mustBeMovable(place: string): Promise<void> {
  await prepareDataDir(
    dirname(place),
    SUFFIXES.map((suffix) => basename(place) + suffix),
  );
}

/** What the system refuses when names are moved, as something a user can act on. */
export function asMoveError(error: unknown, place: string): unknown {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('disk_full', { detail: dirname(place), cause: error });
  if (!['EBUSY', 'EACCES', 'EPERM', 'EROFS', 'EXDEV'].includes(code)) return error;
  return new AppError('data_dir_unusable', {
    detail: `${place} cannot be moved (${code}) as uid ${process.getuid?.() ?? '?'}`,
    hint:
      code === 'EBUSY' || code === 'EXDEV'
        ? 'It is mounted as a single file, as it seems: mount the folder that it lies in.'
        : 'Give the folder and all files in it to that user, on a file system that is mounted writable.',
    cause: error,
  });
}

export function stuck(path: string): AppError {
  return new AppError('takeover_stuck', {
    detail: lookAt(path) === null ? `${path} is gone` : `${path} was put there by somebody else`,
    hint: 'Nothing was deleted: move that file elsewhere with its -wal and -shm, and start again.',
  });
}

function makeEmpty(path: string): void {
  openDatabase(path, { mode: 'write' }).close();
}

/** A folder that is not there yet. */
export function freshFolder(inside: string, atMs: number): string {
  const name = folderName(atMs);
  for (let number = 1; ; number += 1) {
    const path = join(inside, number === 1 ? name : `${name}-${number}`);
    if (lookAt(path) === null) return path;
  }
}
