import { analyticsModel } from '../pricing/model-names.ts';
import { readAliases, readSeenKeys } from './alias-store.ts';
import type { Db } from './sqlite.ts';

/** What a command line can name out of the database. */
export const NAME_KINDS = ['models', 'providers', 'credentials', 'keys'] as const;
export type NameKind = (typeof NAME_KINDS)[number];

/** Digits of a hash that stand for a key without a name. */
const HASH_DIGITS = 12;

const READ: Readonly<Record<NameKind, (db: Db) => readonly string[]>> = {
  models: (db) =>
    texts(db, `SELECT name FROM model UNION SELECT requested FROM model WHERE requested <> ''`).flatMap(
      (name) => [name, analyticsModel(name)],
    ),
  providers: (db) => texts(db, 'SELECT name FROM provider UNION SELECT auth_provider FROM credential'),
  credentials: (db) =>
    texts(
      db,
      `SELECT account FROM credential UNION SELECT label FROM credential UNION SELECT file FROM credential
       UNION SELECT source FROM credential UNION SELECT auth_index FROM credential`,
    ),
  keys: (db) => {
    const aliases = readAliases(db);
    const named = new Set(aliases.map(({ apiKeyHash }) => apiKeyHash));
    return [
      ...aliases.map(({ alias }) => alias),
      ...readSeenKeys(db)
        .filter((hash) => !named.has(hash))
        .map((hash) => hash.slice(0, HASH_DIGITS)),
    ];
  },
};

/** Names of a kind that begin so, as filters take them, sorted and each once. They come from outside: they may hold anything. */
export function readNames(db: Db, kind: NameKind, prefix: string): string[] {
  const found = READ[kind](db).filter((name) => name !== '' && name.startsWith(prefix));
  return [...new Set(found)].sort();
}

function texts(db: Db, sql: string): string[] {
  return db.prepare<[], string>(sql).pluck().all();
}
