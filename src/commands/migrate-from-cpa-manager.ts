import { resolve } from 'node:path';
import type { Command } from 'commander';
import { previewTakeover } from './migrate/dry-run.ts';
import { takeOverElsewhere } from './migrate/elsewhere.ts';
import { takeOverInPlace } from './migrate/in-place.ts';
import { placesOf } from './migrate/places.ts';
import { tellReport } from './migrate/tell.ts';
import { verifyTakeover } from './migrate/verify.ts';
import { AppError } from '../lib/errors.ts';
import type { CliContext } from './shared/context.ts';

export interface MigrateOptions {
  readonly from?: string;
  readonly to?: string;
  readonly dryRun?: true;
  readonly verify?: true;
  readonly report?: string;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--from <path>', 'folder or database of the old program (default: the data directory, in place)')
    .option('--to <dir>', 'data directory to take it over into (default: that of this cpamp)')
    .option('--dry-run', 'say what would happen, and change nothing')
    .option('--verify', 'compare an old volume that was taken over with what is here, once more')
    .option('--report <file>', 'keep the report too: as JSON in a .json file, else every line as text')
    .addHelpText(
      'after',
      `
Takes over a volume of CPA-Manager or CPA-Manager-Plus: events, prices, names of keys, the saved connection, the admin
key. In place, which is what cpamp serve does by itself, the old files are moved aside to pre-cpamp/ and stay there whole,
for cpamp rollback. With --from another folder nothing of it is moved or changed; it may be added to a database that has
events already, beside a running daemon too, and no event is there twice. Interrupted at any moment, it is simply run
again. At the end both are compared, event by event.

Examples:
  $ cpamp migrate-from-cpa-manager --data-dir /data --dry-run
  $ cpamp migrate-from-cpa-manager --data-dir /data
  $ cpamp migrate-from-cpa-manager --from /mnt/old-volume --to /var/lib/cpamp
  $ cpamp migrate-from-cpa-manager --verify --report report.json

Exit codes: 0 everything is here, 1 too little room, 4 there is no old volume, 5 the old program or a daemon still runs,
6 something could not be carried over, 9 it is the database of another program, or damaged.`,
    )
    .action((options: MigrateOptions) => migrate(options, context));
}

async function migrate(options: MigrateOptions, context: CliContext): Promise<void> {
  if (options.dryRun && options.verify) {
    throw new AppError('wrong_usage', { detail: '--dry-run and --verify are two different questions' });
  }
  const places = await placesOf(options, context);
  const reportFile = options.report === undefined ? null : resolve(context.cwd, options.report);
  if (options.dryRun) {
    await previewTakeover(places, context);
    return;
  }
  const run = options.verify ? verifyTakeover : places.from === null ? takeOverInPlace : takeOverElsewhere;
  const done = await run(places, context);
  if (done !== null) await tellReport(done, reportFile, context);
}
