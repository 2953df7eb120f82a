import { hash } from 'node:crypto';

/** A value as it stands in a column. */
export type Value = string | number | bigint | Buffer | null;

/** What a row of `usage_events` has for its hash. */
export interface HashedRow {
  readonly request_id: Value;
  readonly timestamp: Value;
  readonly endpoint: Value;
  readonly model: Value;
  readonly auth_index: Value;
  readonly source_hash: Value;
  readonly input_tokens: Value;
  readonly output_tokens: Value;
  readonly reasoning_tokens: Value;
  readonly cached_tokens: Value;
  readonly cache_tokens: Value;
  readonly failed: Value;
  readonly latency_ms: Value;
}

/**
 * The hash that CPA-Manager and CPA-Manager-Plus stored with an event. It is taken over the model of the row, which
 * in CPA-Manager is that of the upstream and in CPA-Manager-Plus the alias, so one record has two hashes. Latency
 * counts only where there is one.
 */
export function oldEventHash(row: HashedRow): string {
  const parts: Value[] = [
    row.request_id,
    row.timestamp,
    row.endpoint,
    row.model,
    row.auth_index,
    row.source_hash,
    row.input_tokens,
    row.output_tokens,
    row.reasoning_tokens,
    Math.max(Number(row.cached_tokens), Number(row.cache_tokens)),
    row.failed === 1 ? 'true' : 'false',
  ];
  if (row.latency_ms !== null) parts.push(row.latency_ms);
  return sha256(parts.map((part) => (part === null ? '' : String(part))).join('|'));
}

/** Hex, of the trimmed text. */
export function sha256(text: string): string {
  return hash('sha256', text.trim(), 'hex');
}
