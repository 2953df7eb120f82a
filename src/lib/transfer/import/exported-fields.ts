import { cleanNames } from '../../usage/clean-names.ts';
import { hashText } from '../../usage/event-hash.ts';
import { ownKeys } from '../../usage/known-secrets.ts';
import { readNames, type RawNames } from '../../usage/names.ts';
import { asObject, text, type JsonObject } from '../../usage/readers.ts';
import { looksSuspicious } from '../../usage/redact.ts';
import { maskSource } from '../../usage/source.ts';
import { HEX64 } from './context.ts';

/** Names in snake case of what exports write, by the name in camel case that some tools give it. */
const camel = (snake: string): string =>
  snake.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** One field of an exported line under either of its names. */
export class Field {
  readonly snake: string;
  readonly camel: string;

  constructor(snake: string) {
    this.snake = snake;
    this.camel = camel(snake);
  }

  in(record: JsonObject): unknown {
    return record[this.snake] ?? record[this.camel];
  }

  text(record: JsonObject): string {
    const value = record[this.snake] ?? record[this.camel];
    return value === undefined ? '' : text(value);
  }
}

const NAMES = {
  provider: new Field('provider'),
  executorType: new Field('executor_type'),
  model: new Field('model'),
  requestedModel: new Field('requested_model'),
  resolvedModel: new Field('resolved_model'),
  endpoint: new Field('endpoint'),
  method: new Field('method'),
  path: new Field('path'),
  authType: new Field('auth_type'),
  authIndex: new Field('auth_index'),
  accountSnapshot: new Field('account_snapshot'),
  authLabelSnapshot: new Field('auth_label_snapshot'),
  authFileSnapshot: new Field('auth_file_snapshot'),
  authProviderSnapshot: new Field('auth_provider_snapshot'),
  authProjectIdSnapshot: new Field('auth_project_id_snapshot'),
  reasoningEffort: new Field('reasoning_effort'),
  requestServiceTier: new Field('request_service_tier'),
  responseServiceTier: new Field('response_service_tier'),
  serviceTier: new Field('service_tier'),
} as const satisfies Record<Exclude<keyof RawNames, 'requestId'>, Field>;
const REQUEST_ID = new Field('request_id');

/** Everything that an export of one of these programs writes under its own name; none of it holds a key in clear. */
const EXPORTED: ReadonlySet<string> = new Set(
  (
    'request_id event_hash timestamp_ms timestamp provider executor_type model analytics_model requested_model ' +
    'resolved_model endpoint method path auth_type auth_index source source_hash api_key_hash account_snapshot ' +
    'auth_label_snapshot auth_file_snapshot auth_provider_snapshot auth_project_id_snapshot auth_snapshot_at_ms ' +
    'reasoning_effort service_tier input_tokens output_tokens reasoning_tokens cached_tokens cache_tokens ' +
    'cache_read_tokens cache_creation_tokens total_tokens latency_ms ttft_ms failed fail_status_code fail_summary ' +
    'header_quota_recover_at_ms header_quota_used_percent header_quota_plan_type header_error_kind ' +
    'header_error_code header_trace_id raw_json created_at_ms response_metadata request_service_tier ' +
    'response_service_tier cache_input_mode uncached_input_tokens cache_write_5m_tokens cache_write_1h_tokens ' +
    'billed_cache_read_tokens billed_output_tokens billed_reasoning_tokens cost_nano_usd price_id flags gateway'
  )
    .split(' ')
    .flatMap((name) => [name, camel(name)]),
);
const NONE: readonly string[] = [];

/** The keys that a line carries in clear. Most lines hold nothing but what exports write, and are not searched. */
export function lineKeys(line: JsonObject, raw: JsonObject | null): readonly string[] {
  let own = NONE;
  for (const name in line) {
    if (EXPORTED.has(name)) continue;
    own = ownKeys(line);
    break;
  }
  const metadata = asObject(line['response_metadata'] ?? line['responseMetadata']);
  if (own === NONE && metadata !== null) own = ownKeys(metadata);
  if (raw === null) return own;
  const below = ownKeys(raw);
  return below.length === 0 ? own : [...own, ...below];
}

/** Texts that the same few credentials, models and endpoints bring again and again; past this many it starts anew. */
const REMEMBERED = 20_000;

function remember<V>(memory: Map<string, V>, key: string, value: V): V {
  if (memory.size >= REMEMBERED) memory.clear();
  memory.set(key, value);
  return value;
}

const cleaned = new Map<string, RawNames>();
const masked = new Map<string, string>();
const PLAIN_ID = /^[\w:.-]{0,64}$/;

/**
 * The names of an exported line as they are stored: cleaned as those of a record are, and where the line is silent,
 * of the record that the older programs kept in it.
 */
export function lineNames(line: JsonObject, raw: JsonObject | null, known: readonly string[]): RawNames {
  const requestId = REQUEST_ID.text(line);
  const names = givenNames(line, raw);
  const plainId = PLAIN_ID.test(requestId) && !looksSuspicious(requestId);
  if (known.length > 0 || !plainId) return cleanNames({ ...names, requestId }, known);
  const key = Object.values(names).join('\u0000');
  const clean = cleaned.get(key) ?? remember(cleaned, key, cleanNames(names, known));
  return requestId === '' ? clean : { ...clean, requestId };
}

function givenNames(line: JsonObject, raw: JsonObject | null): RawNames {
  const requestedModel = NAMES.requestedModel.text(line);
  const resolvedModel = NAMES.resolvedModel.text(line);
  const names: RawNames = {
    requestId: '',
    provider: NAMES.provider.text(line),
    executorType: NAMES.executorType.text(line),
    model: NAMES.model.text(line) || requestedModel || resolvedModel || '-',
    requestedModel,
    resolvedModel,
    endpoint: NAMES.endpoint.text(line) || '-',
    method: NAMES.method.text(line),
    path: NAMES.path.text(line),
    authType: NAMES.authType.text(line),
    authIndex: NAMES.authIndex.text(line),
    accountSnapshot: NAMES.accountSnapshot.text(line),
    authLabelSnapshot: NAMES.authLabelSnapshot.text(line),
    authFileSnapshot: NAMES.authFileSnapshot.text(line),
    authProviderSnapshot: NAMES.authProviderSnapshot.text(line),
    authProjectIdSnapshot: NAMES.authProjectIdSnapshot.text(line),
    reasoningEffort: NAMES.reasoningEffort.text(line),
    requestServiceTier: NAMES.requestServiceTier.text(line),
    responseServiceTier: NAMES.responseServiceTier.text(line),
    serviceTier: NAMES.serviceTier.text(line),
  };
  return raw === null ? names : withRecord(names, readNames(raw));
}

/** `model`, `endpoint` and the credential are in the hash: they stay as the line has them. */
function withRecord(names: RawNames, record: RawNames): RawNames {
  return {
    ...names,
    executorType: names.executorType || record.executorType,
    requestedModel: names.requestedModel || record.requestedModel,
    resolvedModel: names.resolvedModel || record.resolvedModel,
    authProjectIdSnapshot: names.authProjectIdSnapshot || record.authProjectIdSnapshot,
    reasoningEffort: names.reasoningEffort || record.reasoningEffort,
    requestServiceTier: names.requestServiceTier || record.requestServiceTier,
    responseServiceTier: names.responseServiceTier || record.responseServiceTier,
    serviceTier: names.serviceTier || record.serviceTier,
  };
}

/** The source as it may be shown, whether the line has it masked or in clear. */
export function lineSource(source: string, authType: string, keys: readonly string[]): string {
  if (source === '') return '';
  if (keys.length > 0) return maskSource(source, authType, keys);
  const key = `${authType}\u0000${source}`;
  return masked.get(key) ?? remember(masked, key, maskSource(source, authType, keys));
}

/** A hash as it is given; whatever else stands in its place is hashed: it could be the key itself. */
export function lineHash(given: string): string {
  return given === '' || HEX64.test(given) ? given : hashText(given);
}
