import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { EventsAnswer } from '../../src/lib/contract/api/events.ts';
import type { AliasesAnswer } from '../../src/lib/contract/api/prices.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { gatewayEnv, sourceOf, startGateway, take } from '../support/collection.ts';
import { runCli } from '../support/cli.ts';
import type { DaemonProcess } from '../support/daemon.ts';
import {
  anonymous,
  ask,
  assertInNoFile,
  assertRefused,
  assertSameShape,
  put,
  startReady,
} from '../support/http.ts';
import { recordedCalls, storeCore, storeDir } from '../support/store-harness.ts';

const URL = '/v0/management/api-key-aliases';
/** A key of the recorded events, and those that the recorded gateway has. */
const ALPHA = 'sk-client-alpha-0001';
const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const A = sha('a');
const B = sha('b');
const C = sha('c');

const names = async (daemon: DaemonProcess): Promise<string[]> =>
  (await daemon.json<AliasesAnswer>(URL)).items.map(
    ({ alias, apiKeyHash }) => `${alias} ${apiKeyHash.slice(0, 4)}`,
  );
const named = (...list: ReadonlyArray<readonly [alias: string, hash: string]>): string[] =>
  list.map(([alias, hash]) => `${alias} ${hash.slice(0, 4)}`);

test('names are given, changed, swapped and taken away as older clients know it', async (t) => {
  const daemon = await startReady(t);
  assert.deepEqual(await daemon.json(URL), { items: [] });
  const first = await ask<AliasesAnswer>(
    daemon,
    URL,
    put({
      items: [
        { apiKeyHash: ` ${A.toUpperCase()} `, alias: ' zoe ' },
        { apiKeyHash: B, alias: 'Adam', updatedAtMs: 7 },
      ],
    }),
  );
  assert.equal(first.status, 200);
  assert.equal(first.headers.get('cache-control'), 'no-store');
  const recorded: unknown = JSON.parse(
    readFileSync(new globalThis.URL('../fixtures/reference-api/aliases.json', import.meta.url), 'utf8'),
  );
  assertSameShape(first.body, recorded);
  assert.deepEqual(await names(daemon), named(['Adam', B], ['zoe', A]));
  assert.equal(first.body.items[0]?.updatedAtMs, 7);
  assert.ok((first.body.items[1]?.updatedAtMs ?? 0) > 7);
  // Only what is sent changes; nothing sent changes nothing.
  assert.equal((await ask(daemon, URL, put({ items: [] }))).status, 200);
  await ask(
    daemon,
    URL,
    put({
      items: [
        { apiKeyHash: A, alias: 'adam' },
        { apiKeyHash: B, alias: 'ZOE' },
      ],
    }),
  );
  assert.deepEqual(await names(daemon), named(['adam', A], ['ZOE', B]));

  assert.deepEqual(await daemon.json(`${URL}/${A.toUpperCase()}`, { method: 'DELETE' }), { ok: true });
  assert.deepEqual(await daemon.json(`${URL}/${A}`, { method: 'DELETE' }), { ok: true });
  assert.deepEqual(await names(daemon), named(['ZOE', B]));
});

test('what is refused changes nothing', async (t) => {
  const daemon = await startReady(t);
  await ask(daemon, URL, put({ items: [{ apiKeyHash: A, alias: 'Taken' }] }));
  const refuse = (body: unknown, code: string, words: RegExp) =>
    assertRefused(daemon, URL, put(body), 400, code).then(({ body: { error } }) =>
      assert.match(error, words),
    );
  await refuse({}, 'api_key_aliases_required', /^api key aliases are required$/);
  await refuse({ items: null }, 'api_key_aliases_required', /required/);
  const bad = (item: unknown, words: RegExp) =>
    refuse({ items: [{ apiKeyHash: B, alias: 'fine' }, item] }, 'request_failed', words);
  await bad(null, /valid apiKeyHash is required/);
  await bad({ apiKeyHash: 'sk-client', alias: 'x' }, /valid apiKeyHash is required/);
  await bad({ apiKeyHash: C, alias: ' ' }, /alias is required/);
  await bad({ apiKeyHash: C, alias: '😀'.repeat(121) }, /120 characters or less/);
  const taken = /^api key alias already exists/;
  await refuse({ items: [{ apiKeyHash: B, alias: 'TAKEN' }] }, 'api_key_alias_duplicate', taken);
  await refuse(
    {
      items: [
        { apiKeyHash: B, alias: 'same' },
        { apiKeyHash: C, alias: 'Same' },
      ],
    },
    'api_key_alias_duplicate',
    taken,
  );
  assert.deepEqual(await names(daemon), named(['Taken', A]));
  assert.equal(
    (await ask(daemon, URL, put({ items: [{ apiKeyHash: B, alias: '😀'.repeat(120) }] }))).status,
    200,
  );
  await assertRefused(daemon, `${URL}/nonsense`, { method: 'DELETE' }, 400, 'request_failed');
  await assertRefused(daemon, URL, { method: 'DELETE' }, 405, 'method_not_allowed');
  await assertRefused(daemon, `${URL}/${A}`, {}, 405, 'method_not_allowed');
  await assertRefused(daemon, URL, anonymous(), 401, 'invalid_admin_key');
});

test('the name of a key that is gone can be taken, when that is wanted', async (t) => {
  const cpa = await startGateway(t);
  await cpa.publishAll(take(sourceOf('7.2.140'), 30));
  const dataDir = storeDir(t);
  const daemon = await startReady(t, { dataDir, env: gatewayEnv(cpa.url) });
  await daemon.statusUntil(({ eventCount }) => eventCount >= 30);
  await ask(
    daemon,
    URL,
    put({
      items: [
        { apiKeyHash: A, alias: 'team' },
        { apiKeyHash: sha(ALPHA), alias: 'alpha' },
      ],
    }),
  );
  const want = (fields: Record<string, unknown>, alias = 'team', apiKeyHash = B) =>
    ask(daemon, URL, put({ items: [{ apiKeyHash, alias }], ...fields }));
  assert.equal((await want({ activeApiKeyHashes: [B] })).status, 400);
  assert.equal((await want({ activeApiKeyHashes: [A, B], allowOrphanAliasCleanup: true })).status, 400);
  assert.equal((await want({ activeApiKeyHashes: [B, 'x'], allowOrphanAliasCleanup: true })).status, 200);
  assert.deepEqual(await names(daemon), named(['alpha', sha(ALPHA)], ['team', B]));
  // Without a list the gateway is asked: it has the first key, and never had the other.
  assert.equal((await want({ allowOrphanAliasCleanup: true }, 'alpha', C)).status, 400);
  assert.equal((await want({ allowOrphanAliasCleanup: true }, 'team', C)).status, 200);
  assert.deepEqual(await names(daemon), named(['alpha', sha(ALPHA)], ['team', C]));
  const cli = (...args: string[]) =>
    runCli(t, ['--data-dir', dataDir, 'aliases', ...args], { env: gatewayEnv(cpa.url) });
  assert.equal((await cli('set', A, 'ALPHA', '--take-over')).code, 2);
  assert.equal((await cli('set', A, 'Team', '--take-over')).code, 0);
  assert.deepEqual(await names(daemon), named(['alpha', sha(ALPHA)], ['Team', A]));

  // A search for the name finds the events of the key, and no longer when it is gone.
  const search = async (text: string): Promise<readonly string[]> => {
    const { items } = await daemon.json<EventsAnswer>(`/v0/management/events?limit=1000&search=${text}`);
    return [...new Set(items.map(({ api_key_hash: hash }) => hash))];
  };
  await ask(daemon, URL, put({ items: [{ apiKeyHash: sha(ALPHA), alias: 'Straße Üben' }] }));
  assert.deepEqual(await search(encodeURIComponent('STRAßE ü')), [sha(ALPHA)]);
  await daemon.request(`${URL}/${sha(ALPHA)}`, { method: 'DELETE' });
  assert.deepEqual(await search(encodeURIComponent('straße')), []);
  assert.equal(await daemon.stop(), 0);
});

function place(t: TestContext): { dir: string; run: (...args: string[]) => ReturnType<typeof runCli> } {
  const dir = storeDir(t);
  const db = openDatabase(join(dir, 'usage.sqlite'), { mode: 'write' });
  storeCore(db).commit(recordedCalls(), null);
  db.close();
  return { dir, run: (...args) => runCli(t, ['--data-dir', dir, 'aliases', ...args]) };
}

test('the command names keys by hash, by its beginning and by the key itself, which it never shows', async (t) => {
  const { dir, run } = place(t);
  assert.match((await run('list')).stdout, /no client key has a name/);
  assert.match((await run('list', '--all')).stdout, new RegExp(`^- +${sha(ALPHA)}$`, 'm'));
  const key = await runCli(t, ['--data-dir', dir, 'aliases', 'set', '-', 'Team Alpha'], {
    input: `${ALPHA}\n`,
  });
  assert.equal(key.code, 0, key.stderr);
  assert.equal(key.stdout, `Team Alpha  ${sha(ALPHA)}\n`);
  assertInNoFile(dir, ALPHA);
  const listed: AliasesAnswer = JSON.parse((await run('list', '--json')).stdout);
  assert.deepEqual(
    listed.items.map(({ alias, apiKeyHash }) => [alias, apiKeyHash]),
    [['Team Alpha', sha(ALPHA)]],
  );
  assert.equal((await run('set', sha(ALPHA).slice(0, 8), 'Team One')).code, 0);
  const taken = await run('set', A, 'team one');
  assert.equal(taken.code, 2);
  assert.match(taken.stderr, /already exists/);
  // What is no hash may be a key: it is not repeated.
  const typed = await run('set', 'sk-secret-typed-by-mistake', 'x');
  assert.equal(typed.code, 2);
  assert.doesNotMatch(typed.stderr + typed.stdout, /sk-secret/);
  assert.match(typed.stderr, /standard input/);
  assert.equal((await run('set', 'abcdef0', 'x')).code, 4);
  assert.equal((await run('set', A, ' ')).code, 2);
  assert.equal((await run('unset', 'TEAM ONE')).stdout, `removed: ${sha(ALPHA)}\n`);
  assert.equal((await run('unset', sha(ALPHA))).code, 4);
  assert.equal((await run('set', sha(ALPHA), 'x', '--take-over')).code, 3);
  // A name may hold anything, and a terminal obeys none of it.
  const odd = await run('set', A, 'a\u001B]2;title\u0007b');
  assert.equal(odd.stdout, `a ]2;title b  ${A}\n`);
  assert.match((await run('list')).stdout, /^a \]2;title b +[0-9a-f]{64}/m);
});
