import { join, resolve } from 'node:path';
import { kindOf } from '../../lib/config/placement.ts';
import type { StartConfig } from '../../lib/config/start-config.ts';
import { AppError } from '../../lib/errors.ts';
import { realDatabasePath } from '../../lib/migrate/paths.ts';
import { lookForHistory } from '../../lib/migrate/places.ts';
import type { CliContext } from '../shared/context.ts';
import { locate } from '../shared/locate.ts';

/** Between which places a takeover goes. */
export interface MigratePlaces {
  /** The place of our database, or where it will be. */
  readonly config: StartConfig;
  /** The old database, its real path; null: the one in the place of ours. */
  readonly from: string | null;
}

const USUAL_NAME = 'usage.sqlite';

/** Rejects with `no_such_thing` where nothing is at `from`. */
export async function placesOf(
  { from, to }: { readonly from?: string; readonly to?: string },
  context: CliContext,
): Promise<MigratePlaces> {
  const config = to === undefined ? locate(context) : locateIn(to, context);
  if (from === undefined) return { config, from: null };
  const named = resolve(context.cwd, from);
  const file = kindOf(named) === 'directory' ? join(named, USUAL_NAME) : named;
  const path = await realDatabasePath(file);
  if (path === (await realDatabasePath(config.dbPath))) return { config, from: null };
  if (kindOf(path) !== 'other') {
    throw new AppError('no_such_thing', {
      detail: `there is no database at ${file}`,
      hint: 'Name the folder that holds usage.sqlite, or the file itself, with --from.',
    });
  }
  return { config, from: path };
}

/** The folder that is named counts more than any other way of naming one. */
function locateIn(to: string, { cwd, env, options, output }: CliContext): StartConfig {
  const { dataDir, db, dbPath, ...rest } = options;
  if (dataDir !== undefined || db !== undefined || dbPath !== undefined) {
    throw new AppError('wrong_usage', { detail: '--to is given, and --data-dir or --db as well' });
  }
  return locate({ cwd, env, output, options: { ...rest, dataDir: resolve(cwd, to) } });
}

/** `no_such_thing`, naming where else history lies. */
export async function nothingToTakeOver({ config }: MigratePlaces, cwd: string): Promise<AppError> {
  const looked = await lookForHistory(config.dbPath, { cwd });
  const [other] = looked.filter(({ found }) => found === 'old');
  return new AppError('no_such_thing', {
    detail: `no database of CPA-Manager or CPA-Manager-Plus lies at ${config.dbPath}`,
    hint:
      other === undefined
        ? `Name its folder with --from. Looked at: ${looked.map(({ path }) => path).join(', ')}`
        : `There is one at ${other.path}: name it with --from.`,
  });
}
