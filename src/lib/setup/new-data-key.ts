import { mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { mergeSettings, readSaved } from '../config/effective.ts';
import { SETUP } from '../config/manager-config.ts';
import { rowsOfChange } from '../config/settings-change.ts';
import { savedRows, sealedKey } from '../config/settings-rows.ts';
import type { StartConfig } from '../config/start-config.ts';
import type { SecretBox } from '../contract/secrets.ts';
import { AppError } from '../errors.ts';
import { syncDirectory } from '../files.ts';
import {
  createDataKey,
  DATA_KEY_CHECK,
  dataKeyFromSecret,
  sealCheck,
  setAsideDataKey,
} from '../secrets/data-key.ts';
import { keySources } from '../secrets/key-sources.ts';
import { findDataKey } from '../secrets/prepare-keys.ts';
import { createSecretBox } from '../secrets/secret-box.ts';
import { spoolSegments } from '../spool.ts';
import type { SettingsStore } from '../store/settings-store.ts';

/** What only the old data key opens. */
export interface SealedThings {
  /** The saved connection, which has to be entered again. */
  readonly connection: boolean;
  /** Dead letters: their excerpts stay readable, and they cannot be tried again. */
  readonly deadLetters: number;
  /** Segments of the spool with records that are not stored yet. */
  readonly segments: number;
}

/** What a new data key would leave behind. Throws AppError. */
export function sealedThings(config: StartConfig, store: SettingsStore): SealedThings {
  return {
    connection: sealedKey(savedRows((key) => store.setting(key))) !== null,
    deadLetters: store.deadLetterCount(),
    segments: spoolSegments(config.dbPath).length,
  };
}

export interface NewDataKey extends SealedThings {
  /** Where the former key lies now; null when there was none. */
  readonly formerKey: string | null;
  /** Where segments of the spool lie now; null when there were none. */
  readonly formerSpool: string | null;
}

/**
 * Puts a new data key in the place of one that is lost or does not fit. What only the old one opens is moved aside, never
 * deleted: whoever finds the old key can put both back. Where the key is given by the environment, that one counts from
 * now on. The caller holds the lock of the daemon. Throws `data_key_env_managed` where the environment gives the key that
 * fits already.
 */
export async function makeNewDataKey(
  config: StartConfig,
  store: SettingsStore,
  nowMs: number,
): Promise<NewDataKey> {
  const { dataKeySecret: secret, dataKeyPath } = config;
  if (secret && (await findDataKey(keySources(config, store, nowMs))).kind === 'open') {
    throw new AppError('data_key_env_managed', { detail: secret.from });
  }
  const things = sealedThings(config, store);
  // In this order: an end in between leaves a key that does not fit, and this can be run again.
  const formerSpool = await setAsideSpool(config.dbPath, nowMs);
  const formerKey = secret ? null : await setAsideDataKey(dataKeyPath, nowMs);
  const box = createSecretBox(secret ? dataKeyFromSecret(secret.bytes) : await createDataKey(dataKeyPath));
  const rows = things.connection ? rowsWithoutConnection(config, store, box, nowMs) : new Map<string, null>();
  store.save(new Map([...rows, [DATA_KEY_CHECK, sealCheck(box)]]), nowMs);
  return { ...things, formerKey, formerSpool };
}

/** The saved settings without the connection, whose key nobody can open. */
function rowsWithoutConnection(
  config: StartConfig,
  store: SettingsStore,
  box: SecretBox,
  nowMs: number,
): Map<string, string | null> {
  const now = mergeSettings(config, readSaved(savedRows((key) => store.setting(key))), null);
  const after = { connection: null, monitoring: now.monitoring, collector: now.collector };
  const rows = rowsOfChange({ ...now, source: 'db' }, {}, after, { box, clock: { now: () => nowMs } });
  return new Map<string, string | null>([...rows, [SETUP, null]]);
}

/** Moves the segments into a folder of their own beside the spool. */
async function setAsideSpool(dbPath: string, nowMs: number): Promise<string | null> {
  const segments = spoolSegments(dbPath);
  const [first] = segments;
  if (first === undefined) return null;
  const spool = dirname(first);
  const aside = `${spool}.${new Date(nowMs).toISOString().replace(/[-:.]/g, '')}.old`;
  await mkdir(aside, { mode: 0o700 });
  for (const segment of segments) await rename(segment, join(aside, basename(segment)));
  await syncDirectory(aside);
  await syncDirectory(spool);
  return aside;
}
