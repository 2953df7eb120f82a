import { kindOf } from '../../lib/config/placement.ts';
import { loadConfig, type StartConfig } from '../../lib/config/start-config.ts';
import { AppError } from '../../lib/errors.ts';
import { refuseUnfinished } from '../../lib/store/inspect.ts';
import type { CliContext } from './context.ts';

/**
 * Where directory, database and data.key are, and what else the daemon of this place is started with: from the options,
 * the environment and config.json, exactly as `serve` finds it. Throws `invalid_config` and `secret_file_unreadable`.
 */
export function locate({
  options,
  env,
  cwd,
  output,
}: Pick<CliContext, 'options' | 'env' | 'cwd' | 'output'>): StartConfig {
  const { dataDir } = options;
  const dbPath = options.db ?? options.dbPath;
  const config = loadConfig({
    env,
    cwd,
    flags: { ...(dataDir === undefined ? {} : { dataDir }), ...(dbPath === undefined ? {} : { dbPath }) },
  });
  for (const { message } of config.warnings) output.detail(message);
  return config;
}

/**
 * The same for a command that makes nothing: throws `database_missing` where there is no database, and
 * `restore_unfinished` where it is on its way back.
 */
export function locateDatabase(context: CliContext): StartConfig {
  const config = locate(context);
  refuseUnfinished(config.dbPath);
  if (kindOf(config.dbPath) === 'absent') throw new AppError('database_missing', { detail: config.dbPath });
  return config;
}
