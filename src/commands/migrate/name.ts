import type { OldFacts } from '../../lib/store/old/describe.ts';

const PROGRAMS = { 'cpa-manager': 'CPA-Manager', 'cpa-manager-plus': 'CPA-Manager-Plus' } as const;

/** `CPA-Manager-Plus 1.12.2`: the program, and the first release that has the schema of its database. */
export function programName({ program, release }: Pick<OldFacts, 'program' | 'release'>): string {
  return `${PROGRAMS[program]} ${release}`;
}
