import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import test, { type TestContext } from 'node:test';
import { fastify } from 'fastify';
import { registerErrors } from '../../../src/daemon/plugins/errors.ts';
import { usageExportRoute } from '../../../src/daemon/routes/usage-export.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { AppError } from '../../../src/lib/errors.ts';

const CHUNK = Buffer.alloc(256 * 1024, '{}\n');
/** More than the sockets of both sides hold. */
const LIMIT = 64 * 1024 * 1024;

/** An export that never ends, and what became of it. */
async function endless(t: TestContext) {
  const seen = { chunks: 0, aborted: false };
  const ended = Promise.withResolvers<void>();
  const app = fastify({ forceCloseConnections: true });
  usageExportRoute(
    app,
    async function* events({ signal }) {
      try {
        for (;;) {
          seen.chunks += 1;
          yield CHUNK;
        }
      } finally {
        seen.aborted = signal?.aborted ?? false;
        ended.resolve();
      }
    },
    async () => {},
    systemClock,
  );
  t.after(() => app.close());
  const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/v0/management/usage/export`;
  return { app, seen, ended: ended.promise, url };
}

test('nothing is made for a reader that stands still, and all ends when it goes away', async (t) => {
  const { seen, ended, url } = await endless(t);
  const request = http.get(url, { agent: false });
  request.on('error', () => {});
  const [response] = await once(request, 'response');
  await once(response, 'readable');
  for (let before = -1; before !== seen.chunks;) {
    before = seen.chunks;
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(seen.chunks * CHUNK.length < LIMIT, `${seen.chunks} chunks`);
  }
  request.destroy();
  await ended;
  assert.equal(seen.aborted, true);
});

test('headers alone need no events', async (t) => {
  const { app, seen } = await endless(t);
  const answer = await app.inject({ method: 'HEAD', url: '/v0/management/usage/export' });
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.headers['content-type'], 'application/x-ndjson');
  assert.equal(seen.chunks, 0);
});

test('an end in good order ends what is being sent', async (t) => {
  const { app, seen, ended, url } = await endless(t);
  const request = http.get(url, { agent: false });
  request.on('error', () => {});
  const [response] = await once(request, 'response');
  response.on('error', () => {});
  await once(response, 'readable');
  await app.close();
  await ended;
  assert.equal(seen.aborted, true);
  request.destroy();
});

test('an export that cannot begin is an error, one that breaks off is not whole', async (t) => {
  for (const lines of [0, 3]) {
    const app = fastify();
    registerErrors(app);
    usageExportRoute(
      app,
      async function* events() {
        for (let line = 0; line < lines; line += 1) yield CHUNK;
        throw new AppError('database_locked');
      },
      async () => {},
      systemClock,
    );
    t.after(() => app.close());
    const url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/v0/management/usage/export`;
    const answer = await fetch(url);
    if (lines > 0) {
      await assert.rejects(answer.text(), TypeError);
      continue;
    }
    assert.equal(answer.status, 503);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    assert.equal(
      answer.headers.get('content-disposition'),
      null,
      'an error is not saved as a file of events',
    );
    const body: { code?: string } = JSON.parse(await answer.text());
    assert.equal(body.code, 'database_locked');
  }
});
