import {
  copyFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory, systemCode } from '../files.ts';
import { giveToOwnerOf, lookAt, sameFile, SUFFIXES } from './paths.ts';
import { MANIFEST, writeManifest, type Manifest, type MovedFile } from './manifest.ts';

/** How the system says that it makes no hard link here. */
const NO_LINKS = ['EPERM', 'EXDEV', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES', 'EINVAL'];

export interface MoveHooks {
  /** After each thing that was done to files, with its name; for tests, which stop there. */
  readonly onStep?: ((name: string) => void) | undefined;
  /** Makes a link; for tests. */
  readonly link?: ((from: string, to: string) => void) | undefined;
}

/**
 * What moves do to files: names only. None of it opens a database file, except for copying the small `-shm` of one that
 * nobody has open.
 */
export class FileMoves {
  readonly #hooks: MoveHooks;

  constructor(hooks: MoveHooks) {
    this.#hooks = hooks;
  }

  /** Only its owner may look into it; `owner` counts when we are root. */
  folder(path: string, owner: Manifest['owner']): void {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    giveToOwnerOf(path, owner);
    this.#done(`folder ${basename(path)}`);
  }

  async manifest(folder: string, manifest: Manifest): Promise<void> {
    await writeManifest(folder, manifest);
    this.#done(`manifest ${manifest.step}`);
  }

  /** False where the file system makes no links, or none that can be told from another file. */
  link(from: string, to: string): boolean {
    if (sameFile(from, to)) return true;
    try {
      (this.#hooks.link ?? linkSync)(from, to);
    } catch (error) {
      if (NO_LINKS.includes(systemCode(error))) return false;
      throw error;
    }
    this.#done(`link ${basename(to)}`);
    return sameFile(from, to);
  }

  rename(from: string, to: string): void {
    renameSync(from, to);
    this.#done(`rename ${basename(from)} ${basename(to)}`);
  }

  unlink(path: string): void {
    if (lookAt(path) === null) return;
    unlinkSync(path);
    this.#done(`unlink ${basename(path)}`);
  }

  mode(path: string, mode: number): void {
    const now = lookAt(path);
    if (now === null || (now.mode & 0o777) === mode) return;
    setMode(path, mode);
    this.#done(`mode ${basename(path)}`);
  }

  /** A durable copy, of the mode given. */
  async copy(from: string, to: string, owner: Manifest['owner']): Promise<void> {
    copyFileSync(from, to);
    setMode(to, 0o600);
    giveToOwnerOf(to, owner);
    const handle = await open(to, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    this.#done(`copy ${basename(to)}`);
  }

  async sync(...folders: readonly string[]): Promise<void> {
    for (const folder of folders) await syncDirectory(folder);
  }

  /** Removes a folder if nothing is in it. */
  removeEmpty(path: string): void {
    try {
      rmdirSync(path);
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error))) throw error;
      return;
    }
    this.#done(`remove ${basename(path)}`);
  }

  /** A file was made by somebody else. */
  made(path: string): void {
    this.#done(`made ${basename(path)}`);
  }

  #done(name: string): void {
    this.#hooks.onStep?.(name);
  }
}

/** A file of another owner, or a file system without rights, is no reason to stop half-way. */
function setMode(path: string, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemCode(error))) throw error;
  }
}

/**
 * Removes what we made in the folder of an old volume, what is written about it last, and the folder and the one above
 * it when nothing else is in them.
 */
export async function emptyFolder(moves: FileMoves, folder: string): Promise<void> {
  if (lookAt(folder) === null) {
    moves.removeEmpty(dirname(folder));
    return;
  }
  const names = readdirSync(folder).filter((name) => name !== MANIFEST);
  for (const name of names) {
    if (lookAt(join(folder, name))?.isDirectory() !== true) moves.unlink(join(folder, name));
  }
  await moves.sync(folder);
  moves.unlink(join(folder, MANIFEST));
  moves.removeEmpty(folder);
  moves.removeEmpty(dirname(folder));
}

/** What is to be known of a database's files before they are moved; those that are not there are left out. */
export function filesOf(dbPath: string): MovedFile[] {
  return SUFFIXES.flatMap((suffix) => {
    const stat = lookAt(dbPath + suffix);
    if (stat === null) return [];
    const { size, ino, mode, mtimeMs } = stat;
    return [{ name: basename(dbPath) + suffix, bytes: size, ino, mode: mode & 0o777, mtimeMs }];
  });
}
