import {
  EventFlag,
  type ResponseMetadata,
  type ResponseScalars,
  type UsageEvent,
} from '../../contract/event.ts';
import { normaliseBaseUrl } from '../../gateway/url.ts';
import { MAX_NANO_USD } from '../../pricing/price.ts';
import { callEntries, credentialEntry } from '../../store/event-batch.ts';
import { withCarried } from '../../usage/carried-metadata.ts';
import { isCancelled, readOutcome } from '../../usage/failure.ts';
import { wholeTime } from '../../usage/groups.ts';
import { ResponseHeaders } from '../../usage/headers.ts';
import { asObject, integer, text, type JsonObject } from '../../usage/readers.ts';
import { redactFailure, redactName } from '../../usage/redact.ts';
import { requestMetadata } from '../../usage/request-metadata.ts';
import { responseMetadata, responseScalars } from '../../usage/response-metadata.ts';
import { toOneLine } from '../../usage/text.ts';
import { eventTime, MAX_TIME_MS, type EventTime } from '../../usage/timestamp.ts';
import { clampCount } from '../../usage/tokens.ts';
import { HEX64, rejected, type Imported, type ImportContext, type KeptCost } from './context.ts';
import { hasForeignNames, inSnakeCase, lineHash, lineKeys, lineNames } from './exported-fields.ts';
import { lineTokens } from './exported-tokens.ts';

const MAX_HASH_BYTES = 256;
const MAX_SCALAR_BYTES = 1024;
const LAST_STATUS = 999;
const TRUE = /^(?:1|true|yes|on)$/i;
/** CPA-Manager-Plus writes the response headers as JSON behind a failure's text; they are in the metadata too. */
const HEADERS_BEHIND = /\n\{"[A-Za-z][\w-]*":\[[^\n]*$/;

/** The hash that an exported line carries; `''` for any other object. */
export function givenHash(record: JsonObject): string {
  return text(record['event_hash'] ?? record['eventHash']);
}

/**
 * An event from a line of an export of CPA-Manager (1.1 and later), CPA-Manager-Plus or cpamp. Its hash stays what it
 * is: the older CPA-Manager hashed the upstream model where the others hash the alias, and all of them recognise their
 * own events by it. Secrets are taken out as they are of records, whatever the line was exported by.
 */
export function exportedEvent(given: JsonObject, hash: string, context: ImportContext): Imported {
  const foreign = hasForeignNames(given);
  return lineEvent(foreign ? inSnakeCase(given) : given, foreign, hash, context);
}

/**
 * The same for a line whose names are those of exports. `foreign`: it may hold more than exports write, keys in clear
 * among it.
 */
export function lineEvent(
  line: JsonObject,
  foreign: boolean,
  hash: string,
  context: ImportContext,
): Imported {
  const time = lineTime(line);
  if (time === null) return rejected('it has neither a timestamp nor timestamp_ms');
  const raw = recordInside(line);
  const who = lineNames(line, raw, lineKeys(line, raw, foreign));
  const { names, account } = who;
  const { known } = account;
  const { reported, tokens, cacheInputMode, flags } = lineTokens(line, raw, names);
  const failed = isTrue(line['failed']);
  const told = raw === null ? null : readOutcome(raw);
  const status = statusOf(line['fail_status_code']) ?? told?.statusCode ?? null;
  const failSummary = failed ? summaryOf(line, told?.body ?? '', known.inTexts) : '';
  const noGeneration = raw?.['generate'] === false;
  const metadata = metadataOf(line, raw, time.ms, known.inTexts);
  const createdAtMs = Number(integer(line['created_at_ms']));
  const cancelled = failed && isCancelled(status, failSummary);
  const event: UsageEvent = {
    gatewayId: 0,
    timestampMs: time.ms,
    timestamp: time.text,
    ...names,
    source: account.source,
    sourceHash: account.sourceHash,
    apiKeyHash: lineHash(text(line['api_key_hash']) || text(line['api_key'] ?? line['apiKey'])),
    authSnapshotAtMs: positiveTime(line['auth_snapshot_at_ms']),
    cacheInputMode,
    reported,
    tokens,
    latencyMs: duration(line['latency_ms']),
    ttftMs: duration(line['ttft_ms'] ?? (raw === null ? null : raw['ttft_ms'])) || null,
    failed,
    failStatusCode: status,
    failSummary,
    ...requestMetadata(raw === null ? line : askedBy(line, raw), known.inTexts),
    response: scalarsOf(line, metadata, known.inTexts),
    responseMetadata: metadata,
    flags:
      flags |
      (time.clamped ? EventFlag.clamped : 0) |
      (cancelled ? EventFlag.cancelled : 0) |
      (noGeneration ? EventFlag.noGeneration : 0),
    hash: lineEventHash(hash, known.inTexts),
    createdAtMs: createdAtMs > 0 && createdAtMs <= MAX_TIME_MS ? createdAtMs : context.nowMs,
  };
  const { call } = who;
  call.dimensions[cacheInputMode] ??= callEntries(event);
  account.credential ??= { entry: credentialEntry(event) };
  const named = { call: call.dimensions[cacheInputMode], credential: account.credential.entry };
  return {
    kind: 'event',
    imported: { event, kept: keptCost(line), gateway: gatewayOf(line['gateway']), named },
  };
}

/** The hash as it is kept: what is none could be anything, and is kept short and clean. */
function lineEventHash(hash: string, known: readonly string[]): string {
  return HEX64.test(hash) ? hash : redactName(toOneLine(hash, MAX_HASH_BYTES), known);
}

/** The text gives the nanoseconds, `timestamp_ms` decides where the two differ; null without either. */
export function lineTime(line: JsonObject): EventTime | null {
  const ms = Number(integer(line['timestamp_ms']));
  const given = ms > 0 && ms <= MAX_TIME_MS ? ms : null;
  const time = eventTime(line['timestamp'], 0);
  if (!time.missing) return given === null || given === time.ms ? time : { ...time, ms: given };
  return given === null ? null : eventTime(new Date(given).toISOString(), 0);
}

/** The record that older programs kept in the line, with its keys taken out but for `source`. */
function recordInside(line: JsonObject): JsonObject | null {
  const given = line['raw_json'];
  if (given === undefined || given === null || given === '') return null;
  const record = parsed(given);
  if (record === null) return null;
  // An import of CPA-Manager-Plus wraps it once more.
  return parsed(record['raw_json']) ?? record;
}

function parsed(value: unknown): JsonObject | null {
  if (typeof value !== 'string') return asObject(value);
  try {
    return asObject(JSON.parse(value));
  } catch {
    return null;
  }
}

function isTrue(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  return typeof value === 'string' && TRUE.test(value.trim());
}

function statusOf(value: unknown): number | null {
  const status = integer(value);
  return status > 0 && status <= LAST_STATUS ? Number(status) : null;
}

/** `inside`: what the record in the line says of the failure; CPA-Manager kept it nowhere else. */
function summaryOf(line: JsonObject, inside: string, known: readonly string[]): string {
  const written = text(line['fail_summary']) || text(line['fail_body'] ?? line['failBody']) || inside;
  return written === '' ? '' : redactFailure(written.replace(HEADERS_BEHIND, ''), known);
}

function metadataOf(
  line: JsonObject,
  raw: JsonObject | null,
  baseMs: number,
  known: readonly string[],
): ResponseMetadata | null {
  // What it carries was made of the same headers.
  const carried = line['response_metadata'] ?? null;
  if (carried !== null) return withCarried(carried, null, known);
  return raw === null ? null : responseMetadata(new ResponseHeaders(raw, known), null, baseMs);
}

/** The line's own, where it has any: exports of CPA-Manager-Plus may have lost the metadata they came from. */
function scalarsOf(
  line: JsonObject,
  metadata: ResponseMetadata | null,
  known: readonly string[],
): ResponseScalars {
  const found = responseScalars(metadata);
  const used = line['header_quota_used_percent'];
  const scalar = (name: string): string => {
    const value = text(line[name]);
    return value === '' ? '' : toOneLine(redactName(value, known), MAX_SCALAR_BYTES);
  };
  return {
    quotaRecoverAtMs: wholeTime(line['header_quota_recover_at_ms']) ?? found.quotaRecoverAtMs,
    quotaUsedPercent: typeof used === 'number' && Number.isFinite(used) ? used : found.quotaUsedPercent,
    quotaPlanType: scalar('header_quota_plan_type') || found.quotaPlanType,
    errorKind: scalar('header_error_kind') || found.errorKind,
    errorCode: scalar('header_error_code') || found.errorCode,
    traceId: scalar('header_trace_id') || found.traceId,
  };
}

function positiveTime(value: unknown): number | null {
  const at = integer(value);
  return at > 0 && at <= MAX_TIME_MS ? Number(at) : null;
}

function duration(value: unknown): number | null {
  return value === undefined || value === null ? null : clampCount(integer(value));
}

const ASKED_BY = [
  'client_ip',
  'clientIp',
  'x_forwarded_for',
  'xForwardedFor',
  'user_agent',
  'userAgent',
] as const;

/** Who asked, as the line says it, else as the record in it does. */
function askedBy(line: JsonObject, raw: JsonObject): JsonObject {
  const asked: Record<string, unknown> = {};
  for (const name of ASKED_BY) {
    const value = line[name] ?? raw[name];
    if (value !== undefined) asked[name] = value;
  }
  return asked;
}

/** Only where the line names the price as well: a cost alone cannot be explained to anybody. */
function keptCost(line: JsonObject): KeptCost | null {
  const costNano = line['cost_nano_usd'];
  const price = line['price_id'];
  // What is no hash would come back as another text.
  if (typeof costNano !== 'number' || typeof price !== 'string' || lineHash(price) !== price) return null;
  if (price === '') return null;
  const isCost = Number.isInteger(costNano) && costNano >= 0 && costNano <= MAX_NANO_USD;
  return isCost ? { costNano, price } : null;
}

const gateways = new Map<string, string>();

/** Another's word, like everything in a line: an address that could not be saved here is none. */
function gatewayOf(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_SCALAR_BYTES) return '';
  let url = gateways.get(value);
  if (url === undefined) {
    try {
      url = normaliseBaseUrl(value);
    } catch {
      url = '';
    }
    if (gateways.size > 1000) gateways.clear();
    gateways.set(value, url);
  }
  return url;
}
