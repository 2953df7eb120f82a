/**
 * How quick `cpamp export` is, how much memory it takes, and how large the log of the database grows while a reader is slow:
 * a database is made of generated events and exported by the compiled program in a process of its own, in each format; then
 * once more by a reader that takes at most 64 KiB ten times a second, beside a writer of 500 events a second that checkpoints as the daemon does.
 *
 *     npm run build && node test/bench/export.ts [--events 1000000] [--headers] [--slow 60] [--program dist/bin/cpamp.js]
 *
 * Prints a JSON object.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { RawRecord } from '../../src/lib/contract/record.ts';
import { createStandardPricing } from '../../src/lib/pricing/standard-pricing.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { WriterCore } from '../../src/lib/store/writer-core.ts';
import { startWriter } from '../../src/lib/store/writer.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { generate } from './generate.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    headers: { type: 'boolean', default: false },
    slow: { type: 'string', default: '60' },
    program: { type: 'string', default: 'dist/bin/cpamp.js' },
  },
});
const events = Number(values.events);
const slowSeconds = Number(values.slow);
const dir = mkdtempSync(join(tmpdir(), 'cpamp-bench-export-'));
const dbPath = join(dir, 'usage.sqlite');
const source = generate({
  seed: 7,
  startMs: Date.UTC(2026, 0, 1),
  everyMs: 20_000,
  headers: values.headers,
});

const take = (count: number, gatewayId: number): RawRecord[] =>
  Array.from({ length: count }, () => {
    const { payload, atMs } = source.next().value;
    return { payload, receivedAtMs: atMs, transport: 'http', gatewayId } as const;
  });

/** Answers the gateway's id. */
function makeDatabase(): number {
  const db = openDatabase(dbPath, { mode: 'write' });
  db.pragma('synchronous = OFF');
  const { price, book } = createStandardPricing();
  const parts = { normalise, price, book, letterKeys: null, redact: (text: string) => text, now: Date.now };
  const core = new WriterCore(db, parts);
  const gatewayId = core.gateway('http://cpa:8317');
  for (let done = 0; done < events; done += 1000) {
    core.commit(take(Math.min(1000, events - done), gatewayId), null);
    if (done % 10_000 === 0) db.pragma('wal_checkpoint(TRUNCATE)');
  }
  db.close();
  return gatewayId;
}

function memoryOf(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

async function exportTo(name: string) {
  const file = join(dir, name);
  const begun = performance.now();
  const child = spawn(process.execPath, [values.program, 'export', '--data-dir', dir, '-o', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  let peakRssMiB = 0;
  const look = setInterval(() => {
    peakRssMiB = Math.max(peakRssMiB, memoryOf(child.pid));
  }, 100);
  const [code] = await once(child, 'exit');
  clearInterval(look);
  if (code !== 0) throw new Error(`the export ended with ${String(code)}`);
  const seconds = (performance.now() - begun) / 1000;
  const bytesPerEvent = Math.round(statSync(file).size / events);
  rmSync(file);
  return { name, rowsPerSecond: Math.round(events / seconds), peakRssMiB, bytesPerEvent };
}

/** A slow reader beside a writer, for so many seconds. */
async function slowReader(gatewayId: number) {
  const writer = await startWriter({ dbPath, dataKey: null });
  const child = spawn(process.execPath, [values.program, 'export', '--data-dir', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const end = performance.now() + slowSeconds * 1000;
  let walBytes = 0;
  let written = 0;
  let readBytes = 0;
  let peakRssMiB = 0;
  while (performance.now() < end) {
    const turn = performance.now();
    await writer.commit(take(50, gatewayId), null);
    written += 50;
    const chunk: Buffer | null = child.stdout.read();
    readBytes += chunk?.length ?? 0;
    walBytes = Math.max(walBytes, statSync(`${dbPath}-wal`).size);
    if (child.exitCode === null) peakRssMiB = Math.max(peakRssMiB, memoryOf(child.pid));
    await sleep(Math.max(0, 100 - (performance.now() - turn)));
  }
  const runsStill = child.exitCode === null;
  child.stdout.destroy();
  await exited;
  await writer.close();
  return {
    seconds: slowSeconds,
    written,
    readBytes,
    runsStill,
    peakRssMiB,
    peakWalMiB: Math.round(walBytes / 104_858) / 10,
  };
}

try {
  const gatewayId = makeDatabase();
  const runs = [];
  for (const name of ['all.jsonl', 'all.csv', 'all.parquet', 'all.jsonl.gz', 'all.jsonl.zst']) {
    runs.push(await exportTo(name));
  }
  const slow = await slowReader(gatewayId);
  process.stdout.write(`${JSON.stringify({ events, headers: values.headers, runs, slow }, null, 2)}\n`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
