import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StartConfig } from '../config/start-config.ts';
import { createDataKey, loadDataKey, setAsideDataKey } from '../secrets/data-key.ts';
import { keySources } from '../secrets/key-sources.ts';
import { findDataKey } from '../secrets/prepare-keys.ts';
import { ReadStore } from '../store/read-store.ts';

/** The 32 bytes of the data key of an old volume, and of ours; null where it is not there. */
export interface TakeoverDataKeys {
  readonly oldDataKey: Uint8Array | null;
  readonly dataKey: Uint8Array | null;
}

/** The data keys as they lie there; `oldPath` is where the old database lies, or lay. Makes and changes nothing. */
export async function lookForDataKeys(
  config: Pick<StartConfig, 'dataKeyPath' | 'dataKeySecret'>,
  oldPath: string,
): Promise<TakeoverDataKeys> {
  const ours = await loadDataKey(config.dataKeySecret, config.dataKeyPath);
  const dataKey = ours.kind === 'ready' ? ours.key : null;
  // In another directory it lies beside its database.
  const theirs = await loadDataKey(null, join(dirname(oldPath), 'data.key')).catch(() => null);
  return { oldDataKey: theirs?.kind === 'ready' ? theirs.key : dataKey, dataKey };
}

/**
 * The same for a database that the old volume is about to be taken over into: where none lies there and nothing here needs
 * another one, one is made. If it is that of CPA-Manager-Plus which is gone, only the saved key of the gateway is lost.
 */
export async function makeDataKeys(
  config: StartConfig,
  oldPath: string,
  nowMs: number,
): Promise<TakeoverDataKeys> {
  const { oldDataKey } = await lookForDataKeys(config, oldPath);
  const found = await findOurs(config, nowMs);
  if (found.kind === 'open') return { oldDataKey: oldDataKey ?? found.key, dataKey: found.key };
  if (found.kind === 'locked') return { oldDataKey, dataKey: null };
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
