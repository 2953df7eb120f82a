/**
 * How long a start on the volume of an older program takes until its port is open, until the first full status (everything
 * is moved and collection has begun), and until all of it is copied and compared.
 *
 *     npm run build && node test/bench/takeover-start.ts [--events 1000000] [--dir DIR] [--runs 3]
 *
 * `--dir`: where the volume is made, or was by an earlier run; it stays. Each run works on a copy beside it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { makeOldVolume } from '../support/old-volumes/make.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    dir: { type: 'string' },
    runs: { type: 'string', default: '3' },
    /** Ends each run once the port is open and the status there. */
    'only-start': { type: 'boolean', default: false },
  },
});

const ADMIN_KEY = 'cmp_admin_key-of-the-benchmark-000000000';
const root = new URL('../../', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'cpamp-bench-'));

interface Answer {
  readonly eventCount: number;
  readonly takeover: { readonly state: string } | null;
}

async function run(volume: string): Promise<object> {
  const dataDir = join(scratch, 'run');
  spawnSync('cp', ['-r', '--reflink=auto', volume, dataDir]);
  const begun = performance.now();
  const child = spawn(process.execPath, ['dist/bin/cpamp.js', 'serve', '--log-format', 'json'], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      USAGE_DATA_DIR: dataDir,
      HTTP_ADDR: '127.0.0.1:0',
      CPA_MANAGER_ADMIN_KEY: ADMIN_KEY,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const since = (): number => Math.round(performance.now() - begun);
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the daemon ended with ${code}`)));
    createInterface({ input: child.stderr }).on('line', (line) => {
      const entry = JSON.parse(line) as { event?: string; url?: string };
      if (entry.event === 'listening' && entry.url !== undefined) resolve(entry.url);
    });
  });
  const portMs = since();
  const until = async (wanted: (answer: Answer) => boolean): Promise<Answer> => {
    for (;;) {
      const reply = await fetch(`${url}/status`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
      const text = await reply.text();
      const answer = reply.ok ? (JSON.parse(text) as Answer) : null;
      if (answer !== null && wanted(answer)) return answer;
      await sleep(5);
    }
  };
  await until(() => true);
  const statusMs = since();
  const last = values['only-start'] ? null : await until(({ takeover }) => takeover?.state === 'done');
  const doneMs = last === null ? null : since();
  child.removeAllListeners('exit');
  child.kill('SIGTERM');
  await once(child, 'exit');
  rmSync(dataDir, { recursive: true });
  return { portMs, statusMs, doneMs, events: last?.eventCount ?? null };
}

try {
  const volume = values.dir ?? join(scratch, 'volume');
  if (!existsSync(join(volume, 'usage.sqlite'))) {
    makeOldVolume(volume, {
      generation: 'cpa-manager-plus-1.12.2',
      events: Number(values.events),
      connection: null,
    });
  }
  const mib = Math.round(statSync(join(volume, 'usage.sqlite')).size / 2 ** 20);
  process.stdout.write(`${JSON.stringify({ volume, mib })}\n`);
  for (let count = 0; count < Number(values.runs); count += 1) {
    process.stdout.write(`${JSON.stringify(await run(volume))}\n`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
