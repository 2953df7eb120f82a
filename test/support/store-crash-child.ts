/**
 * Commits frame after frame of a fixed stream of records from where the database stands, as the daemon does after a
 * restart. Says `<seq>` on stdout before each commit, so that its parent can kill it in the middle of one.
 */
import { openDatabase } from '../../src/lib/store/open.ts';
import { readPosition } from '../../src/lib/store/state-store.ts';
import { CRASH_FRAMES, crashFrame } from './store-crash-frames.ts';
import { storeCore } from './store-harness.ts';

const db = openDatabase(process.argv[2] ?? '', { mode: 'write' });
const core = storeCore(db);
const start = (readPosition(db)?.seq ?? -1) + 1;
for (let seq = start; seq < CRASH_FRAMES; seq += 1) {
  const records = crashFrame(seq);
  process.stdout.write(`${seq}\n`);
  core.commit(records, { segment: 'crash', seq });
  if (seq % 7 === 0) db.pragma('wal_checkpoint(PASSIVE)');
}
db.close();
