import { EventFlag, type UsageEvent } from '../contract/event.ts';
import { MAX_COUNT } from '../usage/tokens.ts';

/** Epoch ms of the farthest times that have a date, on both sides of 1970. */
const MOST_MS = 8.64e15;

/**
 * A whole number in range, whatever comes in (no number at all: 0): an INTEGER column of a STRICT table refuses
 * everything else, and a refused row would have to be a dead letter.
 */
export function whole(
  value: number,
  least = -Number.MAX_SAFE_INTEGER,
  most = Number.MAX_SAFE_INTEGER,
): number {
  return Math.min(Math.max(Math.trunc(value), least), most) || 0;
}

const count = (value: number): number => whole(value, 0, MAX_COUNT);
const time = (value: number): number => whole(value, -MOST_MS, MOST_MS);
const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
const isTime = (value: number): boolean => Number.isInteger(value) && Math.abs(value) <= MOST_MS;

const optionalCount = (value: number | null): number | null => (value === null ? null : count(value));
const optionalTime = (value: number | null): number | null => (value === null ? null : time(value));

function areCounts(counts: UsageEvent['tokens']): boolean {
  return (
    isCount(counts.uncachedInput) &&
    isCount(counts.cacheRead) &&
    isCount(counts.cacheWrite5m) &&
    isCount(counts.cacheWrite1h) &&
    isCount(counts.output) &&
    isCount(counts.reasoning)
  );
}

function areReported(counts: UsageEvent['reported']): boolean {
  return (
    isCount(counts.input) &&
    isCount(counts.output) &&
    isCount(counts.reasoning) &&
    isCount(counts.cached) &&
    isCount(counts.cache) &&
    isCount(counts.cacheRead) &&
    isCount(counts.cacheCreation) &&
    isCount(counts.total)
  );
}

function isSound(event: UsageEvent): boolean {
  const { latencyMs, ttftMs, failStatusCode, authSnapshotAtMs, response } = event;
  return (
    Number.isSafeInteger(event.gatewayId) &&
    isCount(event.flags) &&
    isTime(event.timestampMs) &&
    isTime(event.createdAtMs) &&
    isTime(authSnapshotAtMs ?? 0) &&
    isTime(response.quotaRecoverAtMs ?? 0) &&
    Number.isFinite(response.quotaUsedPercent ?? 0) &&
    isCount(latencyMs ?? 0) &&
    isCount(ttftMs ?? 0) &&
    isCount(failStatusCode ?? 0) &&
    areCounts(event.tokens) &&
    areReported(event.reported)
  );
}

/**
 * The event with every number such that its column takes it. The normaliser sees to that already; this makes sure,
 * because one refused value would be refused again at every try. What had to change is flagged as clamped, but for the
 * scalars of the response, which count nothing.
 */
export function soundEvent(event: UsageEvent): UsageEvent {
  if (isSound(event)) return event;
  const { tokens, reported, response } = event;
  const sound: UsageEvent = {
    ...event,
    gatewayId: whole(event.gatewayId),
    timestampMs: time(event.timestampMs),
    createdAtMs: time(event.createdAtMs),
    authSnapshotAtMs: optionalTime(event.authSnapshotAtMs),
    latencyMs: optionalCount(event.latencyMs),
    ttftMs: optionalCount(event.ttftMs),
    failStatusCode: optionalCount(event.failStatusCode),
    flags: count(event.flags),
    tokens: {
      uncachedInput: count(tokens.uncachedInput),
      cacheRead: count(tokens.cacheRead),
      cacheWrite5m: count(tokens.cacheWrite5m),
      cacheWrite1h: count(tokens.cacheWrite1h),
      output: count(tokens.output),
      reasoning: count(tokens.reasoning),
    },
    reported: {
      input: count(reported.input),
      output: count(reported.output),
      reasoning: count(reported.reasoning),
      cached: count(reported.cached),
      cache: count(reported.cache),
      cacheRead: count(reported.cacheRead),
      cacheCreation: count(reported.cacheCreation),
      total: count(reported.total),
    },
    response: {
      ...response,
      quotaRecoverAtMs: optionalTime(response.quotaRecoverAtMs),
      quotaUsedPercent: Number.isFinite(response.quotaUsedPercent) ? response.quotaUsedPercent : null,
    },
  };
  const counted = isSound({ ...event, response: sound.response });
  return counted ? sound : { ...sound, flags: sound.flags | EventFlag.clamped };
}
