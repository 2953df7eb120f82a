import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { AppError } from '../../src/lib/errors.ts';
import { acquireLock, readLockHolder, serveLockPath } from '../../src/lib/lock.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const HOLDER = join(import.meta.dirname, '../support/hold-lock.ts');

async function tempDir(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cpamp-lock-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function holdInChild(t: TestContext, path: string) {
  const child = spawn(process.execPath, [HOLDER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [said] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { child, said: String(said).trim() };
}

const heldBy =
  (...words: readonly string[]) =>
  (error: unknown) =>
    error instanceof AppError &&
    error.code === 'database_held' &&
    words.every((word) => error.message.includes(word));

test('a second holder is told who the first one is, and kill -9 frees the lock', async (t) => {
  const path = join(await tempDir(t), 'usage.sqlite.serve.lock');
  const { child, said } = await holdInChild(t, path);
  assert.equal(said, 'held');
  await assert.rejects(
    acquireLock(path, 'serve', NOW),
    heldBy('serve', `process ${child.pid}`, hostname(), '2026-11-21T12:00:00.000Z'),
  );

  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await acquireLock(path, 'migrate', NOW);
  assert.equal((await readLockHolder(path))?.pid, process.pid);
  await lock.release();
  assert.equal(await readLockHolder(path), null);
});

test('a process that is gone is not named', async (t) => {
  const path = join(await tempDir(t), 'x.serve.lock');
  const { child } = await holdInChild(t, path);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await readLockHolder(path), null);
});

test('the lock is one for a process too, and a failed try does not loosen it', async (t) => {
  const path = join(await tempDir(t), 'x.serve.lock');
  const both = await Promise.allSettled([acquireLock(path, 'serve', NOW), acquireLock(path, 'serve', NOW)]);
  assert.deepEqual(both.map((one) => one.status).sort(), ['fulfilled', 'rejected']);
  const lock = both.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))[0];
  assert.ok(lock);

  const { said } = await holdInChild(t, path);
  assert.match(said, new RegExp(`^refused database_held .*process ${process.pid} `));
  await lock.release();
  await lock.release();
  await (await acquireLock(path, 'serve', NOW)).release();
});

test('files of the lock are for us alone and hold no data', async (t) => {
  const path = join(await tempDir(t), 'x.serve.lock');
  const lock = await acquireLock(path, 'serve', NOW);
  const [file, holder] = await Promise.all([stat(path), stat(`${path}.holder`)]);
  assert.equal(file.mode & 0o777, 0o600);
  assert.equal(file.size, 0);
  assert.equal(holder.mode & 0o777, 0o600);
  await lock.release();
});

test('each database has its own lock, whatever path leads to it', async (t) => {
  const directory = await tempDir(t);
  await mkdir(join(directory, 'real'));
  await symlink('real', join(directory, 'way'));
  assert.equal(
    await serveLockPath(join(directory, 'way/a.sqlite')),
    await serveLockPath(join(directory, 'real/a.sqlite')),
  );
  await writeFile(join(directory, 'real/a.sqlite'), '');
  await symlink('real/a.sqlite', join(directory, 'alias.sqlite'));
  assert.equal(
    await serveLockPath(join(directory, 'alias.sqlite')),
    await serveLockPath(join(directory, 'real/a.sqlite')),
  );

  const a = await acquireLock(await serveLockPath(join(directory, 'real/a.sqlite')), 'serve', NOW);
  const b = await acquireLock(await serveLockPath(join(directory, 'real/b.sqlite')), 'serve', NOW);
  await Promise.all([a.release(), b.release()]);
});

test('a holder that left no readable name is said to be nameless', async (t) => {
  const path = join(await tempDir(t), 'x.serve.lock');
  const lock = await acquireLock(path, 'serve', NOW);
  for (const text of ['', '{', 'null', '[]', '{"pid":"1"}', '{"pid":1,"host":2,"sinceMs":3,"command":4}']) {
    await writeFile(`${path}.holder`, text);
    await assert.rejects(acquireLock(path, 'serve', NOW), heldBy('did not leave its name'));
  }
  const foreign = { pid: 1, host: 'elsewhere', sinceMs: NOW, command: 'import' };
  await writeFile(`${path}.holder`, JSON.stringify(foreign));
  await assert.rejects(acquireLock(path, 'serve', NOW), heldBy('cpamp import, process 1 on elsewhere'));
  await lock.release();
});

test('a place that cannot be written is said to be that', async (t) => {
  const directory = await tempDir(t);
  const unusable = (error: unknown) => error instanceof AppError && error.code === 'data_dir_unusable';
  await assert.rejects(acquireLock(join(directory, 'missing/x.lock'), 'serve', NOW), unusable);
  await writeFile(join(directory, 'text.lock'), 'this is no database at all'.repeat(100));
  await assert.rejects(acquireLock(join(directory, 'text.lock'), 'serve', NOW), unusable);
  assert.match(await readFile(join(directory, 'text.lock'), 'utf8'), /^this is no database/);
  if (process.getuid?.() !== 0) {
    await writeFile(join(directory, 'read-only.lock'), '');
    await chmod(join(directory, 'read-only.lock'), 0o400);
    await assert.rejects(acquireLock(join(directory, 'read-only.lock'), 'serve', NOW), unusable);
  }
});
