import type { PriceSyncAnswer, PricesAnswer } from '../../contract/api/prices.ts';
import type { PriceChanged } from '../../store/price-writer.ts';
import type { SyncReport } from './sync-prices.ts';

/** What a sync did, in the shape that clients of CPA-Manager-Plus know. */
export function syncAnswer(
  report: SyncReport,
  changed: PriceChanged,
  prices: PricesAnswer['prices'],
): PriceSyncAnswer {
  const sources = report.sourceResults.filter(({ error }) => error === undefined).map(({ source }) => source);
  const preserved = [...report.preserved, ...changed.protected];
  return {
    source: sources.length > 1 ? 'multi' : (sources[0] ?? ''),
    ...(sources.length > 0 && { sources }),
    imported: report.rows.length,
    skipped: report.sourceResults.reduce((sum, { skipped }) => sum + skipped, 0),
    ...(report.matched.size > 0 && { matched: Object.fromEntries(report.matched) }),
    ...(report.candidates.length > 0 && { candidates: report.candidates }),
    ...(report.unmatched.length > 0 && { unmatched: report.unmatched }),
    ...(preserved.length > 0 && { preserved }),
    ...(report.proxyUsed && { proxyUsed: true }),
    sourceResults: report.sourceResults,
    prices,
  };
}
