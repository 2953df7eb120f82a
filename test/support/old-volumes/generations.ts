/**
 * The programs whose volumes exist, each release at which the tables changed, oldest first. CPA-Manager has no tags
 * between 1.1.4 and its last code, so these go by the day of the commit.
 */
export const GENERATIONS = [
  'cpa-manager-1.1.0',
  'cpa-manager-1.1.4',
  'cpa-manager-2026-05-11',
  'cpa-manager-2026-05-13',
  'cpa-manager-2026-05-17',
  'cpa-manager-plus-0.1.0-beta',
  'cpa-manager-plus-0.5.0-beta',
  'cpa-manager-plus-0.6.0-beta',
  'cpa-manager-plus-0.7.0-beta',
  'cpa-manager-plus-1.0.0',
  'cpa-manager-plus-1.4.0',
  'cpa-manager-plus-1.7.0',
  'cpa-manager-plus-1.9.0',
  'cpa-manager-plus-1.10.4',
  'cpa-manager-plus-1.11.0',
  'cpa-manager-plus-1.11.2',
  'cpa-manager-plus-1.11.5',
  'cpa-manager-plus-1.11.7',
  'cpa-manager-plus-1.11.8',
  'cpa-manager-plus-1.11.10',
  'cpa-manager-plus-1.11.12',
  'cpa-manager-plus-1.12.0-beta1',
  'cpa-manager-plus-1.12.0-rc.1',
  'cpa-manager-plus-1.12.0-rc.2',
  'cpa-manager-plus-1.12.0-rc.3',
  'cpa-manager-plus-1.12.2',
] as const;

export type Generation = (typeof GENERATIONS)[number];

/** How the tables name a generation: `1.1.4`, `2026-05-11` or, of CPA-Manager-Plus, `+1.11.0`. */
export type Since = string;

const ORDER = new Map<Since, number>(GENERATIONS.map((name, index) => [shortName(name), index]));

function shortName(generation: string): Since {
  return generation.replace(/^cpa-manager-plus-/, '+').replace(/^cpa-manager-/, '');
}

/** Whether what came with `since` is in a volume of `generation`. */
export function has(generation: Generation, since: Since): boolean {
  const first = ORDER.get(since);
  const own = ORDER.get(shortName(generation));
  if (first === undefined || own === undefined) throw new Error(`no generation ${since}`);
  return own >= first;
}

export function isPlus(generation: Generation): boolean {
  return has(generation, '+0.1.0-beta');
}
