import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { acquireBulkLock } from '../lib/bulk-lock.ts';
import { prepareDataDir } from '../lib/config/data-dir.ts';
import type { StartConfig } from '../lib/config/start-config.ts';
import { AppError, Exit } from '../lib/errors.ts';
import { normaliseBaseUrl } from '../lib/gateway/url.ts';
import { makePlace } from '../lib/setup/place.ts';
import { databaseState } from '../lib/store/settings-store.ts';
import { runImport, type ImportReport } from '../lib/transfer/import/run-import.ts';
import { fileSource, streamSource, type ImportSource } from '../lib/transfer/import/source.ts';
import { openTarget, previewTarget, type ImportTarget } from './import/target.ts';
import { Rejects } from './import/rejects.ts';
import { describeImport, importJson } from './import/report.ts';
import type { CliContext } from './shared/context.ts';
import { formatBytes, formatSpan } from './shared/format.ts';
import { locate } from './shared/locate.ts';
import { refuseOwnFiles } from './shared/own-files.ts';
import { startProgress } from './shared/progress.ts';

interface ImportCommandOptions {
  readonly dryRun?: boolean;
  readonly rejects?: string;
  readonly gateway?: string;
}

export function configure(command: Command, context: CliContext): void {
  command
    .argument('<files...>', 'exports and snapshots to import, plain, gzip or zstd; - reads standard input')
    .option('--dry-run', 'count what would be added, and add nothing')
    .option('--rejects <file>', 'keep the lines that could not be read, as they are')
    .option(
      '--gateway <url>',
      'where events come from whose file does not tell (default: the one known gateway)',
    )
    .addHelpText(
      'after',
      `
Reads JSONL that CPA-Manager, CPA-Manager-Plus and cpamp export, records as CLIProxyAPI hands them out, JSON lists of
either, and snapshots of usage with the details of requests. Every event is added once, however often it is imported: an
import that was interrupted is simply run again. Bad lines are counted and named, and do not stop the good ones. A
running daemon goes on collecting meanwhile.

Examples:
  $ cpamp import usage-events.jsonl
  $ cpamp import --dry-run old/*.jsonl.gz
  $ cpamp import --rejects bad.jsonl export.jsonl && rm export.jsonl
  $ ssh old-server cat usage-events.jsonl.gz | cpamp import -

Exit codes: 0 everything was read, 2 a file holds nothing to import, 5 the database is in use by another such command,
6 some lines or files could not be read.`,
    )
    .action((files: readonly string[], options: ImportCommandOptions) =>
      importFiles(files, options, context),
    );
}

async function importFiles(
  files: readonly string[],
  options: ImportCommandOptions,
  context: CliContext,
): Promise<void> {
  const config = locate(context);
  const rejects = new Rejects(options.rejects ?? null, context.output);
  if (rejects.path !== null) refuseOwnFiles(resolve(context.cwd, rejects.path), config);
  await rejects.prove(files);
  const sources = await openSources(files, context);
  const gateway = options.gateway === undefined ? null : normaliseBaseUrl(options.gateway);
  const dryRun = options.dryRun ?? false;
  const report = dryRun
    ? await preview(config, sources, gateway, rejects, context)
    : await store(config, sources, gateway, rejects, context);
  await tell(report, rejects, dryRun, context);
}

async function openSources(files: readonly string[], context: CliContext): Promise<ImportSource[]> {
  const sources: ImportSource[] = [];
  for (const file of files) {
    if (file !== '-') sources.push(await fileSource(file));
    else if (sources.some(({ name }) => name === STDIN))
      throw new AppError('wrong_usage', {
        detail: 'standard input (-) can be read only once',
        hint: 'Name it once, or put what it holds together: cat one two | cpamp import -',
      });
    else {
      // Nothing may ever come that it could be noticed at.
      context.signal.addEventListener('abort', () => context.stdin.destroy(), { once: true });
      sources.push(streamSource(context.stdin, STDIN));
    }
  }
  return sources;
}

const STDIN = 'stdin';

async function preview(
  config: StartConfig,
  sources: readonly ImportSource[],
  gateway: string | null,
  rejects: Rejects,
  context: CliContext,
): Promise<ImportReport> {
  const isThere = databaseState(config.dbPath) !== 'missing';
  const target = await previewTarget(isThere ? config.dbPath : null);
  return work(target, sources, gateway, rejects, context);
}

async function store(
  config: StartConfig,
  sources: readonly ImportSource[],
  gateway: string | null,
  rejects: Rejects,
  context: CliContext,
): Promise<ImportReport> {
  const now = context.clock.now();
  await prepareDataDir(dirname(config.dbPath));
  const lock = await acquireBulkLock(config.dbPath, 'import', now);
  try {
    await makePlace(config, 'import', now);
    return await work(await openTarget(config.dbPath), sources, gateway, rejects, context);
  } finally {
    await lock.release();
  }
}

async function work(
  target: ImportTarget,
  sources: readonly ImportSource[],
  gateway: string | null,
  rejects: Rejects,
  context: CliContext,
): Promise<ImportReport> {
  const { clock, signal } = context;
  const begun = clock.monotonic();
  const progress = await startProgress(context, 'Importing');
  let shownAt = 0;
  try {
    return await runImport({
      sources,
      context: { nowMs: clock.now() },
      gateway: gateway ?? target.gateway,
      store: (batch) => target.store(batch),
      batchRows: target.batchRows,
      threads: threadsFor(sources),
      onReject: (reject) => rejects.take(reject),
      settle: () => rejects.settled(),
      onProgress: ({ bytes, totalBytes, events }) => {
        const now = clock.monotonic();
        if (now - shownAt < SHOW_EVERY_MS) return;
        shownAt = now;
        progress.update(advance(bytes, totalBytes, events, now - begun));
      },
      signal,
    });
  } finally {
    progress.done();
    await target.close();
    await rejects.close();
  }
}

const SHOW_EVERY_MS = 100;
/** Less than this is read before a thread has started. */
const FEW_BYTES = 8 * 1024 * 1024;

/** Threads that read, where there are cores for them beside this one and the one that stores: each costs some 25 MB. */
function threadsFor(sources: readonly ImportSource[]): number {
  const bytes = sources.reduce((sum, { size }) => sum + (size ?? FEW_BYTES), 0);
  return bytes < FEW_BYTES ? 0 : Math.min(2, Math.max(0, availableParallelism() - 2));
}

function advance(bytes: number, total: number | null, events: number, elapsedMs: number): string {
  const rate =
    elapsedMs < 500 ? '' : `, ${Math.round((events * 1000) / elapsedMs).toLocaleString('en-US')}/s`;
  const read = total === null ? formatBytes(bytes) : `${Math.floor((bytes * 100) / Math.max(total, 1))} %`;
  const left =
    total === null || bytes === 0 || elapsedMs < 500
      ? ''
      : `, ${formatSpan((elapsedMs * (total - bytes)) / bytes)} left`;
  return `${events.toLocaleString('en-US')} events, ${read}${rate}${left}`;
}

async function tell(
  report: ImportReport,
  rejects: Rejects,
  dryRun: boolean,
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const [first] = report.sources;
  // The one file that was given cannot be imported at all: that is the error, and there is nothing to report.
  if (report.sources.length === 1 && first?.error && first.events === 0) throw first.error;
  rejects.tell();
  for (const { error, damage, name } of report.sources) {
    if (error) output.warn(error.message);
    if (damage !== null) output.warn(`${name}: ${damage}`);
  }
  if (report.aborted) output.warn('Interrupted. Run it again to add the rest: nothing is added twice.');
  await output.result(importJson(report, rejects, dryRun), () => describeImport(report, rejects, dryRun));
  const partly =
    rejects.count > 0 || report.sources.some(({ error, damage }) => error !== null || damage !== null);
  if (partly || report.outcome.refused > 0) context.exitWith(Exit.partial);
}
