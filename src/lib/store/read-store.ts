import fs from 'node:fs';
import type BetterSqlite3 from 'better-sqlite3';
import type { EventRow } from '../contract/api/events.ts';
import type { Position } from '../contract/inbox.ts';
import type { Gap } from '../contract/transport.ts';
import type { ContactState, StoredSession } from '../contract/writer.ts';
import type { SyncState } from '../pricing/sync/sync-prices.ts';
import { EVENT_LIST_SELECT, listRow, type EventListRow } from './event-list-row.ts';
import { AppError } from '../errors.ts';
import { openDatabase } from './open.ts';
import { readTakeover, type TakeoverState } from './takeover-state.ts';
import { guarded, type Db } from './sqlite.ts';
import { sessionReader } from './session-store.ts';
import { readSyncState } from './price-rows.ts';
import { readContact, readPosition } from './state-store.ts';

/** Sums over all events of all gateways. */
export interface EventTotals {
  readonly events: number;
  readonly failed: number;
  /** Events without a price. */
  readonly unpriced: number;
}

/** Bytes on disk; 0 for a file that is not there. */
export interface StoreSizes {
  readonly databaseBytes: number;
  readonly walBytes: number;
  readonly shmBytes: number;
}

/**
 * The main thread's connection: read-only, never waits for a lock, only point reads. Every method throws an AppError
 * (`database_locked` when another process holds the file exclusively, `database_failed`).
 */
export class ReadStore {
  readonly #db: Db;
  readonly #path: string;
  readonly #dataVersion: BetterSqlite3.Statement<[], number>;
  readonly #setting: BetterSqlite3.Statement<[string], string>;
  readonly #session: BetterSqlite3.Statement<[Uint8Array], StoredSession>;
  readonly #totals: BetterSqlite3.Statement<[], EventTotals>;
  readonly #newest: BetterSqlite3.Statement<[number, number, number], EventListRow>;
  #letters: { readonly revision: number; readonly count: number } | null = null;

  /**
   * Opens it beside the writer of this process, which must have opened the file before. A command without one says
   * `beside: false`.
   */
  constructor(path: string, options: { readonly busyTimeoutMs?: number; readonly beside?: boolean } = {}) {
    this.#path = path;
    this.#db = openDatabase(path, { mode: 'read', beside: true, ...options });
    this.#dataVersion = this.#db.prepare<[], number>('PRAGMA data_version').pluck();
    this.#totals = this.#db.prepare<[], EventTotals>(
      `SELECT coalesce(sum(calls), 0) AS events, coalesce(sum(failed), 0) AS failed,
         coalesce(sum(unpriced), 0) AS unpriced FROM total_ever`,
    );
    this.#session = sessionReader(this.#db);
    this.#setting = this.#db.prepare<[string], string>('SELECT value FROM settings WHERE key = ?').pluck();
    this.#newest = this.#db.prepare<[number, number, number], EventListRow>(
      `${EVENT_LIST_SELECT} WHERE e.id > ? AND e.id <= ? ORDER BY e.id DESC LIMIT ?`,
    );
  }

  /** Changes whenever another connection, of this process or another, has committed. */
  dataVersion(): number {
    return guarded(() => this.#dataVersion.get() ?? 0);
  }

  /** Rises with every write of the topic (`events`, `prices`, `settings`, `gaps`, ...); 0 when never written. */
  revision(topic: string): number {
    return guarded(() => this.#value('SELECT revision FROM meta WHERE name = ?', topic) ?? 0);
  }

  /** Counts of all events. One row a gateway is read, however many events there are. */
  totals(): EventTotals {
    return guarded(() => this.#totals.get() ?? { events: 0, failed: 0, unpriced: 0 });
  }

  /** Counted once for each revision of the letters. */
  deadLetterCount(): number {
    return guarded(() => {
      const revision = this.revision('dead_letters');
      if (this.#letters?.revision !== revision) {
        this.#letters = { revision, count: this.#value('SELECT count(*) FROM dead_letter') ?? 0 };
      }
      return this.#letters.count;
    });
  }

  /** Epoch ms at which an event was last stored; null: never. */
  lastInsertedMs(): number | null {
    return guarded(() => this.#value(`SELECT changed_at_ms FROM meta WHERE name = 'events'`) ?? null);
  }

  /** The highest id that an event has; 0 without events. Ids rise in the order in which events were stored. */
  lastEventId(): number {
    return guarded(() => this.#value('SELECT max(id) FROM event') ?? 0);
  }

  /** Of the events with a higher id than `id`, up to `upTo`, the `limit` with the highest ids, highest first. */
  eventsAfter(id: number, limit: number, upTo: number = Number.MAX_SAFE_INTEGER): EventRow[] {
    return guarded(() => this.#newest.all(id, upTo, limit).map(listRow));
  }

  /** The newest gaps, newest first. */
  gaps(limit = 100): Gap[] {
    return guarded(() =>
      this.#db
        .prepare<[number], Gap>(
          `SELECT id, gateway_id AS gatewayId, from_ms AS fromMs, to_ms AS toMs, cause, estimate, detail
           FROM gap ORDER BY from_ms DESC, id DESC LIMIT ?`,
        )
        .all(limit),
    );
  }

  /** Gaps of a gateway that last, oldest first. */
  openGaps(gatewayId: number): Gap[] {
    return guarded(() =>
      this.#db
        .prepare<[number], Gap>(
          `SELECT id, gateway_id AS gatewayId, from_ms AS fromMs, to_ms AS toMs, cause, estimate, detail
           FROM gap WHERE to_ms IS NULL AND gateway_id = ? ORDER BY from_ms, id`,
        )
        .all(gatewayId),
    );
  }

  setting(key: string): string | null {
    return guarded(() => this.#setting.get(key) ?? null);
  }

  /** Names this database for its life: 32 hex digits. */
  databaseId(): string {
    const id = this.setting('database_id');
    if (id === null)
      throw new AppError('database_failed', { detail: 'the settings row database_id is gone' });
    return id;
  }

  /** Also one that has expired. */
  session(tokenHash: Uint8Array): StoredSession | null {
    return guarded(() => this.#session.get(tokenHash) ?? null);
  }

  /** Where collecting from a gateway stood when that was last written. */
  contact(gatewayId: number): ContactState {
    return guarded(() => readContact(this.#db, gatewayId));
  }

  /** What a sync of prices has to know: where synced prices came from, and the lists fetched last. */
  syncState(): SyncState {
    return guarded(() => readSyncState(this.#db));
  }

  /** How far the spool is stored; null when nothing ever was. */
  position(): Position | null {
    return guarded(() => readPosition(this.#db));
  }

  /** How far the old volume of this name has been copied; null for one that nothing was copied of. */
  takeover(source: string): TakeoverState | null {
    return guarded(() => readTakeover(this.#db, source));
  }

  sizes(): StoreSizes {
    const size = (suffix: string): number =>
      fs.statSync(`${this.#path}${suffix}`, { throwIfNoEntry: false })?.size ?? 0;
    return { databaseBytes: size(''), walBytes: size('-wal'), shmBytes: size('-shm') };
  }

  close(): void {
    this.#db.close();
  }

  #value(sql: string, ...params: string[]): number | undefined {
    return this.#db
      .prepare<string[], number>(sql)
      .pluck()
      .get(...params);
  }
}
