import type { EventFlag } from '../../../../src/lib/contract/event.ts';

type Flags = typeof EventFlag;

/** The bits of an event's flags, as the daemon has them: the panel shares its types only. */
export const FLAGS: { readonly [K in keyof Flags]: Flags[K] } = {
  clamped: 1,
  breakdownInconsistent: 2,
  cancelled: 4,
  noGeneration: 8,
  timeMissing: 16,
  reasoningSeparate: 32,
  unclassified: 64,
};

const NAMES = [
  'clamped',
  'breakdownInconsistent',
  'cancelled',
  'noGeneration',
  'timeMissing',
  'reasoningSeparate',
  'unclassified',
] as const satisfies ReadonlyArray<keyof Flags>;

export function flagsOf(flags: number): Array<keyof Flags> {
  return NAMES.filter((name) => (flags & FLAGS[name]) !== 0);
}

export function hasFlag(flags: number, name: keyof Flags): boolean {
  return (flags & FLAGS[name]) !== 0;
}
