import { AppError } from '../errors.ts';
import { foldAlias, type KeyAlias } from '../usage/aliases.ts';
import { Revisions } from './revisions.ts';
import { guarded, type Db } from './sqlite.ts';

/** One change of the aliases, done whole or not at all. */
export type AliasChange =
  | {
      readonly kind: 'put';
      readonly items: readonly KeyAlias[];
      /**
       * Hashes of the keys that the gateway has now. The name of a key that is not among them is free to be taken;
       * null: no name is.
       */
      readonly active: readonly string[] | null;
    }
  | { readonly kind: 'remove'; readonly hash: string };

/** By name, upper and lower case alike, then by hash. */
export function readAliases(db: Db): KeyAlias[] {
  return db
    .prepare<[], KeyAlias>(
      `SELECT hash AS apiKeyHash, alias, updated_at_ms AS updatedAtMs FROM client_key_alias
       ORDER BY alias COLLATE NOCASE, hash`,
    )
    .all();
}

/**
 * Changes the aliases in one transaction. Answers whether anything changed. Throws `api_key_alias_duplicate` when two keys
 * would have the same name, and what the store throws.
 */
export function changeAliases(db: Db, change: AliasChange, nowMs: number): boolean {
  return guarded(() => db.transaction(() => apply(db, change, nowMs)).immediate());
}

function apply(db: Db, change: AliasChange, nowMs: number): boolean {
  const remove = db.prepare<[string]>('DELETE FROM client_key_alias WHERE hash = ?');
  if (change.kind === 'remove') {
    const removed = remove.run(change.hash).changes > 0;
    if (removed) new Revisions(db).raise('aliases', nowMs);
    return removed;
  }
  const { items, active } = change;
  if (items.length === 0) return false;
  // What is named anew gives its name free first, so that two keys can swap theirs.
  for (const { apiKeyHash } of items) remove.run(apiKeyHash);
  const owner = db.prepare<[string], string>('SELECT hash FROM client_key_alias WHERE folded = ?').pluck();
  const add = db.prepare<[string, string, string, number]>(
    'INSERT INTO client_key_alias (hash, alias, folded, updated_at_ms) VALUES (?, ?, ?, ?)',
  );
  const known = new Set(active);
  const submitted = new Set(items.map(({ apiKeyHash }) => apiKeyHash));
  for (const { apiKeyHash, alias, updatedAtMs } of items) {
    const folded = foldAlias(alias);
    const other = owner.get(folded);
    if (other !== undefined && other !== apiKeyHash) {
      const orphan = known.size > 0 && !known.has(other) && !submitted.has(other);
      if (!orphan) throw new AppError('api_key_alias_duplicate', { detail: alias });
      remove.run(other);
    }
    remove.run(apiKeyHash);
    add.run(apiKeyHash, alias, folded, updatedAtMs);
  }
  new Revisions(db).raise('aliases', nowMs);
  return true;
}

/** Hashes of all keys seen in traffic, those that came last first. */
export function readSeenKeys(db: Db): string[] {
  return db.prepare<[], string>('SELECT hash FROM client_key ORDER BY id DESC').pluck().all();
}
