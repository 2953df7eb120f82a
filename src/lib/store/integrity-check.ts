import { AppError } from '../errors.ts';
import type { IntegrityAnswer } from './integrity.ts';
import { openDatabase } from './open.ts';
import { guarded, toStoreError } from './sqlite.ts';
import { packError } from './writer-protocol.ts';

/** A few say enough: a damaged page makes hundreds of them. */
const MOST_PROBLEMS = 20;

/** The process of an integrity check: it reads the file, answers once, and ends. */
function check(path: string, full: boolean): IntegrityAnswer {
  try {
    const db = openDatabase(path, { mode: 'read', busyTimeoutMs: 250 });
    try {
      const pragma = full ? 'integrity_check' : 'quick_check';
      const rows = guarded(() => db.prepare<[], string>(`PRAGMA ${pragma}(${MOST_PROBLEMS})`).pluck().all());
      const problems = rows.filter((row) => row !== 'ok').map((row) => row.replace(/\s+/g, ' ').trim());
      return { problems };
    } finally {
      db.close();
    }
  } catch (error) {
    const known = error instanceof AppError ? error : toStoreError(error);
    // So damaged that not even the check gets through it.
    if (/SQLITE_CORRUPT/.test(known.message)) return { problems: ['its pages do not fit together'] };
    return { error: packError(known) };
  }
}

const [path = '', how = ''] = process.argv.slice(2);
process.send?.(check(path, how === 'full'), () => process.disconnect());
