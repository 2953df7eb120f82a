import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { HealthBoard } from '../../../src/daemon/health-board.ts';
import { TakeoverBoard } from '../../../src/daemon/takeover/takeover-board.ts';
import type { TakeoverReport } from '../../../src/lib/contract/api.ts';
import { AppError } from '../../../src/lib/errors.ts';
import type { OldVolume } from '../../../src/lib/migrate/old-volume.ts';
import { tempDir } from '../../support/daemon.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const from = {
  program: 'cpa-manager-plus',
  release: '1.12.2',
  eventsAtMost: 200,
  newestEventMs: null,
  beyond: [],
} as const;
const SUMS = {
  events: 190,
  input: 1,
  output: 1,
  reasoning: 0,
  cached: 0,
  cache: 0,
  cacheRead: 0,
  cacheCreation: 0,
  total: 2,
};

test('the whole way is told: waiting, moving, copying, failing, comparing, and the end, until the volume is deleted', (t) => {
  const clock = new FakeClock();
  const board = new HealthBoard(clock, () => {});
  const takeover = new TakeoverBoard(clock, board);
  const folder = tempDir(t);
  const dbPath = join(folder, 'usage.sqlite');
  writeFileSync(dbPath, 'old');
  const volume: OldVolume = { name: 'old', folder, dbPath, from, movedAtMs: 7, copiedAtMs: null, bytes: 3 };
  const report: TakeoverReport = {
    state: 'equal',
    attention: [],
    oldPath: dbPath,
    program: from.program,
    comparedAtMs: 99,
    copy: null,
    old: SUMS,
    now: SUMS,
    days: [],
    reasons: [],
    differences: [],
    lost: [],
    items: [],
    left: [],
    secrets: '',
  };
  const codes = (): string[] => board.health().reasons.map(({ code }) => code);
  let changes = 0;
  takeover.watch(() => (changes += 1));
  assert.deepEqual([takeover.status(), takeover.running(), takeover.report()], [null, null, null]);

  takeover.waiting(from, dbPath, new AppError('old_program_running', { detail: 'x, open in process 5' }), 5);
  assert.deepEqual(codes(), ['old_program_running']);
  assert.match(board.health().reasons[0]?.message ?? '', /database open \(x, open in process 5\)/);
  assert.match(board.health().reasons[0]?.fix ?? '', /kill 5\./);
  takeover.waiting(from, dbPath, new AppError('space_needed', { detail: '9 MiB of 3' }), null);
  assert.deepEqual(codes(), ['takeover_space']);
  assert.equal(takeover.status()?.total, 200);
  takeover.moving(from, dbPath);
  assert.deepEqual(codes(), []);
  assert.deepEqual(takeover.running(), { state: 'moving', percent: 0 });

  takeover.copying(volume, { done: 95, total: 190 });
  assert.deepEqual(codes(), ['taking_over']);
  assert.deepEqual(takeover.running(), { state: 'copying', percent: 42 });
  assert.equal(board.health().state, 'ok');
  const before = changes;
  takeover.copying(volume, { done: 96, total: 190 });
  assert.equal(changes, before, 'the same percent is no news');
  takeover.failed(volume, 'no luck');
  assert.deepEqual(codes(), ['takeover_failed']);
  assert.deepEqual(
    [takeover.status()?.state, takeover.status()?.percent, takeover.status()?.done],
    ['failed', 42, 96],
  );
  takeover.reporting(volume, { done: 190, total: 190 });
  assert.deepEqual(takeover.running(), { state: 'reporting', percent: 99 });
  assert.deepEqual(codes(), ['taking_over']);

  takeover.done(volume, report, () => report);
  assert.deepEqual([codes(), takeover.running(), takeover.report()], [[], null, report]);
  const { startedAtMs, endedAtMs, percent, fix } = takeover.status() ?? {};
  assert.deepEqual([startedAtMs, endedAtMs, percent], [7, 99, 100]);
  assert.match(fix ?? '', /cpamp cleanup --old-volume/);
  rmSync(dbPath);
  assert.deepEqual([takeover.status(), takeover.report()], [null, null]);
});
