import Database from 'better-sqlite3';

// Has the database named on the command line open, as the old programs have it, until it is killed. In WAL mode it
// also stores a row first, which stays in the log.
const [, , dbPath = '', hold = 'wal'] = process.argv;
const db = new Database(dbPath);
if (hold === 'wal') {
  db.exec("INSERT INTO dead_letter_events (payload, error, created_at_ms) VALUES ('here', 'still', 1)");
} else if (hold === 'rollback-reading') {
  db.exec('BEGIN');
  db.prepare('SELECT count(*) FROM dead_letter_events').get();
} else {
  db.prepare('SELECT count(*) FROM dead_letter_events').get();
}
process.stdout.write('open\n');
// Named in a handler, so that it is not collected, which would close it.
process.stdin.resume().on('end', () => db.close());
