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

/** Each dimension of an event, with the columns of its table. */
const COLUMNS = {
  model: ['name', 'requested', 'resolved'],
  provider: ['name'],
  profile: [
    'executor_type',
    'endpoint',
    'method',
    'path',
    'reasoning_effort',
    'request_service_tier',
    'response_service_tier',
    'service_tier',
    'cache_separate',
  ],
  credential: [
    'auth_index',
    'auth_type',
    'source',
    'source_hash',
    'account',
    'label',
    'file',
    'auth_provider',
    'project',
  ],
  clientKey: ['hash'],
  userAgent: ['text'],
  address: ['client_ip', 'x_forwarded_for'],
  responseKind: ['quota_plan_type', 'error_kind', 'error_code'],
} as const;
const TABLES: Readonly<Record<DimensionName, string>> = {
  model: 'model',
  provider: 'provider',
  profile: 'call_profile',
  credential: 'credential',
  clientKey: 'client_key',
  userAgent: 'user_agent',
  address: 'address',
  responseKind: 'response_kind',
};

export type DimensionName = keyof typeof COLUMNS;
export const DIMENSION_NAMES = [
  'model',
  'provider',
  'profile',
  'credential',
  'clientKey',
  'userAgent',
  'address',
  'responseKind',
] as const satisfies readonly DimensionName[];

/** The values of one row of a dimension, in the order of its columns. */
export type DimensionValues = readonly Value[];

/** For each dimension of an event something that stands for its row; null where the event has nothing to say. */
export interface ForDimensions<T> {
  readonly model: T;
  readonly provider: T | null;
  readonly profile: T;
  readonly credential: T | null;
  readonly clientKey: T | null;
  readonly userAgent: T | null;
  readonly address: T | null;
  readonly responseKind: T | null;
}

/** The dimension ids of one event. */
export type DimensionIds = ForDimensions<number>;

type StandIn<T> = (dimension: DimensionName, values: DimensionValues) => T;

/** The dimensions of what was called, in which many events are alike. */
export type CallDimensions<T> = Pick<ForDimensions<T>, 'model' | 'provider' | 'profile'>;

/** What `standIn` makes of the values of each dimension of an event. */
export function forDimensions<T>(event: UsageEvent, standIn: StandIn<T>): ForDimensions<T> {
  return {
    ...callDimensions(event, standIn),
    credential: credentialOf(event, standIn),
    ...otherDimensions(event, standIn),
  };
}

export function callDimensions<T>(event: UsageEvent, standIn: StandIn<T>): CallDimensions<T> {
  return {
    model: standIn('model', [event.model, event.requestedModel, event.resolvedModel]),
    provider: event.provider === '' ? null : standIn('provider', [event.provider]),
    profile: standIn('profile', [
      event.executorType,
      event.endpoint,
      event.method,
      event.path,
      event.reasoningEffort,
      event.requestServiceTier,
      event.responseServiceTier,
      event.serviceTier,
      event.cacheInputMode === 'separate_from_input' ? 1 : 0,
    ]),
  };
}

export function credentialOf<T>(event: UsageEvent, standIn: StandIn<T>): T | null {
  return unlessEmpty('credential', standIn, [
    event.authIndex,
    event.authType,
    event.source,
    event.sourceHash,
    event.accountSnapshot,
    event.authLabelSnapshot,
    event.authFileSnapshot,
    event.authProviderSnapshot,
    event.authProjectIdSnapshot,
  ]);
}

export function otherDimensions<T>(
  event: UsageEvent,
  standIn: StandIn<T>,
): Omit<ForDimensions<T>, keyof CallDimensions<T> | 'credential'> {
  const { apiKeyHash, userAgent, clientIp, xForwardedFor, response } = event;
  return {
    clientKey: apiKeyHash === '' ? null : standIn('clientKey', [apiKeyHash]),
    userAgent: userAgent === '' ? null : standIn('userAgent', [userAgent]),
    address: unlessEmpty('address', standIn, [clientIp, xForwardedFor]),
    responseKind: unlessEmpty('responseKind', standIn, [
      response.quotaPlanType,
      response.errorKind,
      response.errorCode,
    ]),
  };
}

function unlessEmpty<T>(dimension: DimensionName, standIn: StandIn<T>, values: readonly string[]): T | null {
  for (const value of values) if (value !== '') return standIn(dimension, values);
  return null;
}

/** All dimensions of events. `publish` after a commit, `discard` after a rollback. */
export class Dimensions {
  readonly #byName: Readonly<Record<DimensionName, Dimension>>;
  readonly #id: (dimension: DimensionName, values: DimensionValues) => number;

  constructor(db: Db) {
    const of = (name: DimensionName): Dimension => new Dimension(db, TABLES[name], COLUMNS[name]);
    this.#byName = {
      model: of('model'),
      provider: of('provider'),
      profile: of('profile'),
      credential: of('credential'),
      clientKey: of('clientKey'),
      userAgent: of('userAgent'),
      address: of('address'),
      responseKind: of('responseKind'),
    };
    this.#id = (dimension, values) => this.id(dimension, values);
  }

  /** Finds or makes the rows of an event's dimensions, inside the transaction of the event. */
  of(event: UsageEvent): DimensionIds {
    return forDimensions(event, this.#id);
  }

  /** Finds or makes one row, inside a transaction. */
  id(dimension: DimensionName, values: DimensionValues): number {
    return this.#byName[dimension].id(values);
  }

  publish(): void {
    for (const name of DIMENSION_NAMES) this.#byName[name].publish();
  }

  discard(): void {
    for (const name of DIMENSION_NAMES) this.#byName[name].discard();
  }
}
