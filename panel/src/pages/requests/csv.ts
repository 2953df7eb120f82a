import type { EventRow } from '../../../../src/lib/contract/api.ts';

/** Columns have the names of the API, so that a table can be taken on with other tools. */
const COLUMNS: ReadonlyArray<readonly [name: string, of: (row: EventRow) => string | number | null]> = [
  ['time', ({ timestamp_ms: ms }) => new Date(ms).toISOString()],
  ['id', ({ id }) => id],
  ['request_id', ({ request_id: id }) => id],
  ['status', ({ failed }) => (failed ? 'failed' : 'success')],
  ['fail_status_code', ({ fail_status_code: code }) => code],
  ['error_kind', ({ error_kind: kind }) => kind],
  ['error_code', ({ error_code: code }) => code],
  ['fail_summary', ({ fail_summary: text }) => text],
  ['model', ({ model }) => model],
  ['requested_model', ({ requested_model: model }) => model],
  ['resolved_model', ({ resolved_model: model }) => model],
  ['provider', ({ provider }) => provider],
  ['endpoint', ({ endpoint }) => endpoint],
  ['reasoning_effort', ({ reasoning_effort: effort }) => effort],
  ['service_tier', ({ service_tier: tier }) => tier],
  ['account', ({ account_snapshot: account }) => account],
  ['label', ({ auth_label_snapshot: label }) => label],
  ['source', ({ source }) => source],
  ['auth_index', ({ auth_index: index }) => index],
  ['api_key_hash', ({ api_key_hash: hash }) => hash],
  ['input_tokens', ({ input_tokens: tokens }) => tokens],
  ['cache_read_tokens', ({ cache_read_tokens: tokens }) => tokens],
  ['cache_creation_tokens', ({ cache_creation_tokens: tokens }) => tokens],
  ['output_tokens', ({ output_tokens: tokens }) => tokens],
  ['reasoning_tokens', ({ reasoning_tokens: tokens }) => tokens],
  ['total_tokens', ({ total_tokens: tokens }) => tokens],
  ['cost_usd', ({ cost_nano_usd: nano }) => (nano === null ? null : dollars(nano))],
  ['latency_ms', ({ latency_ms: ms }) => ms],
  ['ttft_ms', ({ ttft_ms: ms }) => ms],
  ['flags', ({ flags }) => flags],
];

/** A spreadsheet takes a text that begins like this for a formula. */
const FORMULA = /^[=+\-@\t\r\n]/;

/** The rows as RFC 4180 wants them, with a byte order mark, by which Excel knows UTF-8. */
export function csvOf(rows: readonly EventRow[]): string {
  const lines = rows.map((row) => COLUMNS.map(([, of]) => csvCell(of(row))).join(','));
  return `\uFEFF${[COLUMNS.map(([name]) => name).join(','), ...lines].join('\r\n')}\r\n`;
}

/** A cell. Texts that a spreadsheet would calculate get a quote in front; numbers are numbers. */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** All nine digits, never as `1e-7`. */
function dollars(nano: number): string {
  const size = String(Math.abs(nano)).padStart(10, '0');
  return `${nano < 0 ? '-' : ''}${size.slice(0, -9)}.${size.slice(-9)}`;
}
