import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { GatewayError } from '../../src/lib/contract/gateway.ts';
import { checkConsumers, findConsumers } from '../../src/lib/doctor/consumers.ts';
import { judgeSpace } from '../../src/lib/doctor/place.ts';
import { ProxyWalk } from '../../src/lib/doctor/proxy.ts';
import { checkClock, checkDns, checkTls, reach, type Reach } from '../../src/lib/doctor/reach.ts';
import { openMemory, refusalsPath } from '../../src/lib/doctor/refusals.ts';
import { both, fail, ok, warn } from '../../src/lib/doctor/result.ts';
import { checkIntegrity } from '../../src/lib/store/integrity.ts';
import { makeDatabase } from '../../src/lib/store/settings-store.ts';
import { tempDir } from '../support/daemon.ts';

const GIB = 2 ** 30;
const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 21);
const KEY = { baseUrl: 'http://cpa.example.org', managementKey: 'made-up', tlsSkipVerify: false };

test('free space is measured by the spool and by the database', () => {
  const state = (free: number, database = 0, noFiles = false): string =>
    judgeSpace('/data', free, noFiles, database).state;
  assert.equal(state(10 * GIB), 'ok');
  assert.equal(state(10 * GIB, 11 * GIB), 'warn');
  assert.equal(state(GIB), 'warn');
  assert.match(judgeSpace('/data', GIB, false, 0).message, /holds at most 102\.4 MiB/);
  assert.equal(state(8 << 20), 'fail');
  assert.equal(state(10 * GIB, 0, true), 'fail');
});

const reached = (more: Partial<Reach> = {}): Reach => ({
  url: KEY.baseUrl,
  addresses: ['127.0.0.1'],
  connectedTo: '127.0.0.1:80',
  tls: null,
  clock: null,
  failed: null,
  ...more,
});

test('the clock is compared with what is stored and with the gateway', () => {
  const facts = { nowMs: NOW, lastInsertedMs: null, zone: '', reached: null };
  assert.equal(checkClock(facts).state, 'skipped');
  assert.equal(checkClock({ ...facts, nowMs: Date.UTC(1970, 0, 2) }).state, 'fail');
  assert.equal(checkClock({ ...facts, lastInsertedMs: NOW + 60_000 }).state, 'warn');
  const skewed = (skew: number) =>
    checkClock({ ...facts, reached: reached({ clock: { theirsMs: NOW, oursMs: NOW + skew } }) }).state;
  assert.deepEqual([skewed(0), skewed(20_000), skewed(-20_000)], ['ok', 'ok', 'ok']);
  assert.deepEqual([skewed(40_000), skewed(-40_000)], ['warn', 'warn']);
  assert.deepEqual([skewed(400_000), skewed(-400_000)], ['fail', 'fail']);
  const agreed = reached({ clock: { theirsMs: NOW, oursMs: NOW } });
  for (const [zone, state] of [
    ['Europe/Berlin', 'ok'],
    [':Europe/Berlin', 'ok'],
    ['Europe/Nowhere', 'warn'],
  ] as const) {
    assert.equal(checkClock({ ...facts, reached: agreed, zone }).state, state, zone);
  }
});

test('a certificate that ends soon, and a key that travels in the open', () => {
  const secure = (days: number) =>
    reached({ tls: { protocol: 'TLSv1.3', validToMs: NOW + days * DAY, untrusted: null } });
  assert.equal(checkTls(secure(60), KEY, NOW).state, 'ok');
  assert.equal(checkTls(secure(3), KEY, NOW).state, 'warn');
  const open = (...addresses: readonly string[]) => checkTls(reached({ addresses }), KEY, NOW).state;
  assert.equal(open('127.0.0.1', '::1', '172.18.0.3', '192.168.1.2', '10.0.0.9', 'fd00::1'), 'ok');
  assert.equal(open('172.32.0.1'), 'warn');
  assert.equal(open('2001:db8::1'), 'warn');
});

test('other managers on the machine are known by their names', (t) => {
  const proc = tempDir(t);
  const run = (pid: number, ...words: readonly string[]): void => {
    mkdirSync(join(proc, String(pid)));
    writeFileSync(join(proc, String(pid), 'cmdline'), words.map((word) => `${word}\0`).join(''));
  };
  run(10, '/usr/local/bin/cpa-manager-plus');
  run(11, 'node', '/opt/cpamp/dist/bin/cpamp.js', 'serve');
  run(12, 'node', '/opt/cpamp/dist/bin/cpamp.js', 'status');
  run(13, 'vi', '/etc/notes', 'cpa-manager');
  run(14, '/opt/cpa-usage-keeper', '--config', 'x');
  mkdirSync(join(proc, 'self'));
  mkdirSync(join(proc, '15'));
  const names = findConsumers([], proc).map(({ pid, name }) => `${pid} ${name}`);
  assert.deepEqual(names.toSorted(), ['10 cpa-manager-plus', '11 cpamp', '14 cpa-usage-keeper']);
  assert.deepEqual(
    findConsumers([11, 14], proc).map(({ pid }) => pid),
    [10],
  );
  assert.deepEqual(findConsumers([], join(proc, 'none')), []);
});

test('a second consumer is what the daemon suspects, or what else runs', () => {
  const others = [{ pid: 7, name: 'cpa-manager' }];
  const daemon = { suspects: false, collects: true };
  assert.equal(checkConsumers({ daemon: { suspects: true, collects: true }, others: [] }).state, 'fail');
  assert.match(checkConsumers({ daemon, others }).message, /cpa-manager \(process 7\)/);
  assert.equal(checkConsumers({ daemon, others }).state, 'warn');
  assert.equal(checkConsumers({ daemon, others: [] }).state, 'ok');
  assert.equal(checkConsumers({ daemon: null, others: [] }).state, 'skipped');
});

test('of two findings the graver counts, and both are told', () => {
  assert.deepEqual(both(ok('Fine.'), warn('Hm.', 'Do it.')), warn('Hm. Fine.', 'Do it.'));
  assert.deepEqual(both(fail('No.', 'A.'), warn('Hm.', 'B.')), fail('No. Hm.', 'A. B.'));
});

test('refusals of the daemon and of an earlier run both count, and a person overrules them', async (t) => {
  const dbPath = join(tempDir(t), 'usage.sqlite');
  const open = (stored: string | null, tryAgain = false) =>
    openMemory({ dbPath, stored, tryAgain, clock: systemClock });
  const other = { ...KEY, managementKey: 'another' };
  const first = await open(null);
  assert.deepEqual(readdirSync(join(dbPath, '..')), [], 'nothing is left while nothing was refused');
  await first.refused(KEY, 'key_refused', '401');
  await first.refused(other, 'key_refused', '401');
  const stored = JSON.stringify([
    { hash: 'ab', url: 'cd', strikes: 1, diagnosis: 'banned', atMs: NOW, untilMs: NOW + DAY, detail: '' },
  ]);
  const second = await open(stored);
  assert.throws(() => second.check(KEY), GatewayError);
  assert.throws(() => second.check(other), GatewayError);
  const overruled = await open(stored, true);
  overruled.check(KEY);
  assert.ok(!readdirSync(join(dbPath, '..')).some((name) => name.endsWith('.tmp')));

  // A damaged memory is an empty one; a memory that cannot be kept keeps the key at home.
  writeFileSync(refusalsPath(dbPath), '{');
  (await open('[')).check(KEY);
  await assert.rejects(
    openMemory({ dbPath: '/dev/null/usage.sqlite', stored: null, tryAgain: false, clock: systemClock }),
  );
});

test('a check of the file that takes too long is given up, and one that is ended leaves nothing', async (t) => {
  const path = join(tempDir(t), 'usage.sqlite');
  makeDatabase(path);
  const { signal } = new AbortController();
  assert.deepEqual(await checkIntegrity(path, { full: false, limitMs: null, signal }), { kind: 'sound' });
  assert.deepEqual(await checkIntegrity(path, { full: true, limitMs: 0, signal }), { kind: 'unfinished' });
  const ended = AbortSignal.abort(new Error('ended'));
  await assert.rejects(checkIntegrity(path, { full: true, limitMs: null, signal: ended }), /ended/);
  const missing = join(tempDir(t), 'none.sqlite');
  await assert.rejects(checkIntegrity(missing, { full: false, limitMs: null, signal }), /no database/);
});

test('a name server that never answers is not waited for, and a signal ends it at once', async () => {
  const resolve = (): Promise<never> => new Promise(() => {});
  const late = await reach(KEY, new AbortController().signal, { timeoutMs: 1, resolve });
  assert.equal(late.failed?.at, 'dns');
  const found = checkDns(late);
  assert.deepEqual([found.state, found.fix !== ''], ['fail', true]);
  const over = new AbortController();
  const ended = reach(KEY, over.signal, { timeoutMs: 1 << 30, resolve });
  over.abort(new Error('a signal came'));
  await assert.rejects(ended, /a signal came/);
});

test('what the way through the proxy fails at is said in words', async () => {
  const walk = new ProxyWalk('http://127.0.0.1:1', new AbortController().signal);
  const found = await walk.checkPath(null);
  await walk.close();
  assert.equal(found.state, 'fail');
  assert.match(found.message, /cannot be reached from here: nothing listens there \(ECONNREFUSED\)\.$/);
});
