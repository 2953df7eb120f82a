import { InvalidArgumentError, type Command } from 'commander';
import type { StartConfig } from '../lib/config/start-config.ts';
import type { StatusReport } from '../lib/contract/api/report.ts';
import { AppError } from '../lib/errors.ts';
import { reportStatus } from '../lib/status-report.ts';
import type { CliContext } from './shared/context.ts';
import { count, counted, formatBytes, formatInstant, formatPast, formatSpan } from './shared/format.ts';
import { inertLines } from './shared/inert.ts';
import { locateDatabase } from './shared/locate.ts';
import { formatFacts } from './shared/tables.ts';

/** Codes of its own, so that a monitor need not read the text. */
const EXIT = { ok: 0, degraded: 10, down: 11 } as const;
const WATCH_SECONDS = 2;
const CLEAR = '\u001B[H\u001B[J';

interface StatusOptions {
  /** True, or seconds. */
  readonly watch?: true | number;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--watch [seconds]', `show it again every so often (${WATCH_SECONDS} seconds)`, seconds)
    .addHelpText(
      'after',
      `
Asks the daemon when one runs on this database, else reads the file, and says which.

Examples:
  $ cpamp status
  $ cpamp status > /dev/null || mail -s "cpamp is not well" admin@example.com
  $ cpamp status --json | jq .health.reasons
  $ cpamp status --watch 5

Exit codes: 0 healthy, 10 degraded, 11 down (also: no daemon runs), 3 there is no database, 5 it is locked.`,
    )
    .action((options: StatusOptions) => status(options, context));
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1 && value <= 86_400)) throw new InvalidArgumentError('It is a number of seconds.');
  return value;
}

async function status({ watch }: StatusOptions, context: CliContext): Promise<void> {
  const config = locateDatabase(context);
  if (watch === undefined) {
    await show(config, context);
    return;
  }
  while (!context.signal.aborted) {
    try {
      await show(config, context, true);
    } catch (error) {
      // A lock is over in a while, and then there is something to watch again.
      if (!(error instanceof AppError) || error.code !== 'database_locked') throw error;
      context.exitWith(error.exit);
      context.output.warn(error.message);
    }
    await context.clock.sleep((watch === true ? WATCH_SECONDS : watch) * 1000, context.signal);
  }
}

async function show(config: StartConfig, context: CliContext, again = false): Promise<void> {
  const { clock, isTty, output, signal } = context;
  const report = await reportStatus(config, { nowMs: clock.now(), signal });
  context.exitWith(EXIT[report.health.state]);
  // A program that reads along gets values, and a person one picture that changes.
  if (output.json || (again && !isTty.stdout)) await output.line(report);
  else await output.write(`${again ? CLEAR : ''}${inertLines(describe(report, context))}\n`);
}

function describe(report: StatusReport, { clock, output }: CliContext): string {
  const { collector, cpa, database, gaps, health, spool } = report;
  const now = clock.now();
  const past = (ms: number | null): string => (ms === null ? 'never' : formatPast(ms, now));
  const { paint } = output;
  const colours = { ok: paint.green, degraded: paint.yellow, down: paint.red };
  const [last] = gaps;
  const facts = formatFacts([
    ['Health', colours[health.state](health.state)],
    ['Asked', asked(report)],
    ['CLIProxyAPI', collector.upstream === '' ? 'not set up' : collector.upstream],
    [
      '  version',
      cpa ? `${cpa.version || 'unknown'}, keeps records for ${cpa.retentionSeconds} s` : undefined,
    ],
    ['Collector', collecting(report)],
    ['  last error', collector.lastError === '' ? undefined : collector.lastError],
    ['Last consumed', past(report.lastConsumedAt)],
    ['Last inserted', past(report.lastInsertedAt)],
    ['Events', count(report.eventCount)],
    ['Dead letters', count(report.deadLetters)],
    [
      'Gaps',
      last ? `${gaps.length < 100 ? '' : 'at least '}${gaps.length}, the last ${gapText(last)}` : 'none',
    ],
    ['Spool', spool ? spoolText(spool) : 'closed, because the data key is locked'],
    ['Database', `${report.dbPath}, ${formatBytes(database.databaseBytes)}`],
    ['  log (WAL)', formatBytes(database.walBytes)],
  ]);
  const reasons = health.reasons.map(({ message, fix, level }) =>
    [`${level}: ${message}`, ...(fix === '' ? [] : [`  ${fix}`])].join('\n'),
  );
  return [facts, ...reasons].join('\n\n');
}

function asked({ from, pid, version }: StatusReport): string {
  return from === 'daemon'
    ? `the daemon, process ${pid ?? '?'}, version ${version}`
    : `the file, with version ${version}`;
}

function collecting({ collector, from }: StatusReport): string {
  if (from === 'file') return `not running; mode ${collector.mode || 'auto'}`;
  const way = collector.transport === '' ? '' : ` by ${collector.transport}`;
  return (
    `${collector.collector}${way}, mode ${collector.mode || 'auto'}; ` +
    `${counted(collector.totalInserted, 'event')} since the start, ${count(collector.totalSkipped)} known before`
  );
}

function gapText({ fromMs, toMs, cause, estimate }: StatusReport['gaps'][number]): string {
  const length = toMs === null ? 'and still open' : `for ${formatSpan(toMs - fromMs)}`;
  const records = estimate === null ? '' : `, about ${counted(estimate, 'record')}`;
  return `from ${formatInstant(fromMs)} ${length} (${cause})${records}`;
}

function spoolText({ records, bytes, state }: NonNullable<StatusReport['spool']>): string {
  const held = records === null ? '' : `${counted(records, 'record')}, `;
  return `${held}${formatBytes(bytes)}${state === 'ok' ? '' : `, ${state}`}`;
}
