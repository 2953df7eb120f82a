import { MIGRATIONS } from './migrations/index.ts';
import type { Db } from './sqlite.ts';

/** Brings the schema to the newest version, each step in a transaction of its own. Safe beside other processes. */
export function migrate(db: Db): void {
  for (const [index, statements] of MIGRATIONS.entries()) {
    const version = index + 1;
    const step = db.transaction(() => {
      // Read inside the transaction: another process may have done this step while we waited for the lock.
      if (Number(db.pragma('user_version', { simple: true })) >= version) return;
      db.exec(statements);
      db.pragma(`user_version = ${version}`);
    });
    if (Number(db.pragma('user_version', { simple: true })) < version) step.immediate();
  }
}
