/**
 * Live ingest over SUBSCRIBE, and the draining of a backlog, against the gateway's stand-in in a process of its own,
 * with CLIProxyAPI's buffer of 256 records. The daemon is the compiled one.
 *
 *     npm run build && node test/bench/ingest.ts [--rate 5000] [--seconds 60] [--backlog 25000] [--headers]
 *
 * Prints a JSON object: what was sent and stored, how long it took, memory, event-loop delay, bytes written to disk.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '60' },
    backlog: { type: 'string', default: '25000' },
    headers: { type: 'boolean', default: false },
  },
});
const rate = Number(values.rate);
const live = rate * Number(values.seconds);
const backlog = Number(values.backlog);

const ADMIN_KEY = 'cmp_admin_key-of-the-benchmark-000000000';
const MANAGEMENT_KEY = 'management-key';
const root = new URL('../../', import.meta.url).pathname;
const dir = mkdtempSync(join(tmpdir(), 'cpamp-bench-'));

interface StandInPorts {
  readonly port: number;
  readonly controlPort: number;
}

interface Counts {
  readonly published: number;
  readonly delivered: number;
  readonly dropped: number;
}

interface Status {
  readonly eventCount: number;
  readonly gaps: readonly unknown[];
  readonly runtime: {
    readonly rssBytes: number;
    readonly eventLoopDelay: { readonly p99Ms: number; readonly maxMs: number };
  };
}

/** Starts a child and resolves with the first line of its output that `pick` takes. */
function start<T>(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  pick: (line: string) => T | null,
): Promise<{ child: ChildProcess; first: T }> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code}`)));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        const first = pick(line);
        if (first !== null) resolve({ child, first });
      });
    }
  });
}

const generator = values.headers ? [] : ['--no-headers'];
const gateway = await start<StandInPorts>(
  ['test/support/cpa/main.ts', '--key', MANAGEMENT_KEY, '--backlog', String(backlog), ...generator],
  {},
  (line) => (line.startsWith('{"port"') ? (JSON.parse(line) as StandInPorts) : null),
);
const control = async (command: string): Promise<{ counts: Counts }> => {
  const answer = await fetch(`http://127.0.0.1:${gateway.first.controlPort}${command}`, { method: 'POST' });
  return (await answer.json()) as { counts: Counts };
};

const begun = performance.now();
const daemon = await start<string>(
  ['dist/bin/cpamp.js', 'serve', '--log-format', 'json'],
  {
    USAGE_DATA_DIR: dir,
    HTTP_ADDR: '127.0.0.1:0',
    CPA_UPSTREAM_URL: `http://127.0.0.1:${gateway.first.port}`,
    CPA_MANAGEMENT_KEY: MANAGEMENT_KEY,
    CPA_MANAGER_ADMIN_KEY: ADMIN_KEY,
  },
  (line) => (line.includes('"event":"listening"') ? (JSON.parse(line) as { url: string }).url : null),
);
const opened = performance.now();

const status = async (): Promise<Status | null> => {
  const answer = await fetch(`${daemon.first}/status`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  return answer.ok ? ((await answer.json()) as Status) : null;
};
/** Looks every 50 ms: rare enough not to be the load itself. */
const storedAtLeast = async (count: number): Promise<Status> => {
  for (;;) {
    const now = await status();
    if (now && now.eventCount >= count) return now;
    await sleep(50);
  }
};
const proc = (file: string, name: string): number =>
  Number(
    new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(
      readFileSync(`/proc/${daemon.child.pid}/${file}`, 'utf8'),
    )?.[1] ?? 0,
  );
const cpuSeconds = (): number => {
  const fields = readFileSync(`/proc/${daemon.child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

await storedAtLeast(backlog);
const drained = performance.now();
await control('/subscribed?count=1');
const writtenBefore = proc('io', 'write_bytes');
const cpuBefore = cpuSeconds();

const liveBegun = performance.now();
const running = control(`/run?rate=${rate}&count=${live}`);
await running;
await control('/settled');
const sent = performance.now();
const { counts } = await control('/counts');
const wanted = backlog + counts.published - backlog - counts.dropped;
const end = await storedAtLeast(wanted);
const stored = performance.now();

const figures = {
  rate,
  seconds: Number(values.seconds),
  headers: values.headers,
  startToPortMs: Math.round(opened - begun),
  backlog,
  drainedMs: Math.round(drained - opened),
  drainedPerSecond: Math.round(backlog / ((drained - opened) / 1000)),
  published: counts.published,
  dropped: counts.dropped,
  stored: end.eventCount,
  gaps: end.gaps.length,
  sendingMs: Math.round(sent - liveBegun),
  behindMs: Math.round(stored - sent),
  rssMiB: Math.round(end.runtime.rssBytes / 2 ** 20),
  peakRssMiB: Math.round(proc('status', 'VmHWM') / 1024),
  eventLoopDelayP99Ms: end.runtime.eventLoopDelay.p99Ms,
  eventLoopDelayMaxMs: end.runtime.eventLoopDelay.maxMs,
  cpuSecondsPerMillion: Math.round(((cpuSeconds() - cpuBefore) / (counts.published - backlog)) * 1e6),
  diskBytesPerEvent: Math.round((proc('io', 'write_bytes') - writtenBefore) / (counts.published - backlog)),
};
process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);

daemon.child.removeAllListeners('exit');
gateway.child.removeAllListeners('exit');
daemon.child.kill('SIGTERM');
await new Promise((resolve) => daemon.child.once('exit', resolve));
gateway.child.kill('SIGKILL');
rmSync(dir, { recursive: true, force: true });
