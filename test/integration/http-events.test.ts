import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import test from 'node:test';
import type { EventDetail, EventRow, EventsAnswer } from '../../src/lib/contract/api/events.ts';
import { gatewayEnv, sourceOf, startGateway, take } from '../support/collection.ts';
import { ADMIN_KEY, type DaemonProcess, type ExportedEvent } from '../support/daemon.ts';
import { anonymous, ask, assertRefused, startReady } from '../support/http.ts';

const URL = '/v0/management/events';
const FIRST = 120;
const LATER = 90;

/** All rows, page by page. `between` happens after each page. */
async function everyPage(
  daemon: DaemonProcess,
  query: string,
  between: () => void = () => {},
): Promise<EventRow[]> {
  const rows: EventRow[] = [];
  for (let next: string | null = ''; next !== null;) {
    const page: EventsAnswer = await daemon.json(`${URL}?${query}${next === '' ? '' : `&before=${next}`}`);
    rows.push(...page.items);
    between();
    ({ next } = page);
  }
  return rows;
}

const keyOf = ({ request_id: id, timestamp_ms: at }: { request_id?: string; timestamp_ms: number }): string =>
  `${id ?? ''} ${at}`;
const ids = (rows: readonly EventRow[]): number[] => rows.map(({ id }) => id);

/** A row says of an event what its line in the export says. */
function assertSame(row: EventRow, line: ExportedEvent): void {
  const summary = line['fail_summary'];
  assert.equal(row.model, line.model);
  assert.equal(row.failed, line.failed);
  assert.equal(row.reasoning_tokens, line.reasoning_tokens);
  assert.equal(row.cost_nano_usd, line.cost_nano_usd ?? null);
  assert.equal(row.api_key_hash, line['api_key_hash'] ?? '');
  assert.equal(row.auth_index, line['auth_index'] ?? '');
  assert.equal(row.latency_ms, line['latency_ms'] ?? null);
  assert.equal(
    row.fail_summary,
    Array.from(typeof summary === 'string' ? summary : '')
      .slice(0, 300)
      .join(''),
  );
}

test('every collected event is on one page, once, also while others arrive, and says what the export says', async (t) => {
  const cpa = await startGateway(t);
  const source = sourceOf('7.2.140');
  await cpa.publishAll(take(source, FIRST));
  const daemon = await startReady(t, { env: gatewayEnv(cpa.url) });
  await daemon.statusUntil(({ eventCount }) => eventCount >= FIRST);
  const before = await everyPage(daemon, 'limit=1000');
  assert.equal(before.length, FIRST);

  const later = take(source, LATER);
  const arriving: Array<Promise<unknown>> = [];
  const during = await everyPage(daemon, 'limit=7', () => {
    arriving.push(cpa.publishAll(later.splice(0, 10)));
  });
  await Promise.all(arriving);
  assert.equal(new Set(ids(during)).size, during.length, 'none twice');
  const seen = new Set(ids(during));
  assert.deepEqual(
    ids(before).filter((id) => !seen.has(id)),
    [],
  );

  await cpa.publishAll(later);
  await daemon.statusUntil(({ eventCount }) => eventCount >= FIRST + LATER);
  const rows = await everyPage(daemon, 'limit=7');
  const lines = new Map((await daemon.exportEvents()).map((line) => [keyOf(line), line]));
  assert.equal(rows.length, FIRST + LATER);
  assert.equal(lines.size, rows.length);
  for (const [index, row] of rows.entries()) {
    const line = lines.get(keyOf(row));
    assert.ok(line, keyOf(row));
    assertSame(row, line);
    const previous = rows[index - 1];
    assert.ok(previous === undefined || previous.timestamp_ms >= row.timestamp_ms);
  }

  // One of each model with all that is known.
  const models = new Map(rows.map((row) => [row.model, row]));
  for (const row of models.values()) {
    const detail = await daemon.json<EventDetail>(`${URL}/${row.id}`);
    const line = lines.get(keyOf(row));
    assert.equal(detail.event_hash, line?.event_hash);
    assert.equal(detail.timestamp, line?.timestamp);
    assert.equal(detail.gateway, cpa.url);
    assert.deepEqual(detail.response_metadata, line?.['response_metadata'] ?? null);
    assert.equal(detail.fail_summary, line?.['fail_summary'] ?? '');
    const { fail_summary: _summary, ...listed } = row;
    for (const [name, value] of Object.entries(listed))
      assert.deepEqual(Reflect.get(detail, name), value, name);
    assert.equal(
      detail.input_tokens,
      detail.uncached_input_tokens +
        detail.cache_read_tokens +
        detail.cache_write_5m_tokens +
        detail.cache_write_1h_tokens,
    );
    if (detail.price === null) assert.deepEqual(detail.cost_parts, []);
    else {
      const sum = detail.cost_parts.reduce((total, part) => total + part.cost_nano_usd, 0);
      assert.equal(sum, detail.cost_nano_usd);
      assert.ok(detail.price.model !== '' && detail.price.id > 0);
    }
  }
  assert.ok(Array.from(models.values()).some((row) => row.cost_nano_usd !== null && row.cost_nano_usd > 0));

  // Filters over HTTP: repeated ones mean any, unknown ones nothing.
  const [model = '', other = ''] = models.keys();
  const both = await everyPage(
    daemon,
    `model=${encodeURIComponent(model)}&model=${encodeURIComponent(other)}&colour=red&limit=11`,
  );
  assert.deepEqual(ids(both), ids(rows.filter((row) => row.model === model || row.model === other)));
  const failed = await everyPage(daemon, 'status=failed&search=&provider=');
  assert.deepEqual(ids(failed), ids(rows.filter((row) => row.failed)));
  const one = rows.at(17);
  assert.ok(one);
  assert.deepEqual(
    ids(await everyPage(daemon, `search=${one.request_id}`)),
    ids(rows.filter((row) => row.request_id === one.request_id)),
  );
  const range = await everyPage(daemon, `from_ms=${one.timestamp_ms}&to_ms=${one.timestamp_ms + 1}`);
  assert.deepEqual(ids(range), ids(rows.filter((row) => row.timestamp_ms === one.timestamp_ms)));
  assert.equal(await daemon.stop(), 0);
});

test('only who may sees the events, and what is asked wrongly is said', async (t) => {
  const daemon = await startReady(t);
  for (const path of [URL, `${URL}/1`]) {
    for (const method of ['GET', 'HEAD', 'POST']) {
      assert.equal((await ask(daemon, path, anonymous({ method }))).status, 401, `${method} ${path}`);
    }
    await assertRefused(daemon, path, { method: 'DELETE' }, 405, 'method_not_allowed');
  }
  const empty = await ask<EventsAnswer>(daemon, URL, { headers: { origin: 'https://elsewhere.example' } });
  assert.deepEqual(empty.body, { items: [], next: null, scanned_to_ms: 0 });
  assert.equal(empty.headers.get('cache-control'), 'no-store');
  assert.equal(empty.headers.get('access-control-allow-origin'), null);
  const head = await ask(daemon, URL, { method: 'HEAD' });
  assert.deepEqual(
    [head.status, head.text, head.headers.get('content-length')],
    [200, '', String(empty.text.length)],
  );
  const wrong = [
    ['limit=0', /limit/],
    ['limit=1001', /limit/],
    ['limit=many', /limit/],
    ['limit=1e400', /limit/],
    ['limit=1&limit=2', /limit/],
    ['before=yesterday', /before/],
    ['before=5', /before/],
    ['from_ms=noon', /from_ms/],
    ['from_ms=-1e400', /from_ms/],
    ['to_ms=1.5', /to_ms/],
    ['to_ms=1e400', /to_ms/],
    ['status=maybe', /status/],
    [`search=${'x'.repeat(301)}`, /search/],
  ] as const;
  for (const [query, about] of wrong) {
    const answer = await assertRefused(daemon, `${URL}?${query}`, {}, 400, 'invalid_request');
    assert.match(answer.body.error, about);
  }
  for (const id of ['1', '9007199254740991'])
    await assertRefused(daemon, `${URL}/${id}`, {}, 404, 'not_found');
  for (const id of ['abc', '0', '-1', '1.5', '1e30', '1e400']) {
    await assertRefused(daemon, `${URL}/${id}`, {}, 400, 'invalid_request');
  }
});

test('a client that goes away is no error, and others are answered', async (t) => {
  const daemon = await startReady(t);
  for (let n = 0; n < 5; n += 1) {
    const request = http.get(`${daemon.url}${URL}?search=nothing`, {
      agent: false,
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    request.on('error', () => {});
    await once(request, 'finish');
    request.destroy();
    await new Promise((resolve) => request.once('close', resolve));
  }
  assert.equal((await ask(daemon, URL)).status, 200);
  assert.equal(await daemon.stop(), 0);
  assert.deepEqual(
    daemon.log.filter((line) => Number(line['level']) >= 40),
    [],
  );
});
