import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const SCRIPT = join(import.meta.dirname, '../../contrib/docker-entrypoint.sh');
const PROGRAM = '/app/dist/bin/cpamp.js';
const AS_ROOT = process.getuid?.() === 0;

interface Stage {
  readonly root: string;
  readonly data: string;
  /** One line for each program that was called, in order. */
  readonly calls: () => readonly string[];
  readonly run: (
    args: readonly string[],
    env?: Record<string, string>,
  ) => { status: number | null; stderr: string };
}

/**
 * A folder with programs of its own at the front of PATH. `node` never runs: it notes its arguments.
 * `fakes` maps a program to a shell script; every one of them notes its call first.
 */
function stage(t: TestContext, fakes: Record<string, string> = {}): Stage {
  const root = mkdtempSync(join(tmpdir(), 'cpamp-entrypoint-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  // Another user has to reach what is in here, as he reaches a volume.
  chmodSync(root, 0o755);
  const bin = join(root, 'bin');
  const data = join(root, 'data');
  const log = join(root, 'calls');
  mkdirSync(bin);
  mkdirSync(data);
  writeFileSync(log, '');
  chmodSync(log, 0o666);
  // The real one may lie in a folder that only its owner can enter.
  const script = join(root, 'entrypoint.sh');
  writeFileSync(script, readFileSync(SCRIPT), { mode: 0o755 });
  const all = { node: ':', ...fakes };
  for (const [name, body] of Object.entries(all)) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> "$LOG"\n${body}\n`, { mode: 0o755 });
  }
  return {
    root,
    data,
    calls: () => readFileSync(log, 'utf8').trimEnd().split('\n'),
    run: (args, env = {}) => {
      const done = spawnSync('/bin/sh', [script, ...args], {
        encoding: 'utf8',
        cwd: root,
        env: { PATH: `${bin}:/usr/bin:/bin`, LOG: log, USAGE_DATA_DIR: data, ...env },
      });
      assert.equal(done.error, undefined);
      return { status: done.status, stderr: done.stderr };
    },
  };
}

/** `id` of somebody: the real one would tell who runs the tests. */
const idOf = (uid: number): string => `case "$1" in -u|-g) echo ${uid} ;; esac`;

test('another user than root: the program starts with its arguments, and nothing is changed', (t) => {
  const { run, calls } = stage(t, { id: idOf(4321), setpriv: 'exit 9', chown: 'exit 9' });
  const done = run(['serve', '--log-format', 'json']);
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
  const seen = calls();
  assert.ok(seen.includes(`node ${PROGRAM} serve --log-format json`), seen.join('\n'));
  assert.ok(!seen.some((call) => /^(setpriv|chown) /.test(call)), seen.join('\n'));
});

test('every other command passes through as well', (t) => {
  const { run, calls } = stage(t, { id: idOf(4321) });
  assert.equal(run(['status', '--json']).status, 0);
  assert.ok(calls().includes(`node ${PROGRAM} status --json`));
});

test('root gives up root for good before the program loads', (t) => {
  // The fake plays the change of user: from its first call on, `id` tells another uid.
  const { run, calls } = stage(t, {
    id: 'if [ -e "$LOG.dropped" ]; then echo 1000; else echo 0; fi',
    setpriv: 'while [ "$1" != -- ]; do shift; done; shift\n[ "$1" = true ] || : > "$LOG.dropped"\nexec "$@"',
    find: ':',
  });
  const done = run(['serve']);
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
  const seen = calls();
  const program = seen.findIndex((call) => call.startsWith('node '));
  const drops = seen.filter((call) => call.startsWith('setpriv '));
  const last = seen.findLastIndex((call) => call.startsWith('setpriv '));
  assert.match(
    drops.at(-1) ?? '',
    /^setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all --no-new-privs -- \S+entrypoint\.sh serve$/,
  );
  assert.ok(last < program, seen.join('\n'));
  assert.ok(
    seen.some((call) => /^find \S+\/data -xdev -user 0 -exec chown -h 1000:1000 \{\} \+$/.test(call)),
    seen.join('\n'),
  );
});

test('where root cannot be given up the program does not start', (t) => {
  const { run, calls } = stage(t, { id: idOf(0), setpriv: 'exit 1', find: ':' });
  const done = run(['serve']);
  assert.equal(done.status, 1);
  assert.match(done.stderr, /--user 1000:1000/);
  assert.ok(!calls().some((call) => call.startsWith('node ')));
});

test('--version and --help prepare nothing, even as root', (t) => {
  for (const args of [['--version'], ['--help'], []]) {
    const { run, calls } = stage(t, {
      id: 'if [ -e "$LOG.dropped" ]; then echo 1000; else echo 0; fi',
      setpriv:
        'while [ "$1" != -- ]; do shift; done; shift\n[ "$1" = true ] || : > "$LOG.dropped"\nexec "$@"',
      find: ':',
    });
    assert.equal(run(args).status, 0);
    assert.ok(!calls().some((call) => call.startsWith('find ')), calls().join('\n'));
  }
});

test('a system directory is never given away', (t) => {
  const { run, calls } = stage(t, { id: idOf(0), setpriv: 'exit 1', find: ':' });
  for (const env of [
    { USAGE_DATA_DIR: '/' },
    { USAGE_DATA_DIR: '/usr/../etc' },
    { USAGE_DB_PATH: '/u.sqlite' },
  ]) {
    run(['serve'], env);
  }
  const found = calls().filter((call) => call.startsWith('find '));
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(found[0] ?? '', /\/data -xdev/);
});

test('a directory that cannot be made is named, with the uid and the line that mends it', (t) => {
  const { run, root, calls } = stage(t, { id: idOf(4321) });
  writeFileSync(join(root, 'file'), '');
  const path = join(root, 'file/data');
  const done = run(['serve'], { USAGE_DATA_DIR: path });
  assert.equal(done.status, 1);
  assert.ok(done.stderr.includes(`${path} cannot be written by uid 4321`), done.stderr);
  assert.match(done.stderr, /chown -R 4321:4321/);
  assert.ok(!calls().some((call) => call.startsWith('node ')));
});

test('without USAGE_DATA_DIR the folder of USAGE_DB_PATH is the data directory', (t) => {
  const { run, root } = stage(t, { id: idOf(4321) });
  const done = run(['serve'], { USAGE_DATA_DIR: '', USAGE_DB_PATH: join(root, 'elsewhere/u.sqlite') });
  assert.equal(done.status, 0, done.stderr);
  assert.ok(existsSync(join(root, 'elsewhere')));
});

test('an old volume of root works', { skip: AS_ROOT ? false : 'needs root' }, (t) => {
  const { run, root, data, calls } = stage(t, {
    node: 'echo "uid $(id -u) gid $(id -g) groups $(id -G)" >> "$LOG"\ngrep -E "^(NoNewPrivs|CapEff|CapPrm)" /proc/self/status >> "$LOG"',
  });
  const outside = join(root, 'outside');
  writeFileSync(outside, 'not ours');
  writeFileSync(join(data, 'usage.sqlite'), '');
  mkdirSync(join(data, 'spool'), { mode: 0o700 });
  writeFileSync(join(data, 'spool/a.seg'), '', { mode: 0o600 });
  writeFileSync(join(data, 'of-somebody'), '');
  chownSync(join(data, 'of-somebody'), 4321, 4321);
  symlinkSync(outside, join(data, 'link'));
  chmodSync(data, 0o700);

  const done = run(['serve']);
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
  assert.deepEqual(calls(), [
    `node ${PROGRAM} serve`,
    'uid 1000 gid 1000 groups 1000',
    'CapPrm:\t0000000000000000',
    'CapEff:\t0000000000000000',
    'NoNewPrivs:\t1',
  ]);
  for (const name of ['', 'usage.sqlite', 'spool', 'spool/a.seg', 'link']) {
    const { uid, gid } = lstatSync(join(data, name));
    assert.deepEqual({ name, uid, gid }, { name, uid: 1000, gid: 1000 });
  }
  assert.equal(statSync(join(data, 'of-somebody')).uid, 4321);
  assert.equal(statSync(outside).uid, 0);
});

test(
  'a directory of another user is left to him, and the start refused',
  {
    skip: AS_ROOT ? false : 'needs root',
  },
  (t) => {
    const { run, data, calls } = stage(t);
    chmodSync(data, 0o750);
    chownSync(data, 4321, 4321);
    const done = run(['serve']);
    assert.equal(done.status, 1);
    assert.ok(
      done.stderr.includes(`${data} cannot be written by uid 1000 (uid 4321, gid 4321, mode 750).`),
      done.stderr,
    );
    assert.equal(statSync(data).uid, 4321);
    assert.deepEqual(calls(), ['']);
  },
);
