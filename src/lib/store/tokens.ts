import type { BillableTokens, CacheInputMode, ReportedTokens } from '../contract/event.ts';
import { EventFlag } from '../contract/event.ts';

/**
 * What a record reports follows, nearly always, from the billable counts. The row keeps a reported counter only
 * where it does not. Stored rows depend on this function: it is never changed, at most followed by another one.
 */
export function expectedReported(
  tokens: BillableTokens,
  mode: CacheInputMode,
  flags: number,
): ReportedTokens {
  const writes = tokens.cacheWrite5m + tokens.cacheWrite1h;
  const input = tokens.uncachedInput + tokens.cacheRead + writes;
  return {
    input: mode === 'separate_from_input' ? tokens.uncachedInput : input,
    output: (flags & EventFlag.reasoningSeparate) === 0 ? tokens.output : tokens.output - tokens.reasoning,
    reasoning: tokens.reasoning,
    cached: tokens.cacheRead,
    cache: 0,
    cacheRead: tokens.cacheRead,
    cacheCreation: writes,
    total: input + tokens.output,
  };
}

/** The same in SQL for the views, over `e` (event) and `c` (call_profile): reported counter by column. */
export const REPORTED_SQL = {
  input: `coalesce(e.reported_input, CASE c.cache_separate WHEN 1 THEN e.uncached_input
    ELSE e.uncached_input + e.cache_read + e.cache_write_5m + e.cache_write_1h END)`,
  output: `coalesce(e.reported_output, e.output - CASE WHEN e.flags & ${EventFlag.reasoningSeparate}
    THEN e.reasoning ELSE 0 END)`,
  reasoning: 'coalesce(e.reported_reasoning, e.reasoning)',
  cached: 'coalesce(e.reported_cached, e.cache_read)',
  cache: 'coalesce(e.reported_cache, 0)',
  cacheRead: 'coalesce(e.reported_cache_read, e.cache_read)',
  cacheCreation: 'coalesce(e.reported_cache_creation, e.cache_write_5m + e.cache_write_1h)',
  total: `coalesce(e.reported_total,
    e.uncached_input + e.cache_read + e.cache_write_5m + e.cache_write_1h + e.output)`,
} as const satisfies Record<keyof ReportedTokens, string>;
