import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { SECRETS } from '../../src/lib/config/secret-files.ts';
import { SETTINGS } from '../../src/lib/config/settings.ts';
import { loadConfig } from '../../src/lib/config/start-config.ts';
import { ERRORS } from '../../src/lib/errors.ts';
import { DIAGNOSES } from '../../src/lib/gateway/diagnoses.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...globSync('docs/*.md', { cwd: ROOT })];

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const sorted = (names: Iterable<string>): readonly string[] => [...names].toSorted();

/** Every variable that the configuration is read from. */
const VARIABLES = sorted([
  ...Object.values(SETTINGS).map(({ env }) => env),
  ...Object.values(SECRETS).map(({ direct }) => direct),
  'CPA_MANAGER_CONFIG',
]);

/** The cells of the rows of a Markdown table whose first cell is code, without the code marks of that cell. */
function rows(text: string): ReadonlyArray<readonly string[]> {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell, index) => (index === 0 ? cell.trim().replaceAll('`', '') : cell.trim())),
    );
}

/** Words that look like one of our variables; file names and codes are not in capitals. */
function variablesIn(text: string): ReadonlySet<string> {
  return new Set(text.match(/\b(?:CPA|USAGE|HTTP|PANEL)_[A-Z_]*[A-Z]\b/g) ?? []);
}

/** The text under a heading, up to the next of the same level. */
function section(text: string, heading: string): string {
  const [, after] = text.split(`\n${heading}\n`);
  assert.ok(after !== undefined, `no heading "${heading}"`);
  const level = heading.slice(0, heading.indexOf(' ') + 1);
  return after.split(`\n${level}`)[0] ?? '';
}

function headings(text: string): readonly string[] {
  return [...text.matchAll(/^### (.+)$/gm)].map((match) => match[1] ?? '');
}

test('docs/errors.md has a heading for every error, and for nothing else', () => {
  assert.deepEqual(sorted(headings(read('docs/errors.md'))), sorted(Object.keys(ERRORS)));
});

test('docs/diagnoses.md has a heading for every diagnosis, and tells its level', () => {
  const text = read('docs/diagnoses.md');
  assert.deepEqual(sorted(headings(text)), sorted(Object.keys(DIAGNOSES)));
  for (const [code, { level }] of Object.entries(DIAGNOSES)) {
    const [, word] = new RegExp(`^### ${code}\n\n(\\w+)\\.`, 'm').exec(text) ?? [];
    assert.equal(word?.toLowerCase(), level, code);
  }
});

test('docs/errors.md tells the HTTP status or the exit code of every error', () => {
  const text = read('docs/errors.md');
  for (const [code, { status, exit }] of Object.entries(ERRORS)) {
    const [, kind, number] = new RegExp(`^### ${code}\n\n(HTTP|Exit code) (\\d+)`, 'm').exec(text) ?? [];
    assert.equal(Number(number), kind === 'HTTP' ? status : exit, code);
  }
});

test('the table of README has every variable, and none that the program does not know', () => {
  const names = rows(section(read('README.md'), '## Variables')).map(([name = '']) => name);
  assert.deepEqual(sorted(names), VARIABLES);
});

test('the defaults in README are those of the program', () => {
  const table = new Map(
    rows(section(read('README.md'), '## Variables')).map(([name = '', value = '']) => [name, value]),
  );
  const config = loadConfig({ env: {}, cwd: '/nowhere', defaults: { secretsDir: '/nowhere' } });
  const defaults: Readonly<Record<string, string | number | boolean>> = {
    HTTP_ADDR: config.httpAddr.text,
    USAGE_COLLECTOR_MODE: config.collectorMode,
    USAGE_BATCH_SIZE: config.batchSize,
    USAGE_POLL_INTERVAL_MS: config.pollIntervalMs,
    USAGE_QUERY_LIMIT: config.queryLimit,
    USAGE_IMPORT_CHUNK_BYTES: config.importLimits.chunkBytes,
    USAGE_IMPORT_DISK_QUOTA_BYTES: config.importLimits.quotaBytes,
    USAGE_IMPORT_MAX_SESSIONS: config.importLimits.maxSessions,
    USAGE_IMPORT_SESSION_TTL_MINUTES: config.importLimits.ttlMs / 60_000,
    USAGE_CORS_ORIGINS: config.corsOrigins.join(','),
    USAGE_RESP_TLS_SKIP_VERIFY: config.respTlsSkipVerify,
  };
  for (const [name, value] of Object.entries(defaults)) assert.equal(table.get(name), `\`${value}\``, name);
  assert.equal(config.dataDir, '/nowhere/data');
  assert.match(table.get('USAGE_DATA_DIR') ?? '', /^`\.\/data`;/);
  for (const { file, mounted } of Object.values(SECRETS)) {
    const shown = table.get(SETTINGS[file].env);
    assert.equal(shown, `\`/run/secrets/${mounted}\``);
  }
});

test('docs/configuration.md has every key of config.json beside its variable', () => {
  const table = rows(section(read('docs/configuration.md'), '## config.json'));
  const shown = table.map(([key, type, variable]) => `${key} ${type} ${variable}`);
  const known = Object.values(SETTINGS).map(({ key, type, env }) => `${key} ${type} \`${env}\``);
  assert.deepEqual(sorted(shown), sorted(known));
});

test('the manual page has every variable', () => {
  const page = read('man/cpamp.1');
  const items = [...page.matchAll(/^\.It Ev (\w+)$/gm)].map((match) => match[1] ?? '');
  assert.deepEqual(sorted(items), VARIABLES);
});

test('no page names a variable that the program does not know', () => {
  // The container image and the gateway have variables of their own.
  const known = new Set(VARIABLES);
  const files = [
    ...PAGES,
    'compose.yaml',
    'Dockerfile',
    ...globSync('man/*.1', { cwd: ROOT }),
    ...globSync('contrib/**/*.*', { cwd: ROOT }),
  ];
  for (const file of files) {
    for (const name of variablesIn(read(file))) assert.ok(known.has(name), `${file}: ${name}`);
  }
});

test('README gives one line to run and one line to test, and CI runs the latter', () => {
  const readme = read('README.md');
  const [run = '', check = ''] = [...readme.matchAll(/^```sh\n(.+)\n```$/gm)].map((match) => match[1] ?? '');
  assert.equal(run, 'npm ci && npm start');
  assert.equal(check, 'npm ci && npm test');
  assert.equal(read('.ci/run').trimEnd().split('\n').at(-1), check);
});

test('links between the pages lead somewhere', () => {
  for (const page of PAGES) {
    const text = read(page);
    for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      assert.ok(existsSync(join(ROOT, file)), `${page}: ${target}`);
      if (anchor !== undefined) assert.ok(anchors(read(file)).has(anchor), `${page}: ${target}`);
    }
  }
});

/** The anchors that GitHub makes of headings. */
function anchors(text: string): ReadonlySet<string> {
  const titles = [...text.matchAll(/^#{1,6} (.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}
