import type { StartConfig } from '../../lib/config/start-config.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import type { OldVolume } from '../../lib/migrate/old-volume.ts';
import { carryBelongings } from '../../lib/migrate/run-takeover.ts';
import { makeDataKeys } from '../../lib/migrate/takeover-keys.ts';
import { openDatabase } from '../../lib/store/open.ts';

/** An old volume whose settings, prices and names are here. */
export interface CarriedVolume {
  readonly volume: OldVolume;
  /** Base URL of the gateway that its events came from; `''` where it had none saved. */
  readonly gateway: string;
}

/**
 * Brings over what has to be here before the daemon reads its settings: the log-in, the saved connection, prices, names.
 * The data key stays the one that lies there; where it is gone, a new one is made, and of the old volume only the saved
 * key of the gateway has to be entered again. Throws AppError; `database_locked` may be tried again.
 */
export async function carryStep(
  volume: OldVolume,
  { config, clock }: { readonly config: StartConfig; readonly clock: Pick<Clock, 'now'> },
): Promise<CarriedVolume> {
  const { dbPath } = config;
  const nowMs = clock.now();
  openDatabase(dbPath, { mode: 'write' }).close();
  // What the database has to remember of the data key is saved when it is opened.
  const keys = await makeDataKeys(config, volume.dbPath, nowMs);
  const gateway = carryBelongings({ readPath: volume.dbPath, dbPath, source: volume.name, ...keys, nowMs });
  return { volume, gateway };
}
