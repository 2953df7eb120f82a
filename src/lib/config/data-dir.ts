import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { access, constants, mkdir, open, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../errors.ts';
import { systemCode } from '../files.ts';
import { runningInContainer } from './container.ts';

/**
 * Makes the directory if it is not there (0700) and proves that files can be written in it. `files` that exist in it
 * must be readable and writable too: volumes are often handed over only in part. Rejects with `data_dir_unusable`,
 * saying whose the place is, who we are and what puts it right, or with `disk_full`. Nowhere else is tried.
 */
export async function prepareDataDir(path: string, files: readonly string[] = []): Promise<void> {
  const directory = resolve(path);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const proof = join(directory, `.cpamp-${randomBytes(6).toString('hex')}.tmp`);
    try {
      const handle = await open(proof, 'wx', 0o600);
      try {
        await handle.writeFile('cpamp');
      } finally {
        await handle.close();
      }
    } finally {
      await rm(proof, { force: true });
    }
  } catch (error) {
    throw await explainUnusable(directory, error);
  }
  for (const file of files.map((name) => resolve(directory, name))) {
    try {
      await access(file, constants.R_OK | constants.W_OK);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw await explainUnusable(file, error);
    }
  }
}

/**
 * What a system error at this path means, in an absolute path: `disk_full`, else `data_dir_unusable` with whose the place
 * is, who we are, and what puts it right.
 */
export async function explainUnusable(path: string, cause: unknown): Promise<AppError> {
  const code = systemCode(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new AppError('disk_full', { detail: path, cause });
  const { path: nearest, stats } = await nearestExisting(path);
  const owner = `uid ${stats.uid} gid ${stats.gid} (mode ${(stats.mode & 0o7777).toString(8)})`;
  const us = `uid ${process.getuid?.() ?? '?'}`;
  const subject = nearest === path ? path : `${path} cannot be made: ${nearest}`;
  return new AppError('data_dir_unusable', {
    detail: `${subject} belongs to ${owner}, and cpamp runs as ${us} (${code || 'unknown error'})`,
    hint: remedy(path, nearest, stats, code),
    cause,
  });
}

function remedy(path: string, nearest: string, stats: Stats, code: string): string {
  if (code === 'EROFS') return `The file system of ${nearest} is mounted read-only: mount it writable.`;
  if (code === 'ENOTDIR' || code === 'EEXIST' || (nearest !== path && !stats.isDirectory())) {
    return `${nearest} is not a directory: name another place with USAGE_DATA_DIR.`;
  }
  return takeOwnership(path, nearest === path ? '' : `sudo mkdir -p ${quote(path)} && `);
}

/** The command that gives a folder with all that is in it to the user that we run as. `first` is what goes before it. */
export function takeOwnership(path: string, first = ''): string {
  const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const where = runningInContainer() ? ' (on the host: the folder that is mounted there)' : '';
  return `Run: ${first}sudo chown -R ${owner} ${quote(path)}${where}`;
}

/** The path itself, or the nearest folder above it that exists. */
async function nearestExisting(path: string): Promise<{ readonly path: string; readonly stats: Stats }> {
  for (let at = path; ; at = dirname(at)) {
    try {
      return { path: at, stats: await stat(at) };
    } catch (error) {
      if (at === dirname(at)) throw error;
    }
  }
}

/** A path as one word of a shell. */
export function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
