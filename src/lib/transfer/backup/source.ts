import { lstat, mkdir, readdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../errors.ts';
import { systemCode } from '../../files.ts';
import { formatBytes } from '../../format.ts';
import { readArchive, type ArchiveEntry } from './archive.ts';
import { readNow, writeNew, type Written } from './copy.ts';
import { findLayout, type Layout } from './layout.ts';
import { MAX_MANIFEST_BYTES, parseManifest, type Manifest } from './manifest.ts';
import { MANIFEST, SPOOL } from './names.ts';

export interface Unpacked {
  readonly layout: Layout;
  /** `null`: it is a copy of a data directory, which nobody wrote checksums for. */
  readonly manifest: Manifest | null;
  /** Written files by the name that they got. */
  readonly files: ReadonlyMap<string, Written>;
}

/**
 * Copies what can be restored from an archive or a folder into the empty folder `stage`, under names of ours. Rejects
 * with `backup_unusable`, `backup_damaged`, `database_newer`, `disk_full`, and the signal's reason.
 */
export async function unpackSource(
  source: string,
  dbPath: string,
  stage: string,
  signal: AbortSignal,
  onBytes: (read: number, total: number | null) => void,
): Promise<Unpacked> {
  const reader = await openSource(source);
  const entries = await reader.list(signal);
  const layout = findLayout(source, entries, dbPath);
  await refuseTooLarge(layout.bytes, stage);
  const files = new Map<string, Written>();
  let manifest: Manifest | null = null;
  await mkdir(join(stage, SPOOL), { mode: 0o700 });
  await reader.read(
    ({ path, bytes }) => {
      if (path === layout.manifest) {
        if (bytes > MAX_MANIFEST_BYTES)
          throw new AppError('backup_damaged', { detail: 'manifest.json is too long' });
        return async (chunks) => {
          manifest = parseManifest((await collect(chunks)).toString('utf8'));
        };
      }
      const name = layout.wanted.get(path);
      if (name === undefined) return null;
      return async (chunks) => {
        files.set(name, await writeNew(join(stage, name), chunks, signal));
      };
    },
    signal,
    (read) => onBytes(read, reader.bytes),
  );
  if (layout.manifest !== null && manifest === null)
    throw new AppError('backup_damaged', { detail: `${source}: ${MANIFEST} cannot be read` });
  return { layout, manifest, files };
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

async function refuseTooLarge(bytes: number, stage: string): Promise<void> {
  const { bavail, bsize } = await statfs(stage);
  if (bytes < bavail * bsize) return;
  const left = formatBytes(bavail * bsize);
  const detail = `${dirname(stage)} has ${left} left, and ${formatBytes(bytes)} are to be restored`;
  throw new AppError('disk_full', { detail });
}

type Take = (entry: ArchiveEntry) => ((bytes: AsyncIterable<Buffer>) => Promise<void>) | null;

interface SourceReader {
  /** Of the archive as it lies there; `null` for a folder. */
  readonly bytes: number | null;
  list(signal: AbortSignal): Promise<ArchiveEntry[]>;
  read(take: Take, signal: AbortSignal, onBytes: (read: number) => void): Promise<void>;
}

async function openSource(source: string): Promise<SourceReader> {
  let size: number;
  try {
    const stats = await stat(source);
    if (stats.isDirectory()) return folderReader(source);
    if (!stats.isFile()) throw new AppError('backup_unusable', { detail: `${source} is no file` });
    ({ size } = stats);
  } catch (error) {
    if (error instanceof AppError) throw error;
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file' : systemCode(error);
    throw new AppError('backup_unusable', { detail: `${source} (${why})`, cause: error });
  }
  return {
    bytes: size,
    list: async (signal) => {
      const entries: ArchiveEntry[] = [];
      let names = 0;
      await readArchive(
        source,
        (entry) => {
          names += entry.path.length;
          if (entries.push(entry) > MOST_ENTRIES || names > MOST_NAME_CHARS)
            throw new AppError('backup_unusable', { detail: `${source} holds too many files` });
          return null;
        },
        signal,
      );
      return entries;
    },
    read: (take, signal, onBytes) => readArchive(source, take, signal, onBytes),
  };
}

/** A data directory has some dozens, and some thousands with everything that people keep beside it. */
const MOST_ENTRIES = 200_000;
/** Of all names together, because one may be a megabyte. */
const MOST_NAME_CHARS = 32 * 1024 * 1024;

function folderReader(source: string): SourceReader {
  const list = async (): Promise<ArchiveEntry[]> => {
    const entries: ArchiveEntry[] = [];
    for (const name of await readdir(source)) {
      const entry = await entryAt(source, name);
      if (entry === null) continue;
      entries.push(entry);
      if (entry.kind !== 'directory' || name !== SPOOL) continue;
      for (const inner of await readdir(join(source, SPOOL))) {
        const below = await entryAt(source, `${SPOOL}/${inner}`);
        if (below !== null) entries.push(below);
      }
    }
    return entries;
  };
  return {
    bytes: null,
    list,
    read: async (take, signal, onBytes) => {
      let read = 0;
      for (const entry of await list()) {
        const write = take(entry);
        if (write === null) continue;
        signal.throwIfAborted();
        await write(readNow(join(source, entry.path)));
        read += entry.bytes;
        onBytes(read);
      }
    },
  };
}

async function entryAt(source: string, path: string): Promise<ArchiveEntry | null> {
  const stats = await lstat(join(source, path)).catch(() => null);
  if (stats === null) return null;
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
  return { path, kind, bytes: stats.size };
}
