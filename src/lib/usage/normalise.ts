import {
  EventFlag,
  type NormaliseContext,
  type Normalised,
  type RejectReason,
  type UsageEvent,
} from '../contract/event.ts';
import { withCarried } from './carried-metadata.ts';
import { cleanNames } from './clean-names.ts';
import { controlOf } from './control.ts';
import { hasCounters } from './counters.ts';
import { eventHash, hashText } from './event-hash.ts';
import { readOutcome, type Outcome } from './failure.ts';
import { ResponseHeaders } from './headers.ts';
import { knownSecrets, ownKeys } from './known-secrets.ts';
import { hasModel, readNames, type RawNames } from './names.ts';
import { readPayload } from './payload.ts';
import { providerFamily } from './provider-family.ts';
import { first, firstText, optionalInteger, type Counter, type JsonObject } from './readers.ts';
import { redactFailure } from './redact.ts';
import { requestMetadata } from './request-metadata.ts';
import { responseMetadata, responseScalars } from './response-metadata.ts';
import { maskSource } from './source.ts';
import { eventTime, MAX_TIME_MS, type EventTime } from './timestamp.ts';
import { clampCount, MAX_COUNT, readTokens, type TokenReading } from './tokens.ts';
import { xaiUsage } from './xai-usage.ts';

const TIMESTAMP = [
  'timestamp',
  'time',
  'created_at',
  'createdAt',
  'created',
  'request_time',
  'requestTime',
] as const;
const LATENCY = ['latency_ms', 'latencyMs', 'duration_ms', 'durationMs', 'elapsed_ms', 'elapsedMs'] as const;
const TTFT = ['ttft_ms', 'ttftMs', 'time_to_first_token_ms', 'timeToFirstTokenMs'] as const;
const SOURCE = ['source', 'api_key', 'apiKey', 'key', 'account', 'email'] as const;
const API_KEY = ['api_key', 'apiKey', 'key'] as const;
const METADATA = ['response_metadata', 'responseMetadata'] as const;
const AUTH_SNAPSHOT_AT = ['auth_snapshot_at_ms', 'authSnapshotAtMs'] as const;

/**
 * Turns the bytes of one usage record, from any version of CLIProxyAPI, into one event; or tells that they are a
 * control message, or why they are no record at all. Pure: the same bytes and context give the same answer, the only
 * clock is `context.receivedAtMs`, and it never throws.
 */
export function normalise(payload: Uint8Array, context: NormaliseContext): Normalised {
  try {
    const read = readPayload(payload);
    return read.kind === 'rejected' ? read : normaliseRecord(read.record, context);
  } catch (error) {
    return unforeseen(error);
  }
}

/** The same for a record that was read already, be it from a file of them. */
export function normaliseRecord(record: JsonObject, context: NormaliseContext): Normalised {
  try {
    const control = controlOf(record);
    if (control) return { kind: 'control', control };
    if (!hasModel(record) && !hasCounters(record)) {
      return rejected('not_a_usage_record', 'the object names neither a model nor tokens');
    }
    return { kind: 'event', event: toEvent(record, context) };
  } catch (error) {
    return unforeseen(error);
  }
}

// A record nobody foresaw becomes a dead letter, to be read again by a later version. The error's own text could quote
// the record.
function unforeseen(error: unknown): Normalised {
  return rejected(
    'not_a_usage_record',
    `reading it failed: ${error instanceof Error ? error.name : 'unknown'}`,
  );
}

function rejected(reason: RejectReason, detail: string): Normalised {
  return { kind: 'rejected', reason, detail };
}

function toEvent(record: JsonObject, context: NormaliseContext): UsageEvent {
  const time = eventTime(first(record, TIMESTAMP), context.receivedAtMs);
  const raw = readNames(record);
  const rawSource = firstText(record, SOURCE);
  const keys = ownKeys(record);
  const source = maskSource(rawSource, raw.authType, keys);
  const known = knownSecrets(keys, source === rawSource ? '' : rawSource);
  const names = cleanNames(raw, known.inNames);
  const tokens = readTokens(record, providerFamily(raw), isGrok(raw));
  const outcome = readOutcome(record);
  const latency = optionalInteger(record, LATENCY);
  const ttft = optionalInteger(record, TTFT);
  const sourceHash = hashText(rawSource);
  const usage = outcome.failed ? xaiUsage(xaiContext(raw, outcome, time), known.inTexts) : null;
  const parsed = responseMetadata(new ResponseHeaders(record, known.inTexts), usage, time.ms);
  const metadata = withCarried(first(record, METADATA), parsed, known.inTexts);
  return {
    gatewayId: context.gatewayId,
    timestampMs: time.ms,
    timestamp: time.text,
    ...names,
    source,
    sourceHash,
    apiKeyHash: hashText(firstText(record, API_KEY)),
    authSnapshotAtMs: snapshotAt(record),
    cacheInputMode: tokens.cacheInputMode,
    reported: tokens.reported,
    tokens: tokens.tokens,
    latencyMs: latency === null ? null : clampCount(latency),
    // CLIProxyAPI writes 0 where it does not know.
    ttftMs: ttft === null || ttft === 0 ? null : clampCount(ttft),
    failed: outcome.failed,
    failStatusCode: outcome.statusCode,
    failSummary: outcome.body === '' ? '' : redactFailure(outcome.body, known.inTexts),
    ...requestMetadata(record, known.inTexts),
    response: responseScalars(metadata),
    responseMetadata: metadata,
    flags: flagsOf(record, time, tokens, outcome, [latency, ttft]),
    hash: hashOf(raw, time, sourceHash, tokens, outcome.failed, latency),
    createdAtMs: context.receivedAtMs,
  };
}

function hashOf(
  names: RawNames,
  time: EventTime,
  sourceHash: string,
  tokens: TokenReading,
  failed: boolean,
  latencyMs: Counter | null,
): string {
  const { input, output, reasoning, cached, cache } = tokens.raw;
  return eventHash({
    requestId: names.requestId,
    timestamp: time.hashText,
    endpoint: names.endpoint,
    model: names.model,
    authIndex: names.authIndex,
    sourceHash,
    input,
    output,
    reasoning,
    cachedMax: cached > cache ? cached : cache,
    failed,
    latencyMs,
  });
}

function flagsOf(
  record: JsonObject,
  time: EventTime,
  tokens: TokenReading,
  outcome: Outcome,
  durations: ReadonlyArray<Counter | null>,
): number {
  const clamped = time.clamped || durations.some((ms) => ms !== null && (ms < 0 || ms > MAX_COUNT));
  return (
    tokens.flags |
    (clamped ? EventFlag.clamped : 0) |
    (outcome.cancelled ? EventFlag.cancelled : 0) |
    (record['generate'] === false ? EventFlag.noGeneration : 0) |
    (time.missing ? EventFlag.timeMissing : 0)
  );
}

function xaiContext(names: RawNames, outcome: Outcome, time: EventTime): Parameters<typeof xaiUsage>[0] {
  return {
    provider: names.provider,
    authProviderSnapshot: names.authProviderSnapshot,
    executorType: names.executorType,
    statusCode: outcome.statusCode,
    body: outcome.body,
    observedAtMs: time.ms,
  };
}

// xAI's models keep their name when an OpenAI-compatible provider resells them.
function isGrok(names: RawNames): boolean {
  const all =
    `${names.executorType} ${names.provider} ${names.resolvedModel} ${names.requestedModel}`.toLowerCase();
  return all.includes('grok') || all.includes('xai');
}

function snapshotAt(record: JsonObject): number | null {
  const at = optionalInteger(record, AUTH_SNAPSHOT_AT);
  return at === null || at <= 0 || at > MAX_TIME_MS ? null : Number(at);
}
