const NANO_DIGITS = 9;
/** Cents are always told. */
const FEWEST_DIGITS = 2;

/** Digits behind the point that tell all of these exactly, so that parts and their sum are seen to agree; integer nano-USD. */
export function digitsFor(nanos: readonly number[]): number {
  const needed = nanos.map((nano) => nanoText(nano).replace(/0+$/, '').length);
  return Math.max(FEWEST_DIGITS, ...needed);
}

/** Integer nano-USD as `$0.0086610`, with so many digits behind the point: cut, not rounded, where that is too few. */
export function exactUsd(nano: number, digits: number): string {
  const whole = Math.floor(Math.abs(nano) / 10 ** NANO_DIGITS);
  return `${nano < 0 ? '-' : ''}$${whole}.${nanoText(nano).slice(0, digits)}`;
}

function nanoText(nano: number): string {
  return String(Math.abs(nano) % 10 ** NANO_DIGITS).padStart(NANO_DIGITS, '0');
}
