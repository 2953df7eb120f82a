import type { GatewayClient, GatewayConnection } from '../lib/contract/gateway.ts';
import type { SecretBox } from '../lib/contract/secrets.ts';
import type { Writer } from '../lib/contract/writer.ts';
import { mergeSettings, readSaved, type EffectiveConfig } from '../lib/config/effective.ts';
import {
  MANAGER_CONFIG,
  serialiseManagerConfig,
  serialiseSetup,
  SETUP,
  type ManagerConfig,
} from '../lib/config/manager-config.ts';
import type { StartConfig } from '../lib/config/start-config.ts';
import type { Clock } from '../lib/contract/clock.ts';
import { AppError } from '../lib/errors.ts';
import type { Idle } from './collector/collector.ts';
import type { SessionSettings } from './collector/session.ts';
import { proveConnection } from './prove-connection.ts';

export interface SettingsServiceOptions {
  readonly start: StartConfig;
  readonly clock: Clock;
  readonly writer: Pick<Writer, 'saveSettings'>;
  /** Null while the data key is locked, and `lockedBy` says why. */
  readonly box: SecretBox | null;
  readonly lockedBy: AppError | null;
  /** The settings rows as they are in the database. */
  readonly rows: () => ReadonlyMap<string, string>;
  readonly createClient: (connection: GatewayConnection) => GatewayClient;
  /** Puts what counts now to work. */
  readonly apply: (next: SessionSettings | Idle) => Promise<void>;
}

/** What a request wants to be saved. Absent fields keep what counts now. */
export interface SettingsChange {
  readonly baseUrl?: string;
  /** Absent: keep the saved one, which is possible only while the URL stays the same. */
  readonly managementKey?: string;
  readonly monitoring?: boolean;
  readonly collector?: Partial<EffectiveConfig['collector']>;
  /** Sections that are not ours to understand yet; kept as they are sent. */
  readonly sections?: ManagerConfig['raw'];
  /** Switch usage publishing on in the gateway. */
  readonly enablePublishing: boolean;
  /** HTTP status for a gateway that cannot be reached; 502. */
  readonly unreachableStatus?: number;
}

/** Knows the configuration that counts, saves changes of it, and puts them to work. */
export class SettingsService {
  readonly #options: SettingsServiceOptions;
  #effective: EffectiveConfig;
  #saving: Promise<unknown> = Promise.resolve();

  constructor(options: SettingsServiceOptions) {
    this.#options = options;
    this.#effective = this.#read();
  }

  get effective(): EffectiveConfig {
    return this.#effective;
  }

  get configured(): boolean {
    return this.#effective.baseUrl !== '' && this.#effective.managementKey !== 'none';
  }

  /** The management key in use, '' without one. For comparing, never for showing. */
  get managementKey(): string {
    return this.#effective.connection?.managementKey ?? '';
  }

  /** What the collector is to do. */
  desired(): SessionSettings | Idle {
    const { connection, monitoring, collector, managementKey } = this.#effective;
    if (this.#options.box === null || managementKey === 'locked') return 'locked_data_key';
    if (connection === null) return 'not_configured';
    if (!monitoring) return 'monitoring_off';
    const { mode, batchSize, pollIntervalMs } = collector;
    return { connection, mode, batchSize, pollIntervalMs };
  }

  /** Puts the saved configuration to work, at the start or after another process wrote it. */
  async reload(): Promise<void> {
    this.#effective = this.#read();
    await this.#options.apply(this.desired());
  }

  /**
   * Proves the connection, saves, and restarts the collector. Nothing is saved when the gateway does not agree.
   * Changes are carried out one after the other. Throws `cpa_connection_required`,
   * `cpa_connection_required_for_monitoring`, `data_key_*` and what {@link proveConnection} throws.
   */
  save(change: SettingsChange): Promise<EffectiveConfig> {
    const saved = this.#saving.then(() => this.#save(change));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  async #save(change: SettingsChange): Promise<EffectiveConfig> {
    const { box, clock, writer } = this.#options;
    if (box === null) throw this.#options.lockedBy ?? new AppError('data_key_missing');
    const now = this.#effective;
    const connection = this.#connection(change);
    const monitoring = change.monitoring ?? now.monitoring;
    const collector = { ...now.collector, ...change.collector };
    if (connection) {
      const proven = { ...connection, tlsSkipVerify: collector.tlsSkipVerify };
      const client = this.#options.createClient(proven);
      try {
        await proveConnection(client, {
          monitoring,
          pollIntervalMs: collector.pollIntervalMs,
          enablePublishing: change.enablePublishing,
          ...(change.unreachableStatus === undefined ? {} : { unreachableStatus: change.unreachableStatus }),
        });
      } finally {
        await client.close();
      }
    } else if (monitoring) {
      throw new AppError('cpa_connection_required_for_monitoring');
    }
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
    await writer.saveSettings(rows);
    this.#effective = this.#merge(rows);
    await this.#options.apply(this.desired());
    return this.#effective;
  }

  /** The connection after the change; null when there is none. */
  #connection(change: SettingsChange): Pick<GatewayConnection, 'baseUrl' | 'managementKey'> | null {
    const now = this.#effective;
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

  #read(): EffectiveConfig {
    return this.#merge(new Map());
  }

  #merge(over: ReadonlyMap<string, string>): EffectiveConfig {
    const rows = new Map([...this.#options.rows(), ...over]);
    return mergeSettings(this.#options.start, readSaved(rows), this.#options.box);
  }
}
