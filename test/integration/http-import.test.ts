import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { UsageImportResult, UsageImportSession } from '../../src/lib/contract/api/usage-import.ts';
import { tempDir, type DaemonProcess } from '../support/daemon.ts';
import {
  anonymous,
  ask,
  assertRefused,
  post,
  startReady,
  type Answer,
  type ErrorAnswer,
} from '../support/http.ts';
import { EXPORTS, exportLines } from '../support/importing.ts';

const DIRECT = '/v0/management/usage/import';
const SESSIONS = '/v0/management/usage/import-sessions';
const TERMINAL = new Set(['completed', 'failed', 'cancelled']);

const upload = (body: string | Buffer, method = 'POST'): RequestInit => ({
  method,
  body: typeof body === 'string' ? body : new Uint8Array(body),
});

function create(daemon: DaemonProcess, body: unknown): Promise<Answer<UsageImportSession>> {
  return ask<UsageImportSession>(daemon, SESSIONS, post(body));
}

function chunk(
  daemon: DaemonProcess,
  id: string,
  offset: number | string,
  bytes: Buffer,
): Promise<Answer<UsageImportSession>> {
  return ask<UsageImportSession>(daemon, `${SESSIONS}/${id}/chunk?offset=${offset}`, upload(bytes, 'PUT'));
}

async function ended(daemon: DaemonProcess, id: string): Promise<UsageImportSession> {
  for (;;) {
    const { body } = await ask<UsageImportSession>(daemon, `${SESSIONS}/${id}`);
    if (TERMINAL.has(body.status)) return body;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function countOf(daemon: DaemonProcess): Promise<number> {
  const { body } = await ask<{ eventCount: number }>(daemon, '/status');
  return body.eventCount;
}

const folder = (dataDir: string): string[] => {
  const path = join(dataDir, 'usage-imports');
  return existsSync(path) ? readdirSync(path) : [];
};

const text = EXPORTS.flatMap(exportLines).join('\n');

test('a body is imported in the documented shapes, once', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const first = await ask<UsageImportResult>(daemon, DIRECT, upload(text));
  assert.equal(first.status, 200);
  assert.deepEqual(first.body, {
    format: 'usage_service_jsonl',
    added: 84,
    skipped: 0,
    total: 84,
    failed: 0,
    unsupported: 0,
    warnings: null,
  });
  const again = await ask<UsageImportResult>(daemon, DIRECT, upload(`${text}\n{"x":1}\nno\n`));
  assert.deepEqual([again.body.added, again.body.skipped, again.body.failed], [0, 84, 2]);
  assert.equal(await countOf(daemon), 84);

  const array = `[${exportLines('cpa-manager-1.1.4').join(',')}]`;
  const listed = await ask<UsageImportResult>(daemon, DIRECT, upload(array));
  assert.deepEqual([listed.body.format, listed.body.skipped], ['usage_service_jsonl', 26]);
  const odd = await ask<UsageImportResult>(daemon, DIRECT, upload(`${array.slice(0, -1)},null,7] and more`));
  assert.deepEqual([odd.body.skipped, odd.body.failed], [26, 3], 'null, 7, and what follows the list');
  const details = [{ timestamp: '2026-01-01T00:00:00Z', source: 'a@b.co', tokens: { input_tokens: 1 } }];
  const apis = {
    'POST /v1/chat/completions': { models: { 'gpt-4o': { details }, sums: { total_requests: 4 } } },
  };
  const snapshot = await ask<UsageImportResult>(
    daemon,
    DIRECT,
    upload(JSON.stringify({ version: 1, usage: { apis } })),
  );
  assert.deepEqual(snapshot.body, {
    format: 'legacy_usage_export',
    added: 1,
    skipped: 0,
    total: 1,
    failed: 0,
    unsupported: 1,
    warnings: ['legacy_usage_metadata_is_partial', 'legacy_usage_source_matching_may_be_approximate'],
  });
  const payload = await ask<UsageImportResult>(daemon, DIRECT, upload(JSON.stringify({ apis })));
  assert.deepEqual([payload.body.format, payload.body.skipped], ['legacy_usage_payload', 1]);
  assert.deepEqual(folder(dataDir), [], 'nothing of it is left');
});

test('what cannot be imported is refused with what was counted', async (t) => {
  const daemon = await startReady(t);
  const refused = async (body: string): Promise<Answer<ErrorAnswer & Partial<UsageImportResult>>> => {
    const answer = await ask<ErrorAnswer & Partial<UsageImportResult>>(daemon, DIRECT, upload(body));
    assert.equal(answer.status, 400, body);
    return answer;
  };
  const empty = await refused('  \n ');
  assert.equal(empty.body.code, 'import_empty');
  assert.match(empty.body.error, /^empty usage import payload/);
  assert.equal(empty.body.format, '');
  const sums = await refused('{"usage":{"apis":{"POST /v1/x":{"models":{"m":{"total_requests":4}}}}}}');
  assert.match(sums.body.error, /^legacy usage export does not contain request details/);
  assert.deepEqual(
    [sums.body.format, sums.body.unsupported, sums.body.warnings],
    ['legacy_usage_export', 1, null],
  );
  await refused('{"total_requests":3,"success_count":3}');
  const nothing = await ask<UsageImportResult>(daemon, DIRECT, upload('no\nneither\n'));
  assert.deepEqual([nothing.status, nothing.body.total, nothing.body.failed], [200, 0, 2]);
  await assertRefused(daemon, DIRECT, { method: 'GET' }, 405, 'method_not_allowed');
  for (const path of [DIRECT, SESSIONS]) {
    const answer = await ask(daemon, path, anonymous(upload(text)));
    assert.equal(answer.status, 401);
  }
  assert.equal(await countOf(daemon), 0);
});

test('the limits of uploads are those of the variables', async (t) => {
  const env = {
    USAGE_IMPORT_CHUNK_BYTES: '1000',
    USAGE_IMPORT_DISK_QUOTA_BYTES: '5000',
    USAGE_IMPORT_MAX_SESSIONS: '1',
    USAGE_IMPORT_SESSION_TTL_MINUTES: '7',
  };
  const daemon = await startReady(t, { env });
  await assertRefused(
    daemon,
    SESSIONS,
    post({ filename: 'a.jsonl', size_bytes: 5001 }),
    413,
    'usage_import_session_too_large',
  );
  const { body } = await create(daemon, { filename: 'a.jsonl', size_bytes: 5000 });
  assert.equal(body.chunk_size_bytes, 1000);
  assert.equal(body.expires_at_ms - body.updated_at_ms, 7 * 60_000);
  await assertRefused(
    daemon,
    SESSIONS,
    post({ filename: 'b.jsonl', size_bytes: 1 }),
    429,
    'usage_import_session_limit_exceeded',
  );
});

test('a file comes in chunks, over a restart, and is gone once it is imported', async (t) => {
  const dataDir = tempDir(t);
  let daemon = await startReady(t, { dataDir });
  const bytes = Buffer.from(text);
  const key = 'ab'.repeat(16);
  const wanted = { filename: '../../etc/old.jsonl', size_bytes: bytes.length, resume_key: key };
  const begun = await create(daemon, wanted);
  assert.equal(begun.status, 201);
  const { id } = begun.body;
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.deepEqual(
    [begun.body.filename, begun.body.status, begun.body.received_bytes, begun.body.chunk_size_bytes],
    ['old.jsonl', 'uploading', 0, bytes.length],
  );
  const half = 40_000;
  const first = await chunk(daemon, id, 0, bytes.subarray(0, half));
  assert.deepEqual([first.status, first.body.received_bytes, first.body.status], [200, half, 'uploading']);
  assert.equal(statSync(join(dataDir, 'usage-imports')).mode & 0o777, 0o700);
  for (const name of folder(dataDir)) {
    assert.equal(statSync(join(dataDir, 'usage-imports', name)).mode & 0o777, 0o600, name);
  }
  assert.equal(await daemon.stop(), 0);

  writeFileSync(join(dataDir, 'usage-imports', `${'cd'.repeat(16)}.part`), 'nobody knows what this is');
  daemon = await startReady(t, { dataDir });
  const resumed = await create(daemon, wanted);
  assert.deepEqual([resumed.status, resumed.body.id, resumed.body.received_bytes], [201, id, half]);
  assert.ok(!folder(dataDir).some((name) => name.startsWith('cdcd')));
  await assertConflict(chunk(daemon, id, 0, bytes.subarray(0, 10)), `expected ${half}`);
  await assertConflict(ask(daemon, `${SESSIONS}/${id}/complete`, { method: 'POST' }), 'not complete');
  const second = await chunk(daemon, id, half, bytes.subarray(half));
  assert.equal(second.body.status, 'ready');
  const processing = await ask<UsageImportSession>(daemon, `${SESSIONS}/${id}/complete`, { method: 'POST' });
  assert.ok(processing.status === 202 || processing.status === 200);
  const done = await ended(daemon, id);
  assert.deepEqual(
    [done.status, done.retryable, done.result?.added, done.error],
    ['completed', false, 84, undefined],
  );
  assert.ok(!('resume_key' in done));
  assert.deepEqual(folder(dataDir), [`${id}.json`], 'the bytes are gone');
  const again = await ask<UsageImportSession>(daemon, `${SESSIONS}/${id}/complete`, { method: 'POST' });
  assert.deepEqual([again.status, again.body.status], [200, 'completed']);
  assert.equal(await countOf(daemon), 84);
});

async function assertConflict(answer: Promise<Answer<unknown>>, part: string): Promise<void> {
  const { status, body, text: written } = await answer;
  assert.equal(status, 409);
  assert.ok(written.includes(part), written);
  assert.ok(typeof body === 'object' && body !== null && 'code' in body);
  assert.equal(body.code, 'usage_import_session_conflict');
}

test('sessions have their limits, and say which', async (t) => {
  const dataDir = tempDir(t);
  const daemon = await startReady(t, { dataDir });
  const code = async (answer: Promise<Answer<unknown>>): Promise<string> => {
    const { status, text: written } = await answer;
    return `${status} ${String(JSON.parse(written).code)}`;
  };
  const invalid = '400 usage_import_session_invalid_request';
  assert.equal(await code(create(daemon, { filename: 'a', size_bytes: 0 })), invalid);
  assert.equal(await code(create(daemon, { filename: 'a', size_bytes: 5, resume_key: 'short' })), invalid);
  assert.equal(await code(create(daemon, { filename: 'a', size_bytes: 5, more: 1 })), '400 request_failed');
  assert.equal(
    await code(create(daemon, { filename: 'a', size_bytes: 2 ** 40 })),
    '413 usage_import_session_too_large',
  );
  const missing = '404 usage_import_session_not_found';
  assert.equal(await code(ask(daemon, `${SESSIONS}/${'0'.repeat(32)}`)), missing);
  assert.equal(await code(ask(daemon, `${SESSIONS}/..%2Fx`)), missing);

  const one = (await create(daemon, { filename: '', size_bytes: 10 })).body;
  assert.equal(one.filename, 'usage-import.jsonl');
  const two = (await create(daemon, { filename: 'b', size_bytes: 10 })).body;
  assert.equal(
    await code(create(daemon, { filename: 'c', size_bytes: 10 })),
    '429 usage_import_session_limit_exceeded',
  );
  assert.equal(await code(chunk(daemon, one.id, 0, Buffer.alloc(11))), invalid);
  assert.equal(await code(chunk(daemon, one.id, 0, Buffer.alloc(0))), invalid);
  assert.equal(await code(chunk(daemon, one.id, '-1', Buffer.alloc(1))), '400 request_failed');

  const cancelled = await ask<UsageImportSession>(daemon, `${SESSIONS}/${one.id}`, { method: 'DELETE' });
  assert.deepEqual([cancelled.status, cancelled.body.status], [200, 'cancelled']);
  assert.equal(cancelled.body.error, 'usage import cancelled');
  await assertConflict(chunk(daemon, one.id, 0, Buffer.alloc(10)), 'cancelled');
  // A place is free again; and what is no import at all fails for good.
  const three = (await create(daemon, { filename: 'c', size_bytes: 10 })).body;
  await chunk(daemon, three.id, 0, Buffer.from('          '));
  await ask(daemon, `${SESSIONS}/${three.id}/complete`, { method: 'POST' });
  const failed = await ended(daemon, three.id);
  assert.deepEqual([failed.status, failed.retryable], ['failed', false]);
  assert.match(failed.error ?? '', /^empty usage import payload/);
  await assertConflict(ask(daemon, `${SESSIONS}/${three.id}/complete`, { method: 'POST' }), 'for good');
  assert.deepEqual(
    folder(dataDir).filter((name) => name.endsWith('.part') && !name.startsWith(two.id)),
    [],
  );
});

/** Waits for the feed to tell of a change of events. */
async function untilChanged(
  daemon: DaemonProcess,
  t: TestContext,
  work: () => Promise<unknown>,
): Promise<string> {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const stream = await daemon.request('/v0/management/events/stream', { signal: abort.signal });
  assert.ok(stream.body);
  let seen = '';
  let begun = false;
  for await (const bytes of stream.body) {
    seen += Buffer.from(bytes).toString('utf8');
    if (!begun && seen.includes('event: events')) {
      begun = true;
      await work();
    }
    if (/event: changed\ndata: .*"events"/.test(seen)) break;
  }
  abort.abort();
  return seen;
}

test('the live stream tells of an import as a change', async (t) => {
  const daemon = await startReady(t);
  const seen = await untilChanged(daemon, t, () => ask(daemon, DIRECT, upload(text)));
  assert.match(seen, /event: changed/);
});
