import { AppError } from '../../src/lib/errors.ts';
import { acquireLock } from '../../src/lib/lock.ts';

// Takes the lock named on its command line, says how that went, and keeps it until it is killed.
try {
  await acquireLock(process.argv[2] ?? '', 'serve', Date.UTC(2026, 10, 21, 12));
  process.stdout.write('held\n');
  process.stdin.resume();
} catch (error) {
  process.stdout.write(`refused ${error instanceof AppError ? error.code : ''} ${String(error)}\n`);
}
