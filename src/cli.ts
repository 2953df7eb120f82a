import { setFlagsFromString } from 'node:v8';
import { Command, CommanderError, Option } from 'commander';
import { reportError } from './commands/report-error.ts';
import { Exit } from './lib/errors.ts';
import { VERSION } from './lib/version.ts';

/** What every command knows of the options that stand before or behind its name. */
export interface GlobalOptions {
  readonly verbose: boolean;
}

/** The command tree. Each command's module is loaded only when it is asked for, so that `--version` stays quick. */
function program(): Command {
  const cpamp = new Command('cpamp')
    .description('Keeps every usage record of a CLIProxyAPI gateway.')
    .version(VERSION, '-V, --version', 'print the version and exit')
    .helpOption('-h, --help', 'print help and exit')
    .addOption(new Option('--verbose', 'say more, and show where an error comes from').default(false))
    .showHelpAfterError('(see cpamp --help)')
    .exitOverride();

  cpamp
    .command('serve')
    .description('Run the daemon: collect records, keep them, and answer on port 18317.')
    .option('--http-addr <host:port>', 'address to listen on (HTTP_ADDR; default 0.0.0.0:18317)')
    .option('--data-dir <dir>', 'folder for database, keys and spool (USAGE_DATA_DIR; default ./data)')
    .option('--db-path <file>', 'database file (USAGE_DB_PATH; default usage.sqlite in the data directory)')
    .addOption(
      new Option('--log-format <format>', 'how to write the log')
        .choices(['auto', 'json', 'pretty'])
        .default('auto'),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ cpamp serve
  $ cpamp serve --http-addr 127.0.0.1:18317 --data-dir /var/lib/cpamp
  $ CPA_UPSTREAM_URL=http://cli-proxy-api:8317 CPA_MANAGEMENT_KEY_FILE=/run/secrets/cpa cpamp serve

The first start prints an admin key once. Variables and files: man cpamp, or docs/configuration.md.
Exit codes: 0 stopped in good order, 1 failure, 2 wrong usage or configuration, 5 the database is in use,
8 the address cannot be used, 9 the database is not one of ours.`,
    )
    .exitOverride()
    .action(async (options, command: Command) => {
      keepHeapSmall();
      const { serve } = await import('./commands/serve.ts');
      await serve({ ...options, ...command.optsWithGlobals<GlobalOptions>() });
    });
  return cpamp;
}

/**
 * Keeps V8's nursery at its first size, in every thread of this process. Records die young by the thousand, and V8
 * answers with ever larger nurseries: some 90 MiB over the threads at 5,000 records a second, for no measurable gain in
 * speed. It counts only for what is loaded afterwards.
 */
function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Runs one command line. Answers the process's exit code and never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  const cpamp = program();
  try {
    if (argv.length <= 2) {
      cpamp.outputHelp({ error: true });
      return Exit.usage;
    }
    await cpamp.parseAsync([...argv]);
    return Exit.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
    return reportError(error, argv.includes('--verbose'));
  }
}
