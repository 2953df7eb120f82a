import type { StartConfig } from '../../lib/config/start-config.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import { carryOver, gatewayOf } from '../../lib/migrate/carry.ts';
import type { OldVolume } from '../../lib/migrate/old-volume.ts';
import { keySources } from '../../lib/secrets/key-sources.ts';
import { prepareDataKey } from '../../lib/secrets/prepare-keys.ts';
import { openDatabase } from '../../lib/store/open.ts';
import { ReadStore } from '../../lib/store/read-store.ts';

/** An old volume whose settings, prices and names are here. */
export interface CarriedVolume {
  readonly volume: OldVolume;
  /** Base URL of the gateway that its events came from; `''` where it had none saved. */
  readonly gateway: string;
}

/**
 * Brings over what has to be here before the daemon reads its settings: the log-in, the saved connection, prices, names.
 * The data key stays the one that lies there; where it is gone, a new one is made, and of the old volume only the saved
 * key of the gateway has to be entered again. Once events have been copied, everything here has been since, and what was
 * changed meanwhile is not brought back. Throws AppError; `database_locked` may be tried again.
 */
export async function carryStep(
  volume: OldVolume,
  { config, clock }: { readonly config: StartConfig; readonly clock: Pick<Clock, 'now'> },
): Promise<CarriedVolume> {
  const { dbPath } = config;
  openDatabase(dbPath, { mode: 'write' }).close();
  const store = new ReadStore(dbPath);
  let dataKey: Awaited<ReturnType<typeof prepareDataKey>>;
  try {
    if (store.takeover(volume.name) !== null) return { volume, gateway: gatewayOf(volume.dbPath) };
    // What the database has to remember of the key is saved when it is opened.
    dataKey = await prepareDataKey(keySources(config, store, clock.now()), new Map());
  } finally {
    store.close();
  }
  const box = dataKey.kind === 'open' ? dataKey.box : null;
  const carried = carryOver({ oldPath: volume.dbPath, dbPath, oldBox: box, box, nowMs: clock.now() });
  return { volume, gateway: carried.gateway };
}
