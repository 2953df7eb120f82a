import { lchown, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { acquireBulkLock } from '../../bulk-lock.ts';
import { prepareDataDir } from '../../config/data-dir.ts';
import type { StartConfig } from '../../config/start-config.ts';
import { AppError } from '../../errors.ts';
import { syncDirectory } from '../../files.ts';
import { acquireLock, serveLockPath, type Lock } from '../../lock.ts';
import { inspectDatabase, refuseForeign } from '../../store/inspect.ts';
import { SCHEMA_VERSION } from '../../store/migrations/index.ts';
import { proveDatabase } from '../../store/snapshot.ts';
import type { Proof } from '../../store/snapshot-protocol.ts';
import { guarded } from '../../store/sqlite.ts';
import { kindAt, type Written } from './copy.ts';
import { damagedAt, isDamaged } from './damaged.ts';
import { exchange, finishExchange, isUnfinished, type Step } from './exchange.ts';
import { findKey, type KeyFound } from './key.ts';
import type { Layout } from './layout.ts';
import type { Manifest } from './manifest.ts';
import { DATABASE, KEY, SPOOL } from './names.ts';
import { summariseSpool, type SegmentReader, type SpoolSummary } from './segments.ts';
import { unpackSource } from './source.ts';

/**
 * Which data key counts after a restore: that of the source, the one that lay there and fits, the one of the
 * environment, none because nothing wants one, or none although something does: the daemon starts locked then.
 */
export type RestoredKey = 'restored' | 'kept' | 'environment' | 'none' | 'missing';

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
  const { config, dryRun } = options;
  await refuseItself(options);
  if (dryRun) {
    const stage = await mkdtemp(join(tmpdir(), 'cpamp-restore-'));
    try {
      return (await prepare(stage, options)).report;
    } finally {
      await rm(stage, { recursive: true, force: true });
    }
  }
  return withPlace(config, options.nowMs, async () => {
    await refuseUnfinished(config.dbPath);
    const stage = `${config.dbPath}.restore.partial`;
    await rm(stage, { recursive: true, force: true });
    try {
      await mkdir(stage, { mode: 0o700 });
      const { report, steps } = await prepare(stage, options);
      await options.confirm(report);
      options.signal.throwIfAborted();
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
  return withPlace(config, nowMs, () => finishExchange(config.dbPath));
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
  options.onStep('check', 0, null);
  const database = join(stage, DATABASE);
  refuseOthers(database, source, manifest);
  // What lies beside the database of a backup is none of its own.
  if (manifest) for (const suffix of ['-wal', '-journal']) await rm(`${database}${suffix}`, { force: true });
  const proof = await proveCopy(database, source, manifest, signal);
  if (manifest) compareCounts(manifest, proof);
  if (!withKey) await rm(join(stage, KEY), { force: true });
  const { kind: key, found } = await chooseKey(stage, proof, config);
  const box = found.kind === 'open' ? found.box : null;
  const spool = await summariseSpool(stage, proof.position, box, readSegment, signal);
  await syncDirectory(join(stage, SPOOL));
  await syncDirectory(stage);
  const aside = await freeName(join(dirname(config.dbPath), `before-restore-${stamp(nowMs)}`));
  const { old, steps } = await planExchange(stage, aside, key, config);
  if (old.length > 0 && !options.replace) {
    throw new AppError('restore_occupied', { detail: old.join(', ') });
  }
  return {
    report: { source, manifest, proof, spool, key, layout, aside: old.length > 0 ? aside : null },
    steps,
  };
}

function stamp(nowMs: number): string {
  return new Date(nowMs)
    .toISOString()
    .replaceAll(':', '')
    .replace(/\.\d+Z$/, 'Z');
}

/** A name that nothing has, not even after two restores within a second. */
async function freeName(path: string): Promise<string> {
  let free = path;
  for (let next = 2; (await kindAt(free)) !== null; next += 1) free = `${path}-${next}`;
  return free;
}

/** The files of a backup are those of its manifest, to the byte; others beside them do not count. */
function compareWithManifest(manifest: Manifest, files: ReadonlyMap<string, Written>): void {
  const damaged = (detail: string): AppError => new AppError('backup_damaged', { detail });
  for (const { path, bytes, sha256 } of manifest.files) {
    const file = files.get(path);
    if (!file) throw damaged(`${path} is not in it`);
    if (file.bytes !== bytes) throw damaged(`${path} has ${file.bytes} bytes instead of ${bytes}`);
    if (file.sha256 !== sha256) throw damaged(`the checksum of ${path} is another one`);
  }
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

/** What lies at the place and has to go, and how all of it goes and comes. */
async function planExchange(
  stage: string,
  aside: string,
  key: RestoredKey,
  { dataKeyPath, dbPath }: StartConfig,
): Promise<{ readonly old: readonly string[]; readonly steps: readonly Step[] }> {
  const old: string[] = [];
  const out: Step[] = [];
  const goes = async (from: string, to: string): Promise<void> => {
    const kind = await kindAt(from);
    if (kind === null || (kind === 'directory' && (await readdir(from)).length === 0)) return;
    old.push(from);
    out.push({ from, to: join(aside, to) });
  };
  const spool = join(dirname(dbPath), SPOOL);
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    await goes(`${dbPath}${suffix}`, `${basename(dbPath)}${suffix}`);
  }
  await goes(spool, SPOOL);
  const into: Step[] = [];
  if (key === 'restored' || key === 'missing') {
    if (key === 'missing' || !(await sameBytes(dataKeyPath, join(stage, KEY)))) await goes(dataKeyPath, KEY);
    if (key === 'restored') into.push({ from: join(stage, KEY), to: dataKeyPath });
  }
  // An empty folder goes without being asked for.
  if ((await kindAt(spool)) !== null && !old.includes(spool)) {
    out.push({ from: spool, to: join(stage, 'empty') });
  }
  into.push({ from: join(stage, SPOOL), to: spool }, { from: join(stage, DATABASE), to: dbPath });
  return { old, steps: [...out, ...into] };
}

async function sameBytes(a: string, b: string): Promise<boolean> {
  if ((await kindAt(a)) !== 'file' || (await kindAt(b)) !== 'file') return false;
  return (await readFile(a)).equals(await readFile(b));
}

/** Who restores as root does it for the one whose folder it is. */
async function giveToOwner(path: string, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(folder);
  if (uid === 0) return;
  const give = async (at: string): Promise<void> => {
    await lchown(at, uid, gid);
    if ((await kindAt(at)) !== 'directory') return;
    for (const name of await readdir(at)) await give(join(at, name));
  };
  await give(path);
}
