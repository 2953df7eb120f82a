/**
 * How quick `cpamp import` is, and how much memory it takes: an export is made of generated events, and imported into an
 * empty directory by the compiled program in a process of its own.
 *
 *     npm run build && node test/bench/import.ts [--events 1000000] [--headers] [--program dist/bin/cpamp.js]
 *
 * Prints a JSON object. The second import of the same file finds everything there.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { WriterCore } from '../../src/lib/store/writer-core.ts';
import { createStandardPricing } from '../../src/lib/pricing/standard-pricing.ts';
import { openExport } from '../../src/lib/store/export.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { generate } from './generate.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    headers: { type: 'boolean', default: false },
    program: { type: 'string', default: 'dist/bin/cpamp.js' },
  },
});
const events = Number(values.events);
const dir = mkdtempSync(join(tmpdir(), 'cpamp-bench-import-'));
const file = join(dir, 'export.jsonl');

interface Run {
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly peakRssMiB: number;
}

/** An export of that many events, made in a directory that is gone afterwards. */
async function makeExport(): Promise<void> {
  const dbPath = join(dir, 'source.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  db.pragma('synchronous = OFF');
  const { price, book } = createStandardPricing();
  const parts = { normalise, price, book, letterKeys: null, redact: (text: string) => text, now: Date.now };
  const core = new WriterCore(db, parts);
  const gatewayId = core.gateway('http://cpa:8317');
  const source = generate({
    seed: 7,
    startMs: Date.UTC(2026, 0, 1),
    everyMs: 20_000,
    headers: values.headers,
  });
  for (let done = 0; done < events; done += 1000) {
    const batch = Array.from({ length: Math.min(1000, events - done) }, () => {
      const { payload, atMs } = source.next().value;
      return { payload, receivedAtMs: atMs, transport: 'http', gatewayId } as const;
    });
    core.commit(batch, null);
    if (done % 10_000 === 0) db.pragma('wal_checkpoint(TRUNCATE)');
  }
  db.close();
  const out = createWriteStream(file);
  for await (const chunk of openExport(dbPath)) if (!out.write(chunk)) await once(out, 'drain');
  out.end();
  await once(out, 'close');
  rmSync(dbPath);
}

async function run(): Promise<Run> {
  const begun = performance.now();
  const args = [values.program, 'import', '--quiet', '--data-dir', join(dir, 'data'), file];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let peakKiB = 0;
  const look = setInterval(() => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    peakKiB = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? peakKiB);
  }, 100);
  const [code] = await once(child, 'exit');
  clearInterval(look);
  if (code !== 0) throw new Error(`the import ended with ${String(code)}`);
  const seconds = (performance.now() - begun) / 1000;
  return {
    seconds: Math.round(seconds * 10) / 10,
    eventsPerSecond: Math.round(events / seconds),
    peakRssMiB: Math.round(peakKiB / 1024),
  };
}

try {
  await makeExport();
  const bytesPerLine = Math.round(statSync(file).size / events);
  const figures = { events, headers: values.headers, bytesPerLine, first: await run(), again: await run() };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
