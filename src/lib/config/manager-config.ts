import type { Json } from '../contract/event.ts';
import type { CollectorMode } from '../contract/record.ts';
import type { SecretBox } from '../contract/secrets.ts';
import { MAX_INTEGER, parseMode } from './values.ts';

/** Keys of the `settings` rows with what was saved. CPA-Manager and CPA-Manager-Plus use the same ones. */
export const MANAGER_CONFIG = 'manager_config_v1';
export const SETUP = 'setup';

export type JsonObject = { readonly [key: string]: Json };

/** Where the gateway is. The key is as it is stored: sealed, or in clear if an old CPA-Manager wrote it. */
export interface SavedConnection {
  readonly cpaBaseUrl: string;
  readonly managementKey: string;
}

/** What a row says of the collector. `null` where it says nothing, or nothing usable. */
export interface SavedCollector {
  /** Request monitoring. */
  readonly enabled: boolean | null;
  readonly collectorMode: CollectorMode | null;
  readonly queue: string | null;
  readonly popSide: 'left' | 'right' | null;
  readonly batchSize: number | null;
  readonly pollIntervalMs: number | null;
  readonly queryLimit: number | null;
  readonly tlsSkipVerify: boolean | null;
}

/** The row `manager_config_v1`. */
export interface ManagerConfig {
  readonly cpaConnection: SavedConnection;
  readonly collector: SavedCollector;
  /** The object that the row was read from. Sections and fields that are not named above live on in it. */
  readonly raw: JsonObject;
}

/** The row `setup`, which older programs wrote first and which is asked when the other has no connection. */
export interface SetupRow extends SavedConnection {
  readonly queue: string | null;
  readonly popSide: 'left' | 'right' | null;
}

export const EMPTY_MANAGER_CONFIG: ManagerConfig = readManagerConfig({});

/** Takes a JSON object for a configuration: the one of a row, or the one that a request brings. */
export function readManagerConfig(raw: JsonObject): ManagerConfig {
  const connection = section(raw, 'cpaConnection');
  const collector = section(raw, 'collector');
  return {
    cpaConnection: readConnection(connection),
    collector: {
      enabled: flag(collector, 'enabled'),
      collectorMode: parseMode(text(collector, 'collectorMode')),
      queue: text(collector, 'queue') || null,
      popSide: popSide(collector),
      batchSize: positive(collector, 'batchSize'),
      pollIntervalMs: positive(collector, 'pollIntervalMs'),
      queryLimit: positive(collector, 'queryLimit'),
      tlsSkipVerify: flag(collector, 'tlsSkipVerify'),
    },
    raw,
  };
}

/** `null` when the row is not a JSON object. */
export function parseManagerConfig(row: string): ManagerConfig | null {
  const raw = parseObject(row);
  return raw && readManagerConfig(raw);
}

/**
 * The text of the row. The key is sealed unless it is already; whatever was in the row and is not ours stays as it was.
 * `nowMs` is epoch ms.
 */
export function serialiseManagerConfig(
  config: ManagerConfig,
  box: Pick<SecretBox, 'seal'>,
  nowMs: number,
): string {
  const { cpaConnection, collector, raw } = config;
  return JSON.stringify({
    ...raw,
    cpaConnection: merge(section(raw, 'cpaConnection'), {
      cpaBaseUrl: cpaConnection.cpaBaseUrl,
      managementKey: box.seal(cpaConnection.managementKey) || null,
    }),
    collector: merge(section(raw, 'collector'), { ...collector }),
    externalUsageService: { enabled: false },
    updatedAtMs: nowMs,
  });
}

/** `null` when the row is not a JSON object. */
export function parseSetup(row: string): SetupRow | null {
  const raw = parseObject(row);
  return raw && { ...readConnection(raw), queue: text(raw, 'queue') || null, popSide: popSide(raw) };
}

/** The text of the row, with the key sealed. */
export function serialiseSetup(setup: SetupRow, box: Pick<SecretBox, 'seal'>): string {
  const { cpaBaseUrl, managementKey, queue, popSide } = setup;
  return JSON.stringify({
    cpaBaseUrl,
    managementKey: box.seal(managementKey),
    ...(queue === null ? {} : { queue }),
    ...(popSide === null ? {} : { popSide }),
  });
}

function readConnection(raw: JsonObject): SavedConnection {
  return { cpaBaseUrl: text(raw, 'cpaBaseUrl'), managementKey: text(raw, 'managementKey') };
}

/** Lays values over an object; `null` takes a key away. */
function merge(under: JsonObject, over: JsonObject): JsonObject {
  const both = Object.entries({ ...under, ...over });
  return Object.fromEntries(both.filter(([key, value]) => value !== null || !Object.hasOwn(over, key)));
}

function parseObject(row: string): JsonObject | null {
  let parsed: Json;
  try {
    parsed = JSON.parse(row);
  } catch {
    return null;
  }
  return isObject(parsed) ? parsed : null;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function field(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function section(object: JsonObject, key: string): JsonObject {
  const value = field(object, key);
  return isObject(value) ? value : {};
}

function text(object: JsonObject, key: string): string {
  const value = field(object, key);
  return typeof value === 'string' ? value.trim() : '';
}

function flag(object: JsonObject, key: string): boolean | null {
  const value = field(object, key);
  return typeof value === 'boolean' ? value : null;
}

function positive(object: JsonObject, key: string): number | null {
  const value = field(object, key);
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MAX_INTEGER
    ? value
    : null;
}

function popSide(object: JsonObject): 'left' | 'right' | null {
  const value = text(object, 'popSide').toLowerCase();
  return value === 'left' || value === 'right' ? value : null;
}
