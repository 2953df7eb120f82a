import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../errors.ts';
import { syncDirectory, systemCode } from '../files.ts';
import { openExport } from '../store/export.ts';
import { OldHashes } from '../store/old/hashes.ts';
import { openOld } from '../store/old/open.ts';

export interface EventsSinceOptions {
  /** Ours. This process may have a connection to it. */
  readonly dbPath: string;
  /** The old database: its events are left out. Opened for reading only. */
  readonly oldPath: string;
  /** The JSONL file to make, mode 0600. Without an event to write there is none. */
  readonly file: string;
  /** Called with how many events were looked at. */
  readonly onProgress?: (looked: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Writes the events that are not in an old volume as an export, in the order of their times; `cpamp import` reads it back.
 * Durable when it resolves, to how many there are; no half file is left otherwise. Rejects with the reason of the signal,
 * and with `disk_full`, `wrong_usage` for a file that cannot be written, and what reading throws.
 */
export async function writeEventsSince(options: EventsSinceOptions): Promise<number> {
  const { dbPath, oldPath, file, onProgress, signal } = options;
  const part = `${file}.part`;
  const old = openOld(oldPath);
  try {
    const known = new OldHashes(old);
    const handle = await open(part, 'w', 0o600);
    let written = 0;
    let looked = 0;
    try {
      for await (const chunk of openExport(dbPath, { signal })) {
        const lines = Buffer.from(chunk).toString('utf8').split('\n').slice(0, -1);
        const fresh = lines.filter((line) => !known.has(hashOf(line)));
        looked += lines.length;
        written += fresh.length;
        if (fresh.length > 0) await handle.write(`${fresh.join('\n')}\n`);
        onProgress?.(looked);
      }
      signal.throwIfAborted();
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (written === 0) await rm(part, { force: true });
    else {
      await rename(part, file);
      await syncDirectory(dirname(file));
    }
    return written;
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    throw asFileError(error, file);
  } finally {
    old.close();
  }
}

function hashOf(line: string): string {
  const event: unknown = JSON.parse(line);
  const hash = typeof event === 'object' && event !== null && 'event_hash' in event ? event.event_hash : '';
  return typeof hash === 'string' ? hash : '';
}

function asFileError(error: unknown, file: string): unknown {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('disk_full', { detail: file, cause: error });
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EISDIR'].includes(code)) return error;
  return new AppError('wrong_usage', {
    detail: `${file} cannot be written (${code})`,
    hint: 'Nothing was moved. Name another file with --events.',
    cause: error,
  });
}
