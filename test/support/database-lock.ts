import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const HOLDER = new URL('./hold-database.ts', import.meta.url).pathname;

/**
 * Locks the database of a data directory against writing, from another process; with `alone` against reading too, which
 * takes that nobody else has it open. Answers how to let go.
 */
export async function lockDatabase(
  t: TestContext,
  dataDir: string,
  way: 'writing' | 'alone' = 'writing',
): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [HOLDER, join(dataDir, 'usage.sqlite'), way], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return async () => {
    const exit = once(child, 'exit');
    child.stdin.end();
    await exit;
  };
}
