import Database from 'better-sqlite3';

// Holds a lock on the database named on the command line until its input ends: against writing, with `alone` behind it
// against reading too. Says so when it has it.
const db = new Database(process.argv[2] ?? '', { timeout: 60_000, fileMustExist: true });
if (process.argv[3] === 'alone') db.pragma('locking_mode = EXCLUSIVE');
db.exec('BEGIN IMMEDIATE');
process.stdout.write('held\n');
process.stdin.resume().on('end', () => {
  db.exec('ROLLBACK');
  db.close();
});
