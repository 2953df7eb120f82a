import type { ImportedSums } from '../../lib/contract/writer.ts';
import type { ImportReport } from '../../lib/transfer/import/run-import.ts';
import { count, counted, formatInstant } from '../shared/format.ts';
import { formatTable } from '../shared/tables.ts';
import type { Rejects } from './rejects.ts';

const NANO = 1e9;
/** More models than a person reads; --json has all. */
const SHOWN_MODELS = 20;

const byCalls = (sums: readonly ImportedSums[]): ImportedSums[] =>
  sums.toSorted((a, b) => b.calls - a.calls || (a.model < b.model ? -1 : 1));

/** What `--json` prints. */
export function importJson(
  { sources, outcome, aborted }: ImportReport,
  rejects: Rejects,
  dryRun: boolean,
): Record<string, unknown> {
  return {
    dry_run: dryRun,
    interrupted: aborted,
    added: outcome.added,
    duplicates: outcome.duplicates,
    rejected: rejects.count + outcome.refused,
    from_ms: outcome.fromMs,
    to_ms: outcome.toMs,
    sources: sources.map(({ name, format, events, failed, unsupported, damage, error }) => ({
      name,
      format,
      events,
      rejected: failed,
      unsupported,
      error: error === null ? damage : error.message,
    })),
    models: modelSums(outcome.sums),
    rejects: rejects.named,
  };
}

/** Sums by model for programs, most calls first. */
export function modelSums(sums: readonly ImportedSums[]): ReadonlyArray<Record<string, unknown>> {
  return byCalls(sums).map((sum) => ({
    model: sum.model,
    calls: sum.calls,
    failed: sum.failed,
    uncached_input_tokens: sum.uncachedInput,
    cache_read_tokens: sum.cacheRead,
    cache_write_tokens: sum.cacheWrite,
    output_tokens: sum.output,
    reasoning_tokens: sum.reasoning,
    cost_nano_usd: sum.cost,
    unpriced: sum.unpriced,
  }));
}

/** What a person reads. */
export function describeImport(
  { sources, outcome }: ImportReport,
  rejects: Rejects,
  dryRun: boolean,
): string {
  const { added, duplicates, fromMs, toMs, refused } = outcome;
  const verb = dryRun ? 'would be added' : 'added';
  const span = fromMs === null || toMs === null ? '' : `, ${formatInstant(fromMs)} to ${formatInstant(toMs)}`;
  const lines = [`${counted(added, 'event')} ${verb}${span}`];
  if (duplicates > 0) lines.push(`${count(duplicates)} already there`);
  if (rejects.count + refused > 0) {
    const kept = rejects.path === null ? '' : `, kept in ${rejects.path}`;
    lines.push(`${count(rejects.count + refused)} could not be read${kept}`);
  }
  const sumsOnly = sources.reduce((sum, { unsupported }) => sum + unsupported, 0);
  if (sumsOnly > 0) lines.push(`${counted(sumsOnly, 'model')} left out: only sums, no requests`);
  if (added === 0) return lines.join('\n');
  return `${lines.join('\n')}\n\n${modelTable(outcome.sums)}`;
}

/** The same for people. */
export function modelTable(all: readonly ImportedSums[]): string {
  const sums = byCalls(all);
  const shown = sums.length > SHOWN_MODELS + 1 ? sums.slice(0, SHOWN_MODELS) : sums;
  const rest = sums.slice(shown.length);
  const rows = shown.map((sum) => cells(sum.model, [sum]));
  if (rest.length > 0) rows.push(cells(`${rest.length} more models`, rest));
  if (sums.length > 1) rows.push(cells('all', sums));
  return formatTable(
    [
      { title: 'Model' },
      { title: 'Calls', align: 'right' },
      { title: 'Failed', align: 'right' },
      { title: 'Input', align: 'right' },
      { title: 'Cached', align: 'right' },
      { title: 'Output', align: 'right' },
      { title: 'USD', align: 'right' },
      { title: 'Unpriced', align: 'right' },
    ],
    rows,
  );
}

function cells(name: string, sums: readonly ImportedSums[]): string[] {
  const total = (value: (sum: ImportedSums) => number): number =>
    sums.reduce((all, sum) => all + value(sum), 0);
  return [
    name,
    count(total((sum) => sum.calls)),
    count(total((sum) => sum.failed)),
    count(total((sum) => sum.uncachedInput + sum.cacheRead + sum.cacheWrite)),
    count(total((sum) => sum.cacheRead)),
    count(total((sum) => sum.output)),
    (total((sum) => sum.cost) / NANO).toLocaleString('en-US', {
      minimumFractionDigits: 2,
      maximumFractionDigits: 2,
    }),
    count(total((sum) => sum.unpriced)),
  ];
}
