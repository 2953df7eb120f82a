import { AppError } from '../../lib/errors.ts';
import { clientKeyHash } from '../../lib/gateway/client-keys.ts';
import { changeAliases, readAliases, readSeenKeys } from '../../lib/store/alias-store.ts';
import { patiently } from '../../lib/store/patiently.ts';
import type { Db } from '../../lib/store/sqlite.ts';
import { foldAlias, keyHashOrNull, parseAlias } from '../../lib/usage/aliases.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { locateDatabase } from '../shared/locate.ts';
import { readSecret } from '../shared/secret-input.ts';
import { readCurrentKeys } from './current-keys.ts';

/** The beginning of a hash, at least so long. */
const BEGINNING = /^[0-9a-f]{6,63}$/i;

/** `cpamp aliases set`. */
export async function set(
  key: string,
  given: string,
  options: { takeOver?: true },
  context: CliContext,
): Promise<void> {
  const { clock, output, signal } = context;
  const alias = aliasOf(given);
  const handedOver = key === '-' ? clientKeyHash(await keyFromStdin(context)) : null;
  const active = options.takeOver ? await readCurrentKeys(locateDatabase(context), context) : null;
  await withDatabase(context, 'write', async ({ db }) => {
    const apiKeyHash = handedOver ?? hashOf(key, db);
    const item = { apiKeyHash, alias, updatedAtMs: clock.now() };
    await patiently(() => changeAliases(db, { kind: 'put', items: [item], active }, clock.now()), signal);
    await output.result(item, () => `${alias}  ${apiKeyHash}`);
  });
}

/** `cpamp aliases unset`: by the key, its hash, or its name. */
export async function unset(given: string, context: CliContext): Promise<void> {
  const { clock, output, signal } = context;
  const handedOver = given === '-' ? clientKeyHash(await keyFromStdin(context)) : null;
  await withDatabase(context, 'write', async ({ db }) => {
    const aliases = readAliases(db);
    const named = aliases.find(({ alias }) => foldAlias(alias) === foldAlias(given.trim()));
    const hash = handedOver ?? named?.apiKeyHash ?? hashOf(given, db);
    const removed = await patiently(() => changeAliases(db, { kind: 'remove', hash }, clock.now()), signal);
    if (!removed) throw new AppError('no_such_thing', { detail: `the key ${hash} has no name` });
    await output.result({ removed: hash }, () => `removed: ${hash}`);
  });
}

const keyFromStdin = (context: CliContext): Promise<string> =>
  readSecret(context, { flag: 'the key on', file: '-', question: 'Client key:' });

/** Over HTTP a bad name is a bad request; here it was typed wrongly. */
function aliasOf(given: string): string {
  try {
    return parseAlias(given);
  } catch (error) {
    throw new AppError('wrong_usage', { detail: 'a name has 1 to 120 characters', cause: error });
  }
}

/** A whole hash, or that of the only known key that begins so. What it was is not shown: it may be a key. */
function hashOf(given: string, db: Db): string {
  const whole = keyHashOrNull(given);
  if (whole !== null) return whole;
  if (!BEGINNING.test(given)) {
    throw new AppError('wrong_usage', {
      detail: 'this is no hash of a client key, and no name',
      hint: 'Give the SHA-256 of the key, or - and the key itself on standard input.',
    });
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
