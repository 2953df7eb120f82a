import { analyticsModel } from '../../pricing/model-names.ts';
import type { Db } from '../sqlite.ts';
import type { Steps } from './index.ts';

/** Rows of a dimension that one step looks at. */
const STEP_ROWS = 1000;

/** Ids of the rows that match; `blank`: so do events without a row of this dimension. */
export interface DimensionMatch {
  readonly ids: readonly number[];
  readonly blank: boolean;
}

type Texts = Readonly<Record<string, string>>;

/** The rows of a table with an id above `after` whose columns match, in steps. */
export function* matchingIds(
  db: Db,
  table: string,
  columns: readonly string[],
  matches: (texts: Texts) => boolean,
  after = 0,
): Steps<{ ids: number[]; upTo: number }> {
  const read = db.prepare<[number], { id: number } & Record<string, unknown>>(
    `SELECT id, ${columns.join(', ')} FROM ${table} WHERE id > ? ORDER BY id LIMIT ${STEP_ROWS}`,
  );
  const ids: number[] = [];
  let upTo = after;
  for (;;) {
    const rows = read.all(upTo);
    for (const row of rows) {
      const texts: Record<string, string> = {};
      for (const column of columns) texts[column] = String(row[column]);
      if (matches(texts)) ids.push(row.id);
      upTo = row.id;
    }
    if (rows.length < STEP_ROWS) return { ids, upTo };
    yield;
  }
}

/** Ids of the models that people mean by one of these names, with or without a thinking suffix. */
export function* modelIds(db: Db, names: readonly string[]): Steps<readonly number[]> {
  const exact = new Set(names);
  const meant = new Set(names.map(analyticsModel));
  const { ids } = yield* matchingIds(
    db,
    'model',
    ['name', 'requested'],
    ({ name = '', requested = '' }) =>
      exact.has(name) || meant.has(analyticsModel(requested === '' ? name : requested)),
  );
  return ids;
}

/** Ids of the providers of one of these names, upper or lower case. */
export function* providerIds(db: Db, names: readonly string[]): Steps<readonly number[]> {
  const wanted = new Set(names.map(folded));
  const { ids } = yield* matchingIds(db, 'provider', ['name'], ({ name = '' }) => wanted.has(folded(name)));
  return ids;
}

/** Ids of the credentials of which one of the columns is one of these values, upper or lower case. */
export function* credentialIds(
  db: Db,
  columns: readonly string[],
  values: readonly string[],
): Steps<readonly number[]> {
  const wanted = new Set(values.map(folded));
  const { ids } = yield* matchingIds(db, 'credential', columns, (texts) =>
    columns.some((column) => wanted.has(folded(texts[column] ?? ''))),
  );
  return ids;
}

/** Ids of the credentials with one of these auth indexes; `-` means none. */
export function* authIndexIds(db: Db, values: readonly string[]): Steps<DimensionMatch> {
  const wanted = new Set(values);
  const blank = wanted.has('-');
  const { ids } = yield* matchingIds(
    db,
    'credential',
    ['auth_index'],
    ({ auth_index: index = '' }) => wanted.has(index) || (blank && index === ''),
  );
  return { ids, blank };
}

export function* clientKeyIds(db: Db, hashes: readonly string[]): Steps<readonly number[]> {
  const wanted = new Set(hashes.map(folded));
  const { ids } = yield* matchingIds(db, 'client_key', ['hash'], ({ hash = '' }) => wanted.has(folded(hash)));
  return ids;
}

export const folded = (text: string): string => text.toLowerCase();
