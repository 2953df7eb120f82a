import assert from 'node:assert/strict';
import test from 'node:test';
import { eventHash, hashText } from '../../../src/lib/usage/event-hash.ts';
import { eventOf, fixture, recordings } from './support.ts';

/** An exported event, as far as these tests read it. */
interface Exported {
  readonly event_hash: string;
  readonly request_id: string;
  readonly timestamp: string;
  readonly timestamp_ms: number;
  readonly endpoint: string;
  readonly method: string;
  readonly path: string;
  readonly model: string;
  readonly requested_model: string;
  readonly resolved_model: string;
  readonly provider: string;
  readonly executor_type: string;
  readonly auth_type: string;
  readonly auth_index: string;
  readonly source: string;
  readonly source_hash: string;
  readonly api_key_hash: string;
  readonly service_tier?: string;
  readonly reasoning_effort?: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly cached_tokens: number;
  readonly cache_tokens: number;
  readonly total_tokens: number;
  readonly failed: boolean;
  readonly latency_ms?: number;
  readonly raw_json?: string;
}

const EXPORTS = ['cpa-manager-1.1.4', 'cpa-manager-2026-05-17', 'cpa-manager-plus-1.12.2'] as const;

function exported(name: string): Exported[] {
  const lines = fixture(`exports/${name}.jsonl`).trim().split('\n');
  return lines.map((line): Exported => JSON.parse(line));
}

// What the two CPA-Manager programs gave for these records.
const VECTORS = [
  [
    '{"timestamp":"2026-05-02T10:00:00.120000000+08:00","model":"gpt-5","alias":"","requested_model":"x","endpoint":"post /v1/chat","auth_index":"abc","source":"user@example.com","api_key":"sk-abc","latency_ms":0,"tokens":{"input_tokens":10,"output_tokens":5,"total_tokens":15},"failed":false,"request_id":"r1"}',
    'd7d4ecf03f5bc4a93caeed3e94e0c5e6bb6adfc284123f796e6c61313c511c88',
  ],
  [
    '{"timestamp":1777687200,"model":"gpt-5","method":"get","path":"/v1/x","tokens":{"input_tokens":"10","prompt_tokens":7,"output_tokens":5.9},"status":500,"latencyMs":"12"}',
    '2dd08185a44181c525d0e60c4977c5f5234ed791b6eb3c4865a38ef1a6637aac',
  ],
  [
    '{"timestamp":"2026-05-02 10:00:00","model":"claude-x","provider":"claude","tokens":{"input_tokens":10,"cache_read_tokens":100,"cache_creation_tokens":20,"cached_tokens":100,"output_tokens":3,"reasoning_tokens":2}}',
    '89e0bae685bacf6edfd35e49db5e11e53f6666b301c534db91a0cdbd63fa79d5',
  ],
  [
    '{"timestamp":"2026-05-02T10:00:00","model":"foo","tokens":{"input_tokens":10,"cache_read_tokens":4,"cached_tokens":4,"output_tokens":3}}',
    'a107d40c123de81fa1a3d2fc4a71c182fca057bebeeb8501974631c8a8b383b9',
  ],
  [
    '{"timestamp":"2026-11-21T12:05:03.900516620Z","latency_ms":1,"source":"upstream-key-1234567890","auth_index":"c4503a2ec7c95150","tokens":{"input_tokens":100,"output_tokens":20,"reasoning_tokens":5,"cached_tokens":40,"cache_read_tokens":40,"total_tokens":120},"failed":false,"model":"up-model","alias":"my-alias","endpoint":"POST /v1/chat/completions","auth_type":"apikey","request_id":"5132edc5"}',
    'e1466f28186a7ace48a2365659e061050dd568daba5e28cdce14516083482768',
  ],
] as const;

test('records hash as in the two CPA-Manager programs', () => {
  for (const [record, hash] of VECTORS) assert.equal(eventOf(record).hash, hash, record);
  const [first, second] = VECTORS.map(([record]) => eventOf(record));
  assert.equal(first?.timestamp, '2026-05-02T02:00:00.12Z');
  assert.equal(first?.source, 'use***@example.com');
  assert.equal(first?.model, 'gpt-5');
  assert.equal(second?.endpoint, 'GET /v1/x');
  assert.equal(second?.failed, true);
  assert.equal(second?.reported.total, 15);
});

test('fields hash as in the two CPA-Manager programs', () => {
  const aliased = {
    requestId: 'r1',
    timestamp: '2026-05-06T00:00:00Z',
    endpoint: 'POST /v1/chat/completions',
    model: 'gpt-5(high)',
    authIndex: 'a1',
    sourceHash: hashText('user@example.com'),
    input: 100,
    output: 20,
    reasoning: 5,
    cachedMax: 40,
    failed: true,
    latencyMs: 1200,
  };
  assert.equal(eventHash(aliased), '1b542583c9ab9b8e17bf00335fef02c92bff5d1c524004590a6464737235eae8');
  const bare = {
    requestId: '',
    timestamp: '2026-05-05T16:53:21Z',
    endpoint: '-',
    model: 'claude-x',
    authIndex: '',
    sourceHash: '',
    input: 10,
    output: 2,
    reasoning: 0,
    cachedMax: 7,
    failed: false,
    latencyMs: null,
  };
  assert.equal(eventHash(bare), '7d119eaeeba5e7f853355b00eebfbd4b5b9ab5ab190b31d8d0ff8a8ad0e86025');
  assert.notEqual(eventHash({ ...bare, latencyMs: 0 }), eventHash(bare));
});

test('the hash of a text is of its trimmed form, and nothing has none', () => {
  const key = '07fa22c0e0cca8c884a7d3accaf52b4dd22310c5414a4196fa8a1fb6ecbdbbe3';
  assert.equal(hashText('sk-client-aaaaaaaaaaaaaaaaaaaaaaaa'), key);
  assert.equal(hashText(' \tsk-client-aaaaaaaaaaaaaaaaaaaaaaaa\n'), key);
  assert.equal(hashText(' \u0085'), '');
});

test('the hash of every exported event can be computed again from its fields', async (t) => {
  for (const name of EXPORTS) {
    await t.test(name, () => {
      const events = exported(name);
      assert.ok(events.length > 20);
      for (const event of events) {
        const again = eventHash({
          requestId: event.request_id,
          timestamp: event.timestamp,
          endpoint: event.endpoint,
          model: event.model,
          authIndex: event.auth_index,
          sourceHash: event.source_hash,
          input: event.input_tokens,
          output: event.output_tokens,
          reasoning: event.reasoning_tokens,
          cachedMax: Math.max(event.cached_tokens, event.cache_tokens),
          failed: event.failed,
          latencyMs: event.latency_ms ?? null,
        });
        assert.equal(again, event.event_hash);
      }
    });
  }
});

test('the hash of our own event can be computed again from what is stored of it', () => {
  for (const version of ['6.10.8', '7.1.39', '7.2.140']) {
    for (const record of recordings(version)) {
      const event = eventOf(record);
      const { input, output, reasoning, cached, cache } = event.reported;
      const again = eventHash({ ...event, input, output, reasoning, cachedMax: Math.max(cached, cache) });
      assert.equal(again, event.hash);
    }
  }
});

test('records that CPA-Manager kept whole come to the events it exported', async (t) => {
  for (const name of ['cpa-manager-1.1.4', 'cpa-manager-2026-05-17']) {
    await t.test(name, () => {
      for (const event of exported(name)) {
        // It kept the record but for the client's key, and named the upstream's model where we show the alias.
        const record: Record<string, unknown> = JSON.parse(event.raw_json ?? '');
        const ours = eventOf({ ...record, alias: event.model });
        assert.deepEqual(
          [ours.hash, ours.timestamp, ours.timestampMs, ours.method, ours.path, ours.source, ours.sourceHash],
          [
            event.event_hash,
            event.timestamp,
            event.timestamp_ms,
            event.method,
            event.path,
            event.source,
            event.source_hash,
          ],
        );
        assert.equal(ours.reported.total, event.total_tokens);
      }
    });
  }
});
