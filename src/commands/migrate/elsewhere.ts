import { dirname } from 'node:path';
import { acquireBulkLock } from '../../lib/bulk-lock.ts';
import { AppError } from '../../lib/errors.ts';
import { giveBack, ownerOf } from '../../lib/migrate/give-back.ts';
import { inUse } from '../../lib/migrate/in-use-error.ts';
import { requireSpace } from '../../lib/migrate/needs.ts';
import { refusal, whatIs } from '../../lib/migrate/start-state.ts';
import { lookForDataKeys } from '../../lib/migrate/takeover-keys.ts';
import { makePlace } from '../../lib/setup/place.ts';
import type { CliContext } from '../shared/context.ts';
import type { MigratePlaces } from './places.ts';
import { compareVolume, copyVolumeOf, tellInterrupted } from './run.ts';
import type { Done } from './tell.ts';
import { lookAtOld, withView } from './view.ts';

/**
 * From another folder, which stays as it is, into a database that may have events already and may be in use by a daemon.
 * Null: a signal ended it before its end.
 */
export async function takeOverElsewhere(
  { config, from }: MigratePlaces,
  context: CliContext,
): Promise<Done | null> {
  const { clock } = context;
  const { dbPath } = config;
  const path = from ?? dbPath;
  const old = await lookAtOld(path, clock);
  if (old.heldBy !== null) throw inUse(path, old.heldBy);
  await mustBeFree(dbPath, context);
  await makePlace(config, 'migrate-from-cpa-manager', clock.now());
  const owner = ownerOf(dbPath);
  const lock = await acquireBulkLock(dbPath, 'migrate-from-cpa-manager', clock.now());
  try {
    await requireSpace(dirname(dbPath), old.from);
    return await withView(path, dbPath, {}, async (source) => {
      if (!(await copyVolumeOf(config, source, false, context))) {
        tellInterrupted(context, 'Run it again: it goes on where it stopped, and nothing is added twice.');
        return null;
      }
      const report = await compareVolume(config, source, await lookForDataKeys(config, path), context);
      return { report, dbPath, oldVolume: null };
    });
  } finally {
    if (owner) await giveBack(config, owner);
    await lock.release();
  }
}

/** Ours may be made there, or is there. */
async function mustBeFree(dbPath: string, { clock }: CliContext): Promise<void> {
  const { found } = await whatIs(dbPath, clock);
  if (found.kind === 'absent' || found.kind === 'empty') return;
  if (found.kind === 'ours' && found.age !== 'newer') return;
  if (found.kind !== 'old') throw refusal(dbPath, found);
  throw new AppError('wrong_usage', {
    detail: `${dbPath} is itself a database of an older program`,
    hint: 'Take that one over first, without --from; then add the other one to it.',
  });
}
