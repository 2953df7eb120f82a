/**
 * Live ingest over SUBSCRIBE, and the draining of a backlog, against the gateway's stand-in in a process of its own,
 * with CLIProxyAPI's buffer of 256 records. The daemon is the compiled one.
 *
 *     npm run build && node test/bench/ingest.ts [--rate 5000] [--seconds 60] [--backlog 25000] [--headers]
 *
 * Prints a JSON object: what was sent and stored, how long it took, memory, event-loop delay, bytes written to disk.
 */
import { parseArgs } from 'node:util';
import { Live } from './live.ts';

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

const daemon = await Live.start({ backlog, headers: values.headers });

await daemon.storedAtLeast(backlog);
const drained = performance.now();
await daemon.control('/subscribed?count=1');
const writtenBefore = daemon.proc('io', 'write_bytes');
const cpuBefore = daemon.cpuSeconds();

const liveBegun = performance.now();
const running = daemon.control(`/run?rate=${rate}&count=${live}`);
await running;
await daemon.control('/settled');
const sent = performance.now();
const { counts } = await daemon.control('/counts');
const wanted = backlog + counts.published - backlog - counts.dropped;
const end = await daemon.storedAtLeast(wanted);
const stored = performance.now();

const figures = {
  rate,
  seconds: Number(values.seconds),
  headers: values.headers,
  startToPortMs: daemon.startToPortMs,
  backlog,
  drainedMs: Math.round(drained - daemon.opened),
  drainedPerSecond: Math.round(backlog / ((drained - daemon.opened) / 1000)),
  published: counts.published,
  dropped: counts.dropped,
  stored: end.eventCount,
  gaps: end.gaps.length,
  sendingMs: Math.round(sent - liveBegun),
  behindMs: Math.round(stored - sent),
  rssMiB: Math.round(end.runtime.rssBytes / 2 ** 20),
  peakRssMiB: Math.round(daemon.proc('status', 'VmHWM') / 1024),
  eventLoopDelayP99Ms: end.runtime.eventLoopDelay.p99Ms,
  eventLoopDelayMaxMs: end.runtime.eventLoopDelay.maxMs,
  cpuSecondsPerMillion: Math.round(((daemon.cpuSeconds() - cpuBefore) / (counts.published - backlog)) * 1e6),
  diskBytesPerEvent: Math.round(
    (daemon.proc('io', 'write_bytes') - writtenBefore) / (counts.published - backlog),
  ),
};
process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);

await daemon.stop();
