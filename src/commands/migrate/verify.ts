import { kindOf } from '../../lib/config/placement.ts';
import { AppError } from '../../lib/errors.ts';
import { oldVolumes } from '../../lib/migrate/old-volume.ts';
import { lookForDataKeys } from '../../lib/migrate/takeover-keys.ts';
import { whatIs } from '../../lib/migrate/start-state.ts';
import type { CliContext } from '../shared/context.ts';
import { sourceOf } from './in-place.ts';
import type { MigratePlaces } from './places.ts';
import { compareVolume } from './run.ts';
import type { Done } from './tell.ts';
import { lookAtOld, withView } from './view.ts';

/** Compares once more what was taken over, beside a daemon too. Changes nothing. */
export async function verifyTakeover({ config, from }: MigratePlaces, context: CliContext): Promise<Done> {
  const { dbPath } = config;
  if (kindOf(dbPath) === 'absent') throw new AppError('database_missing', { detail: dbPath });
  if (from !== null) {
    await lookAtOld(from, context.clock);
    return await withView(from, dbPath, {}, async (source) => ({
      report: await compareVolume(config, source, await lookForDataKeys(config, from), context),
      dbPath,
      oldVolume: null,
    }));
  }
  const volume = (await oldVolumes(dbPath)).at(-1);
  if (volume === undefined) {
    const { found } = await whatIs(dbPath, context.clock);
    throw new AppError('no_such_thing', {
      detail: `no old volume is kept beside ${dbPath}`,
      hint:
        found.kind === 'old'
          ? 'This database was not taken over yet: run it without --verify.'
          : 'Where it was taken over from another folder, name that with --from; a deleted one cannot be compared.',
    });
  }
  const keys = await lookForDataKeys(config, dbPath);
  return {
    report: await compareVolume(config, sourceOf(volume), keys, context),
    dbPath,
    oldVolume: volume.name,
  };
}
