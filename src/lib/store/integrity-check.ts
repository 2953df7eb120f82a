import { AppError } from '../errors.ts';
import type { IntegrityAnswer } from './integrity.ts';
import { openDatabase } from './open.ts';
import { toStoreError } from './sqlite.ts';
import { packError } from './writer-protocol.ts';

/** A few say enough: a damaged page makes hundreds of them. */
const MOST_PROBLEMS = 20;

/** The process of an integrity check: it reads the file, answers once, and ends. */
function check(path: string, full: boolean): IntegrityAnswer {
  const problems: string[] = [];
  try {
    const db = openDatabase(path, { mode: 'read', busyTimeoutMs: 250 });
    try {
      const pragma = full ? 'integrity_check' : 'quick_check';
      const rows = db.prepare<[], string>(`PRAGMA ${pragma}(${MOST_PROBLEMS})`).pluck();
      // One by one: in a file that is damaged enough it fails after it has named some.
      for (const row of rows.iterate()) if (row !== 'ok') problems.push(tidy(row));
      return { problems };
    } finally {
      db.close();
    }
  } catch (error) {
    if (problems.length > 0) return { problems };
    const known = error instanceof AppError ? error : toStoreError(error);
    if (/SQLITE_CORRUPT/.test(known.message)) return { problems: ['its pages do not fit together'] };
    return { error: packError(known) };
  }
}

/** `*** in database main ***` stands before the first. */
function tidy(row: string): string {
  return row
    .replace(/^\*{3}.*?\*{3}/, '')
    .replace(/\s+/g, ' ')
    .trim();
}

const [path = '', how = ''] = process.argv.slice(2);
process.send?.(check(path, how === 'full'), () => process.disconnect());
