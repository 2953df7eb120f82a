import { constants } from 'node:fs';
import { copyFile, link, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../errors.ts';
import { systemCode } from '../files.ts';
import { lookAt } from './paths.ts';

/** Begins the names of the folders that links are made in for a moment. */
const SCRATCH = '.cpamp-look-';

/** A second name of a database, in a folder of its own, for SQLite to open without a trace beside the first. */
export interface View {
  /** The main file. Its log lies beside it, if there is one. */
  readonly path: string;
  readonly how: 'link' | 'copy';
  /** Takes the folder away. Close what was opened in it first. */
  close(): Promise<void>;
}

export interface ViewOptions {
  /** Which of the files: all by default. */
  readonly suffixes?: readonly string[];
  /** Folders to try besides the one of the database, before that for temporary files. */
  readonly scratch?: readonly string[];
  /** `link` alone: null where links cannot be made. */
  readonly only?: 'link';
  /** Makes a link; for tests. */
  readonly link?: typeof link;
}

/**
 * Makes a view of a database: hard links in a folder beside it or in one of `scratch`, else copies. Neither bytes
 * nor times of the files change. Copies need that this process has no connection to the files. Throws `disk_full`
 * where there is no room for a copy, and `data_dir_unusable` where the files cannot be read.
 */
export async function openView(dbPath: string, options?: Omit<ViewOptions, 'only'>): Promise<View>;
export async function openView(dbPath: string, options?: ViewOptions): Promise<View | null>;
export async function openView(dbPath: string, options: ViewOptions = {}): Promise<View | null> {
  const folders = [dirname(dbPath), ...(options.scratch ?? []), tmpdir()];
  for (const folder of folders) {
    const view = await linked(dbPath, folder, options);
    if (view) return view;
  }
  if (options.only === 'link') return null;
  const needed = (
    await Promise.all(parts(dbPath, options).map(async (part) => (await stat(part)).size))
  ).reduce((sum, size) => sum + size, 0);
  let full: string | null = null;
  for (const folder of folders) {
    if (!(await hasRoom(folder, needed))) {
      full ??= folder;
      continue;
    }
    const view = await copied(dbPath, folder, options);
    if (view) return view;
  }
  if (full !== null) {
    throw new AppError('disk_full', { detail: `a copy of ${dbPath} to read from takes ${needed} bytes` });
  }
  throw new AppError('data_dir_unusable', { detail: `${dbPath} can neither be linked to nor copied` });
}

/** Takes away what a view left that was killed: as long as a link exists, CPA-Manager-Plus refuses the database. */
export async function sweepViews(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  for (const name of names) {
    if (name.startsWith(SCRATCH)) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function parts(dbPath: string, { suffixes = ['', '-wal'] }: ViewOptions): string[] {
  return suffixes.map((suffix) => dbPath + suffix).filter((path) => lookAt(path) !== null);
}

async function linked(dbPath: string, folder: string, options: ViewOptions): Promise<View | null> {
  return await inScratch(dbPath, folder, 'link', async (scratch) => {
    for (const part of parts(dbPath, options)) {
      await (options.link ?? link)(part, join(scratch, basename(part)));
    }
  });
}

async function copied(dbPath: string, folder: string, options: ViewOptions): Promise<View | null> {
  return await inScratch(dbPath, folder, 'copy', async (scratch) => {
    for (const part of parts(dbPath, options)) {
      // File systems that can share the blocks do.
      await copyFile(part, join(scratch, basename(part)), constants.COPYFILE_FICLONE);
    }
  });
}

async function inScratch(
  dbPath: string,
  folder: string,
  how: View['how'],
  fill: (scratch: string) => Promise<void>,
): Promise<View | null> {
  let scratch: string;
  try {
    scratch = await mkdtemp(join(folder, SCRATCH));
  } catch {
    return null;
  }
  const close = async (): Promise<void> => await rm(scratch, { recursive: true, force: true });
  try {
    await fill(scratch);
    return { path: join(scratch, basename(dbPath)), how, close };
  } catch (error) {
    await close();
    // The database itself is gone, or may not be read: no other folder helps.
    if (systemCode(error) === 'ENOENT' || (how === 'copy' && systemCode(error) === 'EACCES')) {
      throw new AppError('data_dir_unusable', {
        detail: `${dbPath} cannot be read (${systemCode(error)}) as uid ${process.getuid?.() ?? '?'}`,
        cause: error,
      });
    }
    return null;
  }
}

async function hasRoom(folder: string, bytes: number): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize > bytes;
  } catch {
    return false;
  }
}
