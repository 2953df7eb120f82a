import { EventFlag } from '../contract/event.ts';
import type { PriceBook, PriceInput, PriceVersion } from '../contract/pricing.ts';
import type { ImportedSums, ImportOutcome } from '../contract/writer.ts';
import {
  DIMENSION_NAMES,
  DIMENSION_NUMBERS,
  numberOfColumn,
  NUMBERS,
  PARAM_OF_NUMBER,
  type EventBatch,
} from './event-batch.ts';
import type { Dimensions, DimensionName } from './dimensions.ts';
import type { EventInsert } from './event-insert.ts';
import { EVENT_COLUMNS, type Param, type StoredCost } from './event-row.ts';
import { packRequestId, packTraceId } from './ids.ts';
import { isStoreTrouble } from './sqlite.ts';
import type { Totals } from './totals.ts';

/** What storing a batch is made of; the writer's own. All of it inside the caller's transaction. */
export interface ImportParts {
  readonly dimensions: Pick<Dimensions, 'id'>;
  readonly insert: Pick<EventInsert, 'insertParams'>;
  readonly totals: Pick<Totals, 'add'>;
  /** Prices an event that brought no cost. */
  readonly cost: (
    event: PriceInput,
    book: PriceBook,
  ) => { readonly cost: StoredCost; readonly clamped: boolean };
  /** The row of a version that is known by its hash; `found` is asked when it is not stored yet. */
  readonly priceId: (sha: string, found: () => PriceVersion | null) => number;
  /** What an event would be billed at now; null without a price. */
  readonly version: (event: PriceInput, book: PriceBook) => PriceVersion | null;
  readonly gatewayId: (baseUrl: string) => number;
}

/** What one transaction did; `next` is the first row that it left. */
export interface ImportStep extends ImportOutcome {
  readonly next: number;
}

const param = (name: (typeof EVENT_COLUMNS)[number]): number => EVENT_COLUMNS.indexOf(name);
const PARAM = {
  gateway: param('gateway_id'),
  hash64: param('hash64'),
  requestId: param('request_id'),
  traceId: param('trace_id'),
  response: param('response'),
  flags: param('flags'),
  cost: param('cost_nano'),
  price: param('price_id'),
} as const;
const DIMENSION_PARAMS: Readonly<Record<DimensionName, number>> = {
  model: param('model_id'),
  provider: param('provider_id'),
  profile: param('profile_id'),
  credential: param('credential_id'),
  clientKey: param('client_key_id'),
  userAgent: param('user_agent_id'),
  address: param('address_id'),
  responseKind: param('response_kind_id'),
};
const NUMBER = {
  timestampMs: numberOfColumn('timestamp_ms'),
  failed: numberOfColumn('failed'),
  uncachedInput: numberOfColumn('uncached_input'),
  cacheRead: numberOfColumn('cache_read'),
  cacheWrite5m: numberOfColumn('cache_write_5m'),
  cacheWrite1h: numberOfColumn('cache_write_1h'),
  output: numberOfColumn('output'),
  reasoning: numberOfColumn('reasoning'),
  latencyMs: numberOfColumn('latency_ms'),
  cost: numberOfColumn('cost_nano'),
  price: numberOfColumn('price_id'),
  gateway: numberOfColumn('gateway_id'),
  flags: numberOfColumn('flags'),
  response: NUMBERS - 1,
} as const;
/** Columns of `call_profile` that decide a price, by their place. */
const EXECUTOR = 0;
const SERVICE_TIER = 7;
/** Looking at the clock costs more than a look into a table. */
const ROWS_BETWEEN_LOOKS = 32;

/** Stores the rows of one batch, in as many transactions as the caller wants. */
export class EventImport {
  readonly #batch: EventBatch;
  readonly #parts: ImportParts;
  /** Length of the response metadata of all rows before the next one. */
  #responseAt = 0;
  #ids: Readonly<Record<DimensionName, Array<number | undefined>>> = noIds();
  #gateways: Array<number | undefined> = [];
  #prices: Array<number | undefined> = [];

  constructor(batch: EventBatch, parts: ImportParts) {
    this.#batch = batch;
    this.#parts = parts;
  }

  /** The next rows, from `from` on; inside a transaction. When it throws the caller begins again at `from`. */
  store(
    from: number,
    limits: { readonly maxRows: number; readonly maxMs: number },
    book: PriceBook,
  ): ImportStep {
    // Ids of a transaction that was rolled back belong to nobody.
    this.#ids = noIds();
    this.#gateways = [];
    this.#prices = [];
    this.#responseAt = this.#lengthBefore(from);
    const sums = new Sums();
    const deadline = performance.now() + limits.maxMs;
    const end = Math.min(this.#batch.rows, from + limits.maxRows);
    let row = from;
    for (; row < end; row += 1) {
      if (row > from && (row - from) % ROWS_BETWEEN_LOOKS === 0 && performance.now() > deadline) break;
      this.#storeRow(row, book, sums);
    }
    return { next: row, ...sums.outcome() };
  }

  #storeRow(row: number, book: PriceBook, sums: Sums): void {
    const params = this.#params(row);
    const counted = this.#counted(row);
    const { costNano } = this.#price(row, params, book);
    try {
      const identity = {
        timestampMs: counted.timestampMs,
        hash64: this.#batch.hash64[row] ?? 0n,
        hash: this.#batch.hashes[row] ?? '',
      };
      const id = this.#parts.insert.insertParams(params, identity, this.#batch.extras.get(row) ?? null);
      if (id === null) {
        sums.duplicates += 1;
        return;
      }
    } catch (error) {
      if (isStoreTrouble(error)) throw error;
      sums.refused += 1;
      return;
    }
    this.#parts.totals.add({ ...counted, gatewayId: Number(params[PARAM.gateway]) }, costNano);
    sums.add(this.#text('model', row, 0), counted, costNano);
  }

  #params(row: number): Param[] {
    const { numbers, requestIds, traceIds, hash64, responses } = this.#batch;
    const base = row * NUMBERS;
    const params: Param[] = EVENT_COLUMNS.map(() => null);
    for (let n = 0; n < NUMBERS - 1; n += 1) {
      const value = numbers[base + n] ?? Number.NaN;
      if (!Number.isNaN(value)) params[PARAM_OF_NUMBER[n] ?? 0] = value;
    }
    for (const name of DIMENSION_NAMES) {
      const at = numbers[base + DIMENSION_NUMBERS[name]] ?? Number.NaN;
      if (!Number.isNaN(at)) params[DIMENSION_PARAMS[name]] = this.#dimensionId(name, at);
    }
    params[PARAM.gateway] = this.#gatewayId(this.#number(row, NUMBER.gateway));
    params[PARAM.hash64] = hash64[row] ?? 0n;
    params[PARAM.requestId] = packRequestId(requestIds[row] ?? '');
    params[PARAM.traceId] = packTraceId(traceIds[row] ?? '');
    const length = this.#number(row, NUMBER.response);
    if (length >= 0) {
      params[PARAM.response] = Buffer.from(responses.buffer, this.#responseAt, length);
      this.#responseAt += length;
    }
    return params;
  }

  /** Sets the cost among the parameters: the one that came along, or what the book says. */
  #price(row: number, params: Param[], book: PriceBook): StoredCost {
    const at = this.#number(row, NUMBER.price);
    let cost: StoredCost;
    if (Number.isNaN(at)) {
      const priced = this.#parts.cost(this.#priceInput(row), book);
      cost = priced.cost;
      if (priced.clamped) params[PARAM.flags] = Number(params[PARAM.flags]) | EventFlag.clamped;
    } else {
      cost = { costNano: this.#number(row, NUMBER.cost), priceId: this.#priceId(at, row, book) };
    }
    params[PARAM.cost] = cost.costNano;
    params[PARAM.price] = cost.priceId;
    return cost;
  }

  #priceId(at: number, row: number, book: PriceBook): number {
    const sha = this.#batch.prices[at] ?? '';
    return (this.#prices[at] ??= this.#parts.priceId(sha, () =>
      this.#parts.version(this.#priceInput(row), book),
    ));
  }

  #dimensionId(name: DimensionName, at: number): number {
    const ids = this.#ids[name];
    return (ids[at] ??= this.#parts.dimensions.id(name, this.#batch.dimensions[name][at] ?? []));
  }

  #gatewayId(at: number): number {
    return (this.#gateways[at] ??= this.#parts.gatewayId(this.#batch.gateways[at] ?? ''));
  }

  #counted(row: number): Counted {
    const latencyMs = this.#number(row, NUMBER.latencyMs);
    return {
      timestampMs: this.#number(row, NUMBER.timestampMs),
      failed: this.#number(row, NUMBER.failed) === 1,
      latencyMs: Number.isNaN(latencyMs) ? null : latencyMs,
      tokens: {
        uncachedInput: this.#number(row, NUMBER.uncachedInput),
        cacheRead: this.#number(row, NUMBER.cacheRead),
        cacheWrite5m: this.#number(row, NUMBER.cacheWrite5m),
        cacheWrite1h: this.#number(row, NUMBER.cacheWrite1h),
        output: this.#number(row, NUMBER.output),
        reasoning: this.#number(row, NUMBER.reasoning),
      },
    };
  }

  #priceInput(row: number): PriceInput {
    const { timestampMs, tokens } = this.#counted(row);
    return {
      timestampMs,
      tokens,
      provider: this.#text('provider', row, 0),
      executorType: this.#text('profile', row, EXECUTOR),
      serviceTier: this.#text('profile', row, SERVICE_TIER),
      model: this.#text('model', row, 0),
      requestedModel: this.#text('model', row, 1),
      resolvedModel: this.#text('model', row, 2),
    };
  }

  #text(name: DimensionName, row: number, column: number): string {
    const at = this.#number(row, DIMENSION_NUMBERS[name]);
    return Number.isNaN(at) ? '' : String(this.#batch.dimensions[name][at]?.[column] ?? '');
  }

  #number(row: number, n: number): number {
    return this.#batch.numbers[row * NUMBERS + n] ?? Number.NaN;
  }

  #lengthBefore(row: number): number {
    let length = 0;
    for (let at = 0; at < row; at += 1) length += Math.max(0, this.#number(at, NUMBER.response));
    return length;
  }
}

type Counted = Pick<PriceInput, 'timestampMs' | 'tokens'> & {
  readonly failed: boolean;
  readonly latencyMs: number | null;
};

function noIds(): Readonly<Record<DimensionName, Array<number | undefined>>> {
  return {
    model: [],
    provider: [],
    profile: [],
    credential: [],
    clientKey: [],
    userAgent: [],
    address: [],
    responseKind: [],
  };
}

type Open = { -readonly [K in keyof ImportedSums]: ImportedSums[K] };

/** What the rows of a transaction add up to. */
class Sums {
  duplicates = 0;
  refused = 0;
  #added = 0;
  #fromMs: number | null = null;
  #toMs: number | null = null;
  readonly #models = new Map<string, Open>();

  add(model: string, { timestampMs, tokens, failed }: Counted, costNano: number | null): void {
    this.#added += 1;
    if (this.#fromMs === null || timestampMs < this.#fromMs) this.#fromMs = timestampMs;
    if (this.#toMs === null || timestampMs > this.#toMs) this.#toMs = timestampMs;
    let sum = this.#models.get(model);
    if (sum === undefined) {
      sum = emptySums(model);
      this.#models.set(model, sum);
    }
    sum.calls += 1;
    sum.failed += failed ? 1 : 0;
    sum.uncachedInput += tokens.uncachedInput;
    sum.cacheRead += tokens.cacheRead;
    sum.cacheWrite += tokens.cacheWrite5m + tokens.cacheWrite1h;
    sum.output += tokens.output;
    sum.reasoning += tokens.reasoning;
    sum.cost += costNano ?? 0;
    sum.unpriced += costNano === null ? 1 : 0;
  }

  outcome(): ImportOutcome {
    return {
      added: this.#added,
      duplicates: this.duplicates,
      refused: this.refused,
      sums: [...this.#models.values()],
      fromMs: this.#fromMs,
      toMs: this.#toMs,
    };
  }
}

function emptySums(model: string): Open {
  return {
    model,
    calls: 0,
    failed: 0,
    uncachedInput: 0,
    cacheRead: 0,
    cacheWrite: 0,
    output: 0,
    reasoning: 0,
    cost: 0,
    unpriced: 0,
  };
}
