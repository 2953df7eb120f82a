import { InvalidArgumentError, Option, type Command } from 'commander';
import type { CollectorMode } from '../lib/contract/record.ts';
import { MODES, parsePositive } from '../lib/config/values.ts';
import type { CliContext } from './shared/context.ts';
import { runSetup } from './setup/run.ts';

export interface SetupOptions {
  readonly url?: string;
  readonly keyFile?: string;
  readonly monitoring?: boolean;
  readonly mode?: CollectorMode;
  /** Milliseconds. */
  readonly interval?: number;
  readonly tlsSkipVerify?: boolean;
  readonly publishing: boolean;
  readonly adminKeyFile?: string;
  readonly newDataKey?: true;
  readonly tryAgain?: true;
  readonly nonInteractive?: true;
  readonly force?: true;
  readonly yes?: true;
  readonly printConfig?: true;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--url <url>', 'address of CLIProxyAPI, such as http://127.0.0.1:8317 (CPA_UPSTREAM_URL)')
    .option(
      '--key-file <file>',
      'its management key from a file, or from standard input with - (CPA_MANAGEMENT_KEY)',
    )
    .option('--monitoring', 'collect usage records')
    .option('--no-monitoring', 'collect nothing')
    .addOption(new Option('--mode <mode>', 'how records are taken').choices(MODES))
    .option('--interval <ms>', 'pause between two polls in milliseconds', milliseconds)
    .option('--tls-skip-verify', 'accept any certificate of CLIProxyAPI')
    .option('--no-tls-skip-verify', 'accept a valid certificate only')
    .option('--no-publishing', 'leave usage-statistics-enabled of CLIProxyAPI as it is')
    .option('--admin-key-file <file>', 'the admin key from a file, or from standard input with -')
    .option('--new-data-key', 'make a new data key in the place of one that is lost or does not fit')
    .option('--try-again', 'try a key that was refused before')
    .option('--non-interactive', 'ask nothing: what is missing or does not work is an error')
    .option('--force', 'save a connection that does not work')
    .option('-y, --yes', 'confirm --new-data-key')
    .option('--print-config', 'print what would count after this, and change nothing')
    .addHelpText(
      'after',
      `
Asks on a terminal for what is missing. The connection is tried before it is saved; a key that CLIProxyAPI refuses
is sent once. Run again it changes only what is given. A running daemon goes on with it at once.

Examples:
  $ cpamp setup
  $ cpamp setup --url http://127.0.0.1:8317 --key-file /etc/cpamp/management-key --non-interactive
  $ pass show cpa | cpamp setup --url https://cpa.example.com --key-file -
  $ cpamp setup --mode http --interval 1000
  $ cpamp setup --print-config
  $ cpamp setup --new-data-key

Exit codes: 0 done, 1 not confirmed, 2 something is missing or wrong, 5 a daemon is in the way (--new-data-key),
7 CLIProxyAPI refuses, 8 it cannot be reached, 9 the data key does not fit the database.`,
    )
    .action((options: SetupOptions) => runSetup(options, context));
}

function milliseconds(text: string): number {
  const value = parsePositive(text);
  if (value === null) throw new InvalidArgumentError('It is a whole number of milliseconds above 0.');
  return value;
}
