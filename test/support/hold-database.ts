import Database from 'better-sqlite3';

// Holds a write lock on the database named on the command line until its input ends. Says so when it has it.
const db = new Database(process.argv[2] ?? '', { timeout: 60_000, fileMustExist: true });
db.exec('BEGIN IMMEDIATE');
process.stdout.write('held\n');
process.stdin.resume().on('end', () => {
  db.exec('ROLLBACK');
  db.close();
});
