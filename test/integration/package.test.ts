import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

/** The paths that `npm pack` would put into the package, from what was built before the tests. */
function packedFiles(): ReadonlySet<string> {
  // Under `npm test` the same npm is used; it is a script that any Node runs.
  const { npm_execpath: npm } = process.env;
  const [command, first]: readonly [string, readonly string[]] = npm
    ? [process.execPath, [npm]]
    : ['npm', []];
  const done = spawnSync(command, [...first, 'pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.equal(done.status, 0, done.stderr);
  // npm 11 answers a list of packages, npm 12 an object of them by name.
  const answer: object = JSON.parse(done.stdout);
  const [packed] = Object.values(answer) as ReadonlyArray<{ files: ReadonlyArray<{ path: string }> }>;
  assert.ok(packed);
  return new Set(packed.files.map(({ path }) => path));
}

test('the package has the program, its manual and nothing of the tests', () => {
  const files = packedFiles();
  const wanted = [
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    'man/cpamp.1',
    'dist/bin/cpamp.js',
    'contrib/systemd/cpamp.service',
  ];
  for (const path of wanted) assert.ok(files.has(path), `${path} is missing; was it built (npm run build)?`);
  const foreign = [...files].filter((path) =>
    /^(test|src|bin|scripts|node_modules)\/|fixtures|\.test\./.test(path),
  );
  assert.deepEqual(foreign, []);
});

test('every module of the program is in the package, compiled', () => {
  const files = packedFiles();
  const sources = globSync('{bin,src}/**/*.ts', { cwd: ROOT });
  assert.ok(sources.length > 10);
  const missing = sources
    .map((path) => `dist/${path.replace(/\.ts$/, '.js')}`)
    .filter((path) => !files.has(path));
  assert.deepEqual(missing, []);
});

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** `npm ci` refuses a lock that leaves out the packages of other platforms, which happens when the registry lacks them. */
test('the lock has the optional packages of every platform', () => {
  const lock: { packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(
    readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
  );
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
    ),
  );
  assert.deepEqual(missing, []);
});
