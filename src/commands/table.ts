import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import type { CliContext } from './shared/context.ts';

/** What the file of a command exports: it puts its options, arguments, examples and its action on `command`. */
export interface CommandModule {
  readonly configure: (command: Command, context: CliContext) => void;
}

export interface CommandEntry {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Loads the command's file, which happens only for the command that is named. */
  readonly load: () => Promise<CommandModule>;
  /** Names that work and that no help shows. */
  readonly aliases?: readonly string[];
  /** The command ends itself in good order on SIGINT and SIGTERM, and answers the code 0 then. */
  readonly ownSignals?: true;
}

/** Every command, in the order in which help shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'serve',
    summary: 'Run the daemon: collect records, keep them, and answer on port 18317.',
    ownSignals: true,
    load: () => {
      keepHeapSmall();
      return import('./serve.ts');
    },
  },
  {
    name: 'setup',
    summary: 'Connect to CLIProxyAPI and make what a first start needs, without a browser.',
    load: () => import('./setup.ts'),
  },
  {
    name: 'status',
    summary: 'Show how it goes: health, collector, gaps and sizes.',
    load: () => import('./status.ts'),
  },
  {
    name: 'doctor',
    summary: 'Check everything that collecting needs, and say how to put it right.',
    load: () => import('./doctor.ts'),
  },
  {
    name: 'reset-admin-key',
    summary: 'Replace the admin key. Everybody has to log in again.',
    aliases: ['reset-admin-password'],
    load: () => import('./reset-admin-key.ts'),
  },
  {
    name: 'events',
    summary: 'Show recent events, and follow new ones as they come.',
    load: () => import('./events.ts'),
  },
  {
    name: 'prices',
    summary: 'Show, set, fetch and match prices, and price stored events again.',
    load: () => import('./prices.ts'),
  },
  {
    name: 'aliases',
    summary: 'Show, give and take names of client keys.',
    load: () => import('./aliases.ts'),
  },
  {
    name: 'export',
    summary: 'Write events to a file: JSONL, CSV or Parquet, chosen by time, model, key and more.',
    load: () => {
      keepHeapSmall();
      // In MiB. Here it pays: with those of the first size a third of the time of an export is spent on collecting.
      setFlagsFromString('--min-semi-space-size=4');
      setFlagsFromString('--heap-growing-percent=20');
      return import('./export.ts');
    },
  },
  {
    name: 'import',
    summary: 'Add events from exports and snapshots of this and older programs.',
    load: () => {
      keepHeapSmall();
      // The old generation is collected once it has grown by a fifth: batches live just long enough to get there.
      setFlagsFromString('--heap-growing-percent=20');
      return import('./import.ts');
    },
  },
  {
    name: 'backup',
    summary: 'Copy everything that is kept into an archive, while the daemon runs.',
    load: () => import('./backup.ts'),
  },
  {
    name: 'restore',
    summary: 'Put a backup, or a copy of a data directory, back in place.',
    load: () => import('./restore.ts'),
  },
  {
    name: 'migrate-from-cpa-manager',
    summary: 'Take over a volume of CPA-Manager or CPA-Manager-Plus.',
    aliases: ['migrate'],
    load: () => {
      keepHeapSmall();
      return import('./migrate-from-cpa-manager.ts');
    },
  },
  {
    name: 'rollback',
    summary: 'Go back to the program that was taken over from.',
    load: () => import('./rollback.ts'),
  },
  {
    name: 'cleanup',
    summary: 'Show and delete what an older program left.',
    load: () => import('./cleanup.ts'),
  },
  {
    name: 'completion',
    summary: 'Print a script that completes commands, options and names in a shell.',
    load: () => import('./completion.ts'),
  },
];

/** The entry that a word names, by name or by alias. */
export function findCommand(word: string): CommandEntry | null {
  return COMMANDS.find(({ name, aliases }) => name === word || aliases?.includes(word)) ?? null;
}

/**
 * Keeps V8's nursery at its first size, in every thread of this process. Records die young by the thousand, and V8
 * answers with ever larger nurseries: some 90 MiB over the threads at 5,000 records a second, for no measurable gain in
 * speed. It counts only for what is loaded afterwards.
 */
function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
