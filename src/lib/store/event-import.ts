import { EventFlag } from '../contract/event.ts';
import type { PriceBook, PriceInput, PriceVersion } from '../contract/pricing.ts';
import type { ImportOutcome } from '../contract/writer.ts';
import { DIMENSION_NUMBERS, NUMBERS, PARAM_OF_NUMBER, type EventBatch } from './event-batch.ts';
import { BatchReader, ROW } from './event-batch-reader.ts';
import { DIMENSION_NAMES, type Dimensions, type DimensionName } from './dimensions.ts';
import type { EventInsert } from './event-insert.ts';
import { EVENT_COLUMNS, type Param, type StoredCost } from './event-row.ts';
import { packRequestId, packTraceId } from './ids.ts';
import { ImportTally } from './import-outcome.ts';
import { packMarked } from './response-codec.ts';
import { isStoreTrouble } from './sqlite.ts';
import type { Totals } from './totals.ts';

/** What storing a batch is made of; the writer's own. All of it inside the caller's transaction. */
export interface ImportParts {
  readonly dimensions: Pick<Dimensions, 'id'>;
  readonly insert: Pick<EventInsert, 'inRun' | 'insertParams' | 'isKnown'>;
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
/** Looking at the clock costs more than a look into a table. */
const ROWS_BETWEEN_LOOKS = 32;

/** Stores the rows of one batch, in as many transactions as the caller wants. */
export class EventImport {
  readonly #batch: EventBatch;
  readonly #reader: BatchReader;
  readonly #parts: ImportParts;
  /** What is packed already. */
  readonly #responses: ReadonlyArray<Buffer | null> | null;
  /** The row that is being stored. */
  readonly #row: Param[] = EVENT_COLUMNS.map(() => null);
  #ids: Readonly<Record<DimensionName, Array<number | undefined>>> = noIds();
  #gateways: Array<number | undefined> = [];
  #prices: Array<number | undefined> = [];

  constructor(batch: EventBatch, parts: ImportParts) {
    this.#batch = batch;
    this.#reader = new BatchReader(batch);
    this.#parts = parts;
    // Before the transaction begins: nobody waits for the lock meanwhile. Of what is known nothing is packed.
    this.#responses = parts.insert.inRun ? null : batch.responses.map(packed);
  }

  get rows(): number {
    return this.#batch.rows;
  }

  get hashes(): readonly string[] {
    return this.#batch.hashes;
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
    const tally = new ImportTally();
    const deadline = performance.now() + limits.maxMs;
    const end = Math.min(this.#batch.rows, from + limits.maxRows);
    let row = from;
    for (; row < end; row += 1) {
      if (row > from && (row - from) % ROWS_BETWEEN_LOOKS === 0 && performance.now() > deadline) break;
      this.#storeRow(row, book, tally);
    }
    return { next: row, ...tally.outcome() };
  }

  #storeRow(row: number, book: PriceBook, tally: ImportTally): void {
    const { insert } = this.#parts;
    const identity = {
      timestampMs: this.#reader.number(row, ROW.timestampMs),
      hash64: this.#batch.hash64[row] ?? 0n,
      hash: () => this.#batch.hashes[row] ?? '',
    };
    if (insert.inRun && insert.isKnown(identity)) {
      tally.duplicates += 1;
      return;
    }
    const params = this.#params(row);
    const counted = this.#reader.counted(row);
    const { costNano } = this.#price(row, params, book);
    try {
      const id = insert.insertParams(params, identity, this.#batch.extras.get(row) ?? null);
      if (id === null) {
        tally.duplicates += 1;
        return;
      }
    } catch (error) {
      if (isStoreTrouble(error)) throw error;
      tally.refused += 1;
      return;
    }
    this.#parts.totals.add({ ...counted, gatewayId: Number(params[PARAM.gateway]) }, costNano);
    tally.add(this.#reader.text('model', row, 0), counted, costNano);
  }

  #params(row: number): Param[] {
    const { numbers, requestIds, traceIds, hash64 } = this.#batch;
    const base = row * NUMBERS;
    const params = this.#row.fill(null);
    for (let n = 0; n < NUMBERS; n += 1) {
      const value = numbers[base + n] ?? Number.NaN;
      if (!Number.isNaN(value)) params[PARAM_OF_NUMBER[n] ?? 0] = value;
    }
    for (const name of DIMENSION_NAMES) {
      const at = numbers[base + DIMENSION_NUMBERS[name]] ?? Number.NaN;
      if (!Number.isNaN(at)) params[DIMENSION_PARAMS[name]] = this.#dimensionId(name, at);
    }
    params[PARAM.gateway] = this.#gatewayId(this.#reader.number(row, ROW.gateway));
    params[PARAM.hash64] = hash64[row] ?? 0n;
    params[PARAM.requestId] = packRequestId(requestIds[row] ?? '');
    params[PARAM.traceId] = packTraceId(traceIds[row] ?? '');
    const { responses } = this.#batch;
    params[PARAM.response] =
      this.#responses === null ? packed(responses[row] ?? null) : (this.#responses[row] ?? null);
    return params;
  }

  /** Sets the cost among the parameters: the one that came along, or what the book says. */
  #price(row: number, params: Param[], book: PriceBook): StoredCost {
    const at = this.#reader.number(row, ROW.price);
    let cost: StoredCost;
    if (Number.isNaN(at)) {
      const priced = this.#parts.cost(this.#reader.priceInput(row), book);
      cost = priced.cost;
      if (priced.clamped) params[PARAM.flags] = Number(params[PARAM.flags]) | EventFlag.clamped;
    } else {
      cost = { costNano: this.#reader.number(row, ROW.cost), priceId: this.#priceId(at, row, book) };
    }
    params[PARAM.cost] = cost.costNano;
    params[PARAM.price] = cost.priceId;
    return cost;
  }

  #priceId(at: number, row: number, book: PriceBook): number {
    const sha = this.#batch.prices[at] ?? '';
    return (this.#prices[at] ??= this.#parts.priceId(sha, () =>
      this.#parts.version(this.#reader.priceInput(row), book),
    ));
  }

  #dimensionId(name: DimensionName, at: number): number {
    const ids = this.#ids[name];
    return (ids[at] ??= this.#parts.dimensions.id(name, this.#batch.dimensions[name][at] ?? []));
  }

  #gatewayId(at: number): number {
    return (this.#gateways[at] ??= this.#parts.gatewayId(this.#batch.gateways[at] ?? ''));
  }
}

function packed(text: string | null): Buffer | null {
  return text === null ? null : packMarked(text);
}

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
