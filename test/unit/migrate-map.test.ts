import assert from 'node:assert/strict';
import test from 'node:test';
import type { UsageEvent } from '../../src/lib/contract/event.ts';
import {
  MANAGER_CONFIG,
  parseManagerConfig,
  parseSetup,
  SETUP,
} from '../../src/lib/config/manager-config.ts';
import { oldEvent, oldIdentity } from '../../src/lib/migrate/map-event.ts';
import { oldPrices } from '../../src/lib/migrate/map-prices.ts';
import { mapSettings } from '../../src/lib/migrate/map-settings.ts';
import { createSecretBox, isSealed } from '../../src/lib/secrets/secret-box.ts';
import type { OldRow } from '../../src/lib/store/old/events.ts';

const NOW = Date.UTC(2026, 10, 21);
const HASH = 'c0ffee'.padEnd(64, '0');

/** A row as the last CPA-Manager wrote it. */
function rowOf(fields: Record<string, unknown>, raw: Record<string, unknown> | null = null): OldRow {
  return {
    id: 1,
    event_hash: HASH,
    timestamp_ms: NOW,
    timestamp: '2026-11-21T00:00:00Z',
    model: 'gpt-5',
    endpoint: 'POST /v1/responses',
    input_tokens: 10,
    output_tokens: 2,
    total_tokens: 12,
    failed: 0,
    created_at_ms: NOW + 5,
    raw_json: raw === null ? null : JSON.stringify(raw),
    ...fields,
  };
}

function eventOf(row: OldRow): UsageEvent {
  const mapped = oldEvent(row, { nowMs: NOW });
  if (mapped.kind === 'rejected') throw new Error(mapped.reason);
  return mapped.imported.event;
}

test('a failure that CPA-Manager kept only in its record is kept, without the key that it quotes', () => {
  const key = 'upstream-key-1234567890';
  const event = eventOf(
    rowOf(
      { failed: 1, source: 'm:upst...7890', auth_type: 'apikey' },
      {
        failed: true,
        source: key,
        auth_type: 'apikey',
        fail: { status_code: 401, body: `the key ${key} is not known` },
      },
    ),
  );
  assert.equal(event.failSummary, 'the key [redacted] is not known');
  assert.equal(event.failStatusCode, 401);
  assert.equal(event.hash, HASH);
  assert.ok(!JSON.stringify(event).includes(key));
});

test('an account that is its own source keeps its labels', () => {
  const event = eventOf(
    rowOf(
      {
        account_snapshot: 'someone@example.com',
        auth_label_snapshot: 'someone@example.com',
        auth_type: 'oauth',
      },
      { source: 'someone@example.com', auth_type: 'oauth' },
    ),
  );
  assert.deepEqual(
    [event.accountSnapshot, event.authLabelSnapshot],
    ['someone@example.com', 'someone@example.com'],
  );
});

test('a short key that older programs kept in clear is masked', () => {
  const event = eventOf(rowOf({ source: 'upstream-key-1234567890', auth_type: 'apikey' }));
  assert.equal(event.source, 'm:upst...7890');
});

test('who asked is taken from the row, else from its record', () => {
  const raw = { client_ip: '10.0.0.9', user_agent: 'from the record' };
  const own = eventOf(rowOf({ client_ip: '10.0.0.1', user_agent: null, x_forwarded_for: null }, raw));
  assert.deepEqual([own.clientIp, own.userAgent, own.xForwardedFor], ['10.0.0.1', 'from the record', '']);
});

test('response facts of CPA-Manager-Plus come along, and those of a scan that found nothing do not hide the headers', () => {
  const facts = eventOf(
    rowOf({ response_metadata_json: '{"quota":{"plan_type":"plus","used_percent":42}}' }),
  );
  assert.equal(facts.response.quotaPlanType, 'plus');
  const raw = { response_headers: { 'X-Codex-Plan-Type': ['pro'] } };
  for (const text of ['{}', '', null, 'broken']) {
    assert.equal(
      eventOf(rowOf({ response_metadata_json: text }, raw)).response.quotaPlanType,
      'pro',
      String(text),
    );
  }
});

test('rows of no use are named, and none throws', () => {
  const reason = (row: OldRow): string => {
    const mapped = oldEvent(row, { nowMs: NOW });
    return mapped.kind === 'rejected' ? mapped.reason : '';
  };
  assert.equal(reason(rowOf({ event_hash: ' ' })), 'it has no hash');
  assert.match(reason(rowOf({ timestamp: null, timestamp_ms: 'soon' })), /neither a timestamp nor/);
  assert.equal(reason(rowOf({ raw_json: '{"broken', model: Buffer.from('gpt-5') })), '');
});

test('an event is found again by what it was stored under', () => {
  for (const row of [
    rowOf({}),
    rowOf({ event_hash: ' spaced out ' }),
    rowOf({ event_hash: 'sk-ant-a-key-in-the-place-of-a-hash' }),
    rowOf({ timestamp: 'yesterday' }),
    rowOf({ timestamp_ms: null }),
  ]) {
    const { timestampMs, hash } = eventOf(row);
    assert.deepEqual(
      oldIdentity(row, () => row),
      { timestampMs, hash },
    );
  }
  assert.equal(
    oldIdentity(rowOf({ event_hash: null }), () => null),
    null,
  );
});

const KEY = 'the-management-key-of-cpa';
const OLD = createSecretBox(Buffer.alloc(32, 1));
const OURS = createSecretBox(Buffer.alloc(32, 2));

function saved(managementKey: string): (key: string) => string | null {
  const connection = { cpaBaseUrl: ' cpa.lan:8317/v0/management/ ', managementKey };
  const rows = new Map([
    [MANAGER_CONFIG, JSON.stringify({ cpaConnection: connection, codexInspection: { workers: 3 } })],
    [SETUP, JSON.stringify({ ...connection, queue: 'usage', popSide: 'left' })],
  ]);
  return (key) => rows.get(key) ?? null;
}

test('a saved connection is sealed with our key, whether it was in clear or sealed there', () => {
  for (const stored of [KEY, OLD.seal(KEY)]) {
    const { rows, managementKey, gateway } = mapSettings(saved(stored), { oldBox: OLD, box: OURS }, NOW);
    assert.deepEqual([managementKey, gateway], ['carried', 'http://cpa.lan:8317']);
    assert.ok(![...rows.values()].some((text) => text.includes(KEY)));
    const config = parseManagerConfig(rows.get(MANAGER_CONFIG) ?? '');
    const setup = parseSetup(rows.get(SETUP) ?? '');
    assert.equal(OURS.open(config?.cpaConnection.managementKey ?? ''), KEY);
    assert.equal(OURS.open(setup?.managementKey ?? ''), KEY);
    assert.equal(setup?.popSide, 'left');
    assert.deepEqual(config?.raw['codexInspection'], { workers: 3 });
  }
});

test('without its data key a saved connection is asked for again, or waits for the key', () => {
  const sealed = OLD.seal(KEY);
  const foreign = createSecretBox(Buffer.alloc(32, 9));
  for (const oldBox of [null, foreign]) {
    const { rows, managementKey } = mapSettings(saved(sealed), { oldBox, box: OURS }, NOW);
    assert.equal(managementKey, 'left out');
    const config = parseManagerConfig(rows.get(MANAGER_CONFIG) ?? '');
    assert.equal(config?.cpaConnection.managementKey, '');
    assert.match(config?.cpaConnection.cpaBaseUrl ?? '', /cpa\.lan/);
  }
  const waiting = mapSettings(saved(sealed), { oldBox: null, box: null }, NOW);
  assert.equal(waiting.managementKey, 'kept sealed');
  assert.ok(isSealed(parseSetup(waiting.rows.get(SETUP) ?? '')?.managementKey ?? ''));
  const clear = mapSettings(saved(KEY), { oldBox: null, box: null }, NOW);
  assert.equal(clear.managementKey, 'left out');
  assert.ok(![...clear.rows.values()].some((text) => text.includes(KEY)));
});

test('a password in the saved address is not carried, and an address that is none is named', () => {
  const at = (cpaBaseUrl: string): ReturnType<typeof mapSettings> => {
    const connection = { cpaBaseUrl, managementKey: KEY };
    const rows = new Map([
      [MANAGER_CONFIG, JSON.stringify({ cpaConnection: connection })],
      [SETUP, JSON.stringify(connection)],
    ]);
    return mapSettings((key) => rows.get(key) ?? null, { oldBox: null, box: OURS }, NOW);
  };
  const urls = ({ rows }: ReturnType<typeof mapSettings>): readonly unknown[] => [
    parseManagerConfig(rows.get(MANAGER_CONFIG) ?? '')?.cpaConnection.cpaBaseUrl,
    parseSetup(rows.get(SETUP) ?? '')?.cpaBaseUrl,
  ];
  for (const [typed, url, fate] of [
    ['https://cpa.lan/cpa/', 'https://cpa.lan/cpa', 'carried'],
    ['http://cpa.lan:8317/?key=made-up-word', 'http://cpa.lan:8317', 'carried'],
    ['http://somebody:made-up-word@cpa.lan:8317', 'http://cpa.lan:8317', 'without password'],
    ['somebody:made@up-word@cpa.lan:8317/cpa', 'http://cpa.lan:8317/cpa', 'without password'],
    ['the word is made-up-word', '', 'left out'],
    ['ftp://made-up-word@cpa.lan', '', 'left out'],
    [' ', '', 'none'],
  ] as const) {
    const mapped = at(typed);
    assert.deepEqual([mapped.address, mapped.gateway, ...urls(mapped)], [fate, url, url, url]);
    assert.equal(mapped.managementKey, 'carried');
    assert.ok(![...mapped.rows.values()].some((text) => text.includes('up-word')), typed);
  }
});

test('settings that cannot be read are named', () => {
  const read = (key: string): string | null =>
    key === SETUP || key === 'admin_credential_v1' ? '{broken' : null;
  const { rows, damaged } = mapSettings(read, { oldBox: OLD, box: OURS }, NOW);
  assert.deepEqual([rows.size, [...damaged].sort()], [0, ['admin_credential_v1', SETUP].sort()]);
});

test('prices keep what they cost, who set them, and an explicit nothing', () => {
  const price = { prompt_per_1m: 0, completion_per_1m: 0, cache_per_1m: 0, updated_at_ms: 5 };
  const flags = { prompt_configured: 0, completion_configured: 1 };
  const { rows, refused } = oldPrices({
    prices: [
      { model: 'free', ...price },
      {
        model: 'half',
        ...price,
        ...flags,
        prompt_per_1m: 2.5,
        source: 'litellm',
        source_model_id: 'x/half',
        synced_at_ms: 7,
      },
      { model: 'bad', ...price, prompt_per_1m: -1 },
    ],
    contextTiers: [],
    serviceTiers: [],
  });
  const [free, half] = rows;
  assert.deepEqual(
    [free?.card.source, free?.card.rates.input, free?.card.rates.output, free?.card.rates.cacheRead],
    ['manual', 0, 0, null],
  );
  assert.deepEqual(
    [half?.card.source, half?.card.origin, half?.card.rates.input, half?.card.rates.output, half?.syncedAtMs],
    ['synced', 'litellm:x/half', 2_500_000, 0, 7],
  );
  assert.deepEqual(
    refused.map(({ model }) => model),
    ['bad'],
  );
});
