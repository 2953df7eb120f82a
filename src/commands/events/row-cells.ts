import type { EventRow } from '../../lib/contract/api/events.ts';
import { EventFlag } from '../../lib/contract/event.ts';
import type { Zone } from '../../lib/zoned-time.ts';
import { inert } from '../shared/inert.ts';

/** What the table shows of an event, as text that moves no cursor. */
export interface EventCells {
  /** `2026-11-21 18:48:31` on the clocks of the zone. */
  readonly day: string;
  /** The same without the year. */
  readonly time: string;
  readonly model: string;
  readonly provider: string;
  readonly credential: string;
  readonly key: string;
  readonly input: string;
  readonly output: string;
  readonly cached: string;
  readonly cost: string;
  readonly latency: string;
  readonly status: string;
}

export interface CellOptions {
  readonly zone: Zone;
  /** Names of client keys by hash. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** Digits of a key's hash: enough for `--key`, which takes the beginning of one. */
const HASH_DIGITS = 8;

export function cellsOf(row: EventRow, { zone, aliases }: CellOptions): EventCells {
  const day = dayTime(row.timestamp_ms, zone);
  const text = (given: string): string => (given === '' ? '-' : inert(given));
  const { api_key_hash: hash } = row;
  return {
    day,
    time: day.slice(5),
    model: text(row.model),
    provider: text(row.provider),
    credential: text(row.account_snapshot || row.auth_label_snapshot || row.source || row.auth_index),
    key: text(aliases.get(hash) ?? hash.slice(0, HASH_DIGITS)),
    input: tokens(row.input_tokens),
    output: tokens(row.output_tokens),
    cached: tokens(row.cache_read_tokens),
    cost: cost(row.cost_nano_usd),
    latency: latency(row.latency_ms),
    status: inert(status(row)),
  };
}

function dayTime(ms: number, zone: Zone): string {
  const { year, month, day, hour, minute, second } = zone.wallTime(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}`;
}

const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 });

/** Exact while it is short: `123456`, then `1.23M`. */
function tokens(value: number): string {
  return value < 1_000_000 ? String(value) : compact.format(value);
}

const dollars = (digits: number): Intl.NumberFormat =>
  new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const CENTS = dollars(2);
const SMALL = dollars(4);
const TINY = dollars(6);
const NANO = 1_000_000_000;

/** Dollars with the digits that say something: `$12.34`, `$0.0123`, `$0.000042`. Null: no source had a price. */
function cost(nanoUsd: number | null): string {
  if (nanoUsd === null) return 'unpriced';
  if (nanoUsd === 0) return '$0';
  if (nanoUsd < 5000) return '<$0.00001';
  const usd = nanoUsd / NANO;
  const format = usd >= 1 ? CENTS : usd >= 0.01 ? SMALL : TINY;
  const text = `$${format.format(usd)}`;
  return text.length <= 9 ? text : `$${compact.format(usd)}`;
}

/** `850 ms`, `12.3 s`, `12 min`: cut, never rounded up to what it was not. */
function latency(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 1000) return `${Math.floor(ms)} ms`;
  if (ms < 600_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  return `${compact.format(Math.floor(ms / 60_000))} min`;
}

function status(row: EventRow): string {
  const code = row.fail_status_code === null ? '' : String(row.fail_status_code);
  if ((row.flags & EventFlag.cancelled) !== 0) return ['cancelled', code].filter(Boolean).join(' ');
  if (!row.failed) return 'ok';
  const short = ['failed', code, row.error_kind || row.error_code].filter(Boolean).join(' ');
  return row.fail_summary === '' ? short : `${short}: ${row.fail_summary}`;
}
