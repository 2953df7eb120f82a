import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { kindOf } from '../lib/config/placement.ts';
import type { StartConfig } from '../lib/config/start-config.ts';
import { AppError, Exit } from '../lib/errors.ts';
import { systemCode } from '../lib/files.ts';
import { backUp, type BackupReport, type OnStep } from '../lib/transfer/backup/back-up.ts';
import { backupName, FORMATS, formatOf, SPOOL, type BackupFormat } from '../lib/transfer/backup/names.ts';
import { readSegment } from './backup/segments.ts';
import type { CliContext } from './shared/context.ts';
import { counted, formatBytes } from './shared/format.ts';
import { locateDatabase } from './shared/locate.ts';
import { startProgress, type Progress } from './shared/progress.ts';

interface BackupCommandOptions {
  readonly format?: BackupFormat;
  readonly keep?: number;
  /** `--without-key` as commander tells it. */
  readonly withoutKey?: true;
}

export function configure(command: Command, context: CliContext): void {
  command
    .argument('[target]', 'a folder for the backup, or the name of an archive that is not there yet', '.')
    .addOption(
      new Option('--format <format>', 'how to write it into a folder').choices(FORMATS).default('tar.zst'),
    )
    .option('--keep <n>', 'then remove older backups of this database from the folder, but for n', parseKeep)
    .option('--without-key', 'leave data.key out: keep it elsewhere')
    .addHelpText(
      'after',
      `
Copies the database, the spool and data.key as they are at one moment, while the daemon goes on, and opens the copy before
it gets its name. What an older program left in pre-cpamp/ is not in it, and neither is config.json.
Whoever has a backup with data.key in it has the management key of CLIProxyAPI.

Examples:
  $ cpamp backup /var/backups/cpamp
  $ cpamp backup --keep 14 --quiet /var/backups/cpamp
  $ cpamp backup before-upgrade.tar.gz
  $ cpamp backup --format directory --without-key /mnt/share
  $ cpamp restore /var/backups/cpamp/cpamp-backup-2026-11-21T120000Z.tar.zst

Exit codes: 0 done, 1 the disk is full or cannot be written, 2 the name is taken or none for a backup,
3 there is no database, 5 it is locked, 6 it is made, and an older one could not be removed, 9 the database or data.key is damaged.`,
    )
    .action((target: string, options: BackupCommandOptions) => backup(command, target, options, context));
}

function parseKeep(text: string): number {
  const keep = Number(text);
  if (!Number.isSafeInteger(keep) || keep < 1) throw new InvalidArgumentError('It is a number from 1 on.');
  return keep;
}

async function backup(
  command: Command,
  target: string,
  options: BackupCommandOptions,
  context: CliContext,
): Promise<void> {
  const { clock, cwd, output, signal } = context;
  const config = locateDatabase(context);
  const nowMs = clock.now();
  refuseTarget(target);
  const { path, format } = place(command, resolve(cwd, target), options, nowMs);
  await refuseSpool(path, config);
  await makeFolder(dirname(path));
  const progress = await startProgress(context, 'Copying the spool');
  let report: BackupReport;
  try {
    report = await backUp({
      config,
      path,
      format,
      withKey: options.withoutKey !== true,
      keep: options.keep ?? null,
      nowMs,
      readSegment,
      onStep: shown(progress),
      signal,
    });
  } finally {
    progress.done();
  }
  tellAside(report, context);
  if (report.stuck.length > 0) context.exitWith(Exit.partial);
  await output.result(backupJson(report), () => describe(report));
}

/** Names of archives that are not written here: a folder with such a name would be a surprise. */
const OTHER_ARCHIVE = /\.(?:zip|7z|rar|gz|zst|bz2|xz|tbz2?|txz|sqlite3?|db)$/i;

function refuseTarget(target: string): void {
  const hint = 'Name a folder, or an archive that ends in .tar.zst, .tar.gz or .tar.';
  if (target === '') throw new AppError('wrong_usage', { detail: 'the target is empty', hint });
  if (target === '-') {
    throw new AppError('wrong_usage', {
      detail: 'a backup is read back before it gets its name, which standard output cannot be',
      hint,
    });
  }
  if (formatOf(target) === null && OTHER_ARCHIVE.test(target) && kindOf(target) !== 'directory') {
    throw new AppError('wrong_usage', { detail: `${target} is no name that a backup can have`, hint });
  }
}

/** What lies in the spool is taken for records, and comes into the next backup. */
async function refuseSpool(path: string, { dbPath }: StartConfig): Promise<void> {
  const spool = join(dirname(dbPath), SPOOL);
  const real = await realpath(dirname(path)).catch(() => dirname(path));
  const inside = relative(await realpath(spool).catch(() => spool), real);
  if (inside === '' || !inside.startsWith('..')) {
    throw new AppError('wrong_usage', { detail: `${spool} is no place for backups` });
  }
}

/** Where it goes: into a folder under a name with its time, or the archive that was named. */
function place(
  command: Command,
  target: string,
  { format = 'tar.zst', keep }: BackupCommandOptions,
  nowMs: number,
): { readonly path: string; readonly format: BackupFormat } {
  const named = kindOf(target) === 'directory' ? null : formatOf(target);
  if (named === null) return { path: join(target, backupName(nowMs, format)), format };
  if (keep !== undefined) {
    throw new AppError('wrong_usage', {
      detail: '--keep with the name of an archive',
      hint: 'Name a folder: only backups that got their names by themselves are ever removed.',
    });
  }
  if (command.getOptionValueSource('format') === 'cli' && format !== named) {
    throw new AppError('wrong_usage', { detail: `--format ${format} with a name for ${named}` });
  }
  return { path: target, format: named };
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError('output_failed', {
      detail: `${path} (${systemCode(error) || 'unknown error'})`,
      cause: error,
    });
  }
}

const STEPS = {
  spool: 'Copying the spool',
  database: 'Copying the database',
  check: 'Opening the copy',
  pack: 'Packing',
  verify: 'Reading it back',
} as const;

const SHOW_EVERY_MS = 100;

function shown(progress: Progress): OnStep {
  let shownAt = -Infinity;
  let last = '';
  return (step, done, total) => {
    const now = performance.now();
    if (step === last && now - shownAt < SHOW_EVERY_MS) return;
    last = step;
    shownAt = now;
    const part =
      total === null || total === 0 ? '' : `, ${Math.min(100, Math.floor((done * 100) / total))} %`;
    progress.update(`${STEPS[step]}${part}`);
  };
}

function tellAside(
  { manifest, spool, leftOut, unreadable, removed, stuck }: BackupReport,
  context: CliContext,
): void {
  const { output } = context;
  if (manifest.key === 'left-out') {
    output.warn(
      'data.key is not in it. Without that file nobody can read the saved connection, dead letters and the spool of this backup: keep it elsewhere.',
    );
  }
  if (manifest.key === 'environment') {
    output.note('The data key comes from the environment and is not in it: keep it elsewhere.');
  }
  for (const fault of spool.faults) output.warn(`${fault}; it was copied as it is.`);
  if (leftOut.length > 0) output.note(`Not in it: ${leftOut.join(', ')}`);
  for (const path of unreadable) output.warn(`${path} cannot be read, and was left where it is.`);
  for (const { path, why } of stuck) output.warn(`${path} should go, and cannot be removed (${why}).`);
  for (const path of removed) output.note(`Removed ${path}`);
}

function describe({ path, bytes, manifest, spool }: BackupReport): string {
  const waiting = spool.waiting ? `, ${counted(spool.waiting, 'record')} in the spool` : '';
  return `${path}: ${counted(manifest.events, 'event')}${waiting}, ${formatBytes(bytes)}`;
}

function backupJson({ path, format, bytes, manifest, spool, leftOut, removed }: BackupReport): unknown {
  return {
    path,
    format,
    bytes,
    created_at: manifest.createdAt,
    database_id: manifest.databaseId,
    schema_version: manifest.schemaVersion,
    events: manifest.events,
    dead_letters: manifest.deadLetters,
    spool: { segments: spool.segments, records: spool.waiting, faults: spool.faults },
    key: manifest.key,
    left_out: leftOut,
    removed,
  };
}
