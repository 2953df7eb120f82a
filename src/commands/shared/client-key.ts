import { AppError } from '../../lib/errors.ts';
import { readAliases, readSeenKeys } from '../../lib/store/alias-store.ts';
import type { Db } from '../../lib/store/sqlite.ts';
import { foldAlias, keyHashOrNull } from '../../lib/usage/aliases.ts';

/** The beginning of a hash, at least so long. */
const BEGINNING = /^[0-9a-f]{6,63}$/i;

/**
 * The hash of a client key: given whole, or by how it begins, where only one known key's does. Throws `wrong_usage` and
 * `no_such_thing`; what was given is not shown where it may be a key.
 */
export function hashOfKey(db: Db, given: string, hint: string): string {
  const whole = keyHashOrNull(given);
  if (whole !== null) return whole;
  if (!BEGINNING.test(given)) {
    throw new AppError('wrong_usage', { detail: 'this is no hash of a client key, and no name', hint });
  }
  const known = new Set([...readSeenKeys(db), ...readAliases(db).map(({ apiKeyHash }) => apiKeyHash)]);
  const found = [...known].filter((hash) => hash.startsWith(given.toLowerCase()));
  const [first, second] = found;
  if (first === undefined)
    throw new AppError('no_such_thing', { detail: `no known key has a hash that begins with ${given}` });
  if (second !== undefined) {
    throw new AppError('wrong_usage', {
      detail: `${found.length} keys have a hash that begins with ${given}`,
    });
  }
  return first;
}

/** The same, and by its name, which counts more. */
export function hashOfNamedKey(db: Db, given: string, hint: string): string {
  const folded = foldAlias(given.trim());
  const named = readAliases(db).find(({ alias }) => foldAlias(alias) === folded);
  return named?.apiKeyHash ?? hashOfKey(db, given, hint);
}
