/**
 * Which convention the provider follows for cached tokens: counted inside the input (OpenAI, Gemini, ...) or beside
 * it (Anthropic). The texts are the ones the older programs store and export.
 */
export type CacheInputMode = 'included_in_input' | 'separate_from_input';

/** Token counters as the record reported them (clamped to 0..2^31-1), before any convention is applied. */
export interface ReportedTokens {
  readonly input: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cached: number;
  readonly cache: number;
  readonly cacheRead: number;
  readonly cacheCreation: number;
  /** The reported total, or the derived one where the record had none. */
  readonly total: number;
}

/**
 * Tokens with every one of them counted once, whatever the provider's convention. These are what is priced.
 * `uncachedInput + cacheRead + cacheWrite5m + cacheWrite1h` is the whole input; `output` includes `reasoning`.
 */
export interface BillableTokens {
  readonly uncachedInput: number;
  readonly cacheRead: number;
  /** Cache writes kept for 5 minutes, and those whose lifetime the record does not tell. */
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly output: number;
  readonly reasoning: number;
}

/** Bits of `UsageEvent.flags`. Stored, so a number is never given a second meaning. */
export const EventFlag = {
  /** A counter or a time lay outside its range and was clamped. */
  clamped: 1,
  /** `token_breakdown.quality` was not `complete`, or its parts did not add up, so the plain counters were used. */
  breakdownInconsistent: 2,
  /** The client went away before the answer was complete (HTTP 499 or the gateway's own words for it). */
  cancelled: 4,
  /** `generate: false`: a warm-up request that generated nothing. */
  noGeneration: 8,
  /** The record carried no usable time; `receivedAtMs` stands in. */
  timeMissing: 16,
  /** Reasoning tokens were reported beside the output and have been added to it. */
  reasoningSeparate: 32,
  /**
   * Some tokens are known only as part of a total. They are counted as uncached input, so that sums and cost hold
   * them; which kind they were is an estimate.
   */
  unclassified: 64,
} as const;

/** The scalars of an upstream's response headers that lists and filters use. Absent is `null` or `''`. */
export interface ResponseScalars {
  readonly quotaRecoverAtMs: number | null;
  /** Percent, 0..100 and above, as the provider reports it. */
  readonly quotaUsedPercent: number | null;
  readonly quotaPlanType: string;
  readonly errorKind: string;
  readonly errorCode: string;
  readonly traceId: string;
}

/** A JSON value, for the parts of a record that are kept as they are. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** `response_metadata` of the export: groups of scalars, empty groups left out, as CPA-Manager-Plus has them. */
export type ResponseMetadata = { readonly [group: string]: Json };

/**
 * One model call attempt, normalised from any gateway version. Strings are `''` when absent; numbers that can be
 * unknown are `null`. Nothing in here is secret: keys are hashed, sources masked, failure texts redacted.
 */
export interface UsageEvent {
  readonly gatewayId: number;
  readonly timestampMs: number;
  /** RFC 3339 in UTC with up to nine fraction digits, trailing zeros removed. Part of the hash. */
  readonly timestamp: string;
  readonly requestId: string;
  readonly provider: string;
  readonly executorType: string;
  /** The name people know the model by: the client's alias, else the upstream model, else `-`. Part of the hash. */
  readonly model: string;
  readonly requestedModel: string;
  readonly resolvedModel: string;
  /** `METHOD /path`, or `-`. Part of the hash. */
  readonly endpoint: string;
  readonly method: string;
  readonly path: string;
  readonly authType: string;
  readonly authIndex: string;
  /** Masked: never a whole key, e-mails shortened. */
  readonly source: string;
  /** Hex SHA-256 of the raw source, `''` without one. */
  readonly sourceHash: string;
  /** Hex SHA-256 of the client's key, `''` without one. */
  readonly apiKeyHash: string;
  readonly accountSnapshot: string;
  readonly authLabelSnapshot: string;
  readonly authFileSnapshot: string;
  readonly authProviderSnapshot: string;
  readonly authProjectIdSnapshot: string;
  readonly authSnapshotAtMs: number | null;
  readonly reasoningEffort: string;
  readonly requestServiceTier: string;
  readonly responseServiceTier: string;
  /** The tier that decides the price: for Codex the requested one first, elsewhere the answered one. */
  readonly serviceTier: string;
  readonly cacheInputMode: CacheInputMode;
  readonly reported: ReportedTokens;
  readonly tokens: BillableTokens;
  readonly latencyMs: number | null;
  readonly ttftMs: number | null;
  readonly failed: boolean;
  readonly failStatusCode: number | null;
  /** Redacted, at most 4096 bytes; `''` on success. */
  readonly failSummary: string;
  readonly clientIp: string;
  readonly xForwardedFor: string;
  readonly userAgent: string;
  readonly response: ResponseScalars;
  readonly responseMetadata: ResponseMetadata | null;
  /** Bits of {@link EventFlag}. */
  readonly flags: number;
  /** Hex SHA-256 by which exports of all these programs recognise the same event. */
  readonly hash: string;
  readonly createdAtMs: number;
}

/** Why a record could not become an event. Stored with the dead letter. */
export type RejectReason = 'not_json' | 'not_an_object' | 'not_a_usage_record' | 'too_long';

/** What one record turned out to be. */
export type Normalised =
  | { readonly kind: 'event'; readonly event: UsageEvent }
  | { readonly kind: 'control'; readonly control: 'refresh' | 'support_refresh' }
  | { readonly kind: 'rejected'; readonly reason: RejectReason; readonly detail: string };

/** `normalise(raw)` of `src/lib/usage`: pure, never throws, reads no clock. */
export interface NormaliseContext {
  readonly receivedAtMs: number;
  readonly gatewayId: number;
}
