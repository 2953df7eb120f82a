import type BetterSqlite3 from 'better-sqlite3';
import type { UsageEvent } from '../contract/event.ts';
import type { Db } from './sqlite.ts';

type Value = string | number;

/** Addresses and user agents come from outside without end; past this many a cache starts anew. */
const CACHE_LIMIT = 50_000;

/** One dimension table: its rows by their values. Ids of rows are for ever. */
class Dimension {
  readonly #find: BetterSqlite3.Statement<Value[], number>;
  readonly #add: BetterSqlite3.Statement<Value[], number>;
  /** Ids of committed rows only: an id of a rolled back transaction goes to another row the next time. */
  readonly #known = new Map<string, number>();
  readonly #pending = new Map<string, number>();

  constructor(db: Db, table: string, columns: readonly string[]) {
    const where = columns.map((column) => `${column} = ?`).join(' AND ');
    const marks = columns.map(() => '?').join(', ');
    this.#find = db.prepare<Value[], number>(`SELECT id FROM ${table} WHERE ${where}`).pluck();
    this.#add = db
      .prepare<Value[], number>(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks}) RETURNING id`)
      .pluck();
  }

  /** Inside a transaction. */
  id(values: readonly Value[]): number {
    const key = values.length === 1 ? String(values[0]) : JSON.stringify(values);
    const known = this.#known.get(key) ?? this.#pending.get(key);
    if (known !== undefined) return known;
    const id = this.#find.get(...values) ?? this.#add.get(...values);
    if (id === undefined) throw new Error('a dimension row was neither found nor added');
    this.#pending.set(key, id);
    return id;
  }

  publish(): void {
    if (this.#pending.size === 0) return;
    if (this.#known.size > CACHE_LIMIT) this.#known.clear();
    for (const [key, id] of this.#pending) this.#known.set(key, id);
    this.#pending.clear();
  }

  discard(): void {
    this.#pending.clear();
  }
}

/** The dimension ids of one event; null where it has nothing to say. */
export interface DimensionIds {
  readonly model: number;
  readonly provider: number | null;
  readonly profile: number;
  readonly credential: number | null;
  readonly clientKey: number | null;
  readonly userAgent: number | null;
  readonly address: number | null;
  readonly responseKind: number | null;
}

/** All dimensions of events. `publish` after a commit, `discard` after a rollback. */
export class Dimensions {
  readonly #model: Dimension;
  readonly #provider: Dimension;
  readonly #profile: Dimension;
  readonly #credential: Dimension;
  readonly #clientKey: Dimension;
  readonly #userAgent: Dimension;
  readonly #address: Dimension;
  readonly #responseKind: Dimension;
  readonly #all: readonly Dimension[];

  constructor(db: Db) {
    this.#model = new Dimension(db, 'model', ['name', 'requested', 'resolved']);
    this.#provider = new Dimension(db, 'provider', ['name']);
    this.#profile = new Dimension(db, 'call_profile', [
      'executor_type',
      'endpoint',
      'method',
      'path',
      'reasoning_effort',
      'request_service_tier',
      'response_service_tier',
      'service_tier',
      'cache_separate',
    ]);
    this.#credential = new Dimension(db, 'credential', [
      'auth_index',
      'auth_type',
      'source',
      'source_hash',
      'account',
      'label',
      'file',
      'auth_provider',
      'project',
    ]);
    this.#clientKey = new Dimension(db, 'client_key', ['hash']);
    this.#userAgent = new Dimension(db, 'user_agent', ['text']);
    this.#address = new Dimension(db, 'address', ['client_ip', 'x_forwarded_for']);
    this.#responseKind = new Dimension(db, 'response_kind', ['quota_plan_type', 'error_kind', 'error_code']);
    this.#all = [
      this.#model,
      this.#provider,
      this.#profile,
      this.#credential,
      this.#clientKey,
      this.#userAgent,
      this.#address,
      this.#responseKind,
    ];
  }

  /** Finds or makes the rows of an event's dimensions, inside the transaction of the event. */
  of(event: UsageEvent): DimensionIds {
    const profile = [
      event.executorType,
      event.endpoint,
      event.method,
      event.path,
      event.reasoningEffort,
      event.requestServiceTier,
      event.responseServiceTier,
      event.serviceTier,
      event.cacheInputMode === 'separate_from_input' ? 1 : 0,
    ];
    const credential = [
      event.authIndex,
      event.authType,
      event.source,
      event.sourceHash,
      event.accountSnapshot,
      event.authLabelSnapshot,
      event.authFileSnapshot,
      event.authProviderSnapshot,
      event.authProjectIdSnapshot,
    ];
    const response = [event.response.quotaPlanType, event.response.errorKind, event.response.errorCode];
    return {
      model: this.#model.id([event.model, event.requestedModel, event.resolvedModel]),
      provider: optional(this.#provider, [event.provider]),
      profile: this.#profile.id(profile),
      credential: optional(this.#credential, credential),
      clientKey: optional(this.#clientKey, [event.apiKeyHash]),
      userAgent: optional(this.#userAgent, [event.userAgent]),
      address: optional(this.#address, [event.clientIp, event.xForwardedFor]),
      responseKind: optional(this.#responseKind, response),
    };
  }

  publish(): void {
    for (const dimension of this.#all) dimension.publish();
  }

  discard(): void {
    for (const dimension of this.#all) dimension.discard();
  }
}

function optional(dimension: Dimension, values: readonly string[]): number | null {
  return values.every((value) => value === '') ? null : dimension.id(values);
}
