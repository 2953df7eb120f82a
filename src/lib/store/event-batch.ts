import type { UsageEvent } from '../contract/event.ts';
import { hashText } from '../usage/event-hash.ts';
import {
  callDimensions,
  credentialOf,
  otherDimensions,
  type CallDimensions,
  type DimensionName,
  type DimensionValues,
} from './dimensions.ts';
import { extraOf, type StoredExtra } from './event-insert.ts';
import { EVENT_COLUMNS, eventParams, prepareUnpacked } from './event-row.ts';
import { markResponse } from './response-codec.ts';

/** What an event cost where it was exported. */
export interface KnownCost {
  readonly costNano: number;
  /** Hex SHA-256 of the price version. */
  readonly price: string;
}

/**
 * Many rows in few lists, which get to another thread quicker than objects. What repeats is in tables: a row has
 * the number of its place there.
 */
export interface EventBatch {
  readonly rows: number;
  /** {@link NUMBERS} for each row; NaN is NULL. Its buffer, as that of the hashes, moves and is not copied. */
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly hash64: BigInt64Array<ArrayBuffer>;
  readonly hashes: readonly string[];
  readonly requestIds: readonly string[];
  readonly traceIds: readonly string[];
  /**
   * Response metadata as `markResponse` leaves it; null for none. The thread that stores deflates it: that one has less
   * to do than the one that reads.
   */
  readonly responses: ReadonlyArray<string | null>;
  readonly extras: ReadonlyMap<number, StoredExtra>;
  readonly dimensions: Readonly<Record<DimensionName, readonly DimensionValues[]>>;
  /** Base URLs; `''` where a file does not tell. */
  readonly gateways: readonly string[];
  /** Hex SHA-256 of price versions. */
  readonly prices: readonly string[];
}

/** Columns of `event` that are no plain numbers. */
const APART = new Set(['hash64', 'request_id', 'trace_id', 'response']);

/** The numbers of a row: most of its columns. */
const NUMBER_COLUMNS = EVENT_COLUMNS.filter((column) => !APART.has(column));
export const NUMBERS = NUMBER_COLUMNS.length;
/** For each number its place among the parameters of the row. */
export const PARAM_OF_NUMBER: readonly number[] = NUMBER_COLUMNS.map((name) => EVENT_COLUMNS.indexOf(name));
const FIRST_ROOM = 256;

/** The values of a row of a dimension, and a text that no other row of it has. */
export interface DimensionEntry {
  readonly key: string;
  readonly values: DimensionValues;
}

function entryOf(values: DimensionValues): DimensionEntry {
  return { key: values.length === 1 ? String(values[0]) : values.join('\u0000'), values };
}

const toEntry = (_: DimensionName, values: DimensionValues): DimensionEntry => entryOf(values);

/** Dimensions of an event, which can be kept for further ones that are alike in this. */
export interface NamedEntries {
  readonly call: CallDimensions<DimensionEntry>;
  readonly credential: DimensionEntry | null;
}

export function callEntries(event: UsageEvent): CallDimensions<DimensionEntry> {
  return callDimensions(event, toEntry);
}

export function credentialEntry(event: UsageEvent): DimensionEntry | null {
  return credentialOf(event, toEntry);
}

/** Each text or row of values once, with the number of its place. */
class Table<T> {
  readonly entries: T[] = [];
  readonly #places = new Map<string, number>();

  place(key: string, value: T): number {
    let at = this.#places.get(key);
    if (at === undefined) {
      at = this.entries.length;
      this.entries.push(value);
      this.#places.set(key, at);
    }
    return at;
  }
}

/** Puts events into a batch. Does the costly part of storing them: hashing and packing. */
export class EventBatcher {
  #numbers = new Float64Array(FIRST_ROOM * NUMBERS);
  #hash64 = new BigInt64Array(FIRST_ROOM);
  #hashes: string[] = [];
  #requestIds: string[] = [];
  #traceIds: string[] = [];
  #responses: Array<string | null> = [];
  #extras = new Map<number, StoredExtra>();
  #tables = newTables();
  #gateways = new Table<string>();
  #prices = new Table<string>();
  readonly #standIn = (dimension: DimensionName, values: DimensionValues): number =>
    this.#place(dimension, entryOf(values));

  get rows(): number {
    return this.#hashes.length;
  }

  /** Throws for an event whose values cannot be packed; the batch is then as it was. `named`: where it is at hand. */
  add(
    given: UsageEvent,
    gateway: string,
    cost: KnownCost | null,
    named: NamedEntries = { call: callEntries(given), credential: credentialEntry(given) },
  ): void {
    const prepared = prepareUnpacked(given, hashText);
    const { event, hash64 } = prepared;
    const row = this.#hashes.length;
    const { call, credential } = named;
    const ids = {
      model: this.#place('model', call.model),
      provider: call.provider && this.#place('provider', call.provider),
      profile: this.#place('profile', call.profile),
      credential: credential && this.#place('credential', credential),
      ...otherDimensions(event, this.#standIn),
    };
    const params = eventParams(prepared, ids, {
      costNano: cost === null ? null : cost.costNano,
      priceId: cost === null ? null : this.#prices.place(cost.price, cost.price),
    });
    this.#makeRoom(row);
    const base = row * NUMBERS;
    for (let n = 0; n < NUMBERS; n += 1) {
      const value = params[PARAM_OF_NUMBER[n] ?? 0];
      this.#numbers[base + n] = typeof value === 'number' ? value : Number.NaN;
    }
    this.#numbers[base + GATEWAY] = this.#gateways.place(gateway, gateway);
    const { responseMetadata, response, timestampMs } = event;
    this.#responses.push(
      responseMetadata && markResponse(responseMetadata, { timestampMs, traceId: response.traceId }),
    );
    this.#hash64[row] = hash64;
    this.#hashes.push(event.hash);
    this.#requestIds.push(event.requestId);
    this.#traceIds.push(event.response.traceId);
    const extra = extraOf(prepared);
    if (extra !== null) this.#extras.set(row, extra);
  }

  /** What was put in since the last time. */
  take(): EventBatch {
    const rows = this.#hashes.length;
    const dimensions = tableEntries(this.#tables);
    const batch: EventBatch = {
      rows,
      numbers: this.#numbers.slice(0, rows * NUMBERS),
      hash64: this.#hash64.slice(0, rows),
      hashes: this.#hashes,
      requestIds: this.#requestIds,
      traceIds: this.#traceIds,
      responses: this.#responses,
      extras: this.#extras,
      dimensions,
      gateways: this.#gateways.entries,
      prices: this.#prices.entries,
    };
    this.#hashes = [];
    this.#requestIds = [];
    this.#traceIds = [];
    this.#responses = [];
    this.#extras = new Map();
    this.#tables = newTables();
    this.#gateways = new Table();
    this.#prices = new Table();
    return batch;
  }

  #place(dimension: DimensionName, { key, values }: DimensionEntry): number {
    return this.#tables[dimension].place(key, values);
  }

  #makeRoom(row: number): void {
    if (row < this.#hash64.length) return;
    const numbers = new Float64Array(2 * this.#numbers.length);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    const hash64 = new BigInt64Array(2 * this.#hash64.length);
    hash64.set(this.#hash64);
    this.#hash64 = hash64;
  }
}

type Tables = Readonly<Record<DimensionName, Table<DimensionValues>>>;

function newTables(): Tables {
  return {
    model: new Table(),
    provider: new Table(),
    profile: new Table(),
    credential: new Table(),
    clientKey: new Table(),
    userAgent: new Table(),
    address: new Table(),
    responseKind: new Table(),
  };
}

function tableEntries(tables: Tables): EventBatch['dimensions'] {
  return {
    model: tables.model.entries,
    provider: tables.provider.entries,
    profile: tables.profile.entries,
    credential: tables.credential.entries,
    clientKey: tables.clientKey.entries,
    userAgent: tables.userAgent.entries,
    address: tables.address.entries,
    responseKind: tables.responseKind.entries,
  };
}

/** What moves to the other thread instead of being copied. */
export function buffersOf(batch: EventBatch): ArrayBuffer[] {
  return [batch.numbers.buffer, batch.hash64.buffer];
}

/** Where a column stands among the numbers of a row. */
export function numberOfColumn(column: (typeof EVENT_COLUMNS)[number]): number {
  return NUMBER_COLUMNS.indexOf(column);
}

/** Where the reference of each dimension stands among the numbers of a row. */
export const DIMENSION_NUMBERS: Readonly<Record<DimensionName, number>> = {
  model: numberOfColumn('model_id'),
  provider: numberOfColumn('provider_id'),
  profile: numberOfColumn('profile_id'),
  credential: numberOfColumn('credential_id'),
  clientKey: numberOfColumn('client_key_id'),
  userAgent: numberOfColumn('user_agent_id'),
  address: numberOfColumn('address_id'),
  responseKind: numberOfColumn('response_kind_id'),
};
const GATEWAY = numberOfColumn('gateway_id');
