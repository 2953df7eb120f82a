import type { EventRow } from '../../../../src/lib/contract/api.ts';
import type { Tone } from '../../elements/display.ts';
import type { IconName } from '../../elements/icon.ts';
import { keep, language, type Language } from '../../i18n/i18n.ts';
import { compact, count, dateTime, duration, moment, nanoUsd } from '../../lib/format.ts';
import { failureLine } from '../../lib/failure-line.ts';
import { hasFlag } from './flags.ts';
import { requests } from './texts.ts';

/** Waiting for longer than this is worth a look, and for longer than that it is bad; ms. */
const SLOW_MS = 15_000;
const VERY_SLOW_MS = 30_000;

export function slowness(ms: number | null): Tone {
  if (ms === null || ms < SLOW_MS) return 'neutral';
  return ms < VERY_SLOW_MS ? 'warn' : 'bad';
}

export interface StatusText {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly word: string;
  /** HTTP code and kind of the failure, as far as they are known. */
  readonly more: string;
}

type Outcome = Pick<EventRow, 'failed' | 'flags' | 'fail_status_code' | 'error_kind' | 'error_code'>;

export function statusOf(row: Outcome): StatusText {
  const code = row.fail_status_code === null ? '' : String(row.fail_status_code);
  if (hasFlag(row.flags, 'cancelled')) {
    return { tone: 'neutral', icon: 'close', word: requests.t('cancelled'), more: code };
  }
  if (!row.failed) return { tone: 'good', icon: 'ok', word: requests.t('success'), more: '' };
  const more = [code, row.error_kind || row.error_code].filter(Boolean).join(' ');
  return { tone: 'bad', icon: 'error', word: requests.t('failed'), more };
}

/** `sha256:ab12cd34…`; `''` without a key. */
export function shortHash(hash: string): string {
  return hash === '' ? '' : `sha256:${hash.slice(0, 8)}…`;
}

/** What people know a credential by. */
export function credentialOf(
  row: Pick<EventRow, 'account_snapshot' | 'auth_label_snapshot' | 'source' | 'auth_index'>,
): string {
  return row.account_snapshot || row.auth_label_snapshot || row.source || row.auth_index;
}

/** Shares of the whole of uncached input, cached input, cache writes and output; 0..100, adding up. */
export function tokenShares(row: EventRow): readonly [number, number, number, number] {
  const total = Math.max(1, row.total_tokens);
  const plain = row.input_tokens - row.cache_read_tokens - row.cache_creation_tokens;
  const of = (part: number): number => Math.round((1000 * Math.max(0, part)) / total) / 10;
  return [of(plain), of(row.cache_read_tokens), of(row.cache_creation_tokens), of(row.output_tokens)];
}

/** Everything a row shows, as text. */
export interface RowText {
  /** Local, to the second. */
  readonly time: string;
  /** `''` today. */
  readonly day: string;
  readonly status: StatusText;
  readonly model: string;
  /** The model that answered where that is another one. */
  readonly resolved: string;
  readonly tags: readonly string[];
  readonly failure: string;
  readonly key: string;
  readonly credential: string;
  readonly provider: string;
  readonly tokens: string;
  readonly shares: readonly [number, number, number, number];
  readonly tokensTitle: string;
  readonly cost: string;
  readonly latency: string;
  readonly latencyTone: Tone;
  readonly ttft: string;
  /** The whole row in words, for those who hear it. */
  readonly name: string;
}

const dayFormat = keep((one: Language) => new Intl.DateTimeFormat(one, { month: 'short', day: 'numeric' }));

function dayOf(ms: number, nowMs: number): string {
  const today = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  return today ? '' : dayFormat(language.value).format(ms);
}

let made = new WeakMap<EventRow, RowText>();
let madeFor = '';

/** Made once a row, since lists show the same rows many times a second. */
export function rowText(row: EventRow, nowMs: number): RowText {
  // A new day shows its rows without a date no more.
  const key = `${language.value} ${new Date(nowMs).toDateString()}`;
  if (key !== madeFor) {
    made = new WeakMap();
    madeFor = key;
  }
  const known = made.get(row);
  if (known) return known;
  const text = makeText(row, nowMs);
  made.set(row, text);
  return text;
}

function makeText(row: EventRow, nowMs: number): RowText {
  const status = statusOf(row);
  const failure = row.failed ? failureLine(row.fail_summary) : '';
  const credential = credentialOf(row) || requests.t('noCredential');
  const key = shortHash(row.api_key_hash) || requests.t('noKey');
  const cost = row.cost_nano_usd === null ? requests.t('noPrice') : nanoUsd(row.cost_nano_usd);
  const tokensTitle = requests.t('tokensTitle', {
    input: count(row.input_tokens),
    cached: count(row.cache_read_tokens),
    output: count(row.output_tokens),
  });
  const latency = duration(row.latency_ms);
  const resolved = row.resolved_model !== row.model ? row.resolved_model : '';
  const name = [
    dateTime(row.timestamp_ms),
    `${status.word} ${status.more}`.trim(),
    row.model,
    key,
    credential,
    `${requests.t('tokens')} ${count(row.total_tokens)}`,
    `${requests.t('cost')} ${cost}`,
    `${requests.t('latency')} ${latency}`,
    failure,
  ];
  return {
    // As of its own day, which leaves the date out.
    time: moment(row.timestamp_ms, row.timestamp_ms),
    day: dayOf(row.timestamp_ms, nowMs),
    status,
    model: row.model,
    resolved,
    tags: [row.reasoning_effort, row.service_tier].filter(
      (tag) => tag !== '' && !/^(auto|default)$/.test(tag),
    ),
    failure,
    key,
    credential,
    provider: row.provider,
    tokens: compact(row.total_tokens),
    shares: tokenShares(row),
    tokensTitle,
    cost,
    latency,
    latencyTone: slowness(row.latency_ms),
    ttft: row.ttft_ms === null ? '' : duration(row.ttft_ms),
    name: name.filter(Boolean).join(', '),
  };
}
