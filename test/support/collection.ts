import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import type { PublishedRecord } from './cpa/fates.ts';
import { Publisher } from './cpa/publisher.ts';
import { recordSource, type RecordSource } from './cpa/records.ts';
import { CpaStandIn, type StandInOptions } from './cpa/stand-in.ts';
import type { CpaVersion } from './cpa/versions.ts';
import { DaemonProcess, type DaemonStatus, type ExportedEvent, type ReportedGap } from './daemon.ts';

/** What the tests of a running daemon share: a gateway to collect from, and the comparison of sent and stored. */

export const MANAGEMENT_KEY = 'management-key-of-the-integration-tests';

/** A program that Node loads before the daemon; see there. */
const QUICK_RETRIES = new URL('./quick-retries.ts', import.meta.url).href;

export interface GatewayEnv {
  readonly mode?: string;
  readonly key?: string;
  readonly intervalMs?: number;
  readonly batchSize?: number;
  /** Pauses between attempts near zero, so that a test with many failures does not wait for them. */
  readonly quickRetries?: boolean;
}

/** The environment of a daemon that collects from the gateway at `url`. */
export function gatewayEnv(url: string, options: GatewayEnv = {}): Record<string, string> {
  return {
    CPA_UPSTREAM_URL: url,
    CPA_MANAGEMENT_KEY: options.key ?? MANAGEMENT_KEY,
    USAGE_COLLECTOR_MODE: options.mode ?? 'auto',
    USAGE_POLL_INTERVAL_MS: String(options.intervalMs ?? 20),
    ...(options.batchSize === undefined ? {} : { USAGE_BATCH_SIZE: String(options.batchSize) }),
    ...(options.quickRetries ? { NODE_OPTIONS: `--import=${QUICK_RETRIES}` } : {}),
  };
}

/** A gateway, closed after the test. */
export async function startGateway(
  t: TestContext,
  options: Partial<StandInOptions> = {},
): Promise<CpaStandIn> {
  const cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: MANAGEMENT_KEY, ...options });
  t.after(() => cpa.close());
  return cpa;
}

/** Numbers from 0 to below 1, the same ones for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Publishes at a rate until it is stopped, or the test is over. */
export class Load {
  readonly #ended: Promise<void>;
  #stopping = false;

  /** `rate`: records a second. */
  constructor(t: TestContext, cpa: CpaStandIn, source: RecordSource, rate: number) {
    const publisher = new Publisher(cpa, source);
    const run = async (): Promise<void> => {
      while (!this.#stopping) await publisher.run({ rate, count: Math.max(1, Math.ceil(rate / 50)) });
    };
    this.#ended = run();
    t.after(() => this.stop());
  }

  stop(): Promise<void> {
    this.#stopping = true;
    return this.#ended;
  }
}

/** `count` records of the source, as of now. */
export function take(source: RecordSource, count: number): Buffer[] {
  return Array.from({ length: count }, () => source.next(Date.now()));
}

export const sourceOf = (version: CpaVersion, seed = 1): RecordSource => recordSource({ version, seed });

interface Payload {
  readonly request_id: string;
  readonly timestamp: string;
  readonly tokens: Readonly<Record<string, number>>;
}

const payloadOf = (record: PublishedRecord): Payload => JSON.parse(record.payload.toString('utf8'));

/** By what an event is known on both sides. The stand-in gives no two records the same. */
const identity = (event: { readonly request_id?: string; readonly timestamp: string }): string =>
  `${event.request_id} ${event.timestamp}`;

const COUNTERS = [
  'input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cached_tokens',
  'total_tokens',
] as const;
/** Newer versions only. */
const CACHE_COUNTERS = ['cache_read_tokens', 'cache_creation_tokens'] as const;

/** Asserts that no event is there twice, and that every one was sent, to the token. */
export function assertNothingInvented(
  sent: readonly PublishedRecord[],
  events: readonly ExportedEvent[],
): void {
  const known = new Map(sent.map((record) => [identity(payloadOf(record)), record]));
  const seen = new Set<string>();
  for (const event of events) {
    const id = identity(event);
    assert.ok(!seen.has(id), `stored twice: ${id}`);
    seen.add(id);
    const record = known.get(id);
    assert.ok(record, `never sent: ${id}`);
    const { tokens } = payloadOf(record);
    for (const counter of COUNTERS) assert.equal(event[counter], tokens[counter] ?? 0, `${counter} of ${id}`);
    for (const counter of CACHE_COUNTERS) {
      if (tokens[counter] !== undefined) assert.equal(event[counter], tokens[counter], `${counter} of ${id}`);
    }
  }
}

/** What was sent and is not among the events. */
export function missing(
  sent: readonly PublishedRecord[],
  events: readonly ExportedEvent[],
): PublishedRecord[] {
  const stored = new Set(events.map(identity));
  return sent.filter((record) => record.fate !== 'unpublished' && !stored.has(identity(payloadOf(record))));
}

/** Asserts that the events are exactly what was sent. */
export function assertExactly(sent: readonly PublishedRecord[], events: readonly ExportedEvent[]): void {
  assertNothingInvented(sent, events);
  assert.deepEqual(missing(sent, events).map(told), []);
}

/** Asserts that every one of the records was published within one of the gaps. */
export function assertWithinGaps(records: readonly PublishedRecord[], gaps: readonly ReportedGap[]): void {
  const uncovered = records.filter(
    ({ publishedAtMs }) =>
      !gaps.some((gap) => gap.fromMs <= publishedAtMs && publishedAtMs <= (gap.toMs ?? Infinity)),
  );
  assert.deepEqual(uncovered.map(told), [], `not within ${JSON.stringify(gaps)}`);
}

const told = ({ seq, publishedAtMs, fate, reason }: PublishedRecord): object => ({
  seq,
  publishedAtMs,
  fate,
  reason,
});

export const codes = (status: DaemonStatus): string[] => status.health.reasons.map((reason) => reason.code);

/** How often the daemon has logged that something is wrong by that name. */
export function countOf(daemon: DaemonProcess, code: string): number {
  return daemon.log.filter((line) => line['code'] === code && !String(line['msg']).startsWith('over:'))
    .length;
}

/** Lets a server listen on a port of the system's choice until the test is over. */
export async function listenOn(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/**
 * Asserts that the database is sound. Only once no daemon has it open: this process would drop nobody's locks, but a
 * file in use proves less.
 */
export function assertSound(dataDir: string): void {
  const db = new Database(join(dataDir, 'usage.sqlite'), { readonly: true });
  try {
    assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
    assert.deepEqual(db.pragma('foreign_key_check'), []);
  } finally {
    db.close();
  }
}

export interface Remains {
  readonly events: readonly ExportedEvent[];
  readonly status: DaemonStatus;
}

/**
 * What a data directory holds once everything in its spool is stored: read by a daemon without a gateway, so that
 * nothing is added. Checks the database after it.
 */
export async function remains(t: TestContext, dataDir: string): Promise<Remains> {
  const reader = await DaemonProcess.start(t, { dataDir });
  const status = await reader.statusUntil(({ spool }) => spool?.records === 0);
  const events = await reader.exportEvents();
  assert.equal(events.length, status.eventCount);
  assert.equal(await reader.stop(), 0);
  assertSound(dataDir);
  return { events, status };
}

/** Resident memory of a process, in bytes; `peak`: the most it ever had. */
export function memoryOf(pid: number, peak = false): number {
  const name = peak ? 'VmHWM' : 'VmRSS';
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, 'mu').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )?.[1];
  return Number(kib) * 1024;
}
