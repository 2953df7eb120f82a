import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_PTY, runCli, startOnTerminal } from '../support/cli.ts';
import { DaemonProcess, tempDir } from '../support/daemon.ts';

test('no command prints the help on stderr and is wrong usage', async (t) => {
  const done = await runCli(t, []);
  assert.equal(done.code, 2);
  assert.equal(done.stdout, '');
  assert.match(done.stderr, /^Usage: cpamp /);
});

test('--version and --help print and touch nothing', async (t) => {
  const cwd = tempDir(t);
  const env = { USAGE_DATA_DIR: '/proc/nowhere', CPA_MANAGER_CONFIG: '/proc/nowhere' };
  for (const args of [['--version'], ['--help'], ['help'], ['serve', '--help'], ['help', 'serve']]) {
    const done = await runCli(t, args, { cwd, env });
    assert.equal(done.code, 0, args.join(' '));
    assert.equal(done.stderr, '');
    assert.notEqual(done.stdout, '');
  }
});

test('what does not exist is named, with what is near and where to read on', async (t) => {
  const unknown = await runCli(t, ['serv']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /unknown command 'serv' \(Did you mean serve\?\)\nSee: cpamp --help\n$/);
  const option = await runCli(t, ['serve', '--db-pathh', 'x']);
  assert.equal(option.code, 2);
  assert.match(option.stderr, /unknown option '--db-pathh'.*\nSee: cpamp serve --help\n$/);
  const member = await runCli(t, ['prices', 'set', 'some', '--input', '-1']);
  assert.match(member.stderr, /such as 2\.5\.\nSee: cpamp prices set --help\n$/);
  const inside = await runCli(t, ['prices', 'sync', 'some', '--everything', '--data-dir', tempDir(t)]);
  assert.match(inside.stderr, /exclude each other\nSee: cpamp prices sync --help\n$/);
  assert.equal(option.stdout, '');
});

test('with --json the last line of stderr is the error as HTTP answers show it', async (t) => {
  const done = await runCli(t, ['serve', '--json', '--http-addr', 'nonsense']);
  assert.equal(done.code, 2);
  const error: unknown = JSON.parse(done.stderr.trimEnd().split('\n').at(-1) ?? '');
  assert.ok(typeof error === 'object' && error !== null && 'code' in error && 'error' in error);
  assert.equal(error.code, 'invalid_config');
  assert.match(String(error.error), /nonsense/);
  const usage = await runCli(t, ['--json', 'serve', 'too', 'much']);
  assert.equal(usage.code, 2);
  assert.match(usage.stderr, /^\{"code":"wrong_usage",.*\}\n$/);
});

test('options of every command stand before or behind its name, --db-path too', async (t) => {
  for (const place of [
    (file: string) => ['--db', file, 'serve'],
    (file: string) => ['serve', '--db', file],
    (file: string) => ['serve', '--db-path', file],
    (file: string) => [`--db-path=${file}`, 'serve'],
  ]) {
    // A directory where a file is wanted shows that the path arrived.
    const dir = tempDir(t);
    const done = await runCli(t, place(dir), { cwd: dir });
    assert.equal(done.code, 2, done.stderr);
    assert.ok(done.stderr.includes(dir), done.stderr);
  }
});

test('help on a terminal is the same as in a pipe', { skip: NO_PTY }, async (t) => {
  const piped = await runCli(t, ['--help']);
  const shown = await startOnTerminal(t, ['--help']).end();
  assert.equal(shown.code, 0);
  assert.ok(shown.stdout.includes('Commands:\r\n'));
  assert.ok(piped.stdout.includes('Commands:\n'));
});

test('serve ends in good order with the code 0', async (t) => {
  const daemon = await DaemonProcess.start(t);
  assert.equal(await daemon.stop(), 0);
});

test('a value of an option is not taken for the command, whatever it is called', async (t) => {
  const cwd = tempDir(t);
  const done = await runCli(t, ['--data-dir', 'serve', 'status'], { cwd });
  assert.equal(done.code, 3, done.stderr);
  assert.ok(done.stderr.includes('/serve/usage.sqlite'), done.stderr);
  const joined = await runCli(t, ['--data-dir=serve', 'status', '--json'], { cwd });
  assert.match(joined.stderr, /^\{"code":"database_missing"/);
  const none = await runCli(t, ['--', 'status'], { cwd });
  assert.equal(none.code, 3, none.stderr);
});
