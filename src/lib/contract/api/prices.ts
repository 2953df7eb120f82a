import type { PriceObject } from '../../pricing/price-object.ts';
import type { SourceResult } from '../../pricing/sync/sync.ts';
import type { CandidatePrice } from '../../pricing/sync/sync-prices.ts';

/**
 * `GET` and `PUT /v0/management/model-prices`: every price that counts, by model, in USD per million tokens. Embedded
 * prices of models seen in traffic have the source `genai-prices`; a PUT may send them back, and does not save them.
 */
export interface PricesAnswer {
  readonly prices: Readonly<Record<string, PriceObject>>;
}

/** `POST /v0/management/model-prices/sync`. Keys that may be absent are left out when they would be empty. */
export interface PriceSyncAnswer extends PricesAnswer {
  /** `''`, the only source that answered, or `multi`. */
  readonly source: string;
  readonly sources?: readonly string[];
  /** Names that got a price. */
  readonly imported: number;
  /** Entries of the lists without a price. */
  readonly skipped: number;
  /** Id of the entry by model. */
  readonly matched?: Readonly<Record<string, string>>;
  readonly candidates?: ReadonlyArray<{
    readonly model: string;
    readonly candidates: readonly CandidatePrice[];
  }>;
  readonly unmatched?: readonly string[];
  /** Names whose price stayed: it is a manual one, or its source could not be asked. */
  readonly preserved?: readonly string[];
  readonly proxyUsed?: true;
  readonly sourceResults: readonly SourceResult[];
}

/** `GET /v0/management/model-prices/usage-summary`: models of the newest events, by calls. */
export interface PriceUsageAnswer {
  readonly sampled_events: number;
  readonly total_events: number;
  /** There are more events than were counted. */
  readonly truncated: boolean;
  readonly models: ReadonlyArray<{
    readonly model: string;
    readonly calls: number;
    /** Calls that asked for it, without its thinking suffix. */
    readonly requested_calls: number;
    /** Calls that it answered under another name. */
    readonly resolved_calls: number;
  }>;
}

/** `GET` and `PUT /v0/management/api-key-aliases`: by name, then by hash. */
export interface AliasesAnswer {
  readonly items: ReadonlyArray<{
    /** Hex SHA-256 of the client key. */
    readonly apiKeyHash: string;
    readonly alias: string;
    readonly updatedAtMs: number;
  }>;
}
