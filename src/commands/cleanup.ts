import type { Command } from 'commander';
import { acquireBulkLock } from '../lib/bulk-lock.ts';
import { AppError } from '../lib/errors.ts';
import { deleteOldVolume, oldVolumes, type OldVolume } from '../lib/migrate/old-volume.ts';
import { oldSchemaOf } from '../lib/migrate/carry.ts';
import { describeSwitchedOff, switchedOff, type AllSwitchedOff } from '../lib/migrate/switched-off.ts';
import { openOld } from '../lib/store/old/open.ts';
import { programName } from './migrate/name.ts';
import type { CliContext } from './shared/context.ts';
import { formatBytes, formatInstant } from './shared/format.ts';
import { locate } from './shared/locate.ts';
import { ask } from './shared/prompt.ts';
import { formatTable } from './shared/tables.ts';

interface CleanupOptions {
  /** True where it is not named. */
  readonly oldVolume?: string | true;
  readonly yes?: true;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--old-volume [name]', 'delete what was moved aside when an older program was taken over')
    .option('-y, --yes', 'do it without being asked')
    .addHelpText(
      'after',
      `
Without an option it lists what can be deleted. The files of an older program hold keys in clear, which is the reason to
delete them once you are sure that you do not want to go back: after that cpamp rollback has nothing to go back to. It
says first which credentials CPA-Manager-Plus had switched off by itself, because only those files know of them.

Examples:
  $ cpamp cleanup
  $ cpamp cleanup --old-volume
  $ cpamp cleanup --old-volume 2026-11-21T12-00-00Z --yes

Exit codes: 0 done, 1 not confirmed, 2 several are there and none is named, 4 there is none, 5 it is not wholly taken over
yet, or in use.`,
    )
    .action((options: CleanupOptions) => cleanUp(options, context));
}

async function cleanUp(options: CleanupOptions, context: CliContext): Promise<void> {
  const { dbPath } = locate(context);
  const volumes = await oldVolumes(dbPath);
  if (options.oldVolume === undefined) {
    await list(volumes, dbPath, context);
    return;
  }
  const volume = choose(volumes, options.oldVolume, dbPath);
  if (volume.copiedAtMs === null) throw new AppError('takeover_unfinished', { detail: volume.folder });
  const off = switchedOffIn(volume, context);
  tellSwitchedOff(off, context);
  if (options.yes !== true) await confirmName(volume, context);
  const lock = await acquireBulkLock(dbPath, 'cleanup', context.clock.now());
  try {
    await deleteOldVolume(dbPath, volume.name, { clock: context.clock });
  } finally {
    await lock.release();
  }
  await context.output.result(
    { ...jsonOf(volume), switched_off: off?.credentials.length ?? null },
    () => `Deleted ${volume.folder}: ${formatBytes(volume.bytes)} are free again.`,
  );
}

async function list(volumes: readonly OldVolume[], dbPath: string, { output }: CliContext): Promise<void> {
  await output.result(volumes.map(jsonOf), () => {
    if (volumes.length === 0) return `There is nothing to delete beside ${dbPath}.`;
    return `${tableOf(volumes)}\n\nTo delete one: cpamp cleanup --old-volume NAME`;
  });
}

function tableOf(volumes: readonly OldVolume[]): string {
  return formatTable(
    [{ title: 'Name' }, { title: 'Program' }, { title: 'Size', align: 'right' }, { title: 'Taken over' }],
    volumes.map(({ name, from, bytes, copiedAtMs }) => [
      name,
      programName(from),
      formatBytes(bytes),
      copiedAtMs === null ? 'not wholly yet' : formatInstant(copiedAtMs),
    ]),
  );
}

function jsonOf({ name, folder, from, bytes, movedAtMs, copiedAtMs }: OldVolume): object {
  return {
    name,
    folder,
    program: from.program,
    release: from.release,
    bytes,
    moved_at_ms: movedAtMs,
    copied_at_ms: copiedAtMs,
  };
}

function choose(volumes: readonly OldVolume[], named: string | true, dbPath: string): OldVolume {
  const [first, second] = volumes;
  const found = named === true ? first : volumes.find(({ name }) => name === named);
  if (found === undefined) {
    throw new AppError('no_such_thing', {
      detail: `there is no old volume ${named === true ? '' : `${named} `}beside ${dbPath}`,
      hint: 'What is there: cpamp cleanup',
    });
  }
  if (named === true && second !== undefined) {
    throw new AppError('wrong_usage', {
      detail: `there are several: ${volumes.map(({ name }) => name).join(', ')}`,
      hint: 'Name the one to delete: cpamp cleanup --old-volume NAME',
    });
  }
  return found;
}

/** Null where the volume cannot be read: it is a reason to delete it, not to keep it. */
function switchedOffIn({ dbPath }: OldVolume, { output }: CliContext): AllSwitchedOff | null {
  try {
    const db = openOld(dbPath);
    try {
      return switchedOff(db, oldSchemaOf(db, dbPath));
    } finally {
      db.close();
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    output.warn(`Which credentials it had switched off cannot be read: ${error.message}`);
    return null;
  }
}

function tellSwitchedOff(off: AllSwitchedOff | null, { output }: CliContext): void {
  if (off === null) return;
  if (off.credentials.length > 0) {
    output.warn('Only this volume knows of credentials that are still switched off in the gateway:');
  }
  for (const credential of off.credentials) output.warn(`  ${describeSwitchedOff(credential)}`);
  for (const table of off.broken) output.warn(`  ${table} is damaged: there may be more.`);
}

async function confirmName(volume: OldVolume, context: CliContext): Promise<void> {
  const typed = await ask(context, {
    text:
      `${volume.folder} is deleted for good (${programName(volume.from)}, ${formatBytes(volume.bytes)}), and cpamp ` +
      `rollback with it. To do that, type its name, ${volume.name}:`,
    otherwise: 'Give --yes to do it without being asked.',
  });
  if (typed !== volume.name) throw new AppError('cancelled');
}
