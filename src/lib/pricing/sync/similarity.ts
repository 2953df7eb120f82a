/**
 * How alike two names of models are. Lists write the same model in several ways (`claude-sonnet-4.5`,
 * `anthropic/claude-sonnet-4-5`, `models/claude-sonnet-4-5`); the figures below are those that users of CPA-Manager-Plus
 * know from its candidates.
 */

/** Lower-case runs of letters and digits; `models` is a folder that some lists put in front. */
export function tokensOf(name: string): string[] {
  return (name.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter((token) => token !== 'models');
}

const canonOf = (name: string): string => tokensOf(name).join('');

/** The last part of a path that says something, as one word. */
function tailOf(name: string): string {
  const parts = name.split('/').map((part) => part.trim());
  return canonOf(parts.findLast((part) => part !== '' && part.toLowerCase() !== 'models') ?? '');
}

const SAME: Readonly<Record<string, readonly string[]>> = {
  mimo: ['minimax', 'm2', 'm25'],
  minimax: ['mimo'],
  m2: ['mimo', 'minimax'],
  m25: ['mimo', 'minimax'],
  low: ['lite'],
  lite: ['low'],
  flashlow: ['flashlite', 'flash', 'lite'],
  flashlite: ['flashlow', 'flash', 'low'],
};
const SAYS_NOTHING = new Set(['latest', 'preview', 'free']);
const FAMILIES = ['qwen', 'gemini', 'minimax', 'mimo'];

function similarityTokens(name: string): Set<string> {
  const whole = tokensOf(name);
  const parts = whole.flatMap((token) => token.match(/\p{L}+|\p{N}+/gu) ?? []);
  const own = [...whole, ...parts];
  const all = new Set([
    ...own,
    ...own.flatMap((token) => (Object.hasOwn(SAME, token) ? (SAME[token] ?? []) : [])),
  ]);
  for (const token of SAYS_NOTHING) all.delete(token);
  return all;
}

/** A name, taken apart once. */
export class NameShape {
  readonly name: string;
  readonly lower: string;
  readonly canon: string;
  readonly tail: string;
  #tokens: Set<string> | null = null;

  constructor(name: string) {
    this.name = name;
    this.lower = name.toLowerCase();
    this.canon = canonOf(name);
    this.tail = tailOf(name);
  }

  get tokens(): ReadonlySet<string> {
    this.#tokens ??= similarityTokens(this.name);
    return this.#tokens;
  }
}

export type Reason =
  | 'exact-model-id'
  | 'case-insensitive-model-id'
  | 'same-model-with-provider-prefix'
  | 'model-name-contains'
  | 'normalized-model-name'
  | 'normalized-name-contains'
  | 'shared-model-tokens'
  | 'same-model-family'
  | 'similar-model-name'
  | 'weak-similarity';

export interface Likeness {
  /** 0..1. */
  readonly score: number;
  readonly reason: Reason;
}

export function likeness(wanted: NameShape, known: NameShape): Likeness {
  if (wanted.name === known.name) return { score: 1, reason: 'exact-model-id' };
  if (wanted.lower === known.lower) return { score: 0.98, reason: 'case-insensitive-model-id' };
  const contains = (a: string, b: string): boolean =>
    a !== '' && b !== '' && (a.includes(b) || b.includes(a));
  const fixed: Likeness[] = [];
  if (wanted.tail !== '' && wanted.tail === known.tail) {
    fixed.push({ score: 0.94, reason: 'same-model-with-provider-prefix' });
  } else if (contains(wanted.tail, known.tail)) fixed.push({ score: 0.78, reason: 'model-name-contains' });
  if (wanted.canon !== '' && wanted.canon === known.canon) {
    fixed.push({ score: 0.9, reason: 'normalized-model-name' });
  } else if (contains(wanted.canon, known.canon))
    fixed.push({ score: 0.74, reason: 'normalized-name-contains' });
  const best = fixed.sort((a, b) => b.score - a.score)[0];
  return best ?? resemblance(wanted, known);
}

function resemblance(wanted: NameShape, known: NameShape): Likeness {
  const jaccard = overlap(wanted.tokens, known.tokens);
  const edits = editLikeness(wanted.tail, known.tail);
  const score = Math.max(0.86 * jaccard, 0.82 * edits);
  if (jaccard >= 0.65) return { score: Math.max(score, 0.72), reason: 'shared-model-tokens' };
  if (jaccard >= 0.4) return { score: Math.max(score, 0.58), reason: 'shared-model-tokens' };
  if (FAMILIES.some((family) => wanted.tokens.has(family) && known.tokens.has(family))) {
    return { score: Math.max(score, 0.46), reason: 'same-model-family' };
  }
  return { score, reason: edits >= 0.68 ? 'similar-model-name' : 'weak-similarity' };
}

function overlap(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 || b.size === 0) return 0;
  let both = 0;
  for (const token of a) if (b.has(token)) both += 1;
  return both / (a.size + b.size - both);
}

/** 1 - Levenshtein distance / longer length. */
function editLikeness(a: string, b: string): number {
  const longer = Math.max(a.length, b.length);
  return longer === 0 ? 0 : 1 - editDistance(a, b) / longer;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
