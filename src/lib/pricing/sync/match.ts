import type { Catalog, CatalogEntry } from './catalog.ts';
import { likeness, NameShape, type Likeness } from './similarity.ts';

/** What a list says about a name. `several`: none of them is clearly meant. */
export type Match =
  | { readonly kind: 'one'; readonly entry: CatalogEntry }
  | { readonly kind: 'several'; readonly entries: readonly CatalogEntry[] }
  | { readonly kind: 'none' };

/** An entry that may be meant by a name. */
export interface Candidate extends Likeness {
  readonly entry: CatalogEntry;
}

/** Candidates of one list, and what they need to be among them. */
const MOST_CANDIDATES = 8;
const LIKELY = 0.55;
const SAME_FAMILY = 0.34;
/** A name of a reseller's list is at most this like the one that is wanted. */
const MOST_BY_ALIAS = 0.94;

type Index = Map<string, CatalogEntry[]>;

function put(index: Index, key: string, entry: CatalogEntry): void {
  if (key === '') return;
  const list = index.get(key);
  if (!list) index.set(key, [entry]);
  else if (!list.includes(entry)) list.push(entry);
}

/** Finds names in one list. */
export class Matcher {
  readonly catalog: Catalog;
  readonly #direct: Index = new Map();
  readonly #directLower: Index = new Map();
  readonly #alias: Index = new Map();
  readonly #aliasLower: Index = new Map();
  readonly #tail: Index = new Map();
  readonly #canon: Index = new Map();
  /** Lower-case canonical id by itself and by what stands behind its first slash; null: several have that. */
  readonly #canonical: ReadonlyMap<string, string | null> | null;
  readonly #shapes = new Map<
    CatalogEntry,
    { readonly direct: NameShape; readonly alias: NameShape | null }
  >();

  constructor(catalog: Catalog) {
    this.catalog = catalog;
    this.#canonical = catalog.canonical && canonicalNames(catalog.canonical);
    for (const entry of catalog.entries) {
      const { id, alias } = entry;
      const direct = new NameShape(id);
      this.#shapes.set(entry, { direct, alias: alias === null ? null : new NameShape(alias) });
      put(this.#direct, id, entry);
      put(this.#directLower, direct.lower, entry);
      put(this.#tail, direct.tail, entry);
      put(this.#canon, direct.canon, entry);
      if (alias === null) continue;
      put(this.#alias, alias, entry);
      put(this.#aliasLower, alias.toLowerCase(), entry);
      put(this.#canon, new NameShape(alias).canon, entry);
    }
  }

  /** The names under which prices are taken over when nobody asks for certain ones. */
  get names(): readonly string[] {
    return this.catalog.entries.map((entry) => entry.alias ?? entry.id);
  }

  match(name: string): Match {
    const found = this.#canonical === null ? this.#staged(name) : this.#byMaker(name, this.#canonical);
    const [first, ...others] = found;
    if (first === undefined) return { kind: 'none' };
    return others.length === 0 ? { kind: 'one', entry: first } : { kind: 'several', entries: found };
  }

  /** The most likely entries for a name without a match, best first. */
  candidates(name: string): Candidate[] {
    const wanted = new NameShape(name);
    const staged = this.#staged(name);
    const pool = staged.length > 0 ? staged : this.catalog.entries;
    return pool
      .map((entry) => ({ entry, ...this.#likeness(wanted, entry) }))
      .filter(
        ({ score, reason }) => score >= LIKELY || (reason === 'same-model-family' && score >= SAME_FAMILY),
      )
      .sort(
        (a, b) =>
          Number(this.#isMakers(b.entry)) - Number(this.#isMakers(a.entry)) ||
          b.score - a.score ||
          (a.entry.id < b.entry.id ? -1 : 1),
      )
      .slice(0, MOST_CANDIDATES)
      .map(({ entry, score, reason }) => ({ entry, score: Math.round(score * 100) / 100, reason }));
  }

  /** A list that tells makers from resellers has no need for guesses. */
  #byMaker(name: string, canonical: ReadonlyMap<string, string | null>): readonly CatalogEntry[] {
    const id = canonical.get(name.toLowerCase());
    const makers = id === undefined || id === null ? [] : (this.#directLower.get(id) ?? []);
    if (makers.length === 1) return makers;
    if (!name.includes('/')) return makers;
    return this.#direct.get(name) ?? this.#directLower.get(name.toLowerCase()) ?? makers;
  }

  #staged(name: string): readonly CatalogEntry[] {
    const lower = name.toLowerCase();
    const shape = new NameShape(name);
    return (
      this.#direct.get(name) ??
      this.#directLower.get(lower) ??
      this.#alias.get(name) ??
      this.#aliasLower.get(lower) ??
      this.#tail.get(shape.tail) ??
      this.#canon.get(shape.canon) ??
      []
    );
  }

  #isMakers(entry: CatalogEntry): boolean {
    const lower = entry.id.toLowerCase();
    return this.#canonical?.get(lower) === lower;
  }

  #likeness(wanted: NameShape, entry: CatalogEntry): Likeness {
    const shapes = this.#shapes.get(entry);
    if (shapes === undefined) return { score: 0, reason: 'weak-similarity' };
    const direct = likeness(wanted, shapes.direct);
    if (shapes.alias === null) return direct;
    const byAlias = likeness(wanted, shapes.alias);
    const capped: Likeness =
      byAlias.score >= MOST_BY_ALIAS
        ? { score: MOST_BY_ALIAS, reason: 'same-model-with-provider-prefix' }
        : byAlias;
    return capped.score > direct.score ? capped : direct;
  }
}

function canonicalNames(ids: readonly string[]): Map<string, string | null> {
  const names = new Map<string, string | null>();
  for (const id of ids) {
    const lower = id.toLowerCase();
    const slash = lower.indexOf('/');
    if (slash < 0) continue;
    const tail = lower.slice(slash + 1);
    names.set(tail, names.has(tail) && names.get(tail) !== lower ? null : lower);
  }
  // Whole ids last: one that looks like another's tail is still itself.
  for (const id of ids) names.set(id.toLowerCase(), id.toLowerCase());
  return names;
}
