import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StartConfig } from '../config/start-config.ts';
import { createDataKey, loadDataKey, setAsideDataKey } from '../secrets/data-key.ts';
import { keySources } from '../secrets/key-sources.ts';
import { findDataKey } from '../secrets/prepare-keys.ts';
import { openOld } from '../store/old/open.ts';
import { oldSetting } from '../store/old/tables.ts';
import { ReadStore } from '../store/read-store.ts';
import { oldSchemaOf } from './carry.ts';
import { mapSettings } from './map-settings.ts';

/** The 32 bytes of the data key of an old volume, and of ours; null where it is not there. */
export interface TakeoverDataKeys {
  readonly oldDataKey: Uint8Array | null;
  readonly dataKey: Uint8Array | null;
}

/** The old volume: where it lies, or lay before it was moved aside, and what it is read from. */
export interface OldPlace {
  readonly oldPath: string;
  readonly readPath: string;
}

/** The data keys as they lie there. Makes and changes nothing. */
export async function lookForDataKeys(
  config: Pick<StartConfig, 'dataKeyPath' | 'dataKeySecret'>,
  { oldPath }: Pick<OldPlace, 'oldPath'>,
): Promise<TakeoverDataKeys> {
  const ours = await loadDataKey(config.dataKeySecret, config.dataKeyPath);
  const dataKey = ours.kind === 'ready' ? ours.key : null;
  // In another directory it lies beside its database.
  const theirs = await loadDataKey(null, join(dirname(oldPath), 'data.key')).catch(() => null);
  return { oldDataKey: theirs?.kind === 'ready' ? theirs.key : dataKey, dataKey };
}

/**
 * The same for a database that the old volume is about to be taken over into: a data key that nothing was encrypted with
 * yet is made, for it seals what the old program kept in clear. One that is gone and that something here or in the old
 * volume needs is left to be put back.
 */
export async function makeDataKeys(
  config: StartConfig,
  old: OldPlace,
  nowMs: number,
): Promise<TakeoverDataKeys> {
  const { oldDataKey } = await lookForDataKeys(config, old);
  const found = await findOurs(config, nowMs);
  if (found.kind === 'open') return { oldDataKey: oldDataKey ?? found.key, dataKey: found.key };
  const isNeeded = oldDataKey === null && holdsSealedKey(old.readPath);
  if (found.kind === 'locked' || isNeeded) return { oldDataKey, dataKey: null };
  // A damaged file may be the key of another database.
  if (found.malformed) await setAsideDataKey(config.dataKeyPath, nowMs);
  const dataKey = await createDataKey(config.dataKeyPath);
  return { oldDataKey: oldDataKey ?? dataKey, dataKey };
}

async function findOurs(config: StartConfig, nowMs: number): ReturnType<typeof findDataKey> {
  const isThere = (statSync(config.dbPath, { throwIfNoEntry: false })?.size ?? 0) > 0;
  const store = isThere ? new ReadStore(config.dbPath, { beside: false, busyTimeoutMs: 2000 }) : null;
  try {
    const nothing = { setting: () => null, deadLetterCount: () => 0 };
    return await findDataKey(keySources(config, store ?? nothing, nowMs));
  } finally {
    store?.close();
  }
}

/** Whether an old volume keeps a key that only its data key opens. */
function holdsSealedKey(readPath: string): boolean {
  const db = openOld(readPath);
  try {
    const schema = oldSchemaOf(db, readPath);
    const without = { oldBox: null, box: null };
    return mapSettings((key) => oldSetting(db, schema, key), without, 0).managementKey === 'kept sealed';
  } finally {
    db.close();
  }
}
