import { packRequestId, packTraceId } from './ids.ts';

/** Shorter beginnings of an id would find too much by chance. */
export const SHORTEST_PREFIX = 6;

/** A condition on `e` (event) and its parameters. */
export interface Condition {
  readonly sql: string;
  readonly params: ReadonlyArray<string | number | bigint | Buffer>;
}

/** The lowest and the highest id of each form that CLIProxyAPI's upstreams use; see ids.ts. */
const TRACE_FORMS = [
  { least: '00000000-0000-0000-0000-000000000000', most: 'ffffffff-ffff-ffff-ffff-ffffffffffff' },
  { least: `req_${'0'.repeat(32)}`, most: `req_${'f'.repeat(32)}` },
  { least: '0000000000000000-AAA', most: 'ffffffffffffffff-ZZZ' },
] as const;

/** From here on a Cloudflare id is an airport, in capitals. */
const CF_AIRPORT = 16;
const HEX = /^[0-9a-f]+$/;

/** The prefix, lower case, filled up to a whole id of a form. */
function filled(prefix: string, form: string): string {
  const text = prefix + form.slice(prefix.length);
  return form.endsWith('AAA') || form.endsWith('ZZZ')
    ? text.slice(0, CF_AIRPORT) + text.slice(CF_AIRPORT).toUpperCase()
    : text;
}

/** Packed ids between two, where both have the same packed form. */
function between(column: string, least: Buffer | string | null, most: Buffer | string | null): Condition[] {
  if (!Buffer.isBuffer(least) || !Buffer.isBuffer(most) || least.length !== most.length) return [];
  return [
    {
      sql: `(typeof(${column}) = 'blob' AND length(${column}) = ${least.length} AND ${column} BETWEEN ? AND ?)`,
      params: [least, most],
    },
  ];
}

function textBegins(column: string, prefix: string): Condition {
  return {
    sql: `(typeof(${column}) = 'text' AND lower(substr(${column}, 1, ${prefix.length})) = ?)`,
    params: [prefix],
  };
}

/**
 * Conditions of which one holds for an event whose request id, trace id or event hash begins with this text, in lower
 * case. None for a text that is too short. Of an event hash the first 16 digits are compared: 64 bits.
 */
export function idConditions(prefix: string): Condition[] {
  if (prefix.length < SHORTEST_PREFIX) return [];
  const request = between(
    'e.request_id',
    packRequestId(filled(prefix, '00000000')),
    packRequestId(filled(prefix, 'ffffffff')),
  );
  const trace = TRACE_FORMS.flatMap(({ least, most }) =>
    between('e.trace_id', packTraceId(filled(prefix, least)), packTraceId(filled(prefix, most))),
  );
  return [
    ...request,
    textBegins('e.request_id', prefix),
    ...trace,
    textBegins('e.trace_id', prefix),
    ...hashCondition(prefix),
  ];
}

function hashCondition(prefix: string): Condition[] {
  if (!HEX.test(prefix) || prefix.length > 64) return [];
  const digits = prefix.slice(0, 16);
  const signed = (text: string): bigint => BigInt.asIntN(64, BigInt(`0x${text}`));
  return [
    {
      sql: 'e.hash64 BETWEEN ? AND ?',
      params: [signed(digits.padEnd(16, '0')), signed(digits.padEnd(16, 'f'))],
    },
  ];
}
