import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { PriceCard } from '../../src/lib/contract/pricing.ts';
import type { RawRecord } from '../../src/lib/contract/record.ts';
import { createPriceBook } from '../../src/lib/pricing/book.ts';
import { createEmbeddedBook } from '../../src/lib/pricing/embedded.ts';
import { price } from '../../src/lib/pricing/price.ts';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { WriterCore, type WriterCoreParts } from '../../src/lib/store/writer-core.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { redactText } from '../../src/lib/usage/redact.ts';

/** When the recorded events of the fixtures arrived, for tests. */
export const RECEIVED_AT_MS = Date.UTC(2026, 10, 21, 12);

/** A directory that is gone after the test. */
export function storeDir(t: TestContext): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'cpamp-store-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A new database, closed after the test. */
export function storeDb(t: TestContext, dbPath = path.join(storeDir(t), 'usage.sqlite')): Db {
  const db = openDatabase(dbPath, { mode: 'write' });
  t.after(() => db.close());
  return db;
}

const embedded = createEmbeddedBook();

/** The parts that the daemon uses, with what a test replaces. */
export function coreParts(parts: Partial<WriterCoreParts> = {}): WriterCoreParts {
  const of = (cards: readonly PriceCard[], source: string): Map<string, PriceCard> =>
    new Map(cards.filter((card) => card.source === source).map((card) => [card.model, card]));
  return {
    normalise,
    price,
    book: (cards, revision) =>
      createPriceBook({ manual: of(cards, 'manual'), synced: of(cards, 'synced'), revision, embedded }),
    letterKeys: createSecretBox(Buffer.alloc(32, 7)),
    redact: (text) => redactText(text, []),
    now: () => RECEIVED_AT_MS,
    ...parts,
  };
}

export function storeCore(db: Db, parts: Partial<WriterCoreParts> = {}): WriterCore {
  return new WriterCore(db, coreParts(parts));
}

/** A record with this payload: bytes, a text, or a value that becomes JSON. */
export function record(payload: unknown, gatewayId = 1, receivedAtMs = RECEIVED_AT_MS): RawRecord {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
  return {
    payload: payload instanceof Uint8Array ? payload : Buffer.from(text, 'utf8'),
    receivedAtMs,
    transport: 'http',
    gatewayId,
  };
}

/** A record as CLIProxyAPI 7.2.140 makes them, small. */
export function call(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    timestamp: '2026-11-21T11:08:11.538186057Z',
    latency_ms: 19,
    source: 'sk-upstream-openai-bbbb',
    auth_index: 'c805775d56a08c5b',
    tokens: { input_tokens: 500, output_tokens: 40, cached_tokens: 100, total_tokens: 540 },
    failed: false,
    provider: 'codex',
    executor_type: 'CodexExecutor',
    model: 'gpt-5',
    alias: 'gpt-5',
    endpoint: 'POST /v1/responses',
    auth_type: 'apikey',
    api_key: 'sk-client-alpha-0001',
    request_id: '42e0e71b',
    ...fields,
  };
}

/** Every record of the recorded answers of three gateway versions. */
export function recordedCalls(): RawRecord[] {
  return ['6.10.8', '7.1.39', '7.2.140'].flatMap((version) => {
    const file = new URL(`../fixtures/cpa/${version}/usage-queue.json`, import.meta.url);
    const values: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    if (!Array.isArray(values)) throw new Error(`${version}: not a list`);
    return values.map((value) => record(value));
  });
}

/** The number in the first column of the first row. */
export function count(db: Db, sql: string, ...params: Array<string | number>): number {
  return Number(
    db
      .prepare<Array<string | number>>(sql)
      .pluck()
      .get(...params),
  );
}
