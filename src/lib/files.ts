import { randomBytes } from 'node:crypto';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The system's code of a failed call, such as `ENOENT`; `''` when it is no such error. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a directory',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'the disk is read-only',
  ERR_STRING_TOO_LONG: 'it is too long',
  ERR_FS_FILE_TOO_LARGE: 'it is too long',
};

/** Why a file could not be read or written, in words where there are some. */
export function whyNot(error: unknown): string {
  const code = systemCode(error);
  return WORDS[code] ?? (code || 'unknown error');
}

/** Makes what was created, renamed or removed in a directory survive a loss of power. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network and FUSE file systems cannot sync a directory; they have no more to offer.
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR'].includes(systemCode(error))) throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file so that every reader, and a restart after a loss of power, sees either the old content or the whole
 * new one. `mode` is exact, whatever the umask. Rejects with the system's error; nothing is left behind then.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  await throughTemporary(path, data, mode, (temporary) => rename(temporary, path));
}

/** The same for a file that must not be there yet: rejects with `EEXIST` when it is, even when two do it at once. */
export async function createFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  await throughTemporary(path, data, mode, async (temporary) => {
    try {
      await link(temporary, path);
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(systemCode(error))) throw error;
      // No hard links here (exFAT, some network shares). Reserving the name first keeps it exclusive.
      await (await open(path, 'wx', mode)).close();
      await rename(temporary, path);
    }
    await rm(temporary, { force: true });
  });
}

async function throughTemporary(
  path: string,
  data: string | Uint8Array,
  mode: number,
  publish: (temporary: string) => Promise<void>,
): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await publish(temporary);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  await syncDirectory(directory);
}
