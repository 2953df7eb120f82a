import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { AtomicFile } from '../../src/lib/atomic-file.ts';
import { storeDir } from '../support/store-harness.ts';

test('a disk that turns out to be full in the end leaves nothing, and what had the name', async (t) => {
  const dir = storeDir(t);
  const path = join(dir, 'out.jsonl');
  writeFileSync(path, 'before');
  const file = await AtomicFile.create(path);
  await file.write(Buffer.from('after'));
  const probe = await open(path);
  const handles: { sync(): Promise<void> } = Object.getPrototypeOf(probe);
  await probe.close();
  // Where more room was promised than there is, the system says so only when all is to be made durable.
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const failing = t.mock.method(handles, 'sync', () => Promise.reject(full));
  await assert.rejects(file.publish(), full);
  failing.mock.restore();
  assert.equal(readFileSync(path, 'utf8'), 'before');
  await file.discard();
  assert.deepEqual(readdirSync(dir), ['out.jsonl']);
  assert.equal(readFileSync(path, 'utf8'), 'before');
});

test('two files of one name do not meet before the end', async (t) => {
  const dir = storeDir(t);
  const path = join(dir, 'out.jsonl');
  const [one, other] = await Promise.all([AtomicFile.create(path), AtomicFile.create(path)]);
  await one.write(Buffer.from('one'));
  await other.write(Buffer.from('other'));
  await other.publish();
  assert.equal(readFileSync(path, 'utf8'), 'other');
  await one.publish();
  assert.equal(readFileSync(path, 'utf8'), 'one');
  assert.deepEqual(readdirSync(dir), ['out.jsonl']);
});
