import type { TakeoverReport } from '../../lib/contract/api/takeover.ts';
import { AppError, Exit } from '../../lib/errors.ts';
import { systemCode, writeFileAtomic } from '../../lib/files.ts';
import { readLockHolder, serveLockPath } from '../../lib/lock.ts';
import { reportLines } from '../../lib/migrate/report-lines.ts';
import type { CliContext } from '../shared/context.ts';
import { oneLine } from '../shared/tables.ts';

/** A takeover that came to its end. */
export interface Done {
  readonly report: TakeoverReport;
  readonly dbPath: string;
  /** The name of the folder that it was moved aside to; null: it stayed where it was. */
  readonly oldVolume: string | null;
}

/** Rows that are not here. */
const LEFT_OUT: ReadonlySet<string> = new Set(['not_copied', 'lost', 'unreadable', 'missing']);
/** Things besides events that are not here. */
const NOT_CARRIED: ReadonlySet<string> = new Set([
  'rows_shortened',
  'management_key_needed',
  'gateway_address',
  'setting_damaged',
  'price_refused',
  'price_tiers_refused',
  'alias_refused',
  'table_damaged',
]);

/** Prints the report, keeps it where that is wanted, and ends with 6 where something could not be carried. */
export async function tellReport(done: Done, file: string | null, context: CliContext): Promise<void> {
  const { report } = done;
  const { output } = context;
  if (file !== null) await keep(report, file);
  const next = await nextLines(done);
  await output.result({ dbPath: done.dbPath, oldVolume: done.oldVolume, ...report }, () =>
    [...reportLines(report, { all: output.verbose }), '', ...next].map(oneLine).join('\n'),
  );
  const rows = report.reasons.some(({ reason }) => LEFT_OUT.has(reason));
  if (rows || report.attention.some(({ code }) => NOT_CARRIED.has(code))) context.exitWith(Exit.partial);
}

async function nextLines({ oldVolume, dbPath, report }: Done): Promise<string[]> {
  const daemon = await readLockHolder(await serveLockPath(dbPath));
  // What it was added to may have had an admin key before, and keeps it.
  const first = oldVolume === null ? 'the admin key that it had logs in; where it had none, ' : '';
  const key =
    report.program === 'cpa-manager-plus'
      ? `${first}the admin key of CPA-Manager-Plus logs in`
      : `${first}its first start prints the admin key, once`;
  return [
    ...(daemon === null ? [`Next: cpamp serve on ${dbPath}; ${key}.`] : []),
    ...(oldVolume === null
      ? []
      : ['To go back instead: cpamp rollback. To compare again: cpamp migrate-from-cpa-manager --verify.']),
  ];
}

async function keep(report: TakeoverReport, file: string): Promise<void> {
  const text = file.endsWith('.json')
    ? `${JSON.stringify(report, null, 2)}\n`
    : `${reportLines(report, { all: true, rows: Infinity }).join('\n')}\n`;
  try {
    await writeFileAtomic(file, text);
  } catch (error) {
    const detail = `--report ${file} cannot be written (${systemCode(error) || String(error)})`;
    throw new AppError('wrong_usage', { detail, cause: error });
  }
}
