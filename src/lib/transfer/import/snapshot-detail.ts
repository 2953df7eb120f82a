import { EventFlag, type UsageEvent } from '../../contract/event.ts';
import { eventHash, hashText } from '../../usage/event-hash.ts';
import { normaliseRecord } from '../../usage/normalise.ts';
import { readNames } from '../../usage/names.ts';
import { asObject, first, firstText, text, type JsonObject } from '../../usage/readers.ts';
import { redactFailure, redactText } from '../../usage/redact.ts';
import { ownKeys } from '../../usage/known-secrets.ts';
import { eventTime } from '../../usage/timestamp.ts';
import { rejected, type Imported, type ImportContext } from './context.ts';
import { lineHash } from './exported-fields.ts';
import { goJson } from './go-json.ts';

/** Where in a snapshot a detail stands. */
export interface DetailPlace {
  readonly endpoint: string;
  readonly model: string;
  /** Place of the endpoint among all, and of the model among those of the endpoint, in the order of bytes; from 1 on. */
  readonly endpointRank: number;
  readonly modelRank: number;
  /** From 0 on. */
  readonly index: number;
}

const TIME = ['timestamp', 'time', 'created_at', 'createdAt'] as const;
const ENDPOINT = ['endpoint', 'api', 'request', 'operation'] as const;
const REQUESTED = ['requested_model', 'requestedModel', 'alias'] as const;
const SECRETS = new Set([
  'api_key',
  'apikey',
  'authorization',
  'cookie',
  'set_cookie',
  'access_token',
  'refresh_token',
  'id_token',
  'token',
]);
const REDACTED = '[redacted]';

/**
 * An event from one request of a legacy snapshot. A detail has no hash and mostly no id, so both are made of where it
 * stands and what it says, the way CPA-Manager-Plus 1.12.2 makes them: what was imported there is known here.
 */
export function detailEvent(detail: JsonObject, place: DetailPlace, context: ImportContext): Imported {
  if (text(first(detail, TIME)) === '') return rejected('it has no timestamp');
  const time = eventTime(first(detail, TIME), 0);
  if (time.missing) return rejected('its timestamp cannot be read');
  const record = recordOf(detail, place, time.hashText);
  const result = normaliseRecord(record, { receivedAtMs: context.nowMs, gatewayId: 0 });
  if (result.kind !== 'event')
    return rejected(result.kind === 'rejected' ? result.detail : 'it is no request');
  const event = completed(result.event, record, detail);
  return {
    kind: 'event',
    imported: { event: { ...event, hash: hashOf(event, record, place) }, kept: null, gateway: '' },
  };
}

function recordOf(detail: JsonObject, place: DetailPlace, timeText: string): JsonObject {
  const record: Record<string, unknown> = { ...detail, timestamp: timeText };
  if (firstText(detail, ENDPOINT) === '') record['endpoint'] = place.endpoint;
  if (firstText(detail, REQUESTED) === '') record['requested_model'] = place.model;
  if (firstText(detail, ['request_id', 'requestId', 'id']) === '') {
    record['request_id'] = `legacy:${idOf(detail, place, timeText)}`;
  }
  return record;
}

/** First 16 hex digits of a hash over the place and the detail itself, its secrets taken out. */
function idOf(detail: JsonObject, place: DetailPlace, timeText: string): string {
  const { endpoint, model, endpointRank, modelRank, index } = place;
  const raw = goJson({ detail: withoutSecrets(detail, ''), endpoint, format: 'legacy_usage_export', model });
  const whole = `legacy|${endpointRank}|${modelRank}|${index}|${endpoint}|${model}|${timeText}|${raw}`;
  return hashText(whole).slice(0, 16);
}

function withoutSecrets(value: unknown, parent: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, parent));
  const object = asObject(value);
  if (object === null) return value;
  return Object.fromEntries(
    Object.entries(object).map(([name, member]) => {
      const key = name.trim().toLowerCase().replaceAll(/[- ]/g, '_');
      if (SECRETS.has(key) || key.includes('secret')) return [name, REDACTED];
      const isBody = key === 'fail_body' || (key === 'body' && parent === 'fail');
      if (isBody && typeof member === 'string') return [name, redactFailure(member, [])];
      return [name, withoutSecrets(member, key)];
    }),
  );
}

/** What snapshots write under names of their own. */
function completed(event: UsageEvent, record: JsonObject, detail: JsonObject): UsageEvent {
  const apiKeyHash = event.apiKeyHash || lineHash(firstText(detail, ['api_key_hash', 'apiKeyHash']));
  const written = firstText(detail, ['fail_summary', 'failSummary']);
  const failSummary =
    event.failed && event.failSummary === '' && written !== ''
      ? redactFailure(redactText(written, ownKeys(record)), [])
      : event.failSummary;
  return { ...event, apiKeyHash, failSummary };
}

/** The map's name of the model is hashed, whatever the detail says itself. */
function hashOf(event: UsageEvent, record: JsonObject, place: DetailPlace): string {
  const names = readNames(record);
  const { reported } = event;
  const clamped = (event.flags & EventFlag.clamped) !== 0;
  return eventHash({
    requestId: names.requestId,
    timestamp: clamped ? text(record['timestamp']) : event.timestamp,
    endpoint: names.endpoint,
    model: place.model,
    authIndex: names.authIndex,
    sourceHash: event.sourceHash,
    input: reported.input,
    output: reported.output,
    reasoning: reported.reasoning,
    cachedMax: Math.max(reported.cached, reported.cache),
    failed: event.failed,
    latencyMs: event.latencyMs,
  });
}
