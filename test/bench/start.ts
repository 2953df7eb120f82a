/**
 * How long a start takes on a database of some size, until the port is open and until the first full status.
 *
 *     npm run build && node test/bench/store-size.ts --keep DIR && node test/bench/start.ts --dir DIR [--runs 5]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { dir: { type: 'string' }, runs: { type: 'string', default: '5' } },
});
if (values.dir === undefined) throw new Error('--dir DIR is needed');

const ADMIN_KEY = 'cmp_admin_key-of-the-benchmark-000000000';
const root = new URL('../../', import.meta.url).pathname;

async function start(
  dir: string,
): Promise<{ portMs: number; statusMs: number; events: number; rssMiB: number }> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['dist/bin/cpamp.js', 'serve', '--log-format', 'json'], {
    cwd: root,
    env: { ...process.env, USAGE_DATA_DIR: dir, HTTP_ADDR: '127.0.0.1:0', CPA_MANAGER_ADMIN_KEY: ADMIN_KEY },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the daemon ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = JSON.parse(line) as { event?: string; url?: string };
      if (entry.event === 'listening' && entry.url !== undefined) resolve(entry.url);
    });
  });
  const portMs = performance.now() - begun;
  for (;;) {
    const answer = await fetch(`${url}/status`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    if (answer.ok) {
      const status = (await answer.json()) as { eventCount: number; runtime: { rssBytes: number } };
      const statusMs = performance.now() - begun;
      child.removeAllListeners('exit');
      child.kill('SIGTERM');
      await once(child, 'exit');
      const rssMiB = Math.round(status.runtime.rssBytes / 2 ** 20);
      return {
        portMs: Math.round(portMs),
        statusMs: Math.round(statusMs),
        events: status.eventCount,
        rssMiB,
      };
    }
    await sleep(5);
  }
}

for (let run = 0; run < Number(values.runs); run += 1) {
  process.stdout.write(`${JSON.stringify(await start(values.dir))}\n`);
}
