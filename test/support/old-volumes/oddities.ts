import { oldEventHash, type Value } from './hash.ts';
import type { EventRow } from './event.ts';

/** What is strange in a volume, each on its own; absent ones are off. */
export interface Oddities {
  /** Rows with NULL in one or in all columns that allow it. */
  readonly nulls?: boolean;
  /** Different hashes of the same millisecond whose first eight bytes are equal, and hashes that are none. */
  readonly hashes?: boolean;
  /** The table lost its UNIQUE on the hash, as after a repair by hand, and holds copies of rows. */
  readonly duplicates?: boolean;
  /** Cut, wrong and deep JSON in the columns that hold JSON. */
  readonly badJson?: boolean;
  /** A few texts of 1 MiB. */
  readonly hugeTexts?: boolean;
  /** Names in other scripts, with emoji, right to left, with NUL. */
  readonly scripts?: boolean;
  /** Text that is not UTF-8. */
  readonly invalidUtf8?: boolean;
  /** Negative numbers and such beyond 32, 53 and nearly 64 bits. */
  readonly absurdNumbers?: boolean;
  /** Words, fractions and bytes in integer columns. */
  readonly textInIntegers?: boolean;
  /** The year 1970, seconds instead of milliseconds, the far future, a text that is no time. */
  readonly strangeTimes?: boolean;
  /** Keys of providers in plain text in `source`. */
  readonly plainKeys?: boolean;
}

export const ALL_ODDITIES: Required<Omit<Oddities, 'duplicates'>> = {
  nulls: true,
  hashes: true,
  badJson: true,
  hugeTexts: true,
  scripts: true,
  invalidUtf8: true,
  absurdNumbers: true,
  textInIntegers: true,
  strangeTimes: true,
  plainKeys: true,
};

/** Columns that are written as these bytes, as text. */
export type Bytes = Readonly<Record<string, Buffer>>;

export interface Odd {
  readonly of: keyof Oddities;
  readonly kind: string;
  /** Model, time and tokens are as sound as in any other row. */
  readonly sound: boolean;
  /**
   * `before` is the row made before this one. Whoever changes what is hashed and wants the hash that the program
   * would have stored, calls `rehash`.
   */
  change(row: EventRow, before: EventRow | null, number: number): Bytes | void;
  /** At most so many in a volume. */
  readonly most?: number;
}

const MIB = 1024 * 1024;
export const PLAIN_KEY = 'sk-made-up-plain-source';
/** Too short to be taken for a key by the old programs. */
export const SHORT_PLAIN_KEY = 'upstream-made-up-key';

function set(of: keyof Oddities, kind: string, values: Readonly<Record<string, Value>>, sound: boolean): Odd {
  return {
    of,
    kind,
    sound,
    change: (row) => {
      Object.assign(row, values);
    },
  };
}

function rehashed(of: keyof Oddities, kind: string, values: Readonly<Record<string, Value>>): Odd {
  return {
    of,
    kind,
    sound: true,
    change: (row) => {
      Object.assign(row, values);
      row.event_hash = oldEventHash(row);
    },
  };
}

function bytes(kind: string, columns: Bytes, sound: boolean): Odd {
  return { of: 'invalidUtf8', kind, sound, change: () => columns };
}

const NOT_UTF8 = Buffer.from([0x61, 0xff, 0xfe, 0x62, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x7a]);

/** Empties every column named, as far as it is there. */
function nulled(row: EventRow, columns: readonly string[]): void {
  for (const column of columns) row[column] = null;
  row.event_hash = oldEventHash(row);
}

/** `nullable`: the columns of the generation that may be NULL. */
export function chosenOddities(wanted: Oddities, nullable: readonly string[]): readonly Odd[] {
  const all: readonly Odd[] = [
    { of: 'nulls', kind: 'all', sound: true, change: (row) => nulled(row, nullable) },
    {
      of: 'nulls',
      kind: 'one',
      sound: true,
      change: (row, _before, number) => nulled(row, [nullable[number % nullable.length] ?? 'request_id']),
    },
    ...HASHES,
    ...JSON_TEXTS,
    ...HUGE,
    ...SCRIPTS,
    bytes('account', { account_snapshot: NOT_UTF8, auth_label_snapshot: NOT_UTF8 }, true),
    bytes('raw', { raw_json: NOT_UTF8, fail_summary: NOT_UTF8, fail_body: NOT_UTF8 }, true),
    bytes('endpoint', { endpoint: NOT_UTF8, user_agent: NOT_UTF8, request_id: NOT_UTF8 }, true),
    bytes('model', { model: NOT_UTF8 }, false),
    ...NUMBERS,
    ...WORDS,
    ...TIMES,
    ...KEYS,
  ];
  return all.filter((odd) => wanted[odd.of] === true);
}

const HASHES: readonly Odd[] = [
  {
    of: 'hashes',
    kind: 'same first eight bytes',
    sound: true,
    change: (row, before) => {
      if (!before || typeof before.event_hash !== 'string' || typeof row.event_hash !== 'string') return;
      row.timestamp_ms = before.timestamp_ms;
      row.timestamp = before.timestamp;
      row.event_hash = before.event_hash.slice(0, 16) + row.event_hash.slice(16);
    },
  },
  {
    of: 'hashes',
    kind: 'upper case',
    sound: true,
    change: (row) => {
      row.event_hash = String(row.event_hash).toUpperCase();
    },
  },
  {
    of: 'hashes',
    kind: 'not hex',
    sound: true,
    change: (row, _before, number) => {
      row.event_hash = `imported by hand, line ${number}`;
    },
  },
];

const JSON_TEXTS: readonly Odd[] = [
  set('badJson', 'cut', { raw_json: '{"alias":"gpt', response_metadata_json: '{"quota":{"plan_' }, true),
  set('badJson', 'words', { raw_json: 'no json at all', response_metadata_json: 'nor here' }, true),
  set('badJson', 'scalar', { raw_json: '12', response_metadata_json: '"text"' }, true),
  set('badJson', 'array', { raw_json: '[{"alias":1}]', response_metadata_json: '[]' }, true),
  set(
    'badJson',
    'wrong types',
    { raw_json: '{"tokens":"many"}', response_metadata_json: '{"quota":7}' },
    true,
  ),
  set(
    'badJson',
    'deep',
    {
      raw_json: '['.repeat(20_000),
      response_metadata_json: `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
    },
    true,
  ),
  set(
    'badJson',
    'prototype',
    { response_metadata_json: '{"__proto__":{"x":1},"constructor":{"y":2}}' },
    true,
  ),
];

const HUGE: readonly Odd[] = [
  { ...set('hugeTexts', 'raw', { raw_json: `{"note":"${'r'.repeat(MIB)}"}` }, true), most: 2 },
  {
    ...set(
      'hugeTexts',
      'failure',
      { fail_body: 'f'.repeat(MIB), fail_summary: 's'.repeat(MIB), failed: 1 },
      true,
    ),
    most: 2,
  },
  { ...rehashed('hugeTexts', 'endpoint', { endpoint: `POST /${'e'.repeat(MIB)}` }), most: 1 },
  {
    ...set(
      'hugeTexts',
      'metadata',
      { response_metadata_json: `{"response":{"content_type":"${'m'.repeat(MIB)}"}}` },
      true,
    ),
    most: 1,
  },
];

const SCRIPTS: readonly Odd[] = [
  rehashed('scripts', 'chinese', { model: '模型-七', account_snapshot: '张伟@example.com' }),
  rehashed('scripts', 'emoji', { model: '🦊-model', auth_label_snapshot: '👩‍👩‍👧 team', user_agent: '🛰️/1.0' }),
  rehashed('scripts', 'right to left', {
    model: 'نموذج',
    auth_project_id_snapshot: 'עברית',
    endpoint: 'POST /مسار',
  }),
  rehashed('scripts', 'combining', { model: 'mode\u0301le', account_snapshot: 'é versus e\u0301' }),
  rehashed('scripts', 'nul', { request_id: 'a\0b', auth_label_snapshot: 'left\0right' }),
];

const NUMBERS: readonly Odd[] = [
  set('absurdNumbers', 'negative', { input_tokens: -5, output_tokens: -1, total_tokens: -6 }, false),
  set('absurdNumbers', 'beyond 32 bits', { input_tokens: 2 ** 31 + 5, total_tokens: 2 ** 33 }, false),
  set('absurdNumbers', 'beyond 53 bits', { output_tokens: 9_007_199_254_740_993n }, false),
  set('absurdNumbers', 'most of 64 bits', { cached_tokens: 9_223_372_036_854_775_807n }, false),
  set('absurdNumbers', 'least of 64 bits', { total_tokens: -9_223_372_036_854_775_808n }, false),
  set('absurdNumbers', 'latency', { latency_ms: -1, ttft_ms: 2 ** 40 }, false),
  set('absurdNumbers', 'failed', { failed: 7, fail_status_code: -3 }, false),
  set('absurdNumbers', 'percent', { header_quota_used_percent: Infinity }, false),
];

const WORDS: readonly Odd[] = [
  set('textInIntegers', 'tokens', { input_tokens: 'many', output_tokens: '12 tokens' }, false),
  set('textInIntegers', 'fraction', { input_tokens: 12.75, total_tokens: 1e300 }, false),
  set('textInIntegers', 'bytes', { output_tokens: Buffer.from([0, 1, 2]) }, false),
  set('textInIntegers', 'latency', { latency_ms: 'soon', ttft_ms: '' }, false),
  set('textInIntegers', 'time', { timestamp_ms: 'yesterday' }, false),
  set('textInIntegers', 'others', { failed: 'yes', created_at_ms: 'now', fail_status_code: 'x' }, false),
];

const TIMES: readonly Odd[] = [
  set('strangeTimes', 'zero', { timestamp_ms: 0, timestamp: '1970-01-01T00:00:00Z' }, false),
  set('strangeTimes', 'seconds', { timestamp_ms: 1_795_259_318 }, false),
  set(
    'strangeTimes',
    'future',
    { timestamp_ms: 4_102_444_800_000, timestamp: '2100-01-01T00:00:00Z' },
    false,
  ),
  set('strangeTimes', 'no date has it', { timestamp_ms: 9_000_000_000_000_000 }, false),
  set('strangeTimes', 'negative', { timestamp_ms: -1 }, false),
  set('strangeTimes', 'not a time', { timestamp: 'just now' }, true),
  set('strangeTimes', 'empty', { timestamp: '' }, true),
  set('strangeTimes', 'with a zone', { timestamp: '2026-05-02T10:00:00.12+08:00' }, true),
];

const KEYS: readonly Odd[] = [
  set('plainKeys', 'key', { source: `${PLAIN_KEY}-0123456789abcdef`, auth_type: 'apikey' }, true),
  set('plainKeys', 'short key', { source: SHORT_PLAIN_KEY, auth_type: 'apikey' }, true),
  set('plainKeys', 'key of no type', { source: `AIzaMadeUp${'x'.repeat(29)}`, auth_type: null }, true),
  set(
    'plainKeys',
    'in other columns',
    {
      failed: 1,
      fail_status_code: 401,
      fail_summary: `refused: ${PLAIN_KEY}-summary00`,
      fail_body: `refused: ${PLAIN_KEY}-body00000`,
      user_agent: `tool ${PLAIN_KEY}-agent0000`,
      account_snapshot: `${PLAIN_KEY}-account00`,
      model: `${PLAIN_KEY}-model0000`,
    },
    false,
  ),
];

/** The keys that `plainKeys` puts into a volume. */
export const PLAIN_KEYS: readonly string[] = [PLAIN_KEY, SHORT_PLAIN_KEY, 'AIzaMadeUp'];
