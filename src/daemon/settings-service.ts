import type { GatewayClient, GatewayConnection } from '../lib/contract/gateway.ts';
import type { SecretBox } from '../lib/contract/secrets.ts';
import type { Writer } from '../lib/contract/writer.ts';
import { mergeSettings, readSaved, type EffectiveConfig } from '../lib/config/effective.ts';
import { applyChange, rowsOfChange, type SettingsChange } from '../lib/config/settings-change.ts';
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

/** What a request wants to be saved, and how. */
export interface SaveRequest extends SettingsChange {
  /** Switch usage publishing on in the gateway. */
  readonly enablePublishing: boolean;
  /** HTTP status for a gateway that cannot be reached; 502. */
  readonly unreachableStatus?: number;
}

/** Knows the configuration that counts, saves changes of it, and puts them to work. */
export class SettingsService {
  readonly #options: SettingsServiceOptions;
  #effective: EffectiveConfig;
  /** The rows that it was made of. */
  #seen: ReadonlyMap<string, string> = new Map();
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
   * Puts to work what another process may have saved: true when it has. What is being saved here comes first, so that it
   * is not taken for somebody else's. Throws AppError.
   */
  refresh(): Promise<boolean> {
    const refreshed = this.#saving.then(async () => {
      if (sameRows(this.#options.rows(), this.#seen)) return false;
      await this.reload();
      return true;
    });
    this.#saving = refreshed.catch(() => {});
    return refreshed;
  }

  /**
   * Proves the connection, saves, and restarts the collector. Nothing is saved when the gateway does not agree.
   * Changes are carried out one after the other. Throws `cpa_connection_required`,
   * `cpa_connection_required_for_monitoring`, `data_key_*` and what {@link proveConnection} throws.
   */
  save(change: SaveRequest): Promise<EffectiveConfig> {
    const saved = this.#saving.then(() => this.#save(change));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  async #save(change: SaveRequest): Promise<EffectiveConfig> {
    const { box, clock, writer } = this.#options;
    if (box === null) throw this.#options.lockedBy ?? new AppError('data_key_missing');
    const after = applyChange(this.#effective, change);
    if (after.connection) {
      const client = this.#options.createClient(after.connection);
      try {
        await proveConnection(client, {
          monitoring: after.monitoring,
          pollIntervalMs: after.collector.pollIntervalMs,
          enablePublishing: change.enablePublishing,
          ...(change.unreachableStatus === undefined ? {} : { unreachableStatus: change.unreachableStatus }),
        });
      } finally {
        await client.close();
      }
    }
    const rows = rowsOfChange(this.#effective, change, after, { box, clock });
    await writer.saveSettings(rows);
    this.#effective = this.#merge(rows);
    await this.#options.apply(this.desired());
    return this.#effective;
  }

  #read(): EffectiveConfig {
    return this.#merge(new Map());
  }

  #merge(over: ReadonlyMap<string, string>): EffectiveConfig {
    const rows = new Map([...this.#options.rows(), ...over]);
    this.#seen = rows;
    return mergeSettings(this.#options.start, readSaved(rows), this.#options.box);
  }
}

function sameRows(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
