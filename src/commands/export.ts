import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { AppError } from '../lib/errors.ts';
import { openExport } from '../lib/store/export.ts';
import { parseExportCursor, type ExportCursor } from '../lib/store/export-cursor.ts';
import type { ExportSelection } from '../lib/store/export-reader.ts';
import type { ExportProgress } from '../lib/store/export-worker.ts';
import { compressed, type Compression } from '../lib/transfer/export/compress.ts';
import { EXPORT_FORMATS, type ExportFormat } from '../lib/transfer/export/encoder.ts';
import { release } from '../lib/transfer/export/release.ts';
import { openTarget, STDOUT, type ExportTarget } from './export/target.ts';
import type { CliContext } from './shared/context.ts';
import { withDatabase } from './shared/database.ts';
import { addEventFilter, eventFilterOf, timesOf, type EventFilterOptions } from './shared/event-filter.ts';
import { count, counted, formatBytes, formatSpan } from './shared/format.ts';
import { locateDatabase } from './shared/locate.ts';
import { refuseOwnFiles } from './shared/own-files.ts';
import { startProgress } from './shared/progress.ts';

interface ExportCommandOptions extends EventFilterOptions {
  readonly format?: ExportFormat;
  readonly after?: string;
  readonly limit?: string;
  readonly output?: string;
}

/** What is made, and where it goes. */
interface Form {
  /** Absolute; null: standard output. */
  readonly path: string | null;
  readonly format: ExportFormat;
  readonly compression: Compression | null;
}

interface Done {
  readonly events: number;
  /** As they were written. */
  readonly bytes: number;
  /** For `--after`. */
  readonly cursor: string;
}

export function configure(command: Command, context: CliContext): void {
  addEventFilter(command)
    .option('-o, --output <file>', 'write this file, which appears once it is whole; - is standard output')
    .addOption(
      new Option('--format <format>', 'default: by the name of the output, else jsonl').choices(
        EXPORT_FORMATS,
      ),
    )
    .option('--after <cursor>', 'go on behind this event id, or where an export has ended')
    .option('--limit <n>', 'at most so many events, the oldest')
    .addHelpText(
      'after',
      `
Writes the events that are there when it begins, oldest first. JSONL is what CPA-Manager-Plus writes, with what only cpamp
knows behind it, and what cpamp import reads. CSV and Parquet have the same columns. A name that ends in .gz or .zst is
packed. A running daemon goes on collecting meanwhile.

With --json it tells the cursor of its end: an export with --after of it has exactly the events that were stored since, or
that its --limit left.

Examples:
  $ cpamp export > usage.jsonl
  $ cpamp export --since 7d --model gpt-5.4 --failed -o failed.csv
  $ cpamp export --since 2026-11-01..2026-11-15 --tz Europe/Berlin -o november.jsonl.zst
  $ cpamp export --key "Team Alpha" -o alpha.parquet
  $ cpamp export --after 120000 --limit 50000 -o next.jsonl.gz --json`,
    )
    .action((options: ExportCommandOptions) => exportEvents(options, context));
}

async function exportEvents(options: ExportCommandOptions, context: CliContext): Promise<void> {
  // What was typed wrongly is said before anything is opened.
  const form = formOf(options, context);
  const after = cursorOf(options.after);
  const limit = limitOf(options.limit);
  timesOf(options, context.clock);
  const config = locateDatabase(context);
  const { dbPath } = config;
  refuseOwnFiles(form.path ?? STDOUT, config);
  const filter = await withDatabase(context, 'read', ({ db }) => eventFilterOf(options, db, context.clock));
  const target = await openTarget(form.path, context);
  try {
    const done = await write(dbPath, { filter, after, limit }, form, target, context);
    await target.finish();
    tell(done, form, target, context);
  } catch (error) {
    await target.discard();
    throw error;
  }
}

async function write(
  dbPath: string,
  selection: ExportSelection,
  { path, format, compression }: Form,
  target: ExportTarget,
  context: CliContext,
): Promise<Done> {
  const { clock, signal } = context;
  const begun = clock.monotonic();
  // Between the lines of a terminal there is no place for it.
  const progress = path === null && context.isTty.stdout ? null : await startProgress(context, 'Exporting');
  let shownAt = 0;
  let last: ExportProgress = { events: 0, fraction: 0, cursor: '' };
  let bytes = 0;
  const onProgress = (now: ExportProgress): void => {
    last = now;
    const at = clock.monotonic();
    if (at - shownAt < SHOW_EVERY_MS) return;
    shownAt = at;
    progress?.update(advance(now, at - begun));
  };
  try {
    const plain = openExport(dbPath, { ...selection, format, signal, onProgress });
    for await (const chunk of compression === null ? plain : compressed(plain, compression)) {
      bytes += chunk.length;
      await target.write(chunk);
      if (compression === null) release(chunk);
    }
    // An export that was stopped ends as if it were whole.
    signal.throwIfAborted();
    return { events: last.events, bytes, cursor: last.cursor };
  } finally {
    progress?.done();
  }
}

const SHOW_EVERY_MS = 100;

function advance({ events, fraction }: ExportProgress, elapsedMs: number): string {
  const parts = [`${count(events)} events`, `${Math.floor(fraction * 100)} %`];
  if (elapsedMs >= 500) {
    parts.push(`${count(Math.round((events * 1000) / elapsedMs))}/s`);
    if (fraction > 0) parts.push(`${formatSpan((elapsedMs * (1 - fraction)) / fraction)} left`);
  }
  return parts.join(', ');
}

/** Nothing where nobody looks: what is said on success is mailed by cron. */
function tell(
  { events, bytes, cursor }: Done,
  { path, format, compression }: Form,
  target: ExportTarget,
  { isTty, output, stderr, stdout }: CliContext,
): void {
  if (output.json) {
    const report = { events, bytes, format, compression, output: path, cursor };
    (path === null ? stderr : stdout).write(`${JSON.stringify(report)}\n`);
    return;
  }
  const text = `${counted(events, 'event')}, ${formatBytes(bytes)}, in ${target.name}. What comes later: --after ${cursor}`;
  if (isTty.stderr && !(path === null && isTty.stdout)) output.note(text);
  else output.detail(text);
}

function formOf({ output = '-', format }: ExportCommandOptions, context: CliContext): Form {
  const [, bare = output, suffix] = /^(.*)\.(gz|zst)$/.exec(output) ?? [];
  const named = EXPORT_FORMATS.find((one) => bare.endsWith(`.${one}`));
  const form: Form = {
    path: output === '-' ? null : resolve(context.cwd, output),
    format: format ?? named ?? 'jsonl',
    compression: suffix === undefined ? null : suffix === 'gz' ? 'gzip' : 'zstd',
  };
  if (form.format === 'parquet' && form.compression !== null) {
    throw new AppError('wrong_usage', {
      detail: 'Parquet is packed already, so that a name in .parquet is enough',
    });
  }
  if (form.format === 'parquet' && form.path === null && context.isTty.stdout) {
    throw new AppError('wrong_usage', { detail: 'Parquet is nothing for a terminal: give --output FILE' });
  }
  return form;
}

function cursorOf(given: string | undefined): ExportCursor | null {
  // So that a first export can be given the cursor of none.
  if (given === undefined || given === '') return null;
  const cursor = parseExportCursor(given);
  if (cursor === null) {
    const detail = '--after takes the id of an event, or the cursor that an export with --json has told';
    throw new AppError('wrong_usage', { detail });
  }
  return cursor;
}

function limitOf(given: string | undefined): number | null {
  if (given === undefined) return null;
  if (!/^[1-9]\d{0,14}$/.test(given)) {
    throw new AppError('wrong_usage', { detail: '--limit takes a whole number above 0' });
  }
  return Number(given);
}
