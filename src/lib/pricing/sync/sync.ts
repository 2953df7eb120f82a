import { CatalogError, SOURCE_NAMES, type Catalog, type CatalogEntry, type SourceName } from './catalog.ts';
import { Matcher, type Candidate } from './match.ts';

/** How one source did. */
export interface SourceResult {
  readonly source: SourceName;
  /** Models with a price in its list. */
  readonly models: number;
  readonly skipped: number;
  readonly error?: string;
}

/** A name, and the entry that its price is taken from. */
export interface Pick {
  readonly model: string;
  readonly entry: CatalogEntry;
}

/** What a sync found out. Nothing is written yet. */
export interface SyncFindings {
  readonly picks: readonly Pick[];
  /** Requested names that no list has clearly, and what may be meant. */
  readonly candidates: ReadonlyArray<{ readonly model: string; readonly candidates: readonly Candidate[] }>;
  /** Requested names that no list has anything like. */
  readonly unmatched: readonly string[];
  /** Names whose price stays, because the source it came from could not be asked. */
  readonly preserved: readonly string[];
  /** In the order of asking; those that were not needed are left out. */
  readonly results: readonly SourceResult[];
}

export interface SyncRequest {
  /** Names to look for; null: take over every name that is clear. */
  readonly models: readonly string[] | null;
  /** Where synced prices that are there came from, by model. */
  readonly origins: ReadonlyMap<string, SourceName>;
  /** Fetches and reads the list of a source. Throws CatalogError. */
  readonly load: (source: SourceName) => Promise<Catalog>;
  readonly onSource?: (source: SourceName, state: 'asking' | SourceResult) => void;
}

/** Names to look for: trimmed, each once, in their order. */
export function wantedNames(models: readonly string[]): string[] {
  return [...new Set(models.map((model) => model.trim()).filter((model) => model !== ''))];
}

/**
 * Asks the sources in their order. A name is priced by the first that has it clearly; once all are, the others are not
 * asked. One that fails is passed over, and what came from it stays.
 */
export async function findPrices(request: SyncRequest): Promise<SyncFindings> {
  const wanted = request.models && wantedNames(request.models);
  const matchers: Matcher[] = [];
  const results: SourceResult[] = [];
  const failed = new Set<SourceName>();
  for (const source of SOURCE_NAMES) {
    if (wanted !== null && wanted.length > 0 && wanted.every((name) => pickOf(matchers, name) !== null))
      break;
    request.onSource?.(source, 'asking');
    const result = await load(request, source, matchers);
    if (result.error !== undefined) failed.add(source);
    results.push(result);
    request.onSource?.(source, result);
  }
  const names = wanted ?? allNames(matchers);
  const picks: Pick[] = [];
  const open: string[] = [];
  const preserved: string[] = [];
  for (const model of names) {
    const entry = pickOf(matchers, model);
    const origin = request.origins.get(model);
    if (origin !== undefined && failed.has(origin) && (entry === null || isBelow(entry.source, origin))) {
      preserved.push(model);
    } else if (entry !== null) picks.push({ model, entry });
    else open.push(model);
  }
  if (wanted === null) {
    const named = new Set(names);
    for (const [model, origin] of request.origins) {
      if (failed.has(origin) && !named.has(model)) preserved.push(model);
    }
    return { picks, candidates: [], unmatched: [], preserved, results };
  }
  const guesses = open.map((model) => ({
    model,
    candidates: matchers.flatMap((matcher) => matcher.candidates(model)),
  }));
  return {
    picks,
    candidates: guesses.filter(({ candidates }) => candidates.length > 0),
    unmatched: guesses.filter(({ candidates }) => candidates.length === 0).map(({ model }) => model),
    preserved,
    results,
  };
}

const isBelow = (source: SourceName, other: SourceName): boolean =>
  SOURCE_NAMES.indexOf(source) > SOURCE_NAMES.indexOf(other);

async function load(request: SyncRequest, source: SourceName, matchers: Matcher[]): Promise<SourceResult> {
  try {
    const catalog = await request.load(source);
    matchers.push(new Matcher(catalog));
    return { source, models: catalog.entries.length, skipped: catalog.skipped };
  } catch (error) {
    if (error instanceof CatalogError) return { source, models: 0, skipped: 0, error: error.message };
    throw error;
  }
}

function pickOf(matchers: readonly Matcher[], name: string): CatalogEntry | null {
  for (const matcher of matchers) {
    const match = matcher.match(name);
    if (match.kind === 'one') return match.entry;
  }
  return null;
}

/** Every name of every list, first the one whose price counts. */
function allNames(matchers: readonly Matcher[]): string[] {
  return [...new Set(matchers.flatMap((matcher) => matcher.names))];
}
