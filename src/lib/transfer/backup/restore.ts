import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { acquireBulkLock } from '../../bulk-lock.ts';
import { explainUnusable, prepareDataDir } from '../../config/data-dir.ts';
import type { StartConfig } from '../../config/start-config.ts';
import { AppError } from '../../errors.ts';
import { syncDirectory, systemCode } from '../../files.ts';
import { acquireLock, serveLockPath, type Lock } from '../../lock.ts';
import { inspectDatabase, refuseForeign } from '../../store/inspect.ts';
import { SCHEMA_VERSION } from '../../store/migrations/index.ts';
import { endSessions, proveDatabase } from '../../store/snapshot.ts';
import type { Proof } from '../../store/snapshot-protocol.ts';
import { guarded } from '../../store/sqlite.ts';
import { kindAt, type Written } from './copy.ts';
import { damagedAt, isDamaged } from './damaged.ts';
import { exchange, finishExchange, isUnfinished, type Step } from './exchange.ts';
import { findKey, type KeyFound } from './key.ts';
import type { Layout } from './layout.ts';
import type { Manifest } from './manifest.ts';
import { DATABASE, KEY, SPOOL } from './names.ts';
import { giveToOwner } from './owner.ts';
import { asideName, planExchange, type RestoredKey } from './plan.ts';
import { summariseSpool, type SegmentReader, type SpoolSummary } from './segments.ts';
import { unpackSource } from './source.ts';

export interface RestoreOptions {
  readonly config: StartConfig;
  /** An archive or a folder; absolute. */
  readonly source: string;
  readonly replace: boolean;
  readonly withKey: boolean;
  /** Proves the source, and changes nothing. */
  readonly dryRun: boolean;
  readonly nowMs: number;
  readonly readSegment: SegmentReader;
  /** Called with what was proven, before anything is moved aside. Rejects where a person says no. */
  readonly confirm: (report: RestoreReport) => Promise<void>;
  readonly onStep: (step: 'read' | 'check', done: number, total: number | null) => void;
  readonly signal: AbortSignal;
}

export interface RestoreReport {
  readonly source: string;
  /** `null`: a copy of a data directory. */
  readonly manifest: Manifest | null;
  readonly proof: Proof;
  readonly spool: SpoolSummary;
  readonly key: RestoredKey;
  readonly layout: Layout;
  /** Where what was there goes, or went; `null`: nothing was there. */
  readonly aside: string | null;
}

/**
 * Proves a backup, or a copy of a data directory, and puts it where `config` says. What lies there is moved aside.
 * Whatever goes wrong before the exchange leaves everything as it was. Rejects with AppError and the signal's reason.
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  await refuseItself(options);
  try {
    return await (options.dryRun ? prove(options) : putInPlace(options));
  } catch (error) {
    throw await asRestoreError(error, options.source);
  }
}

const NO_ROOM = 'It is unpacked in the folder for temporary files: set TMPDIR to one with more room.';

async function prove(options: RestoreOptions): Promise<RestoreReport> {
  const stage = await mkdtemp(join(tmpdir(), 'cpamp-restore-'));
  try {
    return (await prepare(stage, options)).report;
  } catch (error) {
    const full = systemCode(error) === 'ENOSPC' || (error instanceof AppError && error.code === 'disk_full');
    throw full ? new AppError('disk_full', { detail: tmpdir(), hint: NO_ROOM, cause: error }) : error;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

function putInPlace(options: RestoreOptions): Promise<RestoreReport> {
  const { config } = options;
  return withPlace(config, options.nowMs, async () => {
    await refuseUnfinished(config.dbPath);
    const stage = stageOf(config);
    await rm(stage, { recursive: true, force: true });
    try {
      await mkdir(stage, { mode: 0o700 });
      const { report, steps } = await prepare(stage, options);
      await options.confirm(report);
      options.signal.throwIfAborted();
      // A login that was ended since the backup was made would count again.
      await endSessions(join(stage, DATABASE), options.signal);
      await giveToOwner(stage, dirname(config.dbPath));
      await exchange(config.dbPath, stage, report.aside, steps);
      return report;
    } catch (error) {
      // What the plan of an exchange names is still wanted.
      if (!(await isUnfinished(config.dbPath))) await rm(stage, { recursive: true, force: true });
      throw error;
    }
  });
}

/** Ends an interrupted restore; `null`: there is none. */
export function finishRestore(
  config: StartConfig,
  nowMs: number,
): Promise<{ readonly aside: string | null } | null> {
  return withPlace(config, nowMs, async () => {
    try {
      return await finishExchange(config.dbPath);
    } catch (error) {
      throw await asRestoreError(error, null);
    }
  });
}

/** Says of a disk or a folder that refuses which one it is, and what to do about it. */
async function asRestoreError(error: unknown, source: string | null): Promise<unknown> {
  if (!(error instanceof Error) || !/^E[A-Z]+$/.test(systemCode(error))) return error;
  const from = 'path' in error && typeof error.path === 'string' ? error.path : '';
  const to = 'dest' in error && typeof error.dest === 'string' ? error.dest : from;
  if (source !== null && (from === source || from.startsWith(`${source}${sep}`))) {
    return new AppError('backup_unusable', { detail: `${from} (${systemCode(error)})`, cause: error });
  }
  const code = systemCode(error);
  // A write does not say where to.
  if (['ENOSPC', 'EDQUOT'].includes(code)) return new AppError('disk_full', { detail: to, cause: error });
  if (code === 'EBUSY') {
    return new AppError('data_dir_unusable', {
      detail: `${from} cannot be moved (${code})`,
      hint: 'Something is mounted there: mount the folder that it lies in instead.',
      cause: error,
    });
  }
  return to === '' ? error : explainUnusable(dirname(to), error);
}

/** Where everything is unpacked, beside the database so that it only needs renaming. */
function stageOf({ dbPath }: StartConfig): string {
  return `${dbPath}.restore.partial`;
}

/** Alone with the place: no daemon, and no command that changes many rows. */
async function withPlace<T>(config: StartConfig, nowMs: number, work: () => Promise<T>): Promise<T> {
  await prepareDataDir(config.dataDir);
  const folder = dirname(config.dbPath);
  if (folder !== config.dataDir) await prepareDataDir(folder);
  const locks: Lock[] = [await acquireLock(await serveLockPath(config.dbPath), 'restore', nowMs)];
  try {
    locks.push(await acquireBulkLock(config.dbPath, 'restore', nowMs));
    return await work();
  } finally {
    for (const lock of locks) {
      await lock.release();
      await giveToOwner(lock.path, folder);
    }
  }
}

async function refuseItself({ config, source }: RestoreOptions): Promise<void> {
  const real = await realpath(source).catch(() => source);
  if (real === (await realpath(stageOf(config)).catch(() => null))) {
    throw new AppError('wrong_usage', { detail: `${source} is what an earlier restore did not finish` });
  }
  for (const folder of [config.dataDir, dirname(config.dbPath)]) {
    if (real === (await realpath(folder).catch(() => folder)))
      throw new AppError('wrong_usage', { detail: `${source} is the data directory itself` });
  }
}

async function refuseUnfinished(dbPath: string): Promise<void> {
  if (await isUnfinished(dbPath)) throw new AppError('restore_unfinished', { detail: dbPath });
}

interface Prepared {
  readonly report: RestoreReport;
  readonly steps: readonly Step[];
}

/** Everything but the exchange. */
async function prepare(stage: string, options: RestoreOptions): Promise<Prepared> {
  const { config, nowMs, readSegment, signal, source, withKey } = options;
  const unpacked = await unpackSource(source, config.dbPath, stage, signal, (read, total) =>
    options.onStep('read', read, total),
  );
  const { layout, manifest, files } = unpacked;
  if (manifest) compareWithManifest(manifest, files);
  const strange = manifest ? await dropStrange(stage, manifest, files) : [];
  options.onStep('check', 0, null);
  const database = join(stage, DATABASE);
  refuseOthers(database, source, manifest);
  const proof = await proveCopy(database, source, manifest, signal);
  if (manifest) compareCounts(manifest, proof);
  if (!withKey) await rm(join(stage, KEY), { force: true });
  const { kind: key, found } = await chooseKey(stage, proof, config);
  const box = found.kind === 'open' ? found.box : null;
  const spool = await summariseSpool(stage, proof.position, box, readSegment, signal);
  await syncDirectory(join(stage, SPOOL));
  await syncDirectory(stage);
  const aside = await asideName(config.dbPath, nowMs);
  const { old, steps } = await planExchange(stage, aside, key, config);
  if (old.length > 0 && !options.replace && !options.dryRun) {
    throw new AppError('restore_occupied', { detail: old.join(', ') });
  }
  return {
    report: {
      source,
      manifest,
      proof,
      spool,
      key,
      layout: { ...layout, unknown: [...layout.unknown, ...strange] },
      aside: old.length > 0 ? aside : null,
    },
    steps,
  };
}

/**
 * Removes what lies beside the files of a backup without being one of them, as after somebody looked into its database.
 * A data.key that was put back beside them stays: it has to prove itself.
 */
async function dropStrange(
  stage: string,
  manifest: Manifest,
  files: ReadonlyMap<string, Written>,
): Promise<string[]> {
  const known = new Set([KEY, ...manifest.files.map(({ path }) => path)]);
  const strange = [...files.keys()].filter((name) => !known.has(name));
  for (const name of strange) await rm(join(stage, name), { force: true });
  return strange;
}

/** The files of a backup are those of its manifest, to the byte. */
function compareWithManifest(manifest: Manifest, files: ReadonlyMap<string, Written>): void {
  const damaged = (detail: string): AppError => new AppError('backup_damaged', { detail });
  for (const { path, bytes, sha256 } of manifest.files) {
    const file = files.get(path);
    if (!file) throw damaged(`${path} is not in it`);
    if (file.bytes !== bytes) throw damaged(`${path} has ${file.bytes} bytes instead of ${bytes}`);
    if (file.sha256 !== sha256) throw damaged(`the checksum of ${path} is another one`);
  }
  if (!manifest.files.some(({ path }) => path === DATABASE)) throw damaged(`its manifest has no ${DATABASE}`);
}

function compareCounts(manifest: Manifest, proof: Proof): void {
  const { events, deadLetters, databaseId } = manifest;
  if (events === proof.events && deadLetters === proof.deadLetters && databaseId === proof.databaseId) return;
  throw new AppError('backup_damaged', { detail: 'its manifest speaks of another database' });
}

/** Throws `database_newer`, and `database_foreign` with what to do with a database of an older program. */
function refuseOthers(database: string, source: string, manifest: Manifest | null): void {
  const found = guarded(() => inspectDatabase(database));
  if (found.kind === 'foreign') {
    const older = manifest === null && found.detail.includes('CPA-Manager');
    throw new AppError('database_foreign', {
      detail: `${source}: ${found.detail}`,
      hint: older
        ? 'Restore it with the means of that program, or unpack it into a data directory of its own: taking over such a volume is the work of cpamp serve and of migrate.'
        : 'Nothing was changed.',
    });
  }
  if (found.kind === 'missing')
    throw new AppError('backup_damaged', { detail: `${source}: ${DATABASE} is empty` });
  refuseForeign(database, found, SCHEMA_VERSION);
}

/**
 * A plain copy of a database that was written meanwhile may have pages of one moment and a log of another. Mostly both
 * fit; where they do not, no part of them may be believed.
 */
async function proveCopy(
  database: string,
  source: string,
  manifest: Manifest | null,
  signal: AbortSignal,
): Promise<Proof> {
  try {
    return await proveDatabase(database, manifest === null, signal);
  } catch (error) {
    if (manifest !== null || !isDamaged(error)) throw error;
    const hint =
      'A copy of a database that is being written can be torn. Take another one with the daemon stopped, or use cpamp backup.';
    throw damagedAt(error, source, hint);
  }
}

/** Throws `data_key_foreign` where the source brings a key that does not open what it brings. */
async function chooseKey(
  stage: string,
  proof: Proof,
  config: StartConfig,
): Promise<{ readonly kind: RestoredKey; readonly found: KeyFound }> {
  const { adminKey, dataKeySecret, dataKeyPath } = config;
  const staged = join(stage, KEY);
  if (dataKeySecret !== null) {
    const found = await findKey(config, proof, stage);
    if (found.kind === 'locked') {
      throw new AppError(found.error.code, {
        detail: found.from,
        hint: 'Give the data key of the backup where cpamp is started.',
      });
    }
    return { kind: 'environment', found };
  }
  if ((await kindAt(staged)) !== null) {
    const found = await findKey({ adminKey, dataKeySecret, dataKeyPath: staged }, proof, stage);
    if (found.kind !== 'locked') return { kind: 'restored', found };
    throw new AppError(found.error.code, {
      detail: 'the one in the backup',
      hint: 'Restore without it: --without-key. Then put the right file in its place; until then the daemon starts locked.',
    });
  }
  const found = await findKey({ adminKey, dataKeySecret, dataKeyPath }, proof, stage);
  if (found.kind === 'open') return { kind: 'kept', found };
  return { kind: found.kind === 'absent' ? 'none' : 'missing', found };
}
