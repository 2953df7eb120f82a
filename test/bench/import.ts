/**
 * How quick `cpamp import` is, and what it takes: an export is made of generated events, and imported into an empty
 * directory by the compiled program in a process of its own; then once more, when everything is there already. With
 * --beside another process, this one, commits small transactions to the same database meanwhile, as a daemon does.
 *
 *     npm run build && node test/bench/import.ts [--events 100000] [--headers] [--beside] [--runs 3]
 *                                                [--file export.jsonl] [--program dist/bin/cpamp.js]
 *
 * Prints a JSON object with the best of the runs, by time. CPU time is that of all threads, user and system; it tells more
 * than the rate where the machine is busy with other things. --file imports an export that is there; else one is made.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { acquireLock, serveLockPath } from '../../src/lib/lock.ts';
import { createStandardPricing } from '../../src/lib/pricing/standard-pricing.ts';
import { openExport } from '../../src/lib/store/export.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { isBusy } from '../../src/lib/store/sqlite.ts';
import { WriterCore } from '../../src/lib/store/writer-core.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { generate } from './generate.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    headers: { type: 'boolean', default: false },
    beside: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
    file: { type: 'string' },
    program: { type: 'string', default: 'dist/bin/cpamp.js' },
  },
});
const dir = mkdtempSync(join(tmpdir(), 'cpamp-bench-import-'));
const file = values.file ?? join(dir, 'export.jsonl');

interface Run {
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly cpuMicrosecondsPerEvent: number;
  readonly peakRssMiB: number;
  readonly load: number;
}

interface Waits {
  readonly commits: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

const { price, book } = createStandardPricing();
const parts = { normalise, price, book, letterKeys: null, redact: (line: string) => line, now: Date.now };

/** An export of that many events, made in a directory that is gone afterwards. */
async function makeExport(events: number): Promise<void> {
  const dbPath = join(dir, 'source.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  db.pragma('synchronous = OFF');
  const core = new WriterCore(db, parts);
  const gatewayId = core.gateway('http://cpa:8317');
  const source = records(Date.UTC(2026, 0, 1), gatewayId);
  for (let done = 0; done < events; done += 1000) {
    core.commit(source(Math.min(1000, events - done)), null);
    if (done % 10_000 === 0) db.pragma('wal_checkpoint(TRUNCATE)');
  }
  db.close();
  const out = createWriteStream(file);
  for await (const chunk of openExport(dbPath)) if (!out.write(chunk)) await once(out, 'drain');
  out.end();
  await once(out, 'close');
  rmSync(dbPath);
}

type Records = Parameters<WriterCore['commit']>[0];

/** Gives as many generated records as it is asked for. */
function records(startMs: number, gatewayId: number): (count: number) => Records {
  const source = generate({ seed: 7, startMs, everyMs: 20_000, headers: values.headers });
  return (count) =>
    Array.from({ length: count }, () => {
      const { payload, atMs } = source.next().value;
      return { payload, receivedAtMs: atMs, transport: 'http', gatewayId } as const;
    });
}

/** Tells on descriptor 3 what the whole process took, as it ends. */
const TELL = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  import { isMainThread } from 'node:worker_threads';
  if (isMainThread) process.on('exit', () => writeSync(3, JSON.stringify(process.resourceUsage())));
`)}`;

async function run(dataDir: string): Promise<Run & { readonly events: number }> {
  const [load = 0] = loadavg();
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    ['--import', TELL, values.program, 'import', '--quiet', '--json', '--data-dir', dataDir, file],
    { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] },
  );
  const usage = child.stdio[3];
  if (!(usage instanceof Readable) || child.stdout === null) throw new Error('the import has no pipes');
  const [told, printed, [code]] = await Promise.all([text(usage), text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the import ended with ${String(code)}`);
  const seconds = (performance.now() - begun) / 1000;
  const took: NodeJS.ResourceUsage = JSON.parse(told);
  const report: { added: number; duplicates: number } = JSON.parse(printed);
  const events = report.added + report.duplicates;
  return {
    events,
    seconds: rounded(seconds),
    eventsPerSecond: Math.round(events / seconds),
    cpuMicrosecondsPerEvent: rounded((took.userCPUTime + took.systemCPUTime) / events),
    peakRssMiB: Math.round(took.maxRSS / 1024),
    load: rounded(load),
  };
}

/** Records of each commit, and ms between two of them: 500 a second. */
const COMMIT = { records: 10, everyMs: 20 };

/** Commits like a daemon until `ended`, and how long each commit took, other processes' locks included. */
async function writeMeanwhile(dbPath: string, ended: () => boolean): Promise<Waits> {
  const db = openDatabase(dbPath, { mode: 'write', busyTimeoutMs: 250 });
  const core = new WriterCore(db, parts);
  const next = records(Date.UTC(2030, 0, 1), core.gateway('http://cpa:8317'));
  const waits: number[] = [];
  while (!ended()) {
    const batch = next(COMMIT.records);
    const begun = performance.now();
    for (;;) {
      try {
        core.commit(batch, null);
        break;
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
    }
    const took = performance.now() - begun;
    waits.push(took);
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, COMMIT.everyMs - took)));
  }
  db.close();
  waits.sort((a, b) => a - b);
  const at = (share: number): number => rounded(waits[Math.floor(share * (waits.length - 1))] ?? 0);
  return { commits: waits.length, p50Ms: at(0.5), p99Ms: at(0.99), longestMs: at(1) };
}

async function besideWriter(): Promise<{ import: Run; writer: Waits; writerAlone: Waits }> {
  const dataDir = join(dir, 'beside');
  mkdirSync(dataDir, { mode: 0o700 });
  const dbPath = join(dataDir, 'usage.sqlite');
  openDatabase(dbPath, { mode: 'write' }).close();
  // By this the import knows that it is not alone.
  const lock = await acquireLock(await serveLockPath(dbPath), 'serve', Date.now());
  try {
    const until = performance.now() + 5000;
    const writerAlone = await writeMeanwhile(dbPath, () => performance.now() > until);
    let ended = false;
    const importing = run(dataDir).finally(() => {
      ended = true;
    });
    const writer = await writeMeanwhile(dbPath, () => ended);
    return { import: await importing, writer, writerAlone };
  } finally {
    await lock.release();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function best(runs: readonly Run[]): Run | undefined {
  return runs.toSorted((a, b) => a.seconds - b.seconds)[0];
}

try {
  if (values.file === undefined) await makeExport(Number(values.events));
  const first: Run[] = [];
  const again: Run[] = [];
  let events = 0;
  for (let n = 0; n < Number(values.runs); n += 1) {
    const dataDir = join(dir, `data-${n}`);
    first.push(await run(dataDir));
    const second = await run(dataDir);
    ({ events } = second);
    again.push(second);
    rmSync(dataDir, { recursive: true, force: true });
  }
  const figures = {
    events,
    headers: values.headers,
    bytesPerLine: Math.round(statSync(file).size / events),
    cores: availableParallelism(),
    runs: first.length,
    first: best(first),
    leastCpu: Math.min(...first.map((each) => each.cpuMicrosecondsPerEvent)),
    again: best(again),
    ...(values.beside && { beside: await besideWriter() }),
  };
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
