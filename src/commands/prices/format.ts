import type { Rates } from '../../lib/contract/pricing.ts';
import type { PriceFields } from '../../lib/pricing/price-object.ts';
import { usdPerMillion } from '../../lib/pricing/decimal.ts';

/** USD per million tokens as people write it; `-` where nothing is said. */
function usdText(value: number | undefined, given: boolean): string {
  if (!given) return '-';
  return String(value ?? 0);
}

/** Input, output, cache read and cache write of a price. */
export function priceCells(price: PriceFields): string[] {
  const given = (value: number | undefined, flag: boolean | undefined): string =>
    usdText(value, flag === true || (value ?? 0) > 0);
  return [
    given(price.prompt, price.promptConfigured),
    given(price.completion, price.completionConfigured),
    given(price.cacheRead ?? price.cache, price.cacheReadConfigured),
    given(price.cacheCreation, price.cacheCreationConfigured),
  ];
}

/** The rates in one line, those that are there. */
export function ratesText(rates: Rates): string {
  const parts: Array<readonly [string, number | null | undefined]> = [
    ['input', rates.input],
    ['output', rates.output],
    ['image output', rates.outputImage],
    ['cache read', rates.cacheRead],
    ['cache write', rates.cacheWrite5m],
    ['cache write 1 h', rates.cacheWrite1h],
  ];
  return parts
    .flatMap(([name, rate]) =>
      rate === null || rate === undefined ? [] : [`${name} ${usdPerMillion(rate)}`],
    )
    .join(', ');
}

/** A cost: to the cent from a dollar on, and to what can be seen below. */
export function dollars(nano: number): string {
  const value = nano / 1e9;
  return `$${value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: Math.abs(value) >= 1 ? 2 : 6 })}`;
}
