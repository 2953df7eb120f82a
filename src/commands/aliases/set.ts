import { AppError } from '../../lib/errors.ts';
import { clientKeyHash } from '../../lib/gateway/client-keys.ts';
import { changeAliases } from '../../lib/store/alias-store.ts';
import { patiently } from '../../lib/store/patiently.ts';
import { parseAlias } from '../../lib/usage/aliases.ts';
import { hashOfKey, hashOfNamedKey } from '../shared/client-key.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { locateDatabase } from '../shared/locate.ts';
import { readSecret } from '../shared/secret-input.ts';
import { readCurrentKeys } from './current-keys.ts';

const KEY_HINT = 'Give the SHA-256 of the key, or - and the key itself on standard input.';

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
    const apiKeyHash = handedOver ?? hashOfKey(db, key, KEY_HINT);
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
    const hash = handedOver ?? hashOfNamedKey(db, given, KEY_HINT);
    const removed = await patiently(() => changeAliases(db, { kind: 'remove', hash }, clock.now()), signal);
    if (!removed) throw new AppError('no_such_thing', { detail: `the key ${hash} has no name` });
    await output.result({ removed: hash }, () => `removed: ${hash}`);
  });
}

const keyFromStdin = (context: CliContext): Promise<string> =>
  readSecret(context, { flag: '', file: '-', question: '' });

/** Over HTTP a bad name is a bad request; here it was typed wrongly. */
function aliasOf(given: string): string {
  try {
    return parseAlias(given);
  } catch (error) {
    throw new AppError('wrong_usage', { detail: 'a name has 1 to 120 characters', cause: error });
  }
}
