import { existsSync, statSync } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { insideContainerLayer, runningInContainer } from '../config/container.ts';
import { explainUnusable, quote } from '../config/data-dir.ts';
import { kindOf } from '../config/placement.ts';
import type { StartConfig } from '../config/start-config.ts';
import { controlSocketPath } from '../control.ts';
import { systemCode } from '../files.ts';
import { formatBytes } from '../format.ts';
import { diagnose } from '../gateway/diagnoses.ts';
import { SPOOL_LIMIT_BYTES, spoolDir, spoolLimit, spoolSegments } from '../spool.ts';
import { fail, ok, sentence, warn, type Finding } from './result.ts';

const folders = ({ dataDir, dbPath }: StartConfig): readonly string[] => [
  ...new Set([dataDir, dirname(dbPath)]),
];

/** Whether the folders are there, and outlive the container. */
export function checkDirectory(config: StartConfig): Finding {
  for (const path of folders(config)) {
    const kind = kindOf(path);
    if (kind === 'other') {
      return fail(`${path} is not a directory.`, 'Name another place with USAGE_DATA_DIR or --data-dir.');
    }
    if (kind === 'absent') {
      return fail(
        `${path} is not there, or may not be looked at.`,
        'Name the right place with USAGE_DATA_DIR or --data-dir; at a first start, cpamp setup and cpamp serve make it.',
      );
    }
    if (insideContainerLayer(path)) {
      const { message, fix } = diagnose('data_in_container_layer', 0, { detail: path });
      return warn(message, fix);
    }
  }
  return ok(`${folders(config).join(' and ')} ${folders(config).length > 1 ? 'are' : 'is'} there.`);
}

interface Thing {
  readonly path: string;
  /** What the daemon has to be able to do with it. */
  readonly access: number;
  /** Bits of the mode that nobody but the owner should have. */
  readonly forbidden: number;
}

const READ_WRITE = constants.R_OK | constants.W_OK;

/** Everything of the place that is there. */
function things(config: StartConfig): readonly Thing[] {
  const { dbPath, dataKeyPath, dataKeySecret } = config;
  const file = (path: string, wanted: number = READ_WRITE): Thing => ({
    path,
    access: wanted,
    forbidden: 0o077,
  });
  const folder = (path: string): Thing => ({ path, access: READ_WRITE | constants.X_OK, forbidden: 0o022 });
  const all = [
    ...folders(config).map(folder),
    ...['', '-wal', '-shm', '.serve.lock'].map((suffix) => file(`${dbPath}${suffix}`)),
    ...(dataKeySecret ? [] : [file(dataKeyPath, constants.R_OK)]),
    folder(spoolDir(dbPath)),
    ...segments(dbPath).map((path) => file(path)),
    file(controlSocketPath(dbPath)),
    ...secretFiles(config).map((path) => file(path, constants.R_OK)),
  ];
  return all.filter(({ path }) => existsSync(path));
}

/** None where the folder keeps us out, which is told of itself. */
function segments(dbPath: string): readonly string[] {
  try {
    return spoolSegments(dbPath);
  } catch (error) {
    if (systemCode(error) === 'EACCES') return [];
    throw error;
  }
}

/** Files that secrets were read from. What the container platform mounts has the mode that the platform gives it. */
function secretFiles({ adminKey, dataKeySecret, managementKey }: StartConfig): readonly string[] {
  return [adminKey, dataKeySecret, managementKey].flatMap((secret) => {
    const path = /(\/[^ ]*)$/.exec(secret?.from ?? '')?.[1];
    return path === undefined || path.startsWith('/run/secrets/') ? [] : [path];
  });
}

/** Whether we, and the owner of the folder, may do what the daemon has to do; and whether others may read secrets. */
export async function checkPermissions(config: StartConfig): Promise<Finding> {
  const all = things(config);
  for (const { path, access: wanted } of all) {
    try {
      await access(path, wanted);
    } catch (error) {
      const { message, hint } = await explainUnusable(path, error);
      return fail(sentence(message), hint);
    }
  }
  if (process.getuid === undefined) return ok('Everything can be read and written.');
  const owner = await stat(config.dataDir);
  const secrets = secretFiles(config);
  const strange = all.filter(({ path }) => statSync(path).uid !== owner.uid && !secrets.includes(path));
  const [first] = strange;
  if (first) {
    const more = strange.length > 1 ? ` and ${strange.length - 1} more` : '';
    const where = runningInContainer() ? ' (on the host: the folder that is mounted there)' : '';
    return fail(
      `${first.path}${more} belongs to uid ${statSync(first.path).uid}, and the directory to uid ${owner.uid}: ` +
        'a daemon that runs as one of them is shut out from the other.',
      `Run: sudo chown -R ${owner.uid}:${owner.gid} ${quote(config.dataDir)}${where}`,
    );
  }
  const open = all.find(({ path, forbidden }) => (statSync(path).mode & forbidden) !== 0);
  if (open) {
    const mode = (statSync(open.path).mode & 0o7777).toString(8);
    const isFolder = open.forbidden === 0o022;
    return warn(
      `${open.path} can be ${isFolder ? 'changed' : 'read'} by other users (mode ${mode}).`,
      `Run: chmod ${isFolder ? 'go-w' : 'go-rwx'} ${quote(open.path)}`,
    );
  }
  const us = process.getuid();
  const as = us === owner.uid ? `uid ${us}` : `uid ${owner.uid}, looked at as uid ${us}`;
  return ok(`Everything can be read and written, and only by its owner (${as}).`);
}

/** With less than this SQLite and the spool soon have nothing to write to. */
const LEAST_BYTES = 32 << 20;

/** Room for the spool, for the growth of the database, and for a copy of it. */
export async function checkDiskSpace(config: StartConfig): Promise<Finding> {
  const findings: Finding[] = [];
  for (const path of folders(config)) {
    const { bavail, bsize, ffree, files } = await statfs(path);
    findings.push(judgeSpace(path, bavail * bsize, files > 0 && ffree === 0, databaseBytes(config)));
  }
  const worst = (state: Finding['state']): Finding | undefined => findings.find((one) => one.state === state);
  return worst('fail') ?? worst('warn') ?? worst('ok') ?? ok('');
}

function databaseBytes({ dbPath }: StartConfig): number {
  const bytes = ['', '-wal'].map(
    (suffix) => statSync(`${dbPath}${suffix}`, { throwIfNoEntry: false })?.size ?? 0,
  );
  return bytes.reduce((sum, size) => sum + size, 0);
}

/** What so many free bytes of the file system of `path` mean for a database of that size. */
export function judgeSpace(path: string, free: number, noFiles: boolean, database: number): Finding {
  const { fix } = diagnose('disk_full', 0);
  if (noFiles) return fail(`The file system of ${path} can hold no more files (no free inodes).`, fix);
  const left = `${formatBytes(free)} ${free === 1 ? 'is' : 'are'} free at ${path}`;
  if (free < LEAST_BYTES) return fail(`Only ${left}.`, fix);
  const spool = spoolLimit(SPOOL_LIMIT_BYTES, free);
  if (spool < SPOOL_LIMIT_BYTES) {
    return warn(
      `Only ${left}, so the spool holds at most ${formatBytes(spool)} of records while nothing can be stored.`,
      `Free space: from ${formatBytes(SPOOL_LIMIT_BYTES * 10)} on it holds ${formatBytes(SPOOL_LIMIT_BYTES)}.`,
    );
  }
  if (free < database) {
    return warn(
      `${sentence(left)} The database has ${formatBytes(database)}, and no copy of it fits here.`,
      'Free space, or put backups on another disk.',
    );
  }
  return ok(`${sentence(left)} The database has ${formatBytes(database)}.`);
}
