import type { Health, HealthReason } from '../health.ts';
import type { TakeoverStatus } from './takeover.ts';

/** `POST /usage-service/test-connection`. Nothing is saved and no record is taken. */
export interface TestConnectionRequest {
  readonly cpaBaseUrl: string;
  /** Absent, empty or eight stars: the saved one, while the URL is the saved one. */
  readonly managementKey?: string;
  readonly collectorMode?: 'auto' | 'subscribe' | 'http' | 'resp';
  readonly pollIntervalMs?: number;
  readonly tlsSkipVerify?: boolean;
}

export interface TestConnectionAnswer {
  /** The management API answered our key; findings may still say that records cannot be had as things are. */
  readonly ok: boolean;
  /** The URL as it would be saved. */
  readonly baseUrl: string;
  readonly gateway: {
    readonly version: string;
    readonly usageStatisticsEnabled: boolean;
    readonly retentionSeconds: number;
  } | null;
  /** The gravest first. */
  readonly findings: ReadonlyArray<Omit<HealthReason, 'since'>>;
}

/** The part of `GET` and `PUT /usage-service/config` that the panel reads. */
export interface ConfigAnswer {
  readonly config: {
    readonly cpaConnection: { readonly cpaBaseUrl: string; readonly managementKeySet: boolean };
    readonly collector: {
      /** Request monitoring. */
      readonly enabled: boolean;
      readonly collectorMode: 'auto' | 'subscribe' | 'http' | 'resp';
      readonly pollIntervalMs: number;
      /** Absent: false. */
      readonly tlsSkipVerify?: boolean;
    };
  };
  /** Where the connection comes from: nowhere yet, what was saved, or where the daemon is started. */
  readonly source: '' | 'db' | 'env';
  /** Absent while the gateway does not answer. */
  readonly cpaUsage?: {
    readonly usageStatisticsEnabled: boolean;
    readonly redisUsageQueueRetentionSeconds: number;
  };
}

/** The part of `GET /usage-service/status` that the panel reads. */
export interface StatusAnswer {
  readonly version: string;
  readonly configured: boolean;
  readonly eventCount: number;
  readonly deadLetters: number;
  /** Null: never. */
  readonly lastConsumedAt: number | null;
  readonly lastInsertedAt: number | null;
  readonly collector: {
    readonly collector: 'stopped' | 'starting' | 'running' | 'error';
    readonly upstream: string;
    readonly mode: string;
    readonly transport: '' | 'subscribe' | 'http' | 'resp';
    readonly totalInserted: number;
    readonly totalSkipped: number;
    readonly lastError: string;
  };
  readonly health: Health;
  readonly gaps: ReadonlyArray<{
    readonly id: number;
    readonly fromMs: number;
    readonly toMs: number | null;
    readonly cause: string;
    readonly estimate: number | null;
    readonly detail: string;
  }>;
  readonly spool: { readonly records: number; readonly bytes: number; readonly state: string } | null;
  readonly cpa: {
    readonly version: string;
    readonly usageStatisticsEnabled: boolean;
    readonly retentionSeconds: number;
  } | null;
  readonly database: { readonly totalBytes: number };
  /** Null: there is no old volume. */
  readonly takeover: TakeoverStatus | null;
}
