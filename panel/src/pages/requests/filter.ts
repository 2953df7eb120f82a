import type { Query } from '../../lib/location.ts';
import { presetFrom, presetOf, type Preset } from './range.ts';

/** What the list is narrowed to, as the address says it. */
export interface Filter {
  readonly range: Preset | null;
  /** Epoch ms, inclusive. Not beside a `range`. */
  readonly fromMs: number | null;
  /** Epoch ms, exclusive. Not beside a `range`. */
  readonly toMs: number | null;
  readonly status: 'success' | 'failed' | null;
  readonly search: string;
  readonly model: readonly string[];
  readonly provider: readonly string[];
  readonly account: readonly string[];
  readonly auth_index: readonly string[];
  readonly api_key_hash: readonly string[];
}

/** Parameters that may be repeated: any of their values. */
export const VALUE_FILTERS = ['model', 'provider', 'account', 'auth_index', 'api_key_hash'] as const;
export type ValueFilter = (typeof VALUE_FILTERS)[number];

export const NO_FILTER: Filter = {
  range: null,
  fromMs: null,
  toMs: null,
  status: null,
  search: '',
  model: [],
  provider: [],
  account: [],
  auth_index: [],
  api_key_hash: [],
};

/** The daemon takes no more of one parameter, and no longer texts. */
const MOST_VALUES = 200;
const MOST_CHARACTERS = 300;

export function parseFilter(query: URLSearchParams): Filter {
  const range = presetOf(query.get('range'));
  const status = query.get('status');
  const values = (name: ValueFilter): string[] => {
    const given = query.getAll(name).map((one) => one.trim().slice(0, MOST_CHARACTERS));
    return [...new Set(given.filter((one) => one !== ''))].slice(0, MOST_VALUES);
  };
  return {
    range,
    fromMs: range ? null : timeOf(query.get('from_ms')),
    toMs: range ? null : timeOf(query.get('to_ms')),
    status: status === 'success' || status === 'failed' ? status : null,
    search: (query.get('search') ?? '').trim().slice(0, MOST_CHARACTERS),
    model: values('model'),
    provider: values('provider'),
    account: values('account'),
    auth_index: values('auth_index'),
    api_key_hash: values('api_key_hash'),
  };
}

/** Changes of the address that make it say nothing but this filter. */
export function addressOf(filter: Filter): Query {
  return {
    range: filter.range,
    from_ms: filter.fromMs,
    to_ms: filter.toMs,
    status: filter.status,
    search: filter.search,
    model: filter.model,
    provider: filter.provider,
    account: filter.account,
    auth_index: filter.auth_index,
    api_key_hash: filter.api_key_hash,
  };
}

/** What the daemon is asked, with the bounds that a preset has now. */
export function questionOf(filter: Filter, nowMs: number): Query {
  const { range, ...rest } = addressOf(filter);
  const preset = presetOf(typeof range === 'string' ? range : null);
  return preset ? { ...rest, from_ms: presetFrom(preset, nowMs) } : rest;
}

export function isNarrowed(filter: Filter): boolean {
  return filterKey(filter) !== filterKey(NO_FILTER);
}

/** Equal for filters that mean the same. */
export function filterKey(filter: Filter): string {
  return JSON.stringify(addressOf(filter));
}

function timeOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
