import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageEvent } from '../../../src/lib/contract/event.ts';
import { rowHash } from '../../../src/lib/store/event-row.ts';
import type { Imported } from '../../../src/lib/transfer/import/context.ts';
import { importedLine } from '../../../src/lib/transfer/import/line.ts';
import { detailEvent } from '../../../src/lib/transfer/import/snapshot-detail.ts';
import { hashText } from '../../../src/lib/usage/event-hash.ts';
import { normalise } from '../../../src/lib/usage/normalise.ts';
import { exportLines } from '../../support/importing.ts';

const NOW = Date.UTC(2026, 10, 22);
const read = (line: unknown): Imported =>
  importedLine(typeof line === 'string' ? line : JSON.stringify(line), { nowMs: NOW });

function eventOf(line: unknown): UsageEvent {
  const result = read(line);
  assert.equal(result.kind, 'event', JSON.stringify(result));
  return result.kind === 'event' ? result.imported.event : assert.fail();
}

function reasonOf(line: unknown): string {
  const result = read(line);
  return result.kind === 'rejected' ? result.reason : assert.fail('it was read');
}

/** An exported line of CPA-Manager-Plus, small. */
const exported = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  request_id: 'r1',
  event_hash: 'ab'.repeat(32),
  timestamp_ms: 1_795_259_386_724,
  timestamp: '2026-11-21T11:09:46.724507581Z',
  provider: 'claude',
  model: 'sonnet',
  requested_model: 'sonnet',
  resolved_model: 'claude-sonnet-4-5',
  endpoint: 'POST /v1/messages',
  source: 'm:sk-a...cccc',
  input_tokens: 10,
  output_tokens: 4,
  total_tokens: 14,
  failed: false,
  created_at_ms: 1_795_259_386_758,
  ...fields,
});

test('both rules of hashing: stored hashes are kept, and ours is that of CPA-Manager-Plus', () => {
  // Its own export, and the record that it was made of: what we compute is what it stored.
  for (const line of exportLines('cpa-manager-plus-1.12.2')) {
    const event = eventOf(line);
    assert.equal(event.hash, JSON.parse(line).event_hash);
    assert.equal(rowHash(event), event.hash);
  }
  // The older program hashed the upstream model. Where there was an alias our rule gives another hash.
  let differing = 0;
  for (const line of exportLines('cpa-manager-2026-05-17')) {
    const given = JSON.parse(line);
    const event = eventOf(line);
    assert.equal(event.hash, given.event_hash);
    assert.equal(event.model, given.model);
    const ours = normalise(Buffer.from(given.raw_json), { receivedAtMs: NOW, gatewayId: 1 });
    assert.equal(ours.kind, 'event');
    if (ours.kind !== 'event') continue;
    const hasAlias = ours.event.model !== given.model;
    // What the record inside of the line has for the client's key was taken out, and is not hashed.
    assert.equal(ours.event.hash !== given.event_hash, hasAlias, given.model);
    if (hasAlias) differing += 1;
  }
  assert.ok(differing > 0, 'some of them have an alias');
});

test('what older programs left in the line itself is made use of', () => {
  const lines = exportLines('cpa-manager-2026-05-17').map((line) => ({ line, event: eventOf(line) }));
  const claude = lines.find(({ event }) => event.provider === 'claude' && !event.failed);
  assert.ok(claude);
  assert.equal(claude.event.executorType, 'ClaudeExecutor');
  assert.equal(claude.event.requestedModel, 'claude-sonnet-4-5');
  assert.equal(claude.event.cacheInputMode, 'separate_from_input');
  const codex = lines.find(({ event }) => event.response.quotaPlanType !== '');
  assert.ok(codex, 'headers of the answer are read');
  // Its own columns know no cache writes: they would be billed as reads.
  const line = exported({
    executor_type: undefined,
    cached_tokens: 300,
    raw_json: JSON.stringify({ tokens: { cached_tokens: 300, cache_creation_tokens: 300 }, ttft_ms: 5 }),
  });
  const { tokens, ttftMs } = eventOf(line);
  assert.deepEqual([tokens.cacheWrite5m, tokens.cacheRead, ttftMs], [300, 0, 5]);
  // And what CPA-Manager-Plus imported it has wrapped once more.
  const inner = JSON.parse(String(line['raw_json']));
  const wrapped = { ...line, raw_json: JSON.stringify({ total_tokens: 1, raw_json: JSON.stringify(inner) }) };
  assert.equal(eventOf(wrapped).tokens.cacheWrite5m, 300);
});

test('fields in camel case, texts for numbers, and a hash that is none', () => {
  const event = eventOf({
    eventHash: 'made by hand',
    timestampMs: 1_795_259_386_724,
    model: 'm',
    inputTokens: '12',
    outputTokens: 3,
    failed: 'yes',
    failStatusCode: '429',
    latencyMs: 7,
    apiKeyHash: hashText('sk-client-alpha-0001'),
  });
  assert.deepEqual(
    [event.hash, event.timestamp, event.reported.input, event.failed, event.failStatusCode, event.latencyMs],
    ['made by hand', '2026-11-21T11:09:46.724Z', 12, true, 429, 7],
  );
  assert.equal(event.apiKeyHash, hashText('sk-client-alpha-0001'));
});

test('timestamp_ms decides where the text says something else, and the text gives the nanoseconds', () => {
  assert.equal(eventOf(exported()).timestampMs, 1_795_259_386_724);
  assert.equal(eventOf(exported()).timestamp, '2026-11-21T11:09:46.724507581Z');
  assert.equal(eventOf(exported({ timestamp_ms: 5_000 })).timestampMs, 5_000);
  assert.equal(eventOf(exported({ timestamp_ms: 0 })).timestampMs, 1_795_259_386_724);
  assert.equal(eventOf(exported({ created_at_ms: 0 })).createdAtMs, NOW);
  assert.match(reasonOf(exported({ timestamp: '', timestamp_ms: 0 })), /neither a timestamp/);
});

test('keys are taken out of lines that hold them in clear', () => {
  const key = 'sk-upstream-openai-aaaa';
  const short = 'hunter2pass';
  const line = exported({
    source: key,
    source_hash: '',
    api_key: short,
    api_key_hash: '',
    account_snapshot: 'sk-proj-0123456789abcdef0123456789',
    failed: true,
    fail_summary: `401: invalid key ${key}, or ${short}; Bearer abcdefgh12345678; ann@example.com`,
    path: `/v1/x?key=${key}`,
    response_metadata: {
      trace: { request_id: key },
      errors: { code: short },
      more: { token: 'abcdefghijk1234567' },
    },
    header_error_code: short,
    raw_json: JSON.stringify({ source: key, api_key: 'another-key-of-a-client-1' }),
  });
  const event = eventOf(line);
  const text = JSON.stringify(event);
  for (const secret of [key, short, 'another-key', 'abcdefgh12345678', 'ann@', 'sk-proj', 'abcdefghijk']) {
    assert.ok(!text.includes(secret), `${secret}: ${text}`);
  }
  assert.equal(event.source, 'm:sk-u...aaaa');
  assert.equal(event.apiKeyHash, hashText(short), 'the key is still known by its hash');
  // In the place of a hash it is hashed as well.
  assert.equal(eventOf(exported({ api_key_hash: key })).apiKeyHash, hashText(key));
});

test('response headers behind a failure, or in the place of one, are no failure', () => {
  const headers = '{"Connection":["keep-alive"],"X-Request-Id":["req_1"]}';
  assert.equal(eventOf(exported({ failed: false, fail_summary: headers })).failSummary, '');
  const failed = eventOf(
    exported({ failed: true, fail_summary: `slow down\n${headers}`, fail_status_code: 429 }),
  );
  assert.equal(failed.failSummary, 'slow down');
  assert.ok(eventOf(exported({ failed: true, fail_summary: 'context canceled' })).flags & 4);
});

test('records of the gateway are read as if they were collected, but not without a time', () => {
  const record = {
    timestamp: '2026-05-02T10:00:00',
    model: 'foo',
    tokens: { input_tokens: 10, cache_read_tokens: 4, cached_tokens: 4, output_tokens: 3 },
  };
  assert.equal(eventOf(record).hash, 'a107d40c123de81fa1a3d2fc4a71c182fca057bebeeb8501974631c8a8b383b9');
  // Tokens under `usage` do not make a snapshot of it.
  assert.equal(
    eventOf({ timestamp: 1_777_687_200, model: 'm', usage: { input_tokens: 3 } }).reported.input,
    3,
  );
  assert.match(reasonOf({ model: 'm', tokens: {} }), /time/);
  assert.match(reasonOf({ refresh: true }), /control message/);
  assert.match(reasonOf('{"a":1'), /not JSON/);
  assert.match(reasonOf('[1]'), /no JSON object/);
});

test('a cost of ours is kept with its price, any other is not', () => {
  const price_id = 'cd'.repeat(32);
  const kept = (fields: Record<string, unknown>): unknown => {
    const result = read(exported(fields));
    return result.kind === 'event' ? result.imported.kept : assert.fail();
  };
  assert.deepEqual(kept({ cost_nano_usd: 5, price_id }), { costNano: 5, price: price_id });
  assert.equal(kept({ cost_nano_usd: 5 }), null);
  assert.equal(kept({ cost_nano_usd: 5, price_id: 7 }), null);
  assert.equal(kept({ cost_nano_usd: 5, price_id: '' }), null);
  assert.equal(kept({ cost_nano_usd: 0.5, price_id }), null);
  assert.equal(kept({ cost_nano_usd: -1, price_id }), null);
});

test('a request of a snapshot gets the id and the hash that CPA-Manager-Plus gives it', () => {
  const detail = {
    timestamp: '2026-01-01T00:00:00Z',
    source: 'a@b.co',
    auth_index: '1',
    tokens: { input_tokens: 1, output_tokens: 2 },
  };
  const place = {
    endpoint: 'POST /v1/chat/completions',
    model: 'gpt-4o',
    endpointRank: 1,
    modelRank: 1,
    index: 0,
  };
  const result = detailEvent(detail, place, { nowMs: NOW });
  assert.equal(result.kind, 'event');
  if (result.kind !== 'event') return;
  const { event } = result.imported;
  assert.equal(event.requestId, 'legacy:50dbd2a8041ff8ef');
  assert.equal(event.hash, '286c136e30504a028413962715ad5ac88a8de3348218f4548551ad1d5e75520c');
  assert.deepEqual([event.model, event.endpoint, event.method], ['gpt-4o', place.endpoint, 'POST']);
  const other = detailEvent(detail, { ...place, index: 1 }, { nowMs: NOW });
  assert.ok(other.kind === 'event' && other.imported.event.hash !== event.hash);
  assert.equal(detailEvent({ ...detail, timestamp: '' }, place, { nowMs: NOW }).kind, 'rejected');
});
