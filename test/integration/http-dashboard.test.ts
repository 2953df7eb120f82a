import assert from 'node:assert/strict';
import test from 'node:test';
import type { DashboardAnswer } from '../../src/lib/contract/api/dashboard.ts';
import type { EventsAnswer } from '../../src/lib/contract/api/events.ts';
import { gatewayEnv, sourceOf, startGateway, take } from '../support/collection.ts';
import type { ExportedEvent } from '../support/daemon.ts';
import { anonymous, ask, assertRefused, assertSameShape, startReady } from '../support/http.ts';
import { readFileSync } from 'node:fs';

const URL = '/v0/management/dashboard/summary';
const FIRST = 150;
const LATER = 60;
const DAY_MS = 86_400_000;

const sum = (lines: readonly ExportedEvent[], of: (line: ExportedEvent) => number): number =>
  lines.reduce((total, line) => total + of(line), 0);

test('the figures of a day are those of its exported events, and grow with them', async (t) => {
  const cpa = await startGateway(t);
  const source = sourceOf('7.2.140');
  await cpa.publishAll(take(source, FIRST));
  const daemon = await startReady(t, { env: gatewayEnv(cpa.url) });
  const startMs = Math.floor(Date.now() / 300_000) * 300_000 - DAY_MS / 2;
  const query = `today_start_ms=${startMs}&now_ms=${startMs + DAY_MS - 1}`;
  for (const count of [FIRST, FIRST + LATER]) {
    await daemon.statusUntil(({ eventCount }) => eventCount >= count);
    const answer = await ask<DashboardAnswer>(daemon, `${URL}?${query}`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const lines = await daemon.exportEvents();
    const {
      today,
      today_request_health_timeline: health,
      top_models_today: models,
      traffic_timeline: hours,
    } = answer.body;
    const failures = lines.filter((line) => line.failed);
    assert.equal(lines.length, count);
    assert.equal(today.total_calls, count);
    assert.equal(today.failure_calls, failures.length);
    assert.equal(today.success_calls, count - failures.length);
    assert.equal(
      today.reasoning_tokens,
      sum(lines, (line) => line.reasoning_tokens),
    );
    const cost = sum(lines, (line) => line.cost_nano_usd ?? 0) / 1e9;
    assert.ok(cost > 0 && Math.abs(today.total_cost - cost) < 1e-9);
    assert.equal(today.unpriced_calls, lines.filter((line) => (line.cost_nano_usd ?? null) === null).length);
    assert.equal(health.total_calls, count);
    assert.equal(
      hours.reduce((total, hour) => total + hour.calls, 0),
      count,
    );
    assert.equal(
      hours.reduce((total, hour) => total + hour.tokens, 0),
      today.total_tokens,
    );
    assert.equal(
      answer.body.token_mix.reduce((total, part) => total + part.tokens, 0),
      today.total_tokens,
    );
    assert.ok(models.length > 0);
    for (const { model, calls } of models) {
      // What the figure counts is what a click on it lists.
      const listed = await daemon.json<EventsAnswer>(
        `/v0/management/events?limit=1000&from_ms=${startMs}&model=${encodeURIComponent(model)}`,
      );
      assert.equal(listed.items.length, calls, model);
    }
    const newest = failures.toSorted((a, b) => b.timestamp_ms - a.timestamp_ms)[0];
    assert.equal(answer.body.recent_failures[0]?.timestamp_ms, newest?.timestamp_ms);
    if (count === FIRST) await cpa.publishAll(take(source, LATER));
  }
  const more = await ask<DashboardAnswer>(daemon, `${URL}?${query}&top_models=2&recent_failures=1`);
  assert.equal(more.body.top_models_today.length, 2);
  assert.equal(more.body.model_cost_rank.length, 2);
  assert.equal(more.body.recent_failures.length, 1);
  const file = new globalThis.URL('../fixtures/reference-api/dashboard-summary.json', import.meta.url);
  assertSameShape(more.body, JSON.parse(readFileSync(file, 'utf8')));
  assert.equal(await daemon.stop(), 0);
});

test('what is asked wrongly is answered as older clients know it', async (t) => {
  const daemon = await startReady(t);
  const wrong = [
    ['', 400, 'today_start_ms is required'],
    ['today_start_ms=', 400, 'today_start_ms is required'],
    ['today_start_ms=noon', 400, 'today_start_ms must be a positive integer'],
    ['today_start_ms=0', 400, 'today_start_ms must be a positive integer'],
    ['today_start_ms=-5', 400, 'today_start_ms must be a positive integer'],
    ['today_start_ms=1.5', 400, 'today_start_ms must be a positive integer'],
    ['today_start_ms=5&now_ms=x', 400, 'now_ms must be an integer'],
    ['today_start_ms=5&top_models=x', 400, 'top_models must be an integer'],
    ['today_start_ms=5&recent_failures=1.5', 400, 'recent_failures must be an integer'],
    ['today_start_ms=5&now_ms=4', 500, 'now_ms must be greater than or equal to today_start_ms'],
  ] as const;
  for (const [query, status, text] of wrong) {
    const answer = await assertRefused(daemon, `${URL}?${query}`, {}, status, 'request_failed');
    assert.ok(answer.body.error.endsWith(text), answer.body.error);
  }
  await assertRefused(daemon, URL, anonymous(), 401, 'invalid_admin_key');
  await assertRefused(daemon, URL, { method: 'POST' }, 405, 'method_not_allowed');
  const answer = await ask<DashboardAnswer>(daemon, `${URL}?today_start_ms=5&now_ms=0&top_models=-1`);
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  assert.ok(answer.body.window.now_ms > 5);
  assert.equal(answer.body.today.average_latency_ms, null);
  assert.deepEqual(
    [answer.body.traffic_timeline.length, answer.body.today_request_health_timeline.points.length],
    [24, 144],
  );
  const slash = await ask<DashboardAnswer>(daemon, `${URL}/?today_start_ms=5&now_ms=9`);
  assert.deepEqual(slash.body.window.now_ms, 9);
  const head = await ask(daemon, `${URL}?today_start_ms=5`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
});
