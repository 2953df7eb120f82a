import type { GatewayConnection } from '../contract/gateway.ts';
import type { CollectorMode } from '../contract/record.ts';
import type { SecretBox } from '../contract/secrets.ts';
import { AppError } from '../errors.ts';
import { normaliseBaseUrl } from '../gateway/url.ts';
import { isSealed } from '../secrets/secret-box.ts';
import {
  EMPTY_MANAGER_CONFIG,
  MANAGER_CONFIG,
  parseManagerConfig,
  parseSetup,
  SETUP,
  type ManagerConfig,
  type SavedConnection,
  type SetupRow,
} from './manager-config.ts';
import type { StartConfig } from './start-config.ts';

/** What was saved, from the `settings` table. */
export interface SavedSettings {
  readonly managerConfig: ManagerConfig | null;
  readonly setup: SetupRow | null;
}

/** How the collector is to work. */
export interface CollectorSettings {
  readonly mode: CollectorMode;
  /** Name of the gateway's queue. */
  readonly queue: string;
  readonly popSide: 'left' | 'right';
  readonly batchSize: number;
  readonly pollIntervalMs: number;
  readonly queryLimit: number;
  readonly tlsSkipVerify: boolean;
}

/** What counts now: the start values and what was saved, put together. */
export interface EffectiveConfig {
  /** `null` while URL or key is missing, or the key cannot be opened. */
  readonly connection: GatewayConnection | null;
  /** The URL that was saved or configured, `''` without one; fit to be shown. */
  readonly baseUrl: string;
  /** `locked`: one is saved, but the data key that it was sealed with is not here. */
  readonly managementKey: 'none' | 'set' | 'locked';
  /** Where the connection comes from: nowhere yet, what was saved, or where the daemon is started. */
  readonly source: '' | 'db' | 'env';
  /** Request monitoring: whether anything is collected at all. */
  readonly monitoring: boolean;
  readonly collector: CollectorSettings;
  /** What was saved, as the base of the next save. */
  readonly managerConfig: ManagerConfig;
}

/** The part of the start values that saved ones compete with. */
export type StartValues = Pick<
  StartConfig,
  | 'upstreamUrl'
  | 'managementKey'
  | 'envManaged'
  | 'collectorMode'
  | 'batchSize'
  | 'pollIntervalMs'
  | 'queryLimit'
  | 'respTlsSkipVerify'
>;

/** `rows` by their key in the `settings` table. A row that is no JSON object counts as none. */
export function readSaved(rows: ReadonlyMap<string, string>): SavedSettings {
  const config = rows.get(MANAGER_CONFIG);
  const setup = rows.get(SETUP);
  return {
    managerConfig: config === undefined ? null : parseManagerConfig(config),
    setup: setup === undefined ? null : parseSetup(setup),
  };
}

/**
 * What was saved wins over the start values, unless these hold both URL and key: then they win, except that request
 * monitoring, for which there is no variable, stays as it was saved. `box` is null while there is no data key.
 */
export function mergeSettings(
  start: StartValues,
  saved: SavedSettings,
  box: SecretBox | null,
): EffectiveConfig {
  const managerConfig = saved.managerConfig ?? EMPTY_MANAGER_CONFIG;
  const { collector } = managerConfig;
  // Where URL and key are managed by the environment, everything that goes with them is.
  const kept: Partial<typeof collector> = start.envManaged ? {} : collector;
  const setup = start.envManaged ? null : saved.setup;
  const settings: CollectorSettings = {
    mode: kept.collectorMode ?? start.collectorMode,
    queue: kept.queue ?? setup?.queue ?? 'usage',
    popSide: kept.popSide ?? setup?.popSide ?? 'right',
    batchSize: kept.batchSize ?? start.batchSize,
    pollIntervalMs: kept.pollIntervalMs ?? start.pollIntervalMs,
    queryLimit: kept.queryLimit ?? start.queryLimit,
    tlsSkipVerify: kept.tlsSkipVerify ?? start.respTlsSkipVerify,
  };
  const source = start.envManaged ? 'env' : saved.managerConfig || saved.setup ? 'db' : '';
  return {
    ...connect(start, saved, settings.tlsSkipVerify, box),
    source,
    monitoring: collector.enabled ?? true,
    collector: settings,
    managerConfig,
  };
}

function connect(
  start: StartValues,
  saved: SavedSettings,
  tlsSkipVerify: boolean,
  box: SecretBox | null,
): Pick<EffectiveConfig, 'connection' | 'baseUrl' | 'managementKey'> {
  if (start.envManaged && start.managementKey) {
    const connection = {
      baseUrl: start.upstreamUrl,
      managementKey: start.managementKey.value,
      tlsSkipVerify,
    };
    return { connection, baseUrl: start.upstreamUrl, managementKey: 'set' };
  }
  const pair = [saved.managerConfig?.cpaConnection, saved.setup].find((one) => one && isWhole(one));
  if (!pair) return { connection: null, baseUrl: '', managementKey: 'none' };
  const baseUrl = savedUrl(pair.cpaBaseUrl);
  const managementKey = openKey(pair.managementKey, box);
  if (managementKey === null) return { connection: null, baseUrl, managementKey: 'locked' };
  const connection = baseUrl === '' ? null : { baseUrl, managementKey, tlsSkipVerify };
  return { connection, baseUrl, managementKey: 'set' };
}

function isWhole(connection: SavedConnection): boolean {
  return connection.cpaBaseUrl !== '' && connection.managementKey !== '';
}

/** An older program may have saved what we refuse, such as a password in the URL: it has to be entered anew. */
function savedUrl(text: string): string {
  try {
    return normaliseBaseUrl(text);
  } catch (error) {
    if (error instanceof AppError) return '';
    throw error;
  }
}

function openKey(stored: string, box: SecretBox | null): string | null {
  if (!isSealed(stored)) return stored;
  if (!box) return null;
  try {
    return box.open(stored);
  } catch (error) {
    if (error instanceof AppError && error.code === 'data_key_foreign') return null;
    throw error;
  }
}
