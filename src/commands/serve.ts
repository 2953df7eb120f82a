import closeWithGrace from 'close-with-grace';
import { Option, type Command } from 'commander';
import { startDaemon, type Daemon } from '../daemon/daemon.ts';
import { createLog, type LogFormat } from '../daemon/log.ts';
import { systemClock } from '../lib/clock.ts';
import { loadConfig } from '../lib/config/start-config.ts';
import type { CliContext } from './shared/context.ts';

/** How long an orderly end may take before the process ends anyway: records are in the spool by then. */
const STOP_MS = 15_000;

interface ServeOptions {
  readonly httpAddr?: string;
  readonly logFormat: LogFormat;
}

export function configure(command: Command, context: CliContext): void {
  command
    .option('--http-addr <host:port>', 'address to listen on (HTTP_ADDR; default 0.0.0.0:18317)')
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
    .action((options: ServeOptions) => serve(options, context));
}

/** Runs the daemon until a signal ends it. Rejects when it cannot start, or breaks. */
async function serve(options: ServeOptions, context: CliContext): Promise<void> {
  const { httpAddr, logFormat } = options;
  const { dataDir, json, quiet, verbose } = context.options;
  const dbPath = context.options.db ?? context.options.dbPath;
  const config = loadConfig({
    env: context.env,
    cwd: context.cwd,
    flags: {
      ...(httpAddr === undefined ? {} : { httpAddr }),
      ...(dataDir === undefined ? {} : { dataDir }),
      ...(dbPath === undefined ? {} : { dbPath }),
    },
  });
  const log = createLog({ format: json ? 'json' : logFormat, verbose, quiet });
  const print = (text: string): void => {
    process.stdout.write(text);
  };
  const starting = startDaemon({ config, clock: systemClock, log, print });
  const ended = Promise.withResolvers<void>();
  // Before it listens: whoever waits for that may end it at once, and in good order too.
  const grace = closeWithGrace({ delay: STOP_MS, logger: false }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'the daemon broke');
    else log.info({ signal }, 'stopping');
    await starting.then(
      (daemon) => daemon.stop(),
      () => {},
    );
    log.info({ event: 'stopped' }, 'stopped');
    ended.resolve();
  });
  let daemon: Daemon;
  try {
    daemon = await starting;
  } catch (error) {
    grace.uninstall();
    throw error;
  }
  try {
    await Promise.race([daemon.opened.then(() => ended.promise), daemon.broken]);
  } catch (error) {
    grace.uninstall();
    await daemon.stop();
    throw error;
  }
}
