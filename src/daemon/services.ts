import type { StartConfig } from '../lib/config/start-config.ts';
import type { Clock } from '../lib/contract/clock.ts';
import type { GatewayConnection, GatewayInfo } from '../lib/contract/gateway.ts';
import type { ConnectionReport, TestConnectionOptions } from '../lib/gateway/test-connection.ts';
import type { ExportOptions } from '../lib/store/export.ts';
import type { ReadStore } from '../lib/store/read-store.ts';
import type { Reader } from '../lib/store/reader.ts';
import type { Desk } from '../lib/store/writer.ts';
import type { AdminAccess } from './admin-access.ts';
import type { Collector } from './collector/collector.ts';
import type { Feed } from './feed/feed.ts';
import type { Forwarding } from './forwarding.ts';
import type { HealthBoard } from './health-board.ts';
import type { ImportService } from './imports/import-service.ts';
import type { PriceService } from './price-service.ts';
import type { RuntimeFigures } from './runtime-figures.ts';
import type { Sessions } from './sessions.ts';
import type { SettingsService } from './settings-service.ts';
import type { TakeoverBoard } from './takeover/takeover-board.ts';
import type { Inbox } from '../lib/contract/inbox.ts';

/** What the daemon has once its database is open. */
export interface Services {
  readonly store: ReadStore;
  /** Answers what takes longer than a point read. */
  readonly reader: Pick<Reader, 'ask'>;
  readonly admin: AdminAccess;
  readonly sessions: Sessions;
  readonly settings: SettingsService;
  readonly feed: Feed;
  readonly forwarding: Forwarding;
  /** Null while the data key is locked: nothing is collected then. */
  readonly collector: Collector | null;
  readonly inbox: Inbox | null;
  /** Events were there before this start. */
  readonly hadHistory: boolean;
  readonly dataKeyReady: boolean;
  /** Puts to work what a command may have saved. */
  reload(): Promise<void>;
  readonly prices: PriceService;
  readonly imports: ImportService;
  /** Changes names of client keys. */
  readonly desk: Pick<Desk, 'changeAliases'>;
  /** Hashes of the keys that clients call the gateway with now. Throws AppError. */
  clientKeys(): Promise<readonly string[]>;
  /** What the gateway says of itself now; null when it does not answer. */
  gatewayInfo(): Promise<GatewayInfo | null>;
  /** Tries a connection without saving it or taking a record. */
  testConnection(
    connection: GatewayConnection,
    options: Pick<TestConnectionOptions, 'mode' | 'pollIntervalMs'>,
    signal: AbortSignal,
  ): Promise<ConnectionReport>;
  /** Events as JSONL, oldest first, in chunks of whole lines. Ends early when the signal aborts. */
  exportEvents(options: ExportOptions): AsyncIterable<Uint8Array>;
}

/** What routes are built on. It exists before the database is open, so that the port answers at once. */
export interface DaemonContext {
  readonly version: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly config: StartConfig;
  readonly board: HealthBoard;
  readonly runtime: RuntimeFigures;
  readonly takeover: TakeoverBoard;
  /** Throws `starting`, `taking_over` or `database_locked` until the database is open. */
  services(): Services;
  /** Null until the database is open. */
  servicesIfReady(): Services | null;
}
