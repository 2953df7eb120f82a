import { asObject, first, text, type JsonObject } from './readers.ts';
import { redactText } from './redact.ts';
import { cutToBytes } from './text.ts';
import { dateTimeMs, MAX_TIME_MS } from './timestamp.ts';

const HEADERS = ['response_headers', 'responseHeaders', 'headers'] as const;
const MAX_VALUE_BYTES = 1024;
const RFC_1123 =
  /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[A-Z]{1,4}|[+-]\d{4})$/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/;

/** The headers of an upstream's answer that are ever looked at. Whatever is not here is not kept. */
const ALLOWED: ReadonlySet<string> = new Set(
  `
  x-codex-plan-type x-codex-active-limit x-codex-rate-limit-reached-type
  x-codex-credits-balance x-codex-credits-has-credits x-codex-credits-unlimited
  x-codex-primary-over-secondary-limit-percent
  x-codex-primary-used-percent x-codex-primary-reset-at
  x-codex-primary-reset-after-seconds x-codex-primary-window-minutes
  x-codex-secondary-used-percent x-codex-secondary-reset-at
  x-codex-secondary-reset-after-seconds x-codex-secondary-window-minutes
  x-openai-authorization-error x-openai-ide-error-code x-openai-ide-root-error-code
  x-ratelimit-bypass x-should-retry retry-after
  x-oai-request-id x-request-id x-oneapi-request-id cf-ray eagleid x-cloudaicompanion-trace-id
  x-client-request-id x-zeabur-request-id traceparent
  x-openai-proxy-wasm x-models-etag x-new-api-version server via cf-cache-status
  x-site-cache-status x-served-by x-mife-upstream-status
  content-type content-length content-disposition server-timing
  x-ratelimit-limit-requests x-ratelimit-remaining-requests
  x-ratelimit-limit-tokens x-ratelimit-remaining-tokens
  x-data-retention x-zero-data-retention x-zero-retention
  `
    .trim()
    .split(/\s+/),
);

/** The allowed headers of one answer. Absent and blank are both ''. */
export class ResponseHeaders {
  readonly #values = new Map<string, string>();
  readonly #known: readonly string[];

  constructor(record: JsonObject, known: readonly string[]) {
    this.#known = known;
    const headers = asObject(first(record, HEADERS));
    if (!headers) return;
    for (const written of Object.keys(headers)) {
      const name = written.toLowerCase();
      if (!ALLOWED.has(name) || this.#values.has(name)) continue;
      const value = firstValue(headers[written]);
      if (value !== '') this.#values.set(name, value);
    }
  }

  get empty(): boolean {
    return this.#values.size === 0;
  }

  /** Redacted and at most 1024 bytes. */
  text(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) return '';
    return cutToBytes(redactText(value.slice(0, MAX_VALUE_BYTES * 4), this.#known), MAX_VALUE_BYTES);
  }

  /** The value as a number, a trailing `%` ignored; null when it is none. */
  number(name: string): number | null {
    const value = this.#values.get(name);
    if (value === undefined) return null;
    const digits = value.endsWith('%') ? value.slice(0, -1).trim() : value;
    return NUMBER.test(digits) && digits.length <= 24 ? Number(digits) : null;
  }

  /** An integer of 0 or more; null when it is none. */
  count(name: string): number | null {
    const value = this.number(name);
    return value !== null && value >= 0 && Number.isSafeInteger(value) ? value : null;
  }

  boolean(name: string): boolean | null {
    return toBoolean(this.#values.get(name) ?? '');
  }

  /** A moment in epoch ms, written as a date or as epoch seconds or ms; null when it is neither. */
  time(name: string): number | null {
    const value = this.#values.get(name);
    return value === undefined ? null : toTimeMs(value);
  }
}

function firstValue(value: unknown): string {
  if (!Array.isArray(value)) return text(value);
  for (const item of value) {
    const written = text(item);
    if (written !== '') return written;
  }
  return '';
}

function toBoolean(value: string): boolean | null {
  switch (value.toLowerCase()) {
    case 'true':
    case '1':
    case 'yes':
      return true;
    case 'false':
    case '0':
    case 'no':
      return false;
    default:
      return null;
  }
}

/**
 * Epoch ms of RFC 3339, RFC 1123, `YYYY-MM-DD HH:MM:SS[ UTC]`, or a number: above 10^12 it is ms, above 10^9
 * seconds. Null for anything else and for moments beyond the year 9999.
 */
export function toTimeMs(value: unknown): number | null {
  const written = text(value);
  const ms = NUMBER.test(written) ? numberMs(Number(written)) : dateMs(written);
  return ms !== null && ms > 0 && ms <= MAX_TIME_MS ? Math.trunc(ms) : null;
}

function numberMs(value: number): number | null {
  if (value > 1e12) return value;
  return value > 1e9 ? value * 1000 : null;
}

function dateMs(written: string): number | null {
  const iso = dateTimeMs(written.replace(/ (?:UTC|GMT)$/, ''));
  if (iso !== null) return iso;
  if (!RFC_1123.test(written)) return null;
  const ms = Date.parse(written);
  return Number.isNaN(ms) ? null : ms;
}
