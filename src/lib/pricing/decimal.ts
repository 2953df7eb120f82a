import type { PicoUsd } from '../contract/pricing.ts';

/**
 * Prices travel as USD per million tokens (JSON doubles such as 0.075) and are kept as integer pico-USD a token. The
 * way between goes through the decimal text of the double, the digits a person wrote, so that no binary fraction ever
 * reaches a cost.
 */

/**
 * The highest price that is kept: one billion USD per million tokens. Up to here a rate has at most 15 digits, so a
 * double gives it back digit for digit.
 */
export const MAX_PICO_USD: PicoUsd = 1e15;

const DECIMAL = /^(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/;

/** `text` x 10^`shift`, rounded half up to an integer. `null` when it is no plain non-negative decimal or out of range. */
function shifted(text: string, shift: number): number | null {
  const match = DECIMAL.exec(text);
  if (!match) return null;
  const fraction = match[2] ?? '';
  const digits = `${match[1] ?? ''}${fraction}`;
  const exponent = Number(match[3] ?? '0') - fraction.length + shift;
  // Such exponents leave 0 or overflow whatever the digits are; do not build a text of that length.
  if (exponent < -400) return 0;
  if (exponent > 30) return BigInt(digits) === 0n ? 0 : null;
  let result: bigint;
  if (exponent >= 0) {
    result = BigInt(digits) * 10n ** BigInt(exponent);
  } else {
    const divisor = 10n ** BigInt(-exponent);
    result = (2n * BigInt(digits) + divisor) / (2n * divisor);
  }
  return result > BigInt(MAX_PICO_USD) ? null : Number(result);
}

/**
 * USD per million tokens to pico-USD a token, exact for up to six decimals, half up beyond. `null` when the price is
 * negative, not finite or above {@link MAX_PICO_USD}.
 */
export function picoFromUsdPerMillion(price: number): PicoUsd | null {
  return shifted(String(Object.is(price, -0) ? 0 : price), 6);
}

/** USD per token as sources write it (a JSON number or a numeric text) to pico-USD a token; `null` as above. */
export function picoFromUsdPerToken(price: number | string): PicoUsd | null {
  return shifted(String(price).trim().toLowerCase(), 12);
}

/** Pico-USD a token back to USD per million tokens: the double whose shortest text is the exact decimal. */
export function usdPerMillion(pico: PicoUsd): number {
  return Number(`${pico}e-6`);
}
