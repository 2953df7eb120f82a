import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncDirectory, systemCode } from '../../files.ts';
import { readArchive } from './archive.ts';
import { kindAt } from './copy.ts';
import { MAX_MANIFEST_BYTES, parseManifest, type Manifest } from './manifest.ts';
import { isBackupName, MANIFEST } from './names.ts';

export interface Kept {
  /** Paths of the backups that are gone now, oldest first. */
  readonly removed: readonly string[];
  /** Backups by name that were left, because it could not be read whose they are. */
  readonly unreadable: readonly string[];
  /** Backups that should be gone and could not be removed, with the system's code. */
  readonly stuck: ReadonlyArray<{ readonly path: string; readonly why: string }>;
}

/**
 * Removes the older backups in the folder of `newest` until `keep` of the same database are left. Only what has a name
 * that this program gives by itself is looked at, so that a backup with a name of somebody's choice stays for ever.
 */
export async function keepNewest(
  newest: string,
  databaseId: string,
  keep: number,
  signal: AbortSignal,
): Promise<Kept> {
  const folder = dirname(newest);
  const older = (await readdir(folder))
    .filter((name) => isBackupName(name) && name < basename(newest))
    .toSorted()
    .map((name) => join(folder, name));
  const unreadable: string[] = [];
  const ours: string[] = [];
  for (const path of older) {
    signal.throwIfAborted();
    const id = await databaseOf(path, signal);
    if (id === null) unreadable.push(path);
    else if (id === databaseId) ours.push(path);
  }
  const removed: string[] = [];
  const stuck: Array<{ path: string; why: string }> = [];
  for (const path of ours.slice(0, Math.max(0, ours.length - (keep - 1)))) {
    try {
      await rm(path, { recursive: true });
      removed.push(path);
    } catch (error) {
      stuck.push({ path, why: systemCode(error) || String(error) });
    }
  }
  if (removed.length > 0) await syncDirectory(folder);
  return { removed, unreadable, stuck };
}

/** The database that a backup is of; `null` where that cannot be read. */
async function databaseOf(path: string, signal: AbortSignal): Promise<string | null> {
  try {
    const kind = await kindAt(path);
    if (kind === 'directory') {
      return parseManifest(await readFile(join(path, MANIFEST), 'utf8')).databaseId;
    }
    return kind === 'file' ? ((await firstManifest(path, signal))?.databaseId ?? null) : null;
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

/** The manifest is the first file of an archive of ours, so that the rest is not read. */
async function firstManifest(path: string, signal: AbortSignal): Promise<Manifest | null> {
  const enough = new AbortController();
  let manifest: Manifest | null = null;
  const reading = readArchive(
    path,
    ({ path: name, kind, bytes }) => {
      if (kind === 'directory') return null;
      if (basename(name) !== MANIFEST || bytes > MAX_MANIFEST_BYTES) {
        enough.abort();
        return null;
      }
      return async (source) => {
        const chunks: Buffer[] = [];
        for await (const chunk of source) chunks.push(chunk);
        manifest = parseManifest(Buffer.concat(chunks).toString('utf8'));
        enough.abort();
      };
    },
    AbortSignal.any([enough.signal, signal]),
  );
  await reading.catch((error: unknown) => {
    if (!enough.signal.aborted) throw error;
  });
  return manifest;
}
