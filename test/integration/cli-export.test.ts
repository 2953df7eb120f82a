import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import { openDatabase } from '../../src/lib/store/open.ts';
import { COLUMNS } from '../../src/lib/transfer/export/columns.ts';
import { runCli, type CliResult } from '../support/cli.ts';
import { tempDir } from '../support/daemon.ts';
import { everyKindDir } from '../support/exporting.ts';
import { exported } from '../support/importing.ts';

type Line = Readonly<Record<string, unknown>>;

interface Report {
  readonly events: number;
  readonly bytes: number;
  readonly format: string;
  readonly compression: string | null;
  readonly output: string | null;
  readonly cursor: string;
}

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Line => JSON.parse(line));

const run = (t: TestContext, dataDir: string, ...args: readonly string[]): Promise<CliResult> =>
  runCli(t, ['export', '--data-dir', dataDir, ...args]);

/** Its lines; nothing else was said. */
async function chosen(t: TestContext, dataDir: string, ...args: readonly string[]): Promise<Line[]> {
  const { code, stdout, stderr } = await run(t, dataDir, ...args);
  assert.deepEqual([code, stderr], [0, ''], args.join(' '));
  return linesOf(stdout);
}

test('every format, plain and packed by its name, quietly and for its owner only', async (t) => {
  const dataDir = await everyKindDir(t);
  const whole = await exported(join(dataDir, 'usage.sqlite'));
  const lines = linesOf(whole);
  const dir = tempDir(t);
  const files: ReadonlyArray<readonly [name: string, read: (bytes: Buffer) => Uint8Array]> = [
    ['plain.jsonl', (bytes) => bytes],
    ['packed.jsonl.gz', gunzipSync],
    ['packed.jsonl.zst', zstdDecompressSync],
    ['unnamed', (bytes) => bytes],
  ];
  for (const [name, read] of files) {
    const path = join(dir, name);
    const { code, stdout, stderr } = await run(t, dataDir, '--output', path);
    assert.deepEqual([code, stdout, stderr], [0, '', ''], name);
    assert.equal(Buffer.from(read(readFileSync(path))).toString('utf8'), whole, name);
    assert.equal(statSync(path).mode & 0o777, 0o600, name);
  }
  const names = COLUMNS.map((column) => column.name);
  for (const line of lines) {
    const known = names.filter((name) => Object.hasOwn(line, name));
    assert.deepEqual(Object.keys(line), known, 'the columns are the names of the lines, in their order');
  }

  const csv = await run(t, dataDir, '-o', join(dir, 'table.csv.gz'), '--json');
  const report: Report = JSON.parse(csv.stdout);
  const { size } = statSync(join(dir, 'table.csv.gz'));
  assert.deepEqual(
    [csv.code, csv.stderr, report.events, report.format, report.compression, report.bytes],
    [0, '', lines.length, 'csv', 'gzip', size],
  );
  const head = gunzipSync(readFileSync(join(dir, 'table.csv.gz')))
    .toString('utf8')
    .split('\n')[0];
  assert.equal(head, names.join(','));

  const table = await run(t, dataDir, '-o', join(dir, 'table.parquet'));
  assert.deepEqual([table.code, table.stdout, table.stderr], [0, '', '']);
  const bytes = new Uint8Array(readFileSync(join(dir, 'table.parquet')));
  const rows = await parquetReadObjects({
    file: bytes.buffer,
    compressors: { ZSTD: (packed) => new Uint8Array(zstdDecompressSync(packed)) },
  });
  assert.equal(rows.length, lines.length);
  assert.deepEqual(
    rows.map((row) => [row['event_hash'], Number(row['total_tokens'])]),
    lines.map((line) => [line['event_hash'], line['total_tokens']]),
  );
  // No file that was on its way is left.
  const left = [...files.map(([name]) => name), 'table.csv.gz', 'table.parquet'];
  assert.deepEqual(readdirSync(dir).toSorted(), left.toSorted());
});

test('what is imported from an export is exported as the same bytes', async (t) => {
  const dataDir = await everyKindDir(t);
  const whole = await exported(join(dataDir, 'usage.sqlite'));
  const dir = tempDir(t);
  for (const suffix of ['', '.gz', '.zst']) {
    const file = join(dir, `all.jsonl${suffix}`);
    assert.equal((await run(t, dataDir, '-o', file)).code, 0);
    const copy = join(dir, `copy${suffix}`);
    assert.equal((await runCli(t, ['import', '--quiet', '--data-dir', copy, file])).code, 0);
    const again = await run(t, copy);
    assert.equal(again.stdout, whole, suffix);
    // A second time adds nothing.
    assert.equal((await runCli(t, ['import', '--quiet', '--data-dir', copy, file])).code, 0);
    assert.equal(await exported(join(copy, 'usage.sqlite')), whole, suffix);
  }
});

test('events are chosen by what they are', async (t) => {
  const dataDir = await everyKindDir(t);
  const all = linesOf(await exported(join(dataDir, 'usage.sqlite')));
  const pick = async (args: readonly string[], wanted: (line: Line) => boolean): Promise<void> => {
    const expected = all.filter(wanted);
    assert.ok(expected.length > 0 && expected.length < all.length, args.join(' '));
    assert.deepEqual(await chosen(t, dataDir, ...args), expected, args.join(' '));
  };
  const ofModels =
    (...models: readonly string[]) =>
    ({ model, analytics_model: meant }: Line) =>
      models.includes(String(model)) || models.includes(String(meant));
  await pick(['--model', 'gpt-5.4'], ofModels('gpt-5.4'));
  await pick(['--model', 'gpt-5.4', '--model', 'grok-4'], ofModels('gpt-5.4', 'grok-4'));
  await pick(
    ['--provider', 'Claude'],
    ({ provider, auth_provider_snapshot: other }) => provider === 'claude' || other === 'claude',
  );
  await pick(['--failed'], ({ failed }) => failed === true);
  const file = all.find((line) => line['auth_file_snapshot'])?.['auth_file_snapshot'];
  await pick(['--credential', String(file)], (line) => line['auth_file_snapshot'] === file);
  const index = all.at(100)?.['auth_index'];
  await pick(['--credential', String(index)], (line) => line['auth_index'] === index);

  const key = String(all.find((line) => line['api_key_hash'])?.['api_key_hash']);
  const ofKey = (line: Line): boolean => line['api_key_hash'] === key;
  await pick(['--key', key], ofKey);
  await pick(['--key', key.slice(0, 12).toUpperCase()], ofKey);
  const named = await runCli(t, ['aliases', 'set', '--data-dir', dataDir, key, 'Team Alpha']);
  assert.equal(named.code, 0);
  await pick(['--key', 'team alpha', '--failed'], (line) => ofKey(line) && line['failed'] === true);

  const between =
    (from: string, to: string) =>
    ({ timestamp_ms: ms }: Line): boolean =>
      Number(ms) >= Date.parse(from) && Number(ms) < Date.parse(to);
  await pick(
    ['--since', '2026-01-01T01:00:00Z', '--until', '2026-01-01T03:30:00Z'],
    between('2026-01-01T01:00:00Z', '2026-01-01T03:30:00Z'),
  );
  // A day begins and ends where the zone says.
  await pick(
    ['--since', '2025-12-31..2025-12-31', '--tz', 'America/New_York'],
    between('2025-12-31T05:00:00Z', '2026-01-01T05:00:00Z'),
  );
  assert.deepEqual(await chosen(t, dataDir, '--model', 'no-such-model'), []);
  assert.deepEqual(
    await chosen(t, dataDir, '--limit', '3', '--failed'),
    all.filter((one) => one['failed'] === true).slice(0, 3),
  );
});

test('exports in slices are one export, and the next one has what came since', async (t) => {
  const dataDir = await everyKindDir(t);
  const whole = await exported(join(dataDir, 'usage.sqlite'));
  const slice = async (after: string): Promise<{ text: string; report: Report }> => {
    const { code, stdout, stderr } = await run(t, dataDir, '--after', after, '--limit', '170', '--json');
    assert.equal(code, 0, stderr);
    return { text: stdout, report: JSON.parse(stderr) };
  };
  let text = '';
  let cursor = '';
  for (let events = -1; events !== 0;) {
    const next = await slice(cursor);
    text += next.text;
    ({ cursor } = next.report);
    ({ events } = next.report);
  }
  assert.equal(text, whole);
  assert.match(cursor, /^\d+$/, 'at its end it is the id of an event');

  // Older than everything that is there, and new all the same.
  const line = JSON.stringify({
    ...linesOf(whole)[0],
    event_hash: 'ab'.repeat(32),
    timestamp_ms: 1_000,
    timestamp: '1970-01-01T00:00:01Z',
  });
  assert.equal((await runCli(t, ['import', '--quiet', '--data-dir', dataDir, '-'], { input: line })).code, 0);
  const since = await chosen(t, dataDir, '--after', cursor);
  assert.deepEqual(
    since.map((one) => one['event_hash']),
    ['ab'.repeat(32)],
  );
});

test('what is wrong is said in one or two lines, with a code, and leaves no file', async (t) => {
  const dataDir = await everyKindDir(t);
  const dir = tempDir(t);
  const foreign = join(dir, 'foreign.sqlite');
  writeFileSync(foreign, 'no database at all');
  const file = join(dir, 'out.jsonl');
  const cases: ReadonlyArray<readonly [args: readonly string[], code: number, message: RegExp]> = [
    [['--since', 'sometime'], 2, /no time/],
    [['--tz', 'Mars/Base'], 2, /time zone/],
    [['--limit', '0'], 2, /--limit/],
    [['--after', '12:3'], 2, /--after/],
    [['--format', 'xml'], 2, /jsonl, csv, parquet/],
    [['--key', 'sk-made-up-key-of-somebody'], 2, /no hash of a client key/],
    [['--key', 'abcdef'], 4, /abcdef/],
    [['--data-dir', join(dir, 'nothing')], 3, /no database/],
    [['--db', foreign], 9, /not made by cpamp/],
    [['-o', dir], 1, /is a directory/],
    [['-o', join(dir, 'none', 'out.jsonl')], 1, /ENOENT/],
    [['-o', join(dir, 'out.parquet.gz')], 2, /packed already/],
  ];
  for (const [args, code, message] of cases) {
    const done = await run(t, dataDir, '-o', file, ...args);
    assert.equal(done.code, code, args.join(' '));
    assert.equal(done.stdout, '');
    assert.match(done.stderr, message);
    assert.ok(done.stderr.split('\n').length <= 3 && !/ {4}at /.test(done.stderr), done.stderr);
    assert.ok(!done.stderr.includes('sk-made-up'));
  }
  assert.deepEqual(readdirSync(dir), ['foreign.sqlite']);
});

test('a device, a link and a file with the name are what they were', async (t) => {
  const dataDir = await everyKindDir(t);
  const dir = tempDir(t);
  assert.equal((await run(t, dataDir, '-o', '/dev/null')).code, 0);
  assert.ok(statSync('/dev/null').isCharacterDevice());

  const real = join(dir, 'real.jsonl');
  writeFileSync(real, 'before', { mode: 0o644 });
  symlinkSync(real, join(dir, 'link.jsonl'));
  assert.equal((await run(t, dataDir, '-o', join(dir, 'link.jsonl'))).code, 0);
  assert.equal(readFileSync(real, 'utf8'), await exported(join(dataDir, 'usage.sqlite')));
  assert.deepEqual(readdirSync(dir).toSorted(), ['link.jsonl', 'real.jsonl']);
});

test('no output takes the place of what is kept, under whatever name', async (t) => {
  const dataDir = await everyKindDir(t);
  const dir = tempDir(t);
  const database = join(dataDir, 'usage.sqlite');
  const key = join(dataDir, 'data.key');
  writeFileSync(key, 'made up');
  mkdirSync(join(dataDir, 'spool'));
  symlinkSync(database, join(dir, 'link.jsonl'));
  symlinkSync(dataDir, join(dir, 'folder'));
  linkSync(database, join(dir, 'hard.jsonl'));
  const before = readFileSync(database);
  const outputs = [
    database,
    `${database}-wal`,
    key,
    join(dir, 'link.jsonl'),
    join(dir, 'hard.jsonl'),
    join(dir, 'folder', 'usage.sqlite-journal'),
    join(dataDir, 'spool', '0000.seg'),
  ];
  for (const output of outputs) {
    const done = await run(t, dataDir, '-o', output);
    assert.deepEqual([done.code, done.stdout], [2, ''], output);
    assert.match(done.stderr, /keeps its own data/);
  }
  const rejects = await runCli(t, ['import', '--data-dir', dataDir, '--rejects', database, '-'], {
    input: 'none\n',
  });
  assert.equal(rejects.code, 2, rejects.stderr);
  assert.deepEqual(readFileSync(database), before);
  assert.equal(readFileSync(key, 'utf8'), 'made up');
  assert.deepEqual(readdirSync(join(dataDir, 'spool')), []);
  // Another file in the same folder is nobody's.
  assert.equal((await run(t, dataDir, '-o', join(dataDir, 'usage.jsonl'))).code, 0);
});

test('an empty database gives an empty file, and a table only its names', async (t) => {
  const dataDir = tempDir(t);
  openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'write' }).close();
  assert.deepEqual(await chosen(t, dataDir), []);
  const csv = await run(t, dataDir, '--format', 'csv');
  assert.equal(csv.stdout, `${COLUMNS.map(({ name }) => name).join(',')}\n`);
});
