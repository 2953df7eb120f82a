import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explainUnusable } from '../../config/data-dir.ts';
import type { StartConfig } from '../../config/start-config.ts';
import { AppError } from '../../errors.ts';
import { syncDirectory, systemCode, writeFileAtomic } from '../../files.ts';
import { copyDatabase, proveDatabase } from '../../store/snapshot.ts';
import { VERSION } from '../../version.ts';
import { pack, readArchive } from './archive.ts';
import { copySpool, digest, kindAt, readNow, writeNew, type Written } from './copy.ts';
import { damagedAt, isDamaged } from './damaged.ts';
import { keepNewest, type Kept } from './keep.ts';
import { findKey, type KeyFound } from './key.ts';
import { formatManifest, type KeyInBackup, type Manifest, type ManifestFile } from './manifest.ts';
import {
  bareName,
  DATABASE,
  formatOf,
  isBackupName,
  KEY,
  MANIFEST,
  SPOOL,
  type BackupFormat,
} from './names.ts';
import { summariseSpool, type SegmentReader, type SpoolSummary } from './segments.ts';

/** `done` and `total` are bytes; `total` is `null` where nobody knows. */
export type OnStep = (
  step: 'spool' | 'database' | 'check' | 'pack' | 'verify',
  done: number,
  total: number | null,
) => void;

export interface BackupOptions {
  readonly config: StartConfig;
  /** Absolute; nothing lies there yet. Its folder is there. */
  readonly path: string;
  readonly format: BackupFormat;
  readonly withKey: boolean;
  /** How many backups of this database, this one among them, stay in the folder; `null`: all. */
  readonly keep: number | null;
  readonly nowMs: number;
  readonly readSegment: SegmentReader;
  readonly onStep: OnStep;
  readonly signal: AbortSignal;
}

export interface BackupReport extends Kept {
  readonly path: string;
  readonly format: BackupFormat;
  /** Of the archive, or of all files in the folder. */
  readonly bytes: number;
  readonly manifest: Manifest;
  readonly spool: SpoolSummary;
  /** What lies in the data directory and is in no backup. */
  readonly leftOut: readonly string[];
}

/**
 * Makes a backup under another name, opens it again, and only then gives it its own. Whatever ends it before leaves
 * nothing behind. A daemon may be writing: the spool is copied first, and then the database. What a daemon stores and
 * deletes from the spool in between is in the database by then, and what is in both is known by the position that the
 * database has: a daemon stores what lies behind it, and nothing twice. The other way round, events would be in neither.
 */
export async function backUp(options: BackupOptions): Promise<BackupReport> {
  const { path, format, keep, signal } = options;
  const folder = dirname(path);
  await refuseTaken(path);
  await removeStale(folder, options.nowMs);
  const partial = join(folder, `.${basename(path)}.${randomBytes(4).toString('hex')}.partial`);
  try {
    await mkdir(partial, { mode: 0o700 });
    const stage = join(partial, bareName(path));
    await mkdir(stage, { mode: 0o700 });
    const { manifest, spool } = await stageFiles(stage, options);
    const bytes =
      format === 'directory'
        ? await publishFolder(stage, path, manifest)
        : await publishArchive(stage, partial, format, manifest, options);
    const kept =
      keep === null
        ? { removed: [], unreadable: [], stuck: [] }
        : await keepNewest(path, manifest.databaseId, keep, signal);
    return { path, format, bytes, manifest, spool, leftOut: await leftOut(options.config), ...kept };
  } catch (error) {
    throw await asBackupError(error, options.config, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function refuseTaken(path: string): Promise<void> {
  if ((await kindAt(path)) !== null) throw new AppError('file_exists', { detail: path });
}

/** Spool, database, key, in this order; then what they hold, proven by opening them. */
async function stageFiles(
  stage: string,
  options: BackupOptions,
): Promise<{ readonly manifest: Manifest; readonly spool: SpoolSummary }> {
  const { config, nowMs, onStep, readSegment, signal } = options;
  onStep('spool', 0, null);
  const files: ManifestFile[] = await copySpool(dirname(config.dbPath), stage, signal);
  const database = join(stage, DATABASE);
  const total = (await stat(config.dbPath)).size;
  const watch = setInterval(() => {
    stat(database).then(
      ({ size }) => onStep('database', size, total),
      () => {},
    );
  }, 200);
  try {
    onStep('database', 0, total);
    await copyDatabase(config.dbPath, database, signal);
  } finally {
    clearInterval(watch);
  }
  onStep('check', 0, null);
  const proof = await proveDatabase(database, false, signal);
  const found = await findKey(config, proof, stage);
  const key = await stageKey(stage, found, options);
  if (key.file) files.unshift(key.file);
  files.push({ path: DATABASE, ...(await digest(database, signal)) });
  const box = found.kind === 'open' ? found.box : null;
  const spool = await summariseSpool(stage, proof.position, box, readSegment, signal);
  const manifest: Manifest = {
    format: 'cpamp-backup',
    version: 1,
    program: VERSION,
    createdAt: new Date(nowMs).toISOString(),
    databaseId: proof.databaseId,
    schemaVersion: proof.schemaVersion,
    events: proof.events,
    deadLetters: proof.deadLetters,
    key: key.kind,
    files,
  };
  await writeFileAtomic(join(stage, MANIFEST), formatManifest(manifest));
  await syncDirectory(stage);
  return { manifest, spool };
}

async function stageKey(
  stage: string,
  found: KeyFound,
  { config, withKey, signal }: BackupOptions,
): Promise<{ readonly kind: KeyInBackup; readonly file?: ManifestFile }> {
  if (!withKey) return { kind: 'left-out' };
  if (found.kind === 'locked') {
    throw new AppError(found.error.code, {
      detail: found.from,
      hint: 'Put the right data.key back, or back up what is there without it: --without-key',
    });
  }
  if (found.kind === 'absent') return { kind: 'none' };
  if (config.dataKeySecret !== null) return { kind: 'environment' };
  const written: Written = await writeNew(join(stage, KEY), readNow(config.dataKeyPath), signal);
  return { kind: 'included', file: { path: KEY, ...written } };
}

async function publishFolder(stage: string, path: string, manifest: Manifest): Promise<number> {
  await rename(stage, path);
  await syncDirectory(dirname(path));
  return manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function publishArchive(
  stage: string,
  partial: string,
  format: Exclude<BackupFormat, 'directory'>,
  manifest: Manifest,
  { path, onStep, signal }: BackupOptions,
): Promise<number> {
  const archive = join(partial, 'archive');
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const names = [MANIFEST, SPOOL, ...manifest.files.map((file) => file.path)].filter(
    (name) => !name.startsWith(`${SPOOL}/`),
  );
  await pack(archive, format, stage, bareName(path), names, signal, (done) => onStep('pack', done, total));
  const { size } = await stat(archive);
  await verifyArchive(archive, manifest, signal, (read) => onStep('verify', read, size));
  await claim(archive, path);
  await syncDirectory(dirname(path));
  return size;
}

/** Reads the archive as a restore would, and compares every byte of it with what was packed. */
async function verifyArchive(
  archive: string,
  manifest: Manifest,
  signal: AbortSignal,
  onBytes: (read: number) => void,
): Promise<void> {
  const wanted = new Map(manifest.files.map(({ path, sha256 }) => [path, sha256]));
  const reader = ({ path, kind }: { path: string; kind: string }) => {
    const name = path.slice(path.indexOf('/') + 1);
    const sha256 = wanted.get(name);
    if (kind !== 'file' || sha256 === undefined) return null;
    return async (bytes: AsyncIterable<Buffer>): Promise<void> => {
      const hash = createHash('sha256');
      for await (const chunk of bytes) hash.update(chunk);
      if (hash.digest('hex') !== sha256) throw new AppError('backup_damaged', { detail: `${name} in it` });
      wanted.delete(name);
    };
  };
  await readArchive(archive, reader, signal, onBytes);
  const [missing] = wanted.keys();
  if (missing !== undefined) throw new AppError('backup_damaged', { detail: `${missing} is not in it` });
}

/** Gives a finished file its name, unless somebody else took it in the meantime. */
async function claim(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw new AppError('file_exists', { detail: to, cause: error });
    // No hard links here.
    await refuseTaken(to);
    await rename(from, to);
  }
}

const STALE_MS = 24 * 3_600_000;
const PARTIAL = /^\.(.+)\.[0-9a-f]{8}\.partial$/;

/** What a killed run left: nobody works at it for a day. */
async function removeStale(folder: string, nowMs: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, backup = ''] = PARTIAL.exec(name) ?? [];
    if (!isBackupName(backup) && formatOf(backup) === null) continue;
    const path = join(folder, name);
    const touched = await stat(path).catch(() => null);
    if (touched && nowMs - touched.mtimeMs > STALE_MS) await rm(path, { recursive: true, force: true });
  }
}

/** What people might look for in a backup and do not find: old volumes, things set aside, their own configuration. */
async function leftOut({ dataDir, dbPath }: StartConfig): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of new Set([dataDir, dirname(dbPath)])) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (/^(?:pre-cpamp|before-restore-.*|spool\..*\.old|usage-imports)$/.test(name)) {
        const inside = await readdir(join(folder, name)).catch(() => []);
        if (inside.length > 0) found.add(`${name}/`);
      }
      if (/^(?:config\.json|data\.key\..*\.old)$/.test(name)) found.add(name);
    }
  }
  return [...found].toSorted();
}

/** Says of a disk or a folder that refuses which one it is. */
async function asBackupError(error: unknown, config: StartConfig, folder: string): Promise<unknown> {
  const code = systemCode(error);
  const path = error instanceof Error && 'path' in error ? String(error.path) : '';
  const spool = join(dirname(config.dbPath), SPOOL);
  const read = [spool, config.dataKeyPath, config.dbPath].some(
    (one) => path === one || dirname(path) === one,
  );
  if (read && /^E[A-Z]+$/.test(code)) return explainUnusable(path, error);
  if (code === 'ENOSPC' || code === 'EDQUOT' || (error instanceof AppError && error.code === 'disk_full')) {
    const hint = 'Free space there, or name another folder. Nothing was written.';
    return new AppError('disk_full', { detail: folder, hint, cause: error });
  }
  if (['EACCES', 'EPERM', 'EROFS', 'EFBIG', 'EIO'].includes(code)) {
    return new AppError('output_failed', { detail: `${folder} (${code})`, cause: error });
  }
  if (isDamaged(error)) {
    const hint =
      'Nothing was written. Where it is the database itself that is damaged, restore a backup that is whole.';
    return damagedAt(error, config.dbPath, hint);
  }
  return error;
}
