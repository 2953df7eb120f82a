import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { APPLICATION_ID } from '../../../src/lib/store/inspect.ts';
import { MIGRATIONS } from '../../../src/lib/store/migrations/index.ts';
import { rfc3339 } from './event.ts';
import { oldEventHash, sha256 } from './hash.ts';
import { Random } from './random.ts';

/** The schema versions that our own earlier releases left. */
export const OWN_SCHEMAS: readonly number[] = MIGRATIONS.map((_, index) => index + 1);

export interface OwnVolumeOptions {
  /** `user_version`. */
  readonly schema: number;
  readonly events: number;
  readonly seed?: number;
  /** The daemon was killed: every row is in the WAL. */
  readonly inWal?: boolean;
}

export interface OwnVolume {
  readonly dbPath: string;
  readonly schema: number;
  /** Hashes of the events in the order of their ids. */
  readonly hashes: readonly string[];
  readonly sums: { readonly input: number; readonly output: number };
}

const NOW_MS = Date.UTC(2026, 10, 20, 9, 30);
const STEP_MS = 61_000;
const FIVE_MINUTES = 300_000;
const MODEL = 'gpt-5.4';
const ENDPOINT = 'POST /v1/chat/completions';
const AUTH_INDEX = 'aaaa000000000001';
/** Nano-USD of every event, by a price nobody asks for here. */
const COST = 1_000;

/** Writes a database of ours as an earlier release would have left it, with statements of its time. */
export function makeOwnVolume(dir: string, options: OwnVolumeOptions): OwnVolume {
  fs.mkdirSync(dir, { recursive: true });
  const dbPath = path.join(dir, 'usage.sqlite');
  const written = options.inWal === true ? `${dbPath}.open` : dbPath;
  const db = new Database(written);
  try {
    db.pragma('auto_vacuum = incremental');
    db.pragma(`application_id = ${APPLICATION_ID}`);
    for (const [index, statements] of MIGRATIONS.slice(0, options.schema).entries()) {
      db.exec(statements);
      db.pragma(`user_version = ${index + 1}`);
    }
    db.pragma('journal_mode = wal');
    db.pragma('wal_autocheckpoint = 0');
    const volume = db.transaction(() => fill(db, options))();
    if (written !== dbPath) {
      for (const end of ['', '-wal', '-shm']) fs.copyFileSync(written + end, dbPath + end);
    }
    return { dbPath, schema: options.schema, ...volume };
  } finally {
    db.close();
    if (written !== dbPath) fs.rmSync(written);
  }
}

function fill(db: Database.Database, options: OwnVolumeOptions): Pick<OwnVolume, 'hashes' | 'sums'> {
  const random = new Random(options.seed ?? 1);
  const sourceHash = sha256('person@example.com');
  db.exec(`insert into gateway (id, base_url, created_at_ms) values (1, 'http://127.0.0.1:8317', 0);
    insert into provider values (1, 'codex');
    insert into model values (1, '${MODEL}', '${MODEL}', '${MODEL}');
    insert into call_profile values (1, 'CodexExecutor', '${ENDPOINT}', 'POST', '/v1/chat/completions', '', 'auto',
      '', 'auto', 0);
    insert into credential values (1, '${AUTH_INDEX}', 'oauth', 'per***@example.com', '${sourceHash}',
      'person@example.com', 'Seat 0', 'codex-person0.json', 'codex', '');`);
  const event =
    db.prepare(`insert into event (gateway_id, timestamp_ms, timestamp_ns, hash64, dup, request_id,
      model_id, provider_id, profile_id, credential_id, failed, flags, uncached_input, cache_read, cache_write_5m,
      cache_write_1h, output, reasoning, cost_nano, latency_ms, created_after_ms)
    values (1, ?, 0, ?, 0, ?, 1, 1, 1, 1, 0, 0, ?, 0, 0, 0, ?, 0, ${COST}, 7, 12)`);
  const bucket = db.prepare(`insert into total_5min values (1, ?, 1, 0, ?, 0, 0, 0, ?, 0, ${COST}, 0, 7, 1)
    on conflict (gateway_id, bucket_ms) do update set calls = calls + 1,
      uncached_input = uncached_input + excluded.uncached_input, output = output + excluded.output,
      cost_nano = cost_nano + ${COST}, latency_sum_ms = latency_sum_ms + 7, latency_count = latency_count + 1`);
  const hashes: string[] = [];
  const sums = { input: 0, output: 0 };
  for (let index = 0; index < options.events; index += 1) {
    const ms = NOW_MS - (options.events - index) * STEP_MS;
    const requestId = random.hex(8);
    const input = random.below(20_000);
    const output = random.below(4_000);
    const hash = oldEventHash({
      request_id: requestId,
      timestamp: rfc3339(ms, 0),
      endpoint: ENDPOINT,
      model: MODEL,
      auth_index: AUTH_INDEX,
      source_hash: sourceHash,
      input_tokens: input,
      output_tokens: output,
      reasoning_tokens: 0,
      cached_tokens: 0,
      cache_tokens: 0,
      failed: 0,
      latency_ms: 7,
    });
    event.run(
      ms,
      BigInt.asIntN(64, BigInt(`0x${hash.slice(0, 16)}`)),
      Buffer.from(requestId, 'hex'),
      input,
      output,
    );
    bucket.run(ms - (ms % FIVE_MINUTES), input, output);
    hashes.push(hash);
    sums.input += input;
    sums.output += output;
  }
  // Since the third version the sums of all buckets are a row of their own.
  if (options.schema >= 3) {
    db.prepare(`insert into total_ever values (1, ?, 0, ?, 0, 0, 0, ?, 0, ?, 0, ?, ?)`).run(
      options.events,
      sums.input,
      sums.output,
      options.events * COST,
      options.events * 7,
      options.events,
    );
  }
  return { hashes, sums };
}
