import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError } from '../lib/errors.ts';
import {
  finishRestore,
  restore,
  type RestoreOptions,
  type RestoreReport,
} from '../lib/transfer/backup/restore.ts';
import type { RestoredKey } from '../lib/transfer/backup/plan.ts';
import { readSegment } from './backup/segments.ts';
import type { CliContext } from './shared/context.ts';
import { counted } from './shared/format.ts';
import { locate } from './shared/locate.ts';
import { inert } from './shared/inert.ts';
import { startProgress } from './shared/progress.ts';
import { insist } from './shared/prompt.ts';

interface RestoreCommandOptions {
  readonly replace?: true;
  readonly withoutKey?: true;
  readonly dryRun?: true;
  readonly finish?: true;
  readonly yes?: true;
}

export function configure(command: Command, context: CliContext): void {
  command
    .argument('[source]', 'an archive or a folder that cpamp backup made, or a tar of a data directory')
    .option(
      '--replace',
      'move what is there aside, into before-restore-<time>/, and put the backup in its place',
    )
    .option('--without-key', 'leave the data.key of the backup out')
    .option('--dry-run', 'prove the backup, and change nothing')
    .option('--finish', 'end a restore that was interrupted')
    .option('-y, --yes', 'do it without being asked')
    .addHelpText(
      'after',
      `
Everything is unpacked beside the database and proven first: checksums, the database itself, data.key, every frame of the
spool. Only then is it put in place, and nothing that was there is deleted. The daemon has to be stopped; started again, it
stores what the spool of the backup holds and shows the time since then as a gap.

Examples:
  $ cpamp restore --dry-run cpamp-backup-2026-11-21T120000Z.tar.zst
  $ cpamp restore --data-dir /var/lib/cpamp cpamp-backup-2026-11-21T120000Z.tar.zst
  $ cpamp restore --replace --yes old-data.tar.gz
  $ docker compose run --rm cpamp restore --replace /backups/cpamp-backup-2026-11-21T120000Z.tar.zst

Exit codes: 0 done, 1 not confirmed, 2 it is no backup, or --replace is wanted, 5 a daemon runs, 9 the backup is damaged,
newer, or of another program.`,
    )
    .action((source: string | undefined, options: RestoreCommandOptions) => run(source, options, context));
}

async function run(
  source: string | undefined,
  options: RestoreCommandOptions,
  context: CliContext,
): Promise<void> {
  if (options.finish === true) {
    if (source !== undefined) throw new AppError('wrong_usage', { detail: '--finish with a backup' });
    await finish(context);
    return;
  }
  if (source === undefined || source === '') {
    throw new AppError('wrong_usage', { detail: 'name a backup', hint: 'See: cpamp restore --help' });
  }
  if (source === '-') {
    throw new AppError('wrong_usage', {
      detail: 'a backup is read twice, which standard input cannot be',
      hint: 'Write it into a file first.',
    });
  }
  const { clock, cwd, output, signal } = context;
  const config = locate(context);
  const dryRun = options.dryRun === true;
  let progress = await startProgress(context, 'Reading');
  let report: RestoreReport;
  try {
    report = await restore({
      config,
      source: resolve(cwd, source),
      replace: options.replace === true,
      withKey: options.withoutKey !== true,
      dryRun,
      nowMs: clock.now(),
      readSegment,
      confirm: async (proven) => {
        progress.done();
        if (proven.aside === null) return;
        output.note(describeSource(proven));
        const question = `Move what is in the place of it to ${proven.aside}?`;
        await insist(context, question, options.yes === true);
        progress = await startProgress(context, 'Putting it in place');
      },
      onStep: shown((text) => progress.update(text)),
      signal,
    });
  } finally {
    progress.done();
  }
  tellAside(report, context);
  await output.result(restoreJson(report, config.dbPath, dryRun), () =>
    describe(report, config.dbPath, dryRun),
  );
}

async function finish(context: CliContext): Promise<void> {
  const { clock, output } = context;
  const config = locate(context);
  const done = await finishRestore(config, clock.now());
  if (done === null)
    throw new AppError('no_such_thing', { detail: `no restore of ${config.dbPath} is unfinished` });
  await output.result({ finished: true, db_path: config.dbPath, aside: done.aside }, () =>
    done.aside === null
      ? `${config.dbPath} is restored.`
      : `${config.dbPath} is restored. What was there before is in ${done.aside}`,
  );
}

const SHOW_EVERY_MS = 100;

function shown(show: (text: string) => void): RestoreOptions['onStep'] {
  let shownAt = -Infinity;
  return (step, done, total) => {
    if (step === 'check') show('Proving it');
    else if (performance.now() - shownAt >= SHOW_EVERY_MS) {
      shownAt = performance.now();
      show(total ? `Reading, ${Math.floor((done * 100) / total)} %` : 'Reading');
    }
  };
}

const KEY_NOTES: Readonly<Record<RestoredKey, string | null>> = {
  restored: null,
  none: null,
  kept: 'The backup has no data.key; the one that is here fits.',
  environment: 'The data key of the environment fits; no data.key was written.',
  missing:
    'There is no data.key that fits: the daemon starts locked until you put the right file in its place, or make a new one with cpamp setup --new-data-key.',
};

function tellAside({ key, layout, manifest, proof, spool }: RestoreReport, context: CliContext): void {
  const { output } = context;
  const note = KEY_NOTES[key];
  if (note !== null) {
    if (key === 'missing') output.warn(note);
    else output.note(note);
  }
  if (manifest === null && layout.fromRunning) {
    output.warn(
      'This copy was taken beside a running daemon. It is whole as far as that can be proven; cpamp backup makes copies that are.',
    );
  }
  if (proof.repaired) output.warn('Indexes of the database did not fit its rows and were made anew.');
  for (const fault of spool.faults) output.warn(`${fault}; the daemon will show it as a gap.`);
  if (layout.leftOut.length > 0) output.note(`Not restored: ${some(layout.leftOut)}`);
  if (layout.unknown.length > 0)
    output.warn(`Not restored, because it is not known here: ${some(layout.unknown)}`);
}

function some(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  // Whoever made an archive chose these names.
  return inert(`${names.slice(0, 5).join(', ')}${more}`);
}

function describeSource({ manifest, proof, source, spool }: RestoreReport): string {
  const of = manifest === null ? 'a copy of a data directory' : `a backup of ${manifest.createdAt}`;
  const waiting = spool.waiting ? ` and ${counted(spool.waiting, 'record')} in the spool` : '';
  return `${source} is ${of}, whole, with ${counted(proof.events, 'event')}${waiting}.`;
}

function describe(report: RestoreReport, dbPath: string, dryRun: boolean): string {
  if (dryRun) return describeSource(report);
  const { aside, proof, spool } = report;
  const waiting = spool.waiting ? `, ${counted(spool.waiting, 'record')} in the spool` : '';
  const old = aside === null ? '' : `\nWhat was there before is in ${aside}`;
  return `${dbPath}: ${counted(proof.events, 'event')}${waiting}${old}`;
}

function restoreJson(report: RestoreReport, dbPath: string, dryRun: boolean): unknown {
  const { aside, key, layout, manifest, proof, source, spool } = report;
  return {
    source,
    kind: manifest === null ? 'copy' : 'backup',
    dry_run: dryRun,
    db_path: dbPath,
    created_at: manifest?.createdAt ?? null,
    database_id: proof.databaseId,
    schema_version: proof.schemaVersion,
    events: proof.events,
    dead_letters: proof.deadLetters,
    spool: { segments: spool.segments, records: spool.waiting, faults: spool.faults },
    key,
    repaired: proof.repaired,
    aside,
    left_out: layout.leftOut,
    unknown: layout.unknown,
  };
}
