import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';
import { AppError } from '../../errors.ts';
import type { StoredCatalog } from '../../store/price-rows.ts';
import { priceObjectFromCard, type PriceObject } from '../price-object.ts';
import type { PriceRow } from '../price-row.ts';
import {
  CatalogError,
  isSourceName,
  SOURCE_NAMES,
  type Catalog,
  type CatalogEntry,
  type SourceName,
} from './catalog.ts';
import { SourceClient } from './fetch.ts';
import type { Candidate } from './match.ts';
import { readCatalog } from './read-catalog.ts';
import type { Reason } from './similarity.ts';
import { findPrices, type SourceResult, type SyncFindings } from './sync.ts';

const squeeze = promisify(deflate);
const unsqueeze = promisify(inflate);

const URLS: Readonly<Record<SourceName, string>> = {
  'models.dev': 'https://models.dev/catalog.json',
  litellm: 'https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json',
  openrouter: 'https://openrouter.ai/api/v1/models',
};
/** More than any list unpacks to. */
const MOST_BYTES = 64 << 20;

/** An entry that may be meant by a name, with its price. */
export interface CandidatePrice {
  readonly source: SourceName;
  readonly sourceModelId: string;
  readonly score: number;
  readonly reason: Reason;
  readonly price: PriceObject;
}

/** What a sync found, ready to be saved. All of it is plain data: it crosses threads. */
export interface SyncReport {
  /** Synced rows to save. */
  readonly rows: readonly PriceRow[];
  /** Lists that were fetched and are to be kept. */
  readonly catalogs: readonly StoredCatalog[];
  /** The entry each priced name was found as. */
  readonly matched: ReadonlyMap<string, string>;
  readonly candidates: ReadonlyArray<{
    readonly model: string;
    readonly candidates: readonly CandidatePrice[];
  }>;
  readonly unmatched: readonly string[];
  readonly preserved: readonly string[];
  readonly sourceResults: readonly SourceResult[];
  readonly proxyUsed: boolean;
}

/** What of the database a sync has to know. */
export interface SyncState {
  /** The source of each synced price. */
  readonly origins: ReadonlyMap<string, SourceName>;
  readonly catalogs: readonly StoredCatalog[];
}

export interface SyncOptions extends SyncState {
  /** Names to look for; null: every name that is clear. */
  readonly models: readonly string[] | null;
  /** Where to fetch a list instead of where it comes from. */
  readonly mirrors: ReadonlyMap<SourceName, string>;
  readonly nowMs: number;
  /** Of the proxy. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly onSource?: (source: SourceName, state: 'asking' | SourceResult) => void;
}

/**
 * Asks the sources and matches names in their lists. A source that fails is in the report; nothing is thrown for it, not
 * even when all fail ({@link refuseEmpty} does). Rejects with the signal's reason.
 */
export async function syncPrices(options: SyncOptions): Promise<SyncReport> {
  const fetched: StoredCatalog[] = [];
  let client: SourceClient;
  try {
    client = new SourceClient(options.env);
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error;
    throw new AppError('model_price_sync_failed', { detail: error.message, cause: error });
  }
  try {
    const findings = await findPrices({
      models: options.models,
      origins: options.origins,
      load: async (source) => {
        options.signal?.throwIfAborted();
        const loaded = await load(client, source, options);
        if (loaded.fetched !== null) fetched.push(loaded.fetched);
        return loaded.catalog;
      },
      ...(options.onSource && { onSource: options.onSource }),
    });
    options.signal?.throwIfAborted();
    return reportOf(findings, fetched, client.proxied, options.nowMs);
  } finally {
    await client.close();
  }
}

/** The same with lists that are there already, such as those of a file. Nothing is fetched or kept. */
export async function matchPrices(
  catalogs: readonly Catalog[],
  options: Pick<SyncOptions, 'models' | 'nowMs'>,
): Promise<SyncReport> {
  const findings = await findPrices({
    models: options.models,
    origins: new Map(),
    load: (source) => {
      const catalog = catalogs.find((each) => each.source === source);
      return catalog ? Promise.resolve(catalog) : Promise.reject(new CatalogError('there is no list of it'));
    },
  });
  const results = findings.results.filter(({ source }) => catalogs.some((each) => each.source === source));
  return reportOf({ ...findings, results }, [], false, options.nowMs);
}

/** The lists that were fetched last, read; one that cannot be read any more is left out. */
export async function readKept(catalogs: readonly StoredCatalog[]): Promise<Catalog[]> {
  const read = await Promise.all(
    catalogs.map(async ({ source, body }) => {
      if (!isSourceName(source)) return [];
      try {
        return [readCatalog(source, await textOf(body))];
      } catch {
        return [];
      }
    }),
  );
  return SOURCE_NAMES.flatMap((name) => read.flat().filter(({ source }) => source === name));
}

/** Throws `model_price_sync_failed` when no source answered. */
export function refuseEmpty({ sourceResults }: Pick<SyncReport, 'sourceResults'>): void {
  if (sourceResults.some(({ error }) => error === undefined)) return;
  throw new NothingAnswered(sourceResults.map(({ source, error }) => `${source}: ${error ?? ''}`).join('; '));
}

/** Its message is known to older clients to the letter. */
class NothingAnswered extends AppError {
  constructor(reasons: string) {
    super('model_price_sync_failed');
    this.message = `model price sync failed; existing prices were not changed: ${reasons}`;
  }
}

interface Loaded {
  readonly catalog: Catalog;
  readonly fetched: StoredCatalog | null;
}

async function load(client: SourceClient, source: SourceName, options: SyncOptions): Promise<Loaded> {
  const kept = options.catalogs.find((each) => each.source === source);
  const url = options.mirrors.get(source) ?? URLS[source];
  const answer = await client.get(url, { etag: kept?.etag ?? '', signal: options.signal });
  if (answer.kind === 'body') return fresh(source, answer, options.nowMs);
  try {
    return { catalog: readCatalog(source, await textOf(kept?.body ?? new Uint8Array())), fetched: null };
  } catch {
    // What was kept is damaged: it is fetched anew.
    const again = await client.get(url, { etag: '', signal: options.signal });
    if (again.kind === 'body') return fresh(source, again, options.nowMs);
    throw new CatalogError('it answered 304 without being asked');
  }
}

async function fresh(
  source: SourceName,
  answer: { text: string; etag: string },
  nowMs: number,
): Promise<Loaded> {
  const catalog = readCatalog(source, answer.text);
  const body = await squeeze(answer.text);
  return { catalog, fetched: { source, etag: answer.etag, fetchedAtMs: nowMs, body } };
}

async function textOf(body: Uint8Array): Promise<string> {
  return (await unsqueeze(body, { maxOutputLength: MOST_BYTES })).toString('utf8');
}

function reportOf(
  findings: SyncFindings,
  catalogs: readonly StoredCatalog[],
  proxyUsed: boolean,
  nowMs: number,
): SyncReport {
  return {
    rows: findings.picks.map(({ model, entry }) => rowOf(model, entry, nowMs)),
    catalogs,
    matched: new Map(findings.picks.map(({ model, entry }) => [model, entry.id])),
    candidates: findings.candidates.map(({ model, candidates }) => ({
      model,
      candidates: candidates.map((candidate) => candidatePrice(model, candidate, nowMs)),
    })),
    unmatched: findings.unmatched,
    preserved: findings.preserved,
    sourceResults: findings.results,
    proxyUsed,
  };
}

/** The row that saves the price of an entry under a name. */
export function rowOf(model: string, entry: CatalogEntry, nowMs: number): PriceRow {
  return {
    card: {
      model,
      source: 'synced',
      origin: `${entry.source}:${entry.id}`,
      rates: entry.rates,
      contextTiers: entry.contextTiers,
      serviceTiers: entry.serviceTiers,
    },
    rawJson: entry.rawJson,
    updatedAtMs: nowMs,
    syncedAtMs: nowMs,
  };
}

function candidatePrice(model: string, { entry, score, reason }: Candidate, nowMs: number): CandidatePrice {
  const { card, rawJson } = rowOf(model, entry, nowMs);
  const price = {
    ...priceObjectFromCard(card),
    ...(rawJson !== '' && { rawJson }),
    updatedAtMs: nowMs,
    syncedAtMs: nowMs,
  };
  return { source: entry.source, sourceModelId: entry.id, score, reason, price };
}
