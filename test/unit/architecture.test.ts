import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { breaches, type SourceFile } from '../support/architecture.ts';

const ROOT = join(import.meta.dirname, '../..');
const OF_INTEREST = [
  '{bin,src,test,scripts,panel}/**/*.{ts,mjs}',
  '{contrib,docs,man,.ci}/**/*',
  '*.{md,json,yaml}',
  'Dockerfile',
];

function repository(): readonly SourceFile[] {
  return OF_INTEREST.flatMap((pattern) =>
    globSync(pattern, {
      cwd: ROOT,
      withFileTypes: true,
      exclude: (entry) => ['node_modules', 'fixtures'].includes(entry.name),
    }),
  )
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { path: path.slice(ROOT.length + 1), text: readFileSync(path, 'utf8') };
    });
}

const one = (path: string, text: string): readonly string[] => breaches([{ path, text }]);

test('the repository keeps its habits', () => {
  const files = repository();
  // The patterns find something: an empty list would keep every habit.
  for (const path of [
    'bin/cpamp.ts',
    'src/cli.ts',
    'src/lib/errors.ts',
    'README.md',
    '.ci/run',
    'man/cpamp.1',
  ]) {
    assert.ok(
      files.some((file) => file.path === path),
      path,
    );
  }
  assert.deepEqual(breaches(files), []);
});

test('imports that point the wrong way are found, whatever their form', () => {
  const wrong: ReadonlyArray<readonly [path: string, text: string]> = [
    ['src/lib/a.ts', "import { b } from '../daemon/b.ts';"],
    ['src/lib/store/a.ts', "import type { B } from '../../daemon/b.ts';"],
    ['src/lib/a.ts', "import {\n  b,\n  c,\n} from '../commands/b.ts';"],
    ['src/lib/a.ts', "export * from '../daemon/b.ts';"],
    ['src/lib/a.ts', "export { b } from '../daemon/b.ts';"],
    ['src/lib/a.ts', "import '../daemon/b.ts';"],
    ['src/lib/a.ts', "const b = await import('../daemon/b.ts');"],
    ['src/lib/a.ts', "new Worker(new URL('../daemon/b.ts', import.meta.url));"],
    ['src/lib/a.ts', "import { main } from '../cli.ts';"],
    ['src/lib/a.ts', "import { fake } from '../../test/support/fakes.ts';"],
    ['src/lib/a.ts', "import { fastify } from 'fastify';"],
    ['src/lib/a.ts', "import cors from '@fastify/cors';"],
    ['src/lib/a.ts', "import { Command } from 'commander';"],
    ['src/lib/a.ts', "import chalk from 'chalk';"],
    ['src/lib/a.ts', "import readline from 'node:readline/promises';"],
    ['src/daemon/a.ts', "import { b } from '../commands/b.ts';"],
    ['src/daemon/a.ts', "import { Command } from 'commander';"],
    ['src/commands/a.ts', "import { fastify } from 'fastify';"],
    ['bin/a.ts', "import { b } from '../src/lib/b.ts';"],
    ['bin/a.ts', "import { b } from '../src/daemon/b.ts';"],
    ['src/a.ts', ''],
    ['src/lib/a.ts', "import { b } from './b.js';"],
    ['panel/a.ts', "import { b } from '../src/lib/contract/b.ts';"],
    ['panel/a.ts', "import type { B } from '../src/lib/errors.ts';"],
  ];
  for (const [path, text] of wrong) {
    assert.equal(one(path, text).length, 1, `${path}: ${text}`);
  }
  assert.match(
    one('src/lib/a.ts', "\n\nimport { b } from '../daemon/b.ts';")[0] ?? '',
    /^src\/lib\/a\.ts:3: /,
  );
});

test('imports that point the right way pass', () => {
  const right: ReadonlyArray<readonly [path: string, text: string]> = [
    ['bin/cpamp.ts', "const { main } = await import('../src/cli.ts');"],
    [
      'src/cli.ts',
      "const { serve } = await import('./commands/serve.ts');\nimport { Command } from 'commander';",
    ],
    ['src/commands/a.ts', "import { b } from '../daemon/b.ts';\nimport { c } from '../lib/c.ts';"],
    ['src/daemon/a.ts', "import { b } from '../lib/b.ts';\nimport { fastify } from 'fastify';"],
    ['src/lib/a/b.ts', "import { c } from '../c.ts';\nimport type { D } from '../contract/d.ts';"],
    ['src/lib/a.ts', "// import { b } from '../daemon/b.ts';"],
    ['src/lib/a.ts', "/**\n * import { b } from '../daemon/b.ts';\n */"],
    ['src/lib/a.ts', "import manifest from '../../package.json' with { type: 'json' };"],
    ['panel/src/a.ts', "import type { B } from '../../src/lib/contract/b.ts';\nimport './c.ts';"],
    ['test/unit/a.test.ts', "import { b } from '../../src/daemon/b.ts';"],
  ];
  for (const [path, text] of right) assert.deepEqual(one(path, text), [], `${path}: ${text}`);
});

test('SQL lives in the store', () => {
  const sql = [
    "import Database from 'better-sqlite3';",
    "import type Database from 'better-sqlite3';",
    "db.prepare('SELECT 1');",
    'db.prepare<[number], Row>(text);',
    'this.#db.prepare(text);',
    "db.exec('BEGIN');",
    "db.pragma('journal_mode = WAL');",
    'const text = `select id from event`;',
    "const text = 'INSERT INTO event VALUES (1)';",
  ];
  for (const text of sql) {
    assert.equal(one('src/daemon/a.ts', text).length, 1, text);
    assert.equal(one('src/lib/a.ts', text).length, 1, text);
    assert.deepEqual(one('src/lib/store/a.ts', text), [], text);
    assert.deepEqual(one('src/lib/lock.ts', text), [], text);
  }
  // A regular expression has an exec as well, and people are told to select things.
  for (const text of [
    '/a/.exec(line);',
    'PATTERN.exec(line)',
    'files.prepare(dir);',
    "const help = 'select a file';",
  ]) {
    assert.deepEqual(one('src/daemon/a.ts', text), [], text);
  }
});

test('what switches checks off is found', () => {
  const any = [
    'let a: any;',
    'const a = b as any;',
    'Map<string, any>',
    'a: any[]',
    'string | any;',
    'f(a: any)',
  ];
  for (const text of any) assert.equal(one('src/lib/a.ts', text).length, 1, text);
  for (const word of ['ignore', 'expect-error', 'nocheck']) {
    assert.equal(one('test/unit/a.ts', `// @ts-${word}`).length, 1, word);
  }
  for (const tool of ['ox', 'es'])
    assert.equal(one('src/lib/a.ts', `// ${tool}${['lint', 'disable'].join('-')}-next-line`).length, 1);
  assert.equal(one('src/daemon/a.ts', "console.log('a');").length, 1);
  assert.deepEqual(one('test/bench/a.ts', "console.log('a');"), []);
  const fine = [
    '// in a case: any',
    "const a = 'as any;';",
    'const any = 1;',
    'many: string',
    '/**\n * whatever, any, kind\n */',
  ];
  for (const text of fine) assert.deepEqual(one('src/lib/a.ts', text), [], text);
});

test('a file that is too long is found', () => {
  assert.deepEqual(one('src/lib/a.ts', '\n'.repeat(350)), []);
  assert.equal(one('src/lib/a.ts', '\n'.repeat(351)).length, 1);
  assert.deepEqual(one('test/unit/a.test.ts', '\n'.repeat(400)), []);
});

test('the project speaks of itself alone', () => {
  const place = ['', 'work', ''].join('/');
  for (const text of [`see ${place}main`, `'${place}shared'`, `by a ${['sub', 'agent'].join('')}`]) {
    assert.equal(one('docs/a.md', text).length, 1, text);
    assert.equal(one('src/lib/a.ts', `// ${text}`).length, 1, text);
  }
  assert.deepEqual(one('docs/a.md', `/home/me${place}notes and .${place}notes`), []);
});
