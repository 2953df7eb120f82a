import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { acquireBulkLock } from '../../src/lib/bulk-lock.ts';
import type { PricesAnswer } from '../../src/lib/contract/api/prices.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { gatewayEnv, sourceOf, startGateway, take } from '../support/collection.ts';
import { runCli, startCli, type CliResult } from '../support/cli.ts';
import { startReady } from '../support/http.ts';
import { LITELLM, PriceSources } from '../support/price-sources.ts';
import { call, count, record, recordedCalls, storeCore, storeDir } from '../support/store-harness.ts';

/** A data directory with the recorded events: some of `gpt-fake`, of which nobody has a price. */
function place(t: TestContext, more = 0): { dir: string; dbPath: string; run: Run } {
  const dir = storeDir(t);
  const dbPath = join(dir, 'usage.sqlite');
  const db = openDatabase(dbPath, { mode: 'write' });
  const core = storeCore(db);
  core.commit(recordedCalls(), null);
  for (let batch = 0; batch < more; batch += 1000) {
    const records = Array.from({ length: 1000 }, (_, n) =>
      record(call({ model: 'house', alias: 'house', request_id: (batch + n).toString(16).padStart(8, 'a') })),
    );
    core.commit(records, null);
  }
  db.close();
  return { dir, dbPath, run: (args, options = {}) => runCli(t, ['--data-dir', dir, ...args], options) };
}

type Run = (args: readonly string[], options?: Parameters<typeof runCli>[2]) => Promise<CliResult>;

/** The JSON of a command that had nothing else to say. */
function printed(result: CliResult): string {
  assert.equal(result.stderr, '', result.stderr);
  return result.stdout;
}

function listed(result: CliResult): Listed {
  const value: Listed = JSON.parse(printed(result));
  return value;
}

interface Listed extends PricesAnswer {
  readonly missing: ReadonlyArray<{ readonly model: string; readonly events: number }>;
}

test('list and show: what counts, where it is from, and what is missing', async (t) => {
  const { run } = place(t);
  const all = listed(await run(['prices', 'list', '--json']));
  assert.equal(all.prices['gpt-5.4']?.source, 'genai-prices');
  assert.deepEqual(all.missing, [{ model: 'gpt-fake', events: 6 }]);
  const table = await run(['prices', 'list', '--search', 'GPT']);
  assert.equal(table.code, 0);
  assert.match(table.stdout, /^MODEL +INPUT +OUTPUT/);
  assert.match(table.stdout, /^gpt-fake .* none: 6 events without a price$/m);
  assert.doesNotMatch(table.stdout, /claude/);
  assert.ok(!table.stdout.includes('\u001B'));
  const missing = listed(await run(['prices', 'list', '--source', 'missing', '--json']));
  assert.deepEqual(missing.prices, {});
  assert.equal((await run(['prices', 'list', '--source', 'elsewhere'])).code, 2);
  const shown = await run(['prices', 'show', 'gpt-5.4']);
  assert.match(shown.stdout, /embedded, counts/);
  assert.match(shown.stdout, /above 272000 tokens/);
  const none = await run(['prices', 'show', 'gpt-fake']);
  assert.equal(none.code, 4);
  assert.match(none.stderr, /cpamp prices match gpt-fake/);
  const empty = await runCli(t, ['--data-dir', storeDir(t), 'prices', 'list']);
  assert.equal(empty.code, 3);
});

test('set keeps what is not given, unset brings back what is beneath', async (t) => {
  const { dir, run } = place(t);
  assert.equal((await run(['prices', 'set', 'gpt-fake'])).code, 2);
  assert.equal((await run(['prices', 'set', 'gpt-fake', '--input', '-1'])).code, 2);
  assert.equal((await run(['prices', 'set', 'gpt-fake', '--input', 'much'])).code, 2);
  assert.equal((await run(['prices', 'set', 'gpt-fake', '--input', '1.5', '--output', '0'])).code, 0);
  assert.equal(
    (await run(['prices', 'set', 'gpt-fake', '--cache-read', '0.25', '--image-output', '30'])).code,
    0,
  );
  const { prices } = listed(await run(['prices', 'list', '--json']));
  const { prompt, completion, completionConfigured, cache, completionImage, source } =
    prices['gpt-fake'] ?? {};
  assert.deepEqual(
    { prompt, completion, completionConfigured, cache, completionImage, source },
    {
      prompt: 1.5,
      completion: 0,
      completionConfigured: true,
      cache: 0.25,
      completionImage: 30,
      source: 'manual',
    },
  );
  const object = {
    prompt: 2,
    completion: 4,
    cache: 0,
    contextTiers: [{ thresholdTokens: 1000, prompt: 3, completion: 0, cache: 0, promptConfigured: true }],
  };
  const piped = await run(['prices', 'set', 'gpt-fake', '--object', '-'], { input: JSON.stringify(object) });
  assert.equal(piped.code, 0, piped.stderr);
  assert.match((await run(['prices', 'show', 'gpt-fake'])).stdout, /above 1000 tokens +input 3$/m);
  assert.equal((await run(['prices', 'set', 'x', '--object', join(dir, 'nowhere')])).code, 2);
  assert.equal((await run(['prices', 'unset', 'gpt-fake'])).stdout, 'removed: gpt-fake\n');
  const again = await run(['prices', 'unset', 'gpt-fake']);
  assert.equal(again.code, 4);
  assert.equal((await run(['prices', 'show', 'gpt-fake'])).code, 4);
});

test('sync from the sources, from a file, and what it says of names that are not clear', async (t) => {
  const sources = await PriceSources.start(t);
  const { dir, run } = place(t);
  const env = { USAGE_PRICE_SOURCES: sources.mirrors, no_proxy: '*' };
  const dry = await run(['prices', 'sync', '--dry-run', 'gpt-9', '--json'], { env });
  assert.equal(dry.code, 0);
  assert.match(dry.stderr, /Nothing was saved/);
  const empty = storeDir(t);
  openDatabase(join(empty, 'usage.sqlite'), { mode: 'write' }).close();
  const idle = await runCli(t, ['prices', 'sync', '--json', '--data-dir', empty], { env });
  assert.match(
    idle.stdout,
    /^\{"source":"","imported":0,.*"prices":\{/,
    'a program reads an object in any case',
  );
  assert.equal((await run(['prices', 'show', 'gpt-9'])).code, 4);

  await run(['prices', 'set', 'lite-model', '--input', '9', '--output', '9']);
  const named = await run(['prices', 'sync', 'gpt-9', 'lite-model', 'twin', 'zzz-unheard-of'], { env });
  assert.equal(named.code, 0);
  assert.match(named.stdout, /^models\.dev +\d+ +1 +ok$/m);
  assert.match(named.stderr, /Manual prices count on: lite-model/);
  assert.match(named.stderr, /cpamp prices match twin/);
  assert.match(named.stderr, /No list has zzz-unheard-of/);
  const { prices } = listed(await run(['prices', 'list', '--json']));
  assert.equal(prices['gpt-9']?.source, 'models.dev');
  assert.equal(prices['lite-model']?.prompt, 9);
  // Beneath the manual one lies the synced.
  assert.equal((await run(['prices', 'unset', 'lite-model'])).code, 0);
  assert.match((await run(['prices', 'show', 'lite-model'])).stdout, /synced, counts/);

  sources.fail('models.dev');
  const partly = await run(['prices', 'sync', 'lite-model', '--quiet'], { env });
  assert.equal(partly.code, 6);
  assert.equal(partly.stderr, '');
  for (const source of ['litellm', 'openrouter'] as const) sources.fail(source);
  const none = await run(['prices', 'sync'], { env });
  assert.equal(none.code, 8);
  assert.match(none.stderr, /existing prices were not changed: models\.dev: it answered 503/);
  assert.match(none.stderr, /--from-file/);
  assert.equal(listed(await run(['prices', 'list', '--json'])).prices['gpt-9']?.prompt, 2);

  const file = join(dir, 'list.json');
  writeFileSync(file, JSON.stringify({ 'gpt-fake': LITELLM['lite-model'] }));
  const local = await run(['prices', 'sync', '--from-file', file], { env });
  assert.equal(local.code, 0, local.stderr);
  assert.equal(listed(await run(['prices', 'list', '--json'])).prices['gpt-fake']?.source, 'litellm');
  writeFileSync(file, 'nonsense');
  const wrong = await run(['prices', 'sync', '--from-file', file]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /list\.json: it is not JSON/);
});

test('match shows candidates of the lists that were fetched, and saves the one that is chosen', async (t) => {
  const sources = await PriceSources.start(t);
  const { run } = place(t);
  const before = await run(['prices', 'match', 'twin']);
  assert.equal(before.code, 4);
  assert.match(before.stderr, /cpamp prices sync/);
  const env = { USAGE_PRICE_SOURCES: sources.mirrors, no_proxy: '*' };
  await run(['prices', 'sync', 'twin'], { env });
  const found: { candidates: ReadonlyArray<{ sourceModelId: string; price: { prompt: number } }> } =
    JSON.parse(printed(await run(['prices', 'match', 'twin', '--json'])));
  assert.deepEqual(
    found.candidates.map(({ sourceModelId, price }) => [sourceModelId, price.prompt]),
    [
      ['acme/twin', 1],
      ['other/twin', 2],
    ],
  );
  assert.equal((await run(['prices', 'match', 'twin', '--use', 'nobody/twin'])).code, 4);
  const used = await run(['prices', 'match', 'twin', '--use', 'other/twin']);
  assert.equal(used.stdout, 'twin: models.dev:other/twin\n');
  assert.equal(listed(await run(['prices', 'list', '--json'])).prices['twin']?.prompt, 2);
});

interface Recalculated {
  readonly id: number | null;
  readonly models: ReadonlyArray<{
    readonly model: string;
    readonly changed: number;
    readonly afterNano: number;
  }>;
}

function recalculated(result: CliResult): Recalculated {
  const value: Recalculated = JSON.parse(printed(result));
  return value;
}

test('recalc shows, asks, does, and undoes', async (t) => {
  const { dbPath, run } = place(t);
  const costs = (): unknown => {
    const db = openDatabase(dbPath, { mode: 'read' });
    try {
      return db.prepare('SELECT id, cost_nano, price_id FROM event ORDER BY id').all();
    } finally {
      db.close();
    }
  };
  const before = costs();
  assert.match((await run(['prices', 'recalc', '--yes'])).stdout, /every event costs what it would cost now/);
  await run(['prices', 'set', 'gpt-5.4', '--input', '5', '--output', '5']);
  await run(['prices', 'set', 'gpt-fake', '--input', '5', '--output', '5']);
  const dry = await run(['prices', 'recalc', '--dry-run']);
  assert.match(dry.stdout, /^gpt-fake +6 +6 +\$0\.00 .* 6 -> 0$/m);
  const unasked = await run(['prices', 'recalc']);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /--yes/);
  assert.deepEqual(costs(), before);

  const one = await run(['prices', 'recalc', '--model', 'gpt-5.4', '--yes', '--json', '--quiet']);
  assert.deepEqual(
    recalculated(one).models.map(({ model, changed }) => [model, changed]),
    [['gpt-5.4', 6]],
  );
  const rest = await run(['prices', 'recalc', '--unpriced', '--yes', '--json', '--quiet']);
  assert.equal(recalculated(rest).id, 2);
  assert.match((await run(['prices', 'recalc', '--history'])).stdout, /^ 2 .* done +6$/m);
  const wrong = await run(['prices', 'recalc', '--undo', '1', '--yes']);
  assert.equal(wrong.code, 4);
  assert.equal((await run(['prices', 'recalc', '--undo', '--yes'])).code, 0);
  assert.equal((await run(['prices', 'recalc', '--undo', '1', '--yes'])).code, 0);
  assert.deepEqual(costs(), before);
  assert.equal((await run(['prices', 'recalc', '--undo', '--yes'])).code, 4);
});

test('recalc goes on after a signal, and only one runs at a time', async (t) => {
  const { dir, dbPath, run } = place(t, 20_000);
  await run(['prices', 'set', 'house', '--input', '1', '--output', '1']);
  const lock = await acquireBulkLock(dbPath, 'import', Date.now());
  const held = await run(['prices', 'recalc', '--yes']);
  assert.equal(held.code, 5);
  assert.match(held.stderr, /cpamp import, process \d+/);
  await lock.release();

  const started = startCli(t, ['--data-dir', dir, 'prices', 'recalc', '--yes']);
  started.child.stdin.end();
  const db = openDatabase(dbPath, { mode: 'read' });
  t.after(() => db.close());
  const begun = (): number => count(db, 'SELECT coalesce(max(next_id), 0) FROM price_recalc');
  while (begun() < 2 && started.child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 5));
  started.child.kill('SIGINT');
  const stopped = await started.end();
  if (stopped.code === 130) {
    assert.match(stopped.stderr, /What is done stays done\. Go on with: cpamp prices recalc\n/);
    const other = await run(['prices', 'recalc', '--model', 'gpt-5.4', '--yes']);
    assert.equal(other.code, 2);
  } else {
    // It was quicker than the signal.
    assert.equal(stopped.code, 0, stopped.stderr);
  }
  const again = await run(['prices', 'recalc', '--yes']);
  assert.equal(again.code, 0, again.stderr);
  assert.equal(count(db, "SELECT count(*) FROM price_recalc WHERE state <> 'done'"), 0);
  assert.equal(
    count(
      db,
      "SELECT count(*) FROM event e JOIN model m ON m.id = e.model_id WHERE m.name = 'house' AND e.cost_nano IS NULL",
    ),
    0,
  );
  assert.equal(
    count(db, 'SELECT sum(cost_nano) FROM event'),
    count(db, 'SELECT sum(cost_nano) FROM total_ever'),
  );
  assert.equal(
    count(db, 'SELECT sum(cost_nano) FROM event'),
    count(db, 'SELECT sum(cost_nano) FROM total_5min'),
  );
});

test('beside a running daemon: it sees the price, fills in what had none, and recalc goes through', async (t) => {
  const cpa = await startGateway(t);
  await cpa.publishAll(take(sourceOf('7.2.140'), 60));
  const dataDir = storeDir(t);
  const daemon = await startReady(t, { dataDir, env: gatewayEnv(cpa.url) });
  await daemon.statusUntil(({ eventCount }) => eventCount >= 60);
  const unpriced = (await daemon.exportEvents()).filter((line) => (line.cost_nano_usd ?? null) === null);
  const name = unpriced[0]?.model ?? '';
  assert.notEqual(name, '');
  const set = await runCli(t, [
    '--data-dir',
    dataDir,
    'prices',
    'set',
    name,
    '--input',
    '1',
    '--output',
    '1',
  ]);
  assert.equal(set.code, 0, set.stderr);
  await daemon.until(() => daemon.log.some((line) => line['event'] === 'priced'));
  const filled = (await daemon.exportEvents()).filter(({ model }) => model === name);
  assert.ok(filled.every((line) => (line.cost_nano_usd ?? null) !== null));
  await runCli(t, ['--data-dir', dataDir, 'prices', 'set', name, '--input', '2', '--output', '2']);
  const done = await runCli(t, ['--data-dir', dataDir, 'prices', 'recalc', '--yes']);
  assert.equal(done.code, 0, done.stderr);
  const doubled = (await daemon.exportEvents()).filter(({ model }) => model === name);
  assert.deepEqual(
    doubled.map((line) => line.cost_nano_usd),
    filled.map((line) => Number(line.cost_nano_usd) * 2),
  );
  assert.equal(await daemon.stop(), 0);
});
