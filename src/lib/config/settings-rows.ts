import { isSealed } from '../secrets/secret-box.ts';
import { MANAGER_CONFIG, parseManagerConfig, parseSetup, SETUP } from './manager-config.ts';

/** Key of the `settings` row with the refusals that the gateway has answered. */
export const REFUSALS = 'gateway_refusals_v1';

/** The rows of the `settings` table that hold what was saved, by their key. */
export function savedRows(setting: (key: string) => string | null): Map<string, string> {
  const rows = new Map<string, string>();
  for (const key of [MANAGER_CONFIG, SETUP]) {
    const value = setting(key);
    if (value !== null) rows.set(key, value);
  }
  return rows;
}

/** A management key as it is stored, if one is stored encrypted. */
export function sealedKey(rows: ReadonlyMap<string, string>): string | null {
  const texts = [
    parseManagerConfig(rows.get(MANAGER_CONFIG) ?? '')?.cpaConnection.managementKey,
    parseSetup(rows.get(SETUP) ?? '')?.managementKey,
  ];
  return texts.find((text) => text !== undefined && isSealed(text)) ?? null;
}
