import type { EventRow } from '../../../../src/lib/contract/api.ts';
import type { Filter } from './filter.ts';

/** Whether a row meets a filter. `unknown`: what decides is not in the row, so the daemon has to be asked. */
export type Match = 'yes' | 'no' | 'unknown';

/** CLIProxyAPI takes a thinking level behind the model name, `gpt-5.4(high)`; a number is a token budget. */
const THINKING_SUFFIX = /^(.+)\((?:none|auto|-1|minimal|low|medium|high|xhigh|max|\d+)\)$/is;
/** The daemon finds ids by beginnings of this many characters or more. */
const SHORTEST_PREFIX = 6;

/** The model people mean: without the thinking level. */
export function meantModel(model: string): string {
  return THINKING_SUFFIX.exec(model)?.[1] ?? model;
}

const folded = (text: string): string => text.toLowerCase();

/** Judges as `GET /v0/management/events` does. `fromMs` is that of the question, presets included. */
export function matches(filter: Filter, fromMs: number | null, row: EventRow): Match {
  if (fromMs !== null && row.timestamp_ms < fromMs) return 'no';
  if (filter.toMs !== null && row.timestamp_ms >= filter.toMs) return 'no';
  if (filter.status !== null && row.failed !== (filter.status === 'failed')) return 'no';
  const { model, account, auth_index: index, api_key_hash: key } = filter;
  if (model.length > 0 && !isModel(model, row)) return 'no';
  if (account.length > 0 && !isAccount(account, row)) return 'no';
  if (index.length > 0 && !index.includes(row.auth_index === '' ? '-' : row.auth_index)) return 'no';
  if (key.length > 0 && !key.some((one) => folded(one) === folded(row.api_key_hash))) return 'no';
  const provider = isProvider(filter.provider, row);
  const search = found(filter.search, row);
  return provider === 'unknown' || search === 'unknown' ? 'unknown' : 'yes';
}

function isModel(names: readonly string[], row: EventRow): boolean {
  if (names.includes(row.model)) return true;
  const asked = meantModel(row.requested_model === '' ? row.model : row.requested_model);
  return names.some((name) => meantModel(name) === asked);
}

function isAccount(names: readonly string[], row: EventRow): boolean {
  const has = new Set(
    [row.account_snapshot, row.auth_label_snapshot, row.source, row.auth_index].map(folded),
  );
  return names.some((name) => has.has(folded(name)));
}

/** The provider of the credential counts as well, and is not in the row. */
function isProvider(names: readonly string[], row: EventRow): 'yes' | 'unknown' {
  if (names.length === 0) return 'yes';
  return names.some((name) => folded(name) === folded(row.provider)) ? 'yes' : 'unknown';
}

/** A list's row has most of what is searched; user agent, address, trace ids and long failure texts it has not. */
function found(search: string, row: EventRow): 'yes' | 'unknown' {
  const text = folded(search.trim());
  if (text === '') return 'yes';
  const parts = [
    row.model,
    row.requested_model,
    row.resolved_model,
    row.provider,
    row.endpoint,
    row.reasoning_effort,
    row.service_tier,
    row.auth_index,
    row.source,
    row.account_snapshot,
    row.auth_label_snapshot,
    row.auth_file_snapshot,
    row.error_kind,
    row.error_code,
    row.fail_summary,
  ];
  if (parts.some((part) => folded(part).includes(text))) return 'yes';
  const ids = [row.request_id, row.api_key_hash];
  const begins = text.length >= SHORTEST_PREFIX && ids.some((id) => folded(id).startsWith(text));
  return begins ? 'yes' : 'unknown';
}
