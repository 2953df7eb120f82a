import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory, systemCode } from '../../files.ts';
import type { ManifestFile } from './manifest.ts';
import { SPOOL } from './names.ts';
import { listSpool } from './segments.ts';

export interface Written {
  readonly bytes: number;
  /** Hexadecimal SHA-256. */
  readonly sha256: string;
}

const CHUNK = 1024 * 1024;

/** Writes a new file (0600) and syncs it. Rejects with the system's error, and the signal's reason between two chunks. */
export async function writeNew(
  path: string,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Written> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    await file.chmod(0o600);
    for await (const chunk of source) {
      signal.throwIfAborted();
      await file.writeFile(chunk);
      hash.update(chunk);
      bytes += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/**
 * The bytes that a file has now, and not what is appended meanwhile. Never through a link. Call it for no database that
 * this process has open.
 */
export async function* readNow(path: string): AsyncGenerator<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    for (let at = 0; at < size;) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK, size - at));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/**
 * Copies the spool below `from` to below `to`, while a daemon works in it: a segment that vanishes meanwhile was stored,
 * and the newest one is copied as far as it was written. Rejects with the system's error and the signal's reason.
 */
export async function copySpool(from: string, to: string, signal: AbortSignal): Promise<ManifestFile[]> {
  const copied: ManifestFile[] = [];
  await mkdir(join(to, SPOOL), { mode: 0o700 });
  // Listed once: what begins after it would make one that is still being written the last but one.
  for (const name of await listSpool(join(from, SPOOL))) {
    const written = await unlessGone(join(from, SPOOL, name), (source) =>
      writeNew(join(to, SPOOL, name), source, signal),
    );
    if (written !== null) copied.push({ path: `${SPOOL}/${name}`, ...written });
  }
  await syncDirectory(join(to, SPOOL));
  return copied;
}

/** Works with the bytes of a file; `null` when there is no such file any more. */
async function unlessGone(
  path: string,
  work: (source: AsyncIterable<Buffer>) => Promise<Written>,
): Promise<Written | null> {
  const source = readNow(path);
  let first: IteratorResult<Buffer>;
  try {
    first = await source.next();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  return work(
    (async function* whole() {
      try {
        if (first.done !== true) yield first.value;
        yield* source;
      } finally {
        await source.return(undefined);
      }
    })(),
  );
}

/** Length and checksum of a file, which is durable afterwards. */
export async function digest(path: string, signal: AbortSignal): Promise<Written> {
  const file: FileHandle = await open(path, 'r+');
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    await file.chmod(0o600);
    for (;;) {
      signal.throwIfAborted();
      const chunk = Buffer.allocUnsafe(CHUNK);
      const { bytesRead } = await file.read(chunk, 0, CHUNK, bytes);
      if (bytesRead === 0) break;
      hash.update(chunk.subarray(0, bytesRead));
      bytes += bytesRead;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** What lies at a path itself, not behind a link; `null`: nothing. */
export async function kindAt(path: string): Promise<'file' | 'directory' | 'other' | null> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return null;
    throw error;
  }
}

/** Whether there are two files that hold the same, which are small. */
export async function sameBytes(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([a, b].map((path) => stat(path).catch(() => null)));
  if (!one?.isFile() || !other?.isFile() || one.size !== other.size) return false;
  return (await readFile(a)).equals(await readFile(b));
}
