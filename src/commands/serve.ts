import closeWithGrace from 'close-with-grace';
import type { GlobalOptions } from '../cli.ts';
import { startDaemon } from '../daemon/daemon.ts';
import { createLog, type LogFormat } from '../daemon/log.ts';
import { systemClock } from '../lib/clock.ts';
import { loadConfig } from '../lib/config/start-config.ts';

/** How long an orderly end may take before the process ends anyway: records are in the spool by then. */
const STOP_MS = 15_000;

export interface ServeOptions extends GlobalOptions {
  readonly httpAddr?: string;
  readonly dataDir?: string;
  readonly dbPath?: string;
  readonly logFormat: LogFormat;
}

/** Runs the daemon until a signal ends it. Rejects when it cannot start, or breaks. */
export async function serve(options: ServeOptions): Promise<void> {
  const { httpAddr, dataDir, dbPath, logFormat, verbose } = options;
  const config = loadConfig({
    env: process.env,
    cwd: process.cwd(),
    flags: {
      ...(httpAddr === undefined ? {} : { httpAddr }),
      ...(dataDir === undefined ? {} : { dataDir }),
      ...(dbPath === undefined ? {} : { dbPath }),
    },
  });
  const log = createLog({ format: logFormat, verbose });
  const print = (text: string): void => {
    process.stdout.write(text);
  };
  const daemon = await startDaemon({ config, clock: systemClock, log, print });
  const ended = Promise.withResolvers<void>();
  const grace = closeWithGrace({ delay: STOP_MS, logger: false }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'the daemon broke');
    else log.info({ signal }, 'stopping');
    await daemon.stop();
    log.info({ event: 'stopped' }, 'stopped');
    ended.resolve();
  });
  try {
    await Promise.race([daemon.opened.then(() => ended.promise), daemon.broken]);
  } catch (error) {
    grace.uninstall();
    await daemon.stop();
    throw error;
  }
}
