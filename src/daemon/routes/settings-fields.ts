import { isDeepStrictEqual } from 'node:util';
import type { EffectiveConfig } from '../../lib/config/effective.ts';
import { parseMode } from '../../lib/config/values.ts';
import { normaliseBaseUrl } from '../../lib/gateway/url.ts';
import type { Fields } from './request-body.ts';

/** What stands for a saved key in answers, and in requests for "the one you have". */
export const KEPT_KEY = '********';

type CollectorValues = Partial<EffectiveConfig['collector']>;

/** The collector's values of a request; what is absent, empty or not valid is left out. */
export function collectorFields(fields: Fields): CollectorValues {
  const mode = parseMode(fields.text('collectorMode') ?? '');
  const popSide = fields.text('popSide')?.toLowerCase();
  const queue = fields.text('queue');
  const batchSize = fields.positive('batchSize');
  const pollIntervalMs = fields.positive('pollIntervalMs');
  const queryLimit = fields.positive('queryLimit');
  const tlsSkipVerify = fields.flag('tlsSkipVerify');
  return {
    ...(mode === null ? {} : { mode }),
    ...(popSide === 'left' || popSide === 'right' ? { popSide } : {}),
    ...(queue === undefined ? {} : { queue }),
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(pollIntervalMs === undefined ? {} : { pollIntervalMs }),
    ...(queryLimit === undefined ? {} : { queryLimit }),
    ...(tlsSkipVerify === undefined ? {} : { tlsSkipVerify }),
  };
}

/** URL and key of a request. A key of stars is the saved one, so it counts as absent. */
export function connectionFields(
  fields: Fields,
  keyNames: readonly string[],
): { readonly baseUrl?: string; readonly managementKey?: string } {
  const url = fields.text('cpaBaseUrl');
  const key = keyNames.map((name) => fields.text(name)).find((value) => value !== undefined);
  return {
    ...(url === undefined ? {} : { baseUrl: normaliseBaseUrl(url, 'invalid_request', 'cpaBaseUrl') }),
    ...(key === undefined || key === KEPT_KEY ? {} : { managementKey: key }),
  };
}

/** Whether a request asks for other collector values than those that count. `queryLimit` may always change. */
export function changesCollector(wanted: CollectorValues, now: EffectiveConfig['collector']): boolean {
  const merged = { ...now, ...wanted, queryLimit: now.queryLimit };
  return !isDeepStrictEqual(merged, now);
}
