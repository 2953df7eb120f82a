import type { EventRow } from '../../../../src/lib/contract/api.ts';
import type { ValueFilter } from './filter.ts';

/** A filter and the value to narrow the list to. */
export type OnlyFilter = readonly [name: ValueFilter, value: string];

/** What "only this credential" means: the gateway's index for it, else what it is known by. */
export function credentialFilter(
  row: Pick<EventRow, 'auth_index' | 'account_snapshot' | 'auth_label_snapshot' | 'source'>,
): OnlyFilter {
  if (row.auth_index !== '') return ['auth_index', row.auth_index];
  return ['account', row.account_snapshot || row.auth_label_snapshot || row.source];
}
