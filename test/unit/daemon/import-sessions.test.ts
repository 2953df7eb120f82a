import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ImportSessions, type NewSession } from '../../../src/daemon/imports/import-sessions.ts';
import { UploadDir } from '../../../src/daemon/imports/upload-dir.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { NOTHING_IMPORTED } from '../../../src/lib/store/import-outcome.ts';
import type { FileImport } from '../../../src/lib/transfer/import/import-file.ts';
import { tempDir } from '../../support/daemon.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A folder whose disk can be full. */
class SmallDir extends UploadDir {
  full = false;

  override save(id: string, meta: unknown): Promise<void> {
    return this.full ? Promise.reject(new AppError('disk_full')) : super.save(id, meta);
  }
}

const NOTHING: FileImport = { source: null, outcome: NOTHING_IMPORTED, error: null, storeError: null };
const KEY = 'ab'.repeat(16);
const NEW: NewSession = { filename: 'a.jsonl', sizeBytes: 4, resumeKey: KEY };

interface World {
  readonly sessions: ImportSessions;
  readonly dir: SmallDir;
  readonly files: () => string[];
  /** Signals of the imports that were begun. */
  readonly begun: AbortSignal[];
  readonly finish: () => void;
}

function world(t: TestContext): World {
  const path = join(tempDir(t), 'usage-imports');
  const dir = new SmallDir(path);
  const begun: AbortSignal[] = [];
  const finished = Promise.withResolvers<FileImport>();
  const sessions = new ImportSessions({
    dir,
    clock: new FakeClock(),
    limits: { chunkBytes: 1024, quotaBytes: 1024, maxSessions: 2, ttlMs: 60_000 },
    run: (_path, _name, signal) => {
      begun.push(signal);
      return finished.promise;
    },
    onError: (error) => assert.fail(String(error)),
  });
  const files = (): string[] => readdirSync(path).map((name) => name.replace(/^.*\./, ''));
  return { sessions, dir, begun, files, finish: () => finished.resolve(NOTHING) };
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function uploaded({ sessions }: World): Promise<string> {
  const { id } = await sessions.create(NEW);
  assert.equal((await sessions.chunk(id, 0, bytes('true'), 4)).status, 'ready');
  return id;
}

const isFull = (error: unknown): boolean => error instanceof AppError && error.code === 'disk_full';

test('one resume key is one session, also for two that ask at once', async (t) => {
  const { sessions } = world(t);
  const [one, two] = await Promise.all([sessions.create(NEW), sessions.create(NEW)]);
  assert.equal(one.id, two.id);
});

test('where the start of an import cannot be noted, it can be asked for again', async (t) => {
  const here = world(t);
  const id = await uploaded(here);
  here.dir.full = true;
  await assert.rejects(here.sessions.complete(id), isFull);
  assert.equal((await here.sessions.get(id)).status, 'ready');
  assert.equal(here.begun.length, 0);
  here.dir.full = false;
  assert.equal((await here.sessions.complete(id)).status, 'processing');
  here.finish();
  await here.sessions.close();
  assert.equal(here.begun.length, 1);
});

test('cancelling gives the bytes back, also where it cannot be noted', async (t) => {
  const here = world(t);
  const id = await uploaded(here);
  assert.deepEqual(here.files().toSorted(), ['json', 'part']);
  here.dir.full = true;
  await assert.rejects(here.sessions.cancel(id), isFull);
  assert.deepEqual(here.files(), ['json']);
  assert.equal((await here.sessions.get(id)).status, 'cancelled');
});

test('an import that has only just begun can be cancelled', async (t) => {
  const here = world(t);
  const id = await uploaded(here);
  const [begun, asked] = await Promise.all([here.sessions.complete(id), here.sessions.cancel(id)]);
  assert.deepEqual([begun.status, asked.status], ['processing', 'processing']);
  here.finish();
  while ((await here.sessions.get(id)).status === 'processing') await setImmediate();
  const { status, error } = await here.sessions.get(id);
  assert.deepEqual([status, error], ['cancelled', 'usage import cancelled']);
  assert.equal(here.begun[0]?.aborted, true);
});
