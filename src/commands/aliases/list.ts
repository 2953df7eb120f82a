import { readAliases, readSeenKeys } from '../../lib/store/alias-store.ts';
import type { CliContext } from '../shared/context.ts';
import { withDatabase } from '../shared/database.ts';
import { formatInstant } from '../shared/format.ts';
import { formatTable } from '../shared/tables.ts';

/** `cpamp aliases list`. */
export async function list({ all }: { all?: true }, context: CliContext): Promise<void> {
  const { items, unnamed } = await withDatabase(context, 'read', ({ db }) => {
    const aliases = readAliases(db);
    const named = new Set(aliases.map(({ apiKeyHash }) => apiKeyHash));
    return { items: aliases, unnamed: all ? readSeenKeys(db).filter((hash) => !named.has(hash)) : [] };
  });
  await context.output.result({ items, ...(all && { unnamed }) }, () =>
    items.length + unnamed.length === 0
      ? 'no client key has a name'
      : formatTable(
          [{ title: 'ALIAS' }, { title: 'KEY HASH' }, { title: 'SET' }],
          [
            ...items.map(({ alias, apiKeyHash, updatedAtMs }) => [
              alias,
              apiKeyHash,
              formatInstant(updatedAtMs),
            ]),
            ...unnamed.map((hash) => ['-', hash, '']),
          ],
        ),
  );
}
