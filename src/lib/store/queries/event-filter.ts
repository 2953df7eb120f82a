import type { Condition } from '../id-prefix.ts';
import type { Db } from '../sqlite.ts';
import { authIndexIds, clientKeyIds, credentialIds, modelIds, providerIds } from './dimension-ids.ts';
import type { Steps } from './index.ts';
import { searchCondition } from './search.ts';

/** Which events: each field narrows, and null, `''` and empty lists do not. Of a list any value will do. */
export interface EventFilter {
  /** Epoch ms, inclusive. */
  readonly fromMs: number | null;
  /** Epoch ms, exclusive. */
  readonly toMs: number | null;
  readonly models: readonly string[];
  /** Names of providers, those of the records and those of the credentials. */
  readonly providers: readonly string[];
  /** Accounts, labels, sources or auth indexes. */
  readonly accounts: readonly string[];
  /** The same and names of auth files: whatever a credential is known by. */
  readonly credentials?: readonly string[];
  readonly authIndexes: readonly string[];
  readonly apiKeyHashes: readonly string[];
  readonly failed: boolean | null;
  readonly search: string;
}

export const EVERY_EVENT: EventFilter = {
  fromMs: null,
  toMs: null,
  models: [],
  providers: [],
  accounts: [],
  authIndexes: [],
  apiKeyHashes: [],
  failed: null,
  search: '',
};

const ACCOUNT_COLUMNS = ['account', 'label', 'source', 'auth_index'];
const CREDENTIAL_COLUMNS = [...ACCOUNT_COLUMNS, 'file'];

/** The conditions on `e` (event) that a filter asks for besides its times; null: no event can meet them. */
export function* filterConditions(db: Db, filter: EventFilter): Steps<Condition[] | null> {
  const { models, providers, accounts, credentials = [], authIndexes, apiKeyHashes, failed, search } = filter;
  const all: Condition[] = [];
  if (failed !== null) all.push({ sql: `e.failed = ${failed ? 1 : 0}`, params: [] });
  if (models.length > 0) all.push(anyOf(oneOf('e.model_id', yield* modelIds(db, models))));
  if (providers.length > 0) {
    all.push(
      anyOf(
        oneOf('e.provider_id', yield* providerIds(db, providers)),
        oneOf('e.credential_id', yield* credentialIds(db, ['auth_provider'], providers)),
      ),
    );
  }
  if (accounts.length > 0) {
    all.push(anyOf(oneOf('e.credential_id', yield* credentialIds(db, ACCOUNT_COLUMNS, accounts))));
  }
  if (credentials.length > 0) {
    all.push(anyOf(oneOf('e.credential_id', yield* credentialIds(db, CREDENTIAL_COLUMNS, credentials))));
  }
  if (authIndexes.length > 0) {
    const { ids, blank } = yield* authIndexIds(db, authIndexes);
    all.push(
      anyOf(oneOf('e.credential_id', ids), blank ? { sql: 'e.credential_id IS NULL', params: [] } : null),
    );
  }
  if (apiKeyHashes.length > 0) {
    all.push(anyOf(oneOf('e.client_key_id', yield* clientKeyIds(db, apiKeyHashes))));
  }
  if (search !== '') all.push((yield* searchCondition(db, search)) ?? NOTHING);
  return all.includes(NOTHING) ? null : all;
}

const NOTHING: Condition = { sql: '0', params: [] };

function oneOf(column: string, ids: readonly number[]): Condition | null {
  if (ids.length === 0) return null;
  return { sql: `${column} IN (SELECT value FROM json_each(?))`, params: [JSON.stringify(ids)] };
}

function anyOf(...conditions: ReadonlyArray<Condition | null>): Condition {
  const some = conditions.filter((condition) => condition !== null);
  if (some.length === 0) return NOTHING;
  return {
    sql: `(${some.map(({ sql }) => sql).join(' OR ')})`,
    params: some.flatMap(({ params }) => params),
  };
}
