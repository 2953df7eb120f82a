import { moment } from '../../lib/format.ts';
import { VALUE_FILTERS, type Filter, type ValueFilter } from './filter.ts';
import { shortHash } from './row-text.ts';
import { requests } from './texts.ts';

/** A filter that is on, and what takes it away. */
export interface Chip {
  readonly label: string;
  readonly value: string;
  readonly without: Partial<Filter>;
}

const NAMES = {
  model: 'model',
  provider: 'provider',
  account: 'account',
  auth_index: 'credential',
  api_key_hash: 'clientKey',
} as const satisfies Record<ValueFilter, string>;

/** Every filter that is on; none is invisible. */
export function chipsOf(filter: Filter, nowMs: number): Chip[] {
  const chips: Chip[] = [];
  const { range, fromMs, toMs, status, search } = filter;
  const add = (label: string, value: string, without: Partial<Filter>): void => {
    chips.push({ label, value, without });
  };
  if (range) add(requests.t('range'), requests.t(`range_${range}`), { range: null });
  if (fromMs !== null) add(requests.t('from'), moment(fromMs, nowMs), { fromMs: null });
  if (toMs !== null) add(requests.t('until'), moment(toMs, nowMs), { toMs: null });
  if (status) add(requests.t('status'), requests.t(status), { status: null });
  if (search !== '') add(requests.t('search'), search, { search: '' });
  for (const name of VALUE_FILTERS) {
    for (const value of filter[name]) {
      const shown = name === 'api_key_hash' ? shortHash(value) : value;
      const others = filter[name].filter((one) => one !== value);
      add(requests.t(NAMES[name]), shown, { [name]: others });
    }
  }
  return chips;
}
