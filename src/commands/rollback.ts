import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { StartConfig } from '../lib/config/start-config.ts';
import { AppError } from '../lib/errors.ts';
import { writeEventsSince } from '../lib/migrate/events-since.ts';
import { giveBack, ownerOf } from '../lib/migrate/give-back.ts';
import type { VolumeRecord } from '../lib/migrate/manifest.ts';
import { folderName } from '../lib/migrate/paths.ts';
import { rollback, volumeToReturn, type RollbackResult } from '../lib/migrate/rollback.ts';
import { makeDatabase } from '../lib/store/settings-store.ts';
import { programName } from './migrate/name.ts';
import { storeSpool } from './rollback/store-spool.ts';
import type { CliContext } from './shared/context.ts';
import { count, counted, formatInstant } from './shared/format.ts';
import { locate } from './shared/locate.ts';
import { startProgress } from './shared/progress.ts';
import { insist } from './shared/prompt.ts';

interface RollbackCommandOptions {
  /** A path; false for `--no-events`. */
  readonly events: string | boolean;
  readonly yes?: true;
}

/** What was saved before anything moved. */
interface Saved {
  readonly events: number;
  /** Null without an event. */
  readonly file: string | null;
  /** Why something of the spool is in no event; null: nothing is left there. */
  readonly spoolLeft: string | null;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--events <file>', 'where to write the events collected since (default: beside the database)')
    .option('--no-events', 'leave them in the database of cpamp, such as when that cannot be read')
    .option('-y, --yes', 'do it without being asked')
    .addHelpText(
      'after',
      `
Goes back to the program that cpamp took over from. Its files come back to their place as they were, byte for byte. The
database of cpamp is moved to pre-rollback/, and the events that were collected since are written as JSONL before anything
moves: no older program can read the database of cpamp. Stop cpamp first.

Examples:
  $ docker compose stop cpamp && docker compose run --rm cpamp rollback --yes
  $ cpamp rollback --data-dir /var/lib/cpamp
  $ cpamp rollback --events /backup/since.jsonl

Exit codes: 0 the old volume is back, 1 not confirmed, 4 none was taken over here, 5 cpamp or another program still runs,
9 files lie in the way.`,
    )
    .action((options: RollbackCommandOptions) => goBack(options, context));
}

async function goBack(options: RollbackCommandOptions, context: CliContext): Promise<void> {
  const config = locate(context);
  const { dbPath } = config;
  const { clock } = context;
  const volume = await volumeToReturn(dbPath);
  if (volume !== null) await insist(context, question(volume, dbPath), options.yes ?? false);
  const named = typeof options.events === 'string' ? resolve(context.cwd, options.events) : null;
  const name = `cpamp-events-since-${folderName(volume?.manifest.atMs ?? clock.now())}.jsonl`;
  const file = named ?? join(dirname(dbPath), name);
  let saved: Saved | null = null;
  const owner = ownerOf(dirname(dbPath));
  try {
    const result = await rollback(dbPath, {
      clock,
      prepare: async ({ folder, manifest }) => {
        if (options.events === false || !holdsSomething(dbPath)) return;
        saved = await save(config, join(folder, manifest.database), file, context);
      },
    });
    await tell(result, saved, volume, context);
  } finally {
    if (owner) {
      await giveBack(config, volume?.manifest.owner ?? owner, named === null ? [file] : []);
    }
  }
}

function question({ manifest }: VolumeRecord, dbPath: string): string {
  const { from, atMs } = manifest;
  return (
    `${programName(from)} was taken over on ${formatInstant(atMs)}. Put its files back in the place of ${dbPath}, ` +
    'and move the database of cpamp aside?'
  );
}

function holdsSomething(dbPath: string): boolean {
  return (statSync(dbPath, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** What only our database and the spool have. The lock of the daemon is held. */
async function save(config: StartConfig, oldPath: string, file: string, context: CliContext): Promise<Saved> {
  try {
    makeDatabase(config.dbPath);
    const spoolLeft = await storeSpool(config, context);
    const events = await saveEvents(config.dbPath, oldPath, file, context);
    context.signal.throwIfAborted();
    return { events, file: events === 0 ? null : file, spoolLeft };
  } catch (error) {
    if (error instanceof AppError && UNREADABLE.has(error.code)) {
      context.output.warn(
        'What was collected since cannot be read, so nothing was moved. With --no-events it stays in the database of cpamp.',
      );
    }
    throw error;
  }
}

const UNREADABLE: ReadonlySet<string> = new Set(['database_failed', 'database_newer', 'database_foreign']);

async function saveEvents(
  dbPath: string,
  oldPath: string,
  file: string,
  context: CliContext,
): Promise<number> {
  const progress = await startProgress(context, 'Saving what was collected since');
  try {
    return await writeEventsSince({
      dbPath,
      oldPath,
      file,
      onProgress: (looked) =>
        progress.update(`Saving what was collected since: ${count(looked)} events looked at`),
      signal: context.signal,
    });
  } finally {
    progress.done();
  }
}

async function tell(
  result: RollbackResult,
  saved: Saved | null,
  volume: VolumeRecord | null,
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const { dbPath, files, changed, oursPath, movedAtMs, resumed } = result;
  if (changed.length > 0) {
    output.warn(`Written to since they were moved aside, by another program: ${changed.join(', ')}`);
  }
  const spoolLeft = saved?.spoolLeft ?? null;
  if (spoolLeft !== null) output.warn(spoolLine(spoolLeft));
  const json = {
    db_path: dbPath,
    files,
    changed,
    cpamp_database: oursPath,
    taken_over_at_ms: movedAtMs,
    events_since: saved?.events ?? null,
    events_file: saved?.file ?? null,
    spool_left: spoolLeft,
    resumed,
  };
  await output.result(json, () => describe(result, saved, volume));
}

function describe(
  { dbPath, files, oursPath, resumed }: RollbackResult,
  saved: Saved | null,
  volume: VolumeRecord | null,
): string {
  const program = volume === null ? 'the old program' : programName(volume.manifest.from);
  const folder = dirname(dbPath);
  return [
    `${resumed ? 'A rollback that was cut short is finished: the' : 'The'} files of ${program} are back in ${folder}: ${files.join(', ')}`,
    ...(oursPath === null ? [] : [`The database of cpamp is kept at ${oursPath}`]),
    ...savedLines(saved, resumed, folder),
    `Next: start ${program} on ${folder}. Do not start cpamp serve on it: that would take it over again.`,
    ...laterLines(saved),
  ].join('\n');
}

function savedLines(saved: Saved | null, resumed: boolean, folder: string): string[] {
  if (saved === null && !resumed) return ['What was collected since was left in it.'];
  if (saved === null) {
    return [
      `The events collected since were written before it was cut short: ${folder}/cpamp-events-since-*.jsonl`,
    ];
  }
  if (saved.file === null) return ['No event was collected since the takeover.'];
  return [
    `${counted(saved.events, 'event')} collected since, which ${saved.events === 1 ? 'is' : 'are'} not in there: ${saved.file}`,
  ];
}

function laterLines(saved: Saved | null): string[] {
  const name = saved?.file ?? null;
  return [
    'To come back later: stop that program, start cpamp serve again (it takes over what is there then)' +
      (name === null ? '.' : `, and add the events with: cpamp import ${basename(name)}`),
  ];
}

function spoolLine(why: string): string {
  return (
    `Records in spool/ could not be read, and are not among the events (${why}). They stay there: the next cpamp serve on ` +
    'this folder, with the right data.key, stores them.'
  );
}
