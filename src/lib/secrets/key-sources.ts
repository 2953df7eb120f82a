import { savedRows, sealedKey } from '../config/settings-rows.ts';
import type { StartConfig } from '../config/start-config.ts';
import { spoolSegments } from '../spool.ts';
import type { ReadStore } from '../store/read-store.ts';
import type { KeySources } from './prepare-keys.ts';

/** What decides about the keys of a place: its configuration and what its database holds now. */
export function keySources(
  config: Pick<StartConfig, 'adminKey' | 'dataKeyPath' | 'dataKeySecret' | 'dbPath'>,
  store: Pick<ReadStore, 'setting' | 'deadLetterCount'>,
  nowMs: number,
): KeySources {
  const setting = (key: string): string | null => store.setting(key);
  const sealed = (): string | null => sealedKey(savedRows(setting));
  return {
    dataKeySecret: config.dataKeySecret,
    dataKeyPath: config.dataKeyPath,
    adminKey: config.adminKey?.value ?? null,
    setting,
    sealedText: sealed(),
    somethingEncrypted: () =>
      sealed() !== null || store.deadLetterCount() > 0 || spoolSegments(config.dbPath).length > 0,
    nowMs,
  };
}
