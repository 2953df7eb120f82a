import type { PriceRow } from '../pricing/price-row.ts';
import { foldAlias, type KeyAlias } from '../usage/aliases.ts';
import { changeAliases, readAliases } from './alias-store.ts';
import { openDatabase } from './open.ts';
import { PriceRows, readPriceRows } from './price-rows.ts';
import { Revisions } from './revisions.ts';
import { guarded, type Db } from './sqlite.ts';
import { saveSettings } from './state-store.ts';

/** What an old volume brings besides events. */
export interface CarriedOver {
  /** Rows of `settings`. */
  readonly settings: ReadonlyMap<string, string>;
  /** Rows of `settings` that belong together: if any of them is here already, all of them stay as they are. */
  readonly together: ReadonlyArray<readonly string[]>;
  readonly prices: readonly PriceRow[];
  readonly aliases: readonly KeyAlias[];
}

/** A person waits, and a daemon may be writing. */
const BUSY_MS = 5_000;

/**
 * Puts into a database what it does not have yet; what it has stays. The database is made if need be. All or nothing, and
 * a second time changes nothing. Throws AppError.
 */
export function carryInto(dbPath: string, carried: CarriedOver, nowMs: number): void {
  const db = openDatabase(dbPath, { mode: 'write', busyTimeoutMs: BUSY_MS });
  try {
    guarded(() => db.transaction(() => carry(db, carried, nowMs)).immediate());
  } finally {
    db.close();
  }
}

/** Those of these rows of `settings` that are here. */
export function settingsHere(db: Db, keys: readonly string[]): ReadonlySet<string> {
  const find = db.prepare<[string], number>('SELECT 1 FROM settings WHERE key = ?').pluck();
  return new Set(keys.filter((key) => find.get(key) !== undefined));
}

function carry(db: Db, { settings, together, prices, aliases }: CarriedOver, nowMs: number): void {
  const revisions = new Revisions(db);
  const missing = missingSettings(db, settings, together);
  if (missing.size > 0) {
    saveSettings(db, missing, nowMs);
    revisions.raise('settings', nowMs);
  }
  const priced = new Set(readPriceRows(db).map(({ card }) => card.model));
  const added = prices.filter(({ card }) => !priced.has(card.model));
  if (added.length > 0) {
    const rows = new PriceRows(db);
    for (const row of added) rows.put(row);
    revisions.raise('prices', nowMs);
  }
  const items = freeAliases(readAliases(db), aliases);
  changeAliases(db, { kind: 'put', items, active: null }, nowMs);
}

function missingSettings(
  db: Db,
  settings: ReadonlyMap<string, string>,
  together: ReadonlyArray<readonly string[]>,
): Map<string, string> {
  const here = settingsHere(db, [...settings.keys(), ...together.flat()]);
  const kept = new Set(together.filter((keys) => keys.some((key) => here.has(key))).flat());
  return new Map([...settings].filter(([key]) => !kept.has(key) && !here.has(key)));
}

/** Those whose key has no name yet, and whose name no other key has. */
function freeAliases(here: readonly KeyAlias[], brought: readonly KeyAlias[]): KeyAlias[] {
  const keys = new Set(here.map(({ apiKeyHash }) => apiKeyHash));
  const names = new Set(here.map(({ alias }) => foldAlias(alias)));
  return brought.filter(({ apiKeyHash, alias }) => {
    const name = foldAlias(alias);
    if (keys.has(apiKeyHash) || names.has(name)) return false;
    keys.add(apiKeyHash);
    names.add(name);
    return true;
  });
}
