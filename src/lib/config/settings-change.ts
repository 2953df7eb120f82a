import type { Clock } from '../contract/clock.ts';
import type { GatewayConnection } from '../contract/gateway.ts';
import type { SecretBox } from '../contract/secrets.ts';
import { AppError } from '../errors.ts';
import type { CollectorSettings, EffectiveConfig } from './effective.ts';
import {
  MANAGER_CONFIG,
  serialiseManagerConfig,
  serialiseSetup,
  SETUP,
  type ManagerConfig,
} from './manager-config.ts';

/** What somebody wants to be saved. Absent fields keep what counts now. */
export interface SettingsChange {
  /** Normalised. */
  readonly baseUrl?: string;
  /** Absent: keep the saved one, which is possible only while the URL stays the same. */
  readonly managementKey?: string;
  readonly monitoring?: boolean;
  readonly collector?: Partial<CollectorSettings>;
  /** Sections that are not ours to understand yet; kept as they are sent. */
  readonly sections?: ManagerConfig['raw'];
}

/** What counts once a change is saved. */
export interface ChangedSettings {
  /** `null`: there is none. */
  readonly connection: GatewayConnection | null;
  readonly monitoring: boolean;
  readonly collector: CollectorSettings;
}

/**
 * Lays a change over what counts now. Throws `cpa_connection_required` for a key without an address and for a new
 * address without its key, and `cpa_connection_required_for_monitoring`.
 */
export function applyChange(now: EffectiveConfig, change: SettingsChange): ChangedSettings {
  const collector = { ...now.collector, ...change.collector };
  const pair = connectionAfter(now, change);
  const monitoring = change.monitoring ?? now.monitoring;
  if (pair === null && monitoring) throw new AppError('cpa_connection_required_for_monitoring');
  return {
    connection: pair && { ...pair, tlsSkipVerify: collector.tlsSkipVerify },
    monitoring,
    collector,
  };
}

/** The rows of the `settings` table that say so, keys sealed. */
export function rowsOfChange(
  now: EffectiveConfig,
  change: SettingsChange,
  after: ChangedSettings,
  { box, clock }: { readonly box: SecretBox; readonly clock: Pick<Clock, 'now'> },
): Map<string, string> {
  const { connection, monitoring, collector } = after;
  const { mode, queue, popSide, batchSize, pollIntervalMs, tlsSkipVerify } = collector;
  const values = { collectorMode: mode, queue, popSide, batchSize, pollIntervalMs, tlsSkipVerify };
  const config: ManagerConfig = {
    // A connection of the environment, and what goes with it, is not saved: it goes when the variables go.
    cpaConnection:
      now.source === 'env'
        ? now.managerConfig.cpaConnection
        : { cpaBaseUrl: connection?.baseUrl ?? '', managementKey: connection?.managementKey ?? '' },
    collector: {
      ...(now.source === 'env' ? now.managerConfig.collector : values),
      enabled: monitoring,
      queryLimit: collector.queryLimit,
    },
    raw: { ...now.managerConfig.raw, ...change.sections },
  };
  const rows = new Map([[MANAGER_CONFIG, serialiseManagerConfig(config, box, clock.now())]]);
  if (connection && now.source !== 'env') {
    rows.set(SETUP, serialiseSetup({ ...config.cpaConnection, queue, popSide }, box));
  }
  return rows;
}

/** The connection after the change; null when there is none. */
function connectionAfter(
  now: EffectiveConfig,
  change: SettingsChange,
): Pick<GatewayConnection, 'baseUrl' | 'managementKey'> | null {
  const baseUrl = change.baseUrl ?? now.baseUrl;
  if (change.managementKey !== undefined) {
    if (baseUrl === '') throw new AppError('cpa_connection_required');
    return { baseUrl, managementKey: change.managementKey };
  }
  if (baseUrl === '') return null;
  if (now.connection === null || baseUrl !== now.baseUrl) {
    // The saved key belongs to the saved address: it is not sent to another one on its own.
    throw new AppError('cpa_connection_required', {
      hint: 'A new address needs its management key again.',
    });
  }
  return now.connection;
}
