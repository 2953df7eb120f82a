import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import test, { type TestContext } from 'node:test';
import { createGzip, gzipSync } from 'node:zlib';
import { CatalogError } from '../../src/lib/pricing/sync/catalog.ts';
import { SourceClient } from '../../src/lib/pricing/sync/fetch.ts';
import { refuseEmpty, syncPrices, type SyncOptions } from '../../src/lib/pricing/sync/sync-prices.ts';
import { LITELLM, PriceSources } from '../support/price-sources.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const refused = (words: RegExp) => (error: unknown) =>
  error instanceof CatalogError && words.test(error.message);

function client(t: TestContext, env: Record<string, string> = {}): SourceClient {
  const made = new SourceClient(env);
  t.after(() => made.close());
  return made;
}

async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('what a source may answer, and what it may not', async (t) => {
  const sources = await PriceSources.start(t);
  const url = `${sources.url}/litellm`;
  const asking = client(t);
  const get = (totalMs?: number) => asking.get(url, { etag: '', ...(totalMs && { totalMs }) });

  const first = await get();
  assert.ok(first.kind === 'body');
  assert.equal(first.etag, '"litellm-1"');
  assert.deepEqual(await asking.get(url, { etag: first.etag }), { kind: 'unchanged' });

  sources.answer('litellm', (_request, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(LITELLM))),
  );
  const packed = await get();
  assert.equal(packed.kind === 'body' ? packed.text : '', JSON.stringify(LITELLM));

  sources.answer('litellm', (_request, response) => {
    // Some kilobytes that unpack to more than anybody should read.
    const bomb = createGzip();
    response.writeHead(200, { 'content-encoding': 'gzip' });
    bomb.pipe(response);
    bomb.end(Buffer.alloc(40 << 20));
  });
  await assert.rejects(get(), refused(/longer than/));

  sources.fail('litellm', 404);
  await assert.rejects(get(), refused(/answered 404/));
  // Nobody asked whether it changed.
  sources.fail('litellm', 304);
  await assert.rejects(get(), refused(/answered 304/));

  sources.answer('litellm', (_request, response) => {
    response.writeHead(200);
    response.write('{');
  });
  await assert.rejects(get(50), refused(/longer than 0.05 s/));
  sources.answer('litellm', (_request, response) => response.destroy());
  await assert.rejects(get(), refused(/cannot be reached/));
  const gone = createServer();
  gone.listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  await assert.rejects(asking.get(`http://127.0.0.1:${port}/`, { etag: '' }), refused(/ECONNREFUSED/));
});

test('a proxy is used, but not for hosts that NO_PROXY names; a broken one is told without its password', async (t) => {
  const sources = await PriceSources.start(t);
  const through: string[] = [];
  const proxy = createServer((asked, answer) => {
    through.push(asked.url ?? '');
    const onward = request(asked.url ?? '', { headers: asked.headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    asked.pipe(onward);
  });
  // undici opens a tunnel also for plain HTTP.
  proxy.on('connect', (asked, socket) => {
    through.push(asked.url ?? '');
    const target = new URL(sources.url);
    const onward = connect(Number(target.port), target.hostname, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  const address = await listen(t, proxy);
  const url = `${sources.url}/litellm`;
  const by = client(t, { http_proxy: address });
  assert.ok(by.proxied);
  assert.equal((await by.get(url, { etag: '' })).kind, 'body');
  assert.equal(through.length, 1);
  const past = client(t, { HTTP_PROXY: address, NO_PROXY: '127.0.0.1' });
  assert.equal((await past.get(url, { etag: '' })).kind, 'body');
  assert.equal(through.length, 1);
  assert.equal(client(t).proxied, false);
  const closed = createServer();
  closed.on('connect', (_asked, socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'));
  await assert.rejects(
    client(t, { https_proxy: await listen(t, closed) }).get('https://prices.invalid/list', { etag: '' }),
    refused(/^it cannot be reached \(the proxy answered 407\)$/),
  );
  assert.throws(
    () => new SourceClient({ HTTPS_PROXY: 'http://user:secret-word@' }),
    (error) => refused(/^invalid proxy URL$/)(error),
  );
});

test('a list is kept with its ETag, and read again when the source says that it is the same', async (t) => {
  const sources = await PriceSources.start(t);
  const options: SyncOptions = {
    models: ['lite-model'],
    origins: new Map(),
    catalogs: [],
    mirrors: sources.map,
    nowMs: NOW,
    env: {},
  };
  const first = await syncPrices(options);
  assert.deepEqual(
    first.catalogs.map(({ source, etag, fetchedAtMs }) => [source, etag, fetchedAtMs]),
    [
      ['models.dev', '"models.dev-1"', NOW],
      ['litellm', '"litellm-1"', NOW],
    ],
  );
  const again = await syncPrices({ ...options, catalogs: first.catalogs });
  assert.deepEqual(again.catalogs, []);
  assert.deepEqual(again.rows, first.rows);
  assert.deepEqual(
    sources.asked.slice(2).map(({ etag }) => etag),
    ['"models.dev-1"', '"litellm-1"'],
  );
  assert.equal(again.rows[0]?.card.origin, 'litellm:lite-model');

  // What was kept is damaged: the list is fetched anew.
  const damaged = first.catalogs.map((catalog) => ({ ...catalog, body: new Uint8Array([1, 2, 3]) }));
  const mended = await syncPrices({ ...options, catalogs: damaged });
  assert.deepEqual(mended.rows, first.rows);
  assert.equal(mended.catalogs.length, 2);

  for (const source of ['models.dev', 'litellm', 'openrouter'] as const) sources.fail(source);
  const none = await syncPrices({ ...options, catalogs: first.catalogs });
  assert.deepEqual(none.rows, []);
  assert.throws(
    () => refuseEmpty(none),
    /^AppError: model price sync failed; existing prices were not changed: models\.dev: it answered 503; litellm: /,
  );
  const gone = new AbortController();
  gone.abort();
  await assert.rejects(syncPrices({ ...options, signal: gone.signal }), { name: 'AbortError' });
});
