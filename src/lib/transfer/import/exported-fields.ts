import type { CallDimensions } from '../../store/dimensions.ts';
import type { DimensionEntry } from '../../store/event-batch.ts';
import { cleanNames } from '../../usage/clean-names.ts';
import { hashText } from '../../usage/event-hash.ts';
import { knownSecrets, ownKeys, type KnownSecrets } from '../../usage/known-secrets.ts';
import { REDACTED } from '../../usage/named-values.ts';
import { readNames, type RawNames } from '../../usage/names.ts';
import { asObject, text, type JsonObject } from '../../usage/readers.ts';
import { holdsKey, looksSuspicious } from '../../usage/redact.ts';
import { isKeyLike, maskSource } from '../../usage/source.ts';
import { HEX64 } from './context.ts';

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
  ).split(' '),
);
/** The same names in camel case, as some tools write them, with the one that exports use. */
const CAMEL: ReadonlyMap<string, string> = new Map(
  [...EXPORTED]
    .filter((name) => name.includes('_'))
    .map((name) => [name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase()), name]),
);
const NONE: readonly string[] = [];

/** Whether a line holds more than exports write. */
export function hasForeignNames(line: JsonObject): boolean {
  for (const name in line) if (!EXPORTED.has(name)) return true;
  return false;
}

/** The line with the names that exports use. A name that is there in both forms keeps that value. */
export function inSnakeCase(line: JsonObject): JsonObject {
  const named: Record<string, unknown> = {};
  for (const name in line) {
    const snake = CAMEL.get(name);
    if (snake === undefined) named[name] = line[name];
    else if (line[snake] === undefined) named[snake] = line[name];
  }
  return named;
}

/** The keys that a line carries in clear. What exports write themselves holds none. */
export function lineKeys(line: JsonObject, raw: JsonObject | null, foreign: boolean): readonly string[] {
  const metadata = asObject(line['response_metadata']);
  const own = foreign ? ownKeys(line) : metadata === null ? NONE : ownKeys(metadata);
  if (raw === null) return own;
  const below = ownKeys(raw).filter((key) => key !== REDACTED);
  const found = below.length === 0 ? own : [...own, ...below];
  const source = sourceInside(raw);
  return source === '' ? found : [...found, source];
}

/**
 * The one key that the older programs left in the records they kept; `''` where it is the name of an account, which
 * labels repeat.
 */
function sourceInside(raw: JsonObject): string {
  const source = text(raw['source']);
  if (source === '') return '';
  return text(raw['auth_type']) === 'apikey' || holdsKey(source) || isKeyLike(source) ? source : '';
}

/** Texts that the same few credentials, models and endpoints bring again and again; past this many it starts anew. */
const REMEMBERED = 20_000;

function remember<V>(memory: Map<string, V>, key: string, value: V): V {
  if (memory.size >= REMEMBERED) memory.clear();
  memory.set(key, value);
  return value;
}

/** Who called what, as a line tells it: cleaned, without what must not be shown. */
export interface LineNames {
  readonly names: RawNames;
  readonly call: LineCall;
  readonly account: LineAccount;
}

/** What many lines say alike of what was called; the first event leaves its dimensions for the others. */
export interface LineCall {
  readonly names: Omit<RawNames, AccountName | 'requestId'>;
  readonly dimensions: {
    included_in_input: CallDimensions<DimensionEntry> | null;
    separate_from_input: CallDimensions<DimensionEntry> | null;
  };
}

/** The same of what it was billed to. */
export interface LineAccount {
  readonly names: Pick<RawNames, AccountName>;
  /** As it may be shown, whether the line has it masked or in clear. */
  readonly source: string;
  readonly sourceHash: string;
  readonly known: KnownSecrets;
  credential: { readonly entry: DimensionEntry | null } | null;
}

type AccountName =
  | 'authType'
  | 'authIndex'
  | 'accountSnapshot'
  | 'authLabelSnapshot'
  | 'authFileSnapshot'
  | 'authProviderSnapshot'
  | 'authProjectIdSnapshot';

const calls = new Map<string, LineCall>();
const accounts = new Map<string, LineAccount>();
const hashes = new Map<string, string>();
const PLAIN_ID = /^[\w:.-]{0,64}$/;

/**
 * The names of an exported line as they are stored: cleaned as those of a record are, and where the line is silent,
 * of the record that the older programs kept in it. `keys` are those that the line carries in clear.
 */
export function lineNames(line: JsonObject, raw: JsonObject | null, keys: readonly string[]): LineNames {
  const requestId = text(line['request_id']);
  const names = givenNames(line, raw);
  const account = lineAccount(line, names, keys);
  const { inNames } = account.known;
  const plainId =
    PLAIN_ID.test(requestId) &&
    !looksSuspicious(requestId) &&
    !inNames.some((secret) => requestId.includes(secret));
  if (!plainId) {
    const clean = cleanNames({ ...names, requestId }, inNames);
    return { names: clean, call: callOf(clean), account: { ...account, names: clean, credential: null } };
  }
  // A credential brings its own key again and again.
  const key = inNames.length === 0 ? callKey(names) : `${callKey(names)}\0${inNames.join('\0')}`;
  const call =
    calls.get(key) ?? remember(calls, key, callOf(cleanNames({ ...names, ...NO_ACCOUNT }, inNames)));
  return { names: { requestId, ...call.names, ...account.names }, call, account };
}

function lineAccount(line: JsonObject, names: RawNames, keys: readonly string[]): LineAccount {
  const source = text(line['source']);
  const hash = text(line['source_hash']);
  const key = `${accountKey(names)}\0${source}\0${hash}\0${keys.join('\0')}`;
  return accounts.get(key) ?? remember(accounts, key, accountOf(names, source, hash, keys));
}

const NO_ACCOUNT: Pick<RawNames, AccountName> = {
  authType: '',
  authIndex: '',
  accountSnapshot: '',
  authLabelSnapshot: '',
  authFileSnapshot: '',
  authProviderSnapshot: '',
  authProjectIdSnapshot: '',
};
const NO_NAMES: RawNames = {
  ...NO_ACCOUNT,
  requestId: '',
  provider: '',
  executorType: '',
  model: '',
  requestedModel: '',
  resolvedModel: '',
  endpoint: '',
  method: '',
  path: '',
  reasoningEffort: '',
  requestServiceTier: '',
  responseServiceTier: '',
  serviceTier: '',
};

function accountOf(
  names: RawNames,
  rawSource: string,
  rawHash: string,
  keys: readonly string[],
): LineAccount {
  const source = rawSource === '' ? '' : maskSource(rawSource, names.authType, keys);
  const known = knownSecrets(keys, source === rawSource ? '' : rawSource);
  return {
    names: accountNames(cleanNames({ ...NO_NAMES, ...accountNames(names) }, known.inNames)),
    source,
    sourceHash: lineHash(rawHash),
    known,
    credential: null,
  };
}

function accountNames(of: RawNames): Pick<RawNames, AccountName> {
  return {
    authType: of.authType,
    authIndex: of.authIndex,
    accountSnapshot: of.accountSnapshot,
    authLabelSnapshot: of.authLabelSnapshot,
    authFileSnapshot: of.authFileSnapshot,
    authProviderSnapshot: of.authProviderSnapshot,
    authProjectIdSnapshot: of.authProjectIdSnapshot,
  };
}

function callOf(of: RawNames): LineCall {
  return {
    names: {
      provider: of.provider,
      executorType: of.executorType,
      model: of.model,
      requestedModel: of.requestedModel,
      resolvedModel: of.resolvedModel,
      endpoint: of.endpoint,
      method: of.method,
      path: of.path,
      reasoningEffort: of.reasoningEffort,
      requestServiceTier: of.requestServiceTier,
      responseServiceTier: of.responseServiceTier,
      serviceTier: of.serviceTier,
    },
    dimensions: { included_in_input: null, separate_from_input: null },
  };
}

function callKey(of: RawNames): string {
  const model = `${of.model}\0${of.requestedModel}\0${of.resolvedModel}\0${of.provider}\0${of.executorType}`;
  const call = `${of.endpoint}\0${of.method}\0${of.path}\0${of.reasoningEffort}\0${of.serviceTier}`;
  return `${model}\0${call}\0${of.requestServiceTier}\0${of.responseServiceTier}`;
}

function accountKey(of: RawNames): string {
  const auth = `${of.authType}\0${of.authIndex}\0${of.authProviderSnapshot}\0${of.authProjectIdSnapshot}`;
  return `${auth}\0${of.accountSnapshot}\0${of.authLabelSnapshot}\0${of.authFileSnapshot}`;
}

function givenNames(line: JsonObject, raw: JsonObject | null): RawNames {
  const requestedModel = text(line['requested_model']);
  const resolvedModel = text(line['resolved_model']);
  const names: RawNames = {
    requestId: '',
    provider: text(line['provider']),
    executorType: text(line['executor_type']),
    model: text(line['model']) || requestedModel || resolvedModel || '-',
    requestedModel,
    resolvedModel,
    endpoint: text(line['endpoint']) || '-',
    method: text(line['method']),
    path: text(line['path']),
    authType: text(line['auth_type']),
    authIndex: text(line['auth_index']),
    accountSnapshot: text(line['account_snapshot']),
    authLabelSnapshot: text(line['auth_label_snapshot']),
    authFileSnapshot: text(line['auth_file_snapshot']),
    authProviderSnapshot: text(line['auth_provider_snapshot']),
    authProjectIdSnapshot: text(line['auth_project_id_snapshot']),
    reasoningEffort: text(line['reasoning_effort']),
    requestServiceTier: text(line['request_service_tier']),
    responseServiceTier: text(line['response_service_tier']),
    serviceTier: text(line['service_tier']),
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

/** A hash as it is given; whatever else stands in its place is hashed: it could be the key itself. */
export function lineHash(given: string): string {
  if (given === '') return '';
  return hashes.get(given) ?? remember(hashes, given, HEX64.test(given) ? given : hashText(given));
}
